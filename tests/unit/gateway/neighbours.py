"""Stand-ins for the gateway's neighbours: services over links, and an Alipay with a key."""

import base64
import hashlib
import hmac
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.keys.sealed import LocalKeyProvider, new_data_key, seal
from tests.fixtures.keys import RsaPair
from tests.fixtures.links import LinkFront

TENANT = UUID("01900000-0000-7000-8000-000000000001")
STORE = UUID("01900000-0000-7000-8000-000000000002")
DEVICE = "01900000-0000-7000-8000-0000000000d1"
KEY_ID = "k1"
DEVICE_KEY = bytes(range(32))
APP_ID = "2021000000000001"
SELLER_ID = "2088000000000001"
ROUTE = "r0ute-token-of-the-demo-app"
NOON_S = 1795406400
NO_CERTIFICATES = {
    "mode": "key", "app_cert_sn": None, "alipay_cert_sn": None, "alipay_root_cert_sn": None,
    "app_cert_not_after": None, "alipay_cert_not_after": None,
}  # fmt: skip
"""of a key version in key mode"""


def sign_as_alipay(content: bytes, key: RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(content, padding.PKCS1v15(), hashes.SHA256())).decode()


def answer_body(
    method: str, node: dict[str, Any] | bytes, key: RSAPrivateKey | None, root: str = ""
) -> bytes:
    """An answer as Alipay writes it: compact, the node first, slashes escaped."""
    content = node
    if isinstance(node, dict):
        text = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        content = text.replace("/", "\\/").encode()
    name = (root or method.replace(".", "_") + "_response").encode()
    body = b'{"' + name + b'":' + content
    if key is not None:
        body += b',"sign":"' + sign_as_alipay(content, key).encode() + b'"'
    return body + b"}"


def private_der(pair: RsaPair) -> bytes:
    return pair.private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def app_document(
    kek: LocalKeyProvider,
    app: RsaPair,
    alipay: RsaPair,
    *,
    version: int = 1,
    not_after: str | None = None,
    enabled: bool = True,
    older: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """What binding answers about a bound app."""
    _, wrapped = new_data_key(kek)
    aad = f"{TENANT}|{APP_ID}|app_private_key|{version}"
    newest = {
        "key_version": version,
        "private_key_box": seal(kek, wrapped, private_der(app), aad),
        "private_key_aad": aad,
        "alipay_public_key": alipay.public_b64,
        "not_after": not_after,
        **NO_CERTIFICATES,
    }
    return {
        "tenant_id": str(TENANT), "app_id": APP_ID, "seller_id": SELLER_ID, "notify_route": ROUTE,
        "mode": "key", "enabled": enabled, "versions": [newest, *(older or [])],
        "service_provider_id": "", "aes_key_box": None, "aes_key_aad": None,
        "app_auth_token_box": None, "app_auth_token_aad": None,
    }  # fmt: skip


def credential_document(kek: LocalKeyProvider, *, status: str = "active") -> dict[str, Any]:
    """What the device service answers about a device."""
    _, wrapped = new_data_key(kek)
    aad = f"{TENANT}|{DEVICE}|device_key|1"
    return {
        "device_id": DEVICE, "tenant_id": str(TENANT), "store_id": str(STORE), "key_id": KEY_ID,
        "key_box": seal(kek, wrapped, DEVICE_KEY, aad), "key_aad": aad, "status": status,
    }  # fmt: skip


_nonces = itertools.count(1)


def device_headers(
    method: str, path: str, body: bytes = b"", *, query: str = "", at: int = NOON_S, **changed: str
) -> dict[str, str]:
    """Headers of a correctly signed device request; `changed` replaces parts after signing."""
    nonce = f"{next(_nonces):032x}"
    ordered = "&".join(sorted(query.split("&"))) if query else ""
    text = "\n".join(
        [method, path, ordered, str(at), nonce, DEVICE, KEY_ID, hashlib.sha256(body).hexdigest()]
    )
    signature = hmac.new(DEVICE_KEY, text.encode(), "sha256").hexdigest()
    headers = {
        "X-DF-Device": DEVICE, "X-DF-Key": KEY_ID, "X-DF-Timestamp": str(at),
        "X-DF-Nonce": nonce, "X-DF-Signature": signature, "Content-Type": "application/json",
    }  # fmt: skip
    return {**headers, **{f"X-DF-{name.capitalize()}": value for name, value in changed.items()}}


@dataclass
class Seen:
    """One request as a neighbour received it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Neighbour:
    """A server (HTTP, links) whose answers a test sets by method and path pattern."""

    seen: list[Seen] = field(default_factory=list)
    rules: list[tuple[str, re.Pattern[str], Callable[[Seen], Any]]] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None
    _front: LinkFront = field(default_factory=LinkFront)

    def on(self, method: str, pattern: str, answer: Any) -> None:
        """`answer`: a document, an aiohttp Response, or a function of the request. Newest wins."""
        made = answer if callable(answer) else lambda _seen: answer
        self.rules.insert(0, (method, re.compile(pattern), made))

    async def start(self) -> "Neighbour":
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{await self._front.start(port)}"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._front.stop()
            await self._runner.cleanup()
            self._runner = None

    def calls(self, pattern: str) -> list[Seen]:
        return [seen for seen in self.seen if re.search(pattern, seen.target)]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(
            request.method,
            request.raw_path,
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        self.seen.append(seen)
        for method, pattern, made in self.rules:
            if method == seen.method and pattern.fullmatch(seen.target.partition("?")[0]):
                answer = made(seen)
                if hasattr(answer, "__await__"):
                    answer = await answer
                if isinstance(answer, web.StreamResponse):
                    return answer
                return web.json_response(answer)
        return web.json_response({"code": "not_found", "status": 404, "title": "none"}, status=404)


@dataclass
class Got:
    """An answer of an ASGI door."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


async def ask(
    door: Any,
    method: str,
    target: str,
    *,
    body: bytes | list[bytes] = b"",
    headers: dict[str, str] | None = None,
    client: str = "203.0.113.7",
) -> Got:
    """Drives an ASGI app without a socket. A list of bodies is sent in chunks, undeclared."""
    path, _, query = target.partition("?")
    sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in
            (headers or {}).items()]  # fmt: skip
    parts = [body] if isinstance(body, bytes) else list(body)
    if isinstance(body, bytes) and body:
        sent.append((b"content-length", str(len(body)).encode()))
    messages = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
        for index, part in enumerate(parts)
    ]
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "headers": sent, "client": (client, 50000),
    }  # fmt: skip
    out: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        out.append(message)

    await door(scope, receive, send)
    assert [message["type"] for message in out] == ["http.response.start", "http.response.body"]
    got = {name.decode(): value.decode("latin-1") for name, value in out[0]["headers"]}
    return Got(out[0]["status"], got, out[1]["body"])
