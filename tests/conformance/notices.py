"""Notices as Alipay itself would sign them, and a cheap way to post very many.

The sandbox keeps a key pair for each app; this program runs beside it on the same machine and
reads the pair from the sandbox's own ledger, so it can sign what no switch of the sandbox offers.
"""

import asyncio
import base64
import sqlite3
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, quote_plus, urlsplit

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.bench.load import Connection
from tests.fixtures.processes import Stack

Fields = dict[str, str]

FORM = "application/x-www-form-urlencoded; text/html; charset=utf-8"
NOWHERE = "http://127.0.0.1:9/"
READ_MAX = 64 * 1024
PER_ADDRESS = 900
"""Below the edge's burst of refusals for one sender, so that each delivery is really looked at."""


@dataclass(frozen=True)
class AlipayKey:
    """Alipay's key for one app."""

    app_id: str
    private: RSAPrivateKey

    @classmethod
    def of(cls, stack: Stack, app_id: str) -> Self:
        path = stack.run_dir / "sandbox-alipay" / "ledger.db"
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            (pem,) = connection.execute(
                "SELECT alipay_private_key FROM apps WHERE app_id = ?", (app_id,)
            ).fetchone()
        finally:
            connection.close()
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        assert isinstance(key, RSAPrivateKey)
        return cls(app_id, key)

    def sign(self, content: str, digest: hashes.HashAlgorithm | None = None) -> str:
        return sign(self.private, content, digest)

    def signed(self, fields: Fields) -> Fields:
        """As Alipay sends it: RSA2 over all but sign and sign_type."""
        return {**fields, "sign_type": "RSA2", "sign": self.sign(content_of(fields))}


def sign(key: RSAPrivateKey, content: str, digest: hashes.HashAlgorithm | None = None) -> str:
    raw = key.sign(content.encode(), padding.PKCS1v15(), digest or hashes.SHA256())
    return base64.b64encode(raw).decode()


def content_of(fields: Fields, *, keeps_sign_type: bool = False) -> str:
    left_out = {"sign"} if keeps_sign_type else {"sign", "sign_type"}
    return "&".join(f"{n}={v}" for n, v in sorted(fields.items()) if n not in left_out and v)


def form(fields: Fields) -> bytes:
    return "&".join(f"{quote_plus(n)}={quote_plus(v)}" for n, v in fields.items()).encode()


@dataclass(frozen=True)
class Told:
    """A genuine notice of the sandbox's, not yet delivered, and where it belongs."""

    path: str
    fields: Fields
    """without sign and sign_type"""


async def genuine(admin: httpx.AsyncClient, app_id: str, out_trade_no: str) -> Told | None:
    """What Alipay has to say about a trade now, sent where nobody listens; None when it knows no
    such trade (a pay request may get lost on a busy machine)."""
    answer = await admin.post(f"/notify/{out_trade_no}", json={"url": NOWHERE})
    if answer.status_code == 404:
        return None
    answer.raise_for_status()
    fields = dict(parse_qsl(answer.json()["sent"][0]["body"], keep_blank_values=True))
    path = urlsplit(await _notify_url(admin, app_id)).path
    return Told(path, {n: v for n, v in fields.items() if n not in {"sign", "sign_type"}})


async def _notify_url(admin: httpx.AsyncClient, app_id: str) -> str:
    """Where the platform wants this app's notices: it says so in every pay request."""
    params = {"app_id": app_id, "method": "alipay.trade.pay"}
    document = (await admin.get("/requests", params=params)).json()
    listed: list[dict[str, Any]] = document if isinstance(document, list) else document["requests"]
    found = listed[-1].get("fields") or listed[-1].get("params") or {}
    return str(found["notify_url"])


class Sender:
    """One keep-alive connection at a time, from a new loopback address every PER_ADDRESS posts."""

    def __init__(self, public: str, number: int) -> None:
        parts = urlsplit(public)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._next = 1 + number * 400
        self._left = 0
        self._connection: Connection | None = None

    async def post(self, path: str, body: bytes, content_type: str = FORM) -> tuple[int, str]:
        """(status, text) of one delivery."""
        if self._left == 0 or self._connection is None:
            await self._connect()
        self._left -= 1
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        assert self._connection is not None
        status, text = await self._connection.send(head.encode("latin-1") + body)
        if len(body) > READ_MAX:
            self.close()  # refused unread: what is left of it must not precede the next one
        return status, text.decode("utf-8", "replace")

    async def _connect(self) -> None:
        self.close()
        self._next += 1
        address = f"127.77.{self._next // 250}.{self._next % 250 + 2}"
        loop = asyncio.get_running_loop()
        _, self._connection = await loop.create_connection(
            Connection, self._host, self._port, local_addr=(address, 0)
        )
        self._left = PER_ADDRESS

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
