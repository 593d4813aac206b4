"""Who asks: an owner, an operator, a device, a program with an API key, the gateway, nobody. Each
request is signed as its route wants it, and sent byte by byte on a connection that is kept.
"""

import asyncio
import json
import random
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from shared.clock import SystemClock
from shared.contracts.pairs import PairKeys
from shared.keys.tokens import TokenSigner
from tests.e2e.world import bar_code, device_headers
from tests.fixtures.console import Console, Enrolled
from tests.fixtures.pos import pos_headers
from tests.fixtures.processes import Stack
from tests.fuzz.odd_requests import ODD_TEXT, SERVICES, Made

ANSWER_LIMIT_S = 45.0
STEP_UP_EVERY_S = 200.0
SIGN_IN_WITHIN_S = 120.0
"""Sign-ins and step-ups are limited, and the fuzz itself spends what is allowed."""
RESUME = "/merchants/{}/resume"
UNSIGNED_SHARE = 0.03
MESSAGES = ("alipay.open.mini.version.audited", "x")
OTHER_APP = "2021000000009999"
"""Bound, changed and probed instead of the app that takes the payments."""
BY_EGRESS = {"/internal/app-key-uses"}
VARIANTS = (
    "", "bad_signature", "gbk", "extra_field", "wrong_amount", "wrong_order", "unknown_status",
    "double_encoded", "duplicate_field", "merged_fields", "junk_sign", "no_sign", "closed",
)  # fmt: skip


class Dropped(Exception):
    """No answer came, or none that can be read."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


class Connection:
    """HTTP/1.1 as bytes: what a client library would refuse to send, goes out."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "", parts.port or 80)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, target: str, headers: list[tuple[str, bytes]], body: bytes
                  ) -> Answer:  # fmt: skip
        """The answer; an idle connection that was closed meanwhile is opened anew, once."""
        lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: localhost"]
        lines += [name.encode() + b": " + value for name, value in headers]
        if body or method != "GET":
            lines.append(b"Content-Length: %d" % len(body))
        raw = b"\r\n".join(lines) + b"\r\n\r\n" + body
        for is_last in (self._streams is None, True):
            try:
                async with asyncio.timeout(ANSWER_LIMIT_S):
                    return await self._once(raw)
            except TimeoutError:
                self.close()
                raise Dropped(f"no answer within {ANSWER_LIMIT_S} s") from None
            except (OSError, asyncio.IncompleteReadError, ValueError) as error:
                self.close()
                if is_last:
                    raise Dropped(repr(error)) from None
        raise AssertionError

    async def _once(self, raw: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._place, limit=1 << 24)
        reader, writer = self._streams
        writer.write(raw)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head[9:12])
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = b""
        if fields.get("transfer-encoding") == "chunked":
            while size := int((await reader.readline()).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        elif "content-length" in fields and status not in (204, 304):
            body = await reader.readexactly(int(fields["content-length"]))
        if fields.get("connection") == "close":
            self.close()
        return Answer(status, body)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Person:
    """A console with a session that is always there: signed in again when a request has ended it,
    and stepped up every few minutes."""

    def __init__(self, stack: Stack, audience: str, account: dict[str, str]) -> None:
        self._made = (stack.public, account["login"], account["password"])
        self._audience = audience
        self._lock = asyncio.Lock()
        self._stepped_at = 0.0
        self.console: Console | None = None

    async def headers(self) -> dict[str, str]:
        async with self._lock:
            deadline = time.monotonic() + SIGN_IN_WITHIN_S
            while True:
                try:
                    return await self._signed_in()
                except httpx.HTTPStatusError as error:
                    await self.aclose()
                    # Slowed down, or of a merchant that a request has just suspended.
                    is_passing = error.response.status_code in {403, 429}
                    if not is_passing or time.monotonic() > deadline:
                        raise
                    await asyncio.sleep(2)

    async def _signed_in(self) -> dict[str, str]:
        if self.console is None:
            self.console = Console(*self._made, audience=self._audience)
            await self.console.__aenter__()
            self._stepped_at = 0.0
        if time.monotonic() - self._stepped_at > STEP_UP_EVERY_S:
            await self.console.step_up()
            self._stepped_at = time.monotonic()
        return dict(self.console.headers)

    async def post(self, path: str, body: dict[str, Any]) -> None:
        """What the run itself needs done: HTTPStatusError when it is refused."""
        async with self._lock:
            await self._signed_in()
            assert self.console is not None
            (await self.console.post(path, body)).raise_for_status()

    async def renew(self, used: dict[str, str]) -> None:
        """The session of these headers is over."""
        if self.console is not None and used == self.console.headers:
            await self.aclose()

    async def aclose(self) -> None:
        console, self.console = self.console, None
        if console is not None:
            await console.__aexit__(None, None, None)


class Callers:
    """Everybody who asks, made once for a run."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._demo = stack, stack.info["demo"]
        self.app_id: str = self._demo["app_id"]
        self.owner = Person(stack, "merchant", self._demo["owner"])
        self.operator = Person(stack, "operator", self._demo["operator"])
        processes = {name: _environment(stack, f"{name}-api") for name in SERVICES}
        gateway = {name: _environment(stack, name) for name in ("gateway-edge", "gateway-egress")}
        self._processes = processes | {"egress": gateway["gateway-egress"]}
        self._keys = processes | gateway
        self._idle: dict[str, list[Connection]] = {}
        self._admin = httpx.AsyncClient(base_url=stack.admin, timeout=60)
        self._trades: list[str] = []

    async def settle(self) -> None:
        """A device, an API key and a first payment of this run's own."""
        await self.owner.headers()
        console = self.owner.console
        assert console is not None
        self.device: Enrolled = await console.enrol(self._demo["store_id"], "FUZZ000001")
        made = await console.post("/api-keys", {"name": "fuzz"})
        made.raise_for_status()
        self.key: dict[str, str] = made.json()
        self.own: dict[str, str] = (await console.get("/session")).json()["user"]
        await self.operator.headers()
        assert self.operator.console is not None
        self.ops: dict[str, str] = (await self.operator.console.get("/session")).json()["user"]

    def kept_out(self) -> set[str]:
        """What ends the run when a request hits it."""
        return {
            self.device.device_id, self.key["key_id"], self.own["user_id"], self.ops["user_id"],
            self._demo["app_id"],
        }  # fmt: skip

    def known(self) -> dict[str, list[str]]:
        """Values that are good by their member's name."""
        accounts = [self._demo[who] for who in ("owner", "operator")]
        return {
            "app_id": [OTHER_APP], "seller_id": ["2088102146225135", ""], "sn": ["FUZZ000002"],
            "username": ["clerk", "小周", "clerk@fuzz"],
            "handle": [f"fuzz-{number}" for number in range(40)],
            "login": [account["login"] for account in accounts] + ["clerk@fuzz"],
            "password": [accounts[0]["password"], "correct horse battery staple"],
            "new_password": ["correct horse battery staple"], "current_password": ["not the one"],
            "row": [f"{step}.{row}" for step in range(6) for row in range(1, 5)],
            "role": ["cashier", "merchant_finance", "auditor", "operator_ops"],
            "auth_code": [bar_code() for _ in range(40)],
            "pay_request_id": [f"fuzz{secrets.token_hex(8)}" for _ in range(40)],
            "refund_request_id": [f"fuzz{secrets.token_hex(8)}" for _ in range(40)],
            "method": [
                f"alipay.{name}" for name in (
                    "trade.query", "trade.cancel", "trade.refund", "trade.fastpay.refund.query",
                    "data.dataservice.bill.downloadurl.query", "open.mini.version.list.query",
                )
            ],
            "total_amount": ["0.01"], "refund_amount": ["0.01"], "bill_type": ["trade"],
            "bill_date": ["2026-07-04"], "scene": ["bar_code"],
            "store_id": [self._demo["store_id"]], "merchant_id": [self.device.merchant_id],
            "tenant_id": [self.device.merchant_id], "device_id": [secrets.token_hex(4)],
            "order_no": ["D26112300000001"], "notify_id": ["2026112300222000000001"],
            "session_hash": ["0" * 64], "body_b64": ["YT0x"], "reason": ["reason", "unknown_route"],
            "mch_id": ["1900000109"], "cert_serial": ["5157F09EFDC096DE15EBE81A47057A7232F1B8E1"],
        }  # fmt: skip

    async def send(self, made: Made, rng: random.Random) -> Answer:
        """Signs it, sends it, and keeps the callers' sessions alive."""
        if made.route.service == "egress" or made.path.startswith("/internal/"):
            return await self._inside(made)
        person, headers = None, []
        is_signed = rng.random() > UNSIGNED_SHARE
        if is_signed and made.route.path.startswith("/api/device/"):
            sent = device_headers(
                self.device,
                made.route.method,
                made.path,
                made.body,
                query="&".join(sorted(made.query.split("&"))),
            )
            headers = _encoded(sent, "Content-Type")
        elif is_signed and made.route.path.startswith("/api/pos/"):
            headers = _encoded(pos_headers(
                self.key["key_id"], self.key["secret"], made.route.method, made.path,
                query=made.query, body=made.body,
            ))  # fmt: skip
        elif is_signed:
            is_operator = made.route.path.startswith("/api/operator/") or rng.random() < 0.05
            person = self.operator if is_operator else self.owner
            used = await person.headers()
            headers = _encoded(used)
        answer = await self._ask(self._stack.public, made, [*headers, *made.headers])
        if person is not None and (
            answer.status == 401
            or (answer.status < 300 and made.route.method != "GET" and "/session" in made.path)
        ):
            await person.renew(used)
        if answer.status < 300 and made.route.path.endswith("/{merchant_id}/suspend"):
            # Else its people and devices would meet nothing but that from then on.
            await self.operator.post(
                RESUME.format(self.device.merchant_id),
                {"reason": "the run of odd requests goes on"},
            )
        if answer.status == 200 and made.route.name == "POST /api/device/v1/payments":
            self._trades = [*self._trades[-50:], json.loads(answer.body)["out_trade_no"]]
        return answer

    async def _inside(self, made: Made) -> Answer:
        """Straight to the service, as the process that may."""
        issuer = "gateway-egress" if made.route.path in BY_EGRESS else "gateway-edge"
        if made.route.service == "egress":
            issuer = "payment"
        settings = self._keys[issuer]
        files = Path(settings["SERVICE_KEY_FILE"]), Path(settings["SERVICE_TRUST_FILE"])
        signer = TokenSigner(PairKeys.from_files(issuer, *files), SystemClock())
        token = signer.issue(
            made.route.service, kind="service", subject=issuer,
            tenant_id=UUID(self.device.merchant_id),
        )  # fmt: skip
        headers = [("Authorization", f"Bearer {token}".encode())]
        headers += [one for one in made.headers if one[0] != "Authorization"]
        return await self._ask(
            f"http://{self._processes[made.route.service]['LISTEN']}", made, headers
        )

    async def _ask(self, url: str, made: Made, headers: list[tuple[str, bytes]]) -> Answer:
        idle = self._idle.setdefault(url, [])
        connection = idle.pop() if idle else Connection(url)
        target = f"{made.path}?{made.query}" if made.query else made.path
        answer = await connection.ask(made.route.method, target, headers, made.body)
        idle.append(connection)
        return answer

    async def by_the_sandbox(self, rng: random.Random) -> list[tuple[str, int]]:
        """A notice or a message with Alipay's own signature; what our doors answered to it."""
        app_id = self._demo["app_id"]
        if self._trades and rng.random() < 0.5:
            wanted: dict[str, Any] = {"variant": rng.choice(VARIANTS) or "genuine"}
            path, params = f"/notify/{rng.choice(self._trades)}", {"app_id": app_id}
        else:
            wanted = {
                "app_id": app_id, "msg_method": rng.choice(MESSAGES),
                "biz_content": rng.choice(ODD_TEXT).encode("utf-8", "replace").decode(), "times": 1,
            }  # fmt: skip
            path, params = "/messages", {}
        answer = await self._admin.post(path, params=params, json=wanted)
        if answer.status_code != 200:
            return []
        sent = answer.json().get("sent", ())
        return [(f"sandbox {path.split('/')[1]}", int(one["status"] or 599)) for one in sent]

    async def aclose(self) -> None:
        await self._admin.aclose()
        for person in (self.owner, self.operator):
            await person.aclose()
        for idle in self._idle.values():
            for connection in idle:
                connection.close()


def _encoded(headers: dict[str, str], *but: str) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in headers.items() if name not in but]


def _environment(stack: Stack, process: str) -> dict[str, str]:
    """What the supervisor has told a process: where it listens, and its key."""
    raw = Path(f"/proc/{stack.pids(process)[0]}/environ").read_bytes()
    return dict(part.split("=", 1) for part in raw.decode().split("\0") if "=" in part)
