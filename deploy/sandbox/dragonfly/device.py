"""The device itself: its key, its signature, and the rule that no payment is made twice.

The `pay_request_id` is written to the journal before the first byte is sent, and stays there until
the platform has given a terminal answer: after a crash or a lost answer the same id is asked for
again, so the buyer is charged at most once whatever happens to the device.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from deploy.sandbox.dragonfly.journal import Journal, write_private

PAYMENTS = "/api/device/v1/payments"
REWARDS = "/api/device/v1/rewards"
ENROL = "/api/device/v1/enrol"
FACE_TOKEN_CHARS = 33
ANSWER_TIMEOUT_S = 40.0
TERMINAL = frozenset(
    {"paid", "failed", "closed", "reversed", "refunded", "partially_refunded", "late_paid"}
)
RETRY_S = (0.2, 0.5, 1.0, 2.0)
RETRIED = frozenset({429, 500, 502, 503, 504})


class DeviceError(Exception):
    """One clear line for the person at the device."""

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Identity:
    """What enrolment gave to this device; the file is its secret."""

    url: str
    device_id: str
    key_id: str
    key: str
    sn: str
    merchant_id: str = ""
    store_id: str = ""

    @classmethod
    def load(cls, path: Path) -> "Identity":
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            raise DeviceError(
                f"没有设备文件，请先注册 no device file, enrol first: {path}"
            ) from None
        except (ValueError, TypeError) as error:
            raise DeviceError(f"设备文件无法读取 the device file does not read: {path}") from error

    def save(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self), indent=2))


def _json_object(raw: bytes) -> dict[str, Any]:
    """The answer's object; something else (a proxy's page) becomes the detail of one."""
    try:
        found = json.loads(raw)
    except ValueError:
        found = raw[:200].decode("utf-8", "replace")
    return found if isinstance(found, dict) else {"detail": str(found)}


def _error_of(status: int, answer: dict[str, Any]) -> DeviceError:
    """The text first, as the till shows it; the code at its end is for support."""
    code = str(answer.get("code", ""))
    title, detail = str(answer.get("title") or ""), str(answer.get("detail") or "")
    text = title or detail or "被拒绝 refused"
    if title and detail and detail != title:
        text = f"{title} ({detail})"
    return DeviceError(f"{text} [{status} {code}]".replace(" ]", "]"), status, code)


def face_token() -> str:
    """What the face SDK would hand out: fp and 33 characters, good for one payment."""
    letters = string.ascii_letters + string.digits
    return "fp" + "".join(secrets.choice(letters) for _ in range(FACE_TOKEN_CHARS))


class Device:
    """An enrolled device; use as an async context manager, several in one process if you like."""

    def __init__(
        self,
        identity: Identity,
        *,
        journal: Path | None = None,
        session: aiohttp.ClientSession | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.identity = identity
        self._now = now
        self.journal = Journal(journal)
        self._key = base64.b64decode(identity.key)
        self._offset_s = 0
        self._session = session
        self._owns_session = session is None

    async def __aenter__(self) -> "Device":
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._owns_session and self._session is not None:
            await self._session.close()

    def headers(self, method: str, path: str, body: bytes, query: str = "") -> dict[str, str]:
        """The signature over method, path, sorted query, time, nonce, ids and the body's hash."""
        stamp = str(int(self._now()) + self._offset_s)
        nonce = secrets.token_hex(16)
        ordered = "&".join(sorted(query.split("&"))) if query else ""
        me = self.identity
        digest = hashlib.sha256(body).hexdigest()
        parts = [method, path, ordered, stamp, nonce, me.device_id, me.key_id, digest]
        signature = hmac.new(self._key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "X-DF-Device": me.device_id,
            "X-DF-Key": me.key_id,
            "X-DF-Timestamp": stamp,
            "X-DF-Nonce": nonce,
            "X-DF-Signature": signature,
        }

    async def request(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        """One signed request. A 401 with the server's time corrects our clock, once."""
        for attempt in (1, 2):
            status, answer = await self._send(method, path, body)
            if status == 401 and "server_time" in answer and attempt == 1:
                drift = int(answer["server_time"]) - int(self._now())
                if abs(drift - self._offset_s) > 1:
                    self._offset_s = drift
                    continue
            break
        if status >= 400:
            raise _error_of(status, answer)
        return answer

    async def _send(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self._session is None:
            raise RuntimeError("use the device as an async context manager")
        async with self._session.request(
            method,
            self.identity.url + path,
            data=body or None,
            headers=self.headers(method, path, body),
            timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S, sock_connect=3.0),
        ) as answer:
            return answer.status, _json_object(await answer.read())

    async def pay(
        self,
        amount_fen: int,
        auth_code: str | None,
        *,
        subject: str = "",
        pay_request_id: str | None = None,
        give_up_s: float = 120.0,
        on_pending: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Charges once and stays until the answer is terminal (or `give_up_s` has passed)."""
        body: dict[str, Any] = {
            "pay_request_id": pay_request_id or secrets.token_hex(16),
            "amount_fen": amount_fen,
        }
        if auth_code:
            body["auth_code"] = auth_code
        if subject:
            body["subject"] = subject
        self.journal.begin(body)
        return await self.resume(give_up_s=give_up_s, on_pending=on_pending)

    async def resume(
        self,
        *,
        give_up_s: float = 120.0,
        on_pending: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Brings the journal's payment to its end under its own id."""
        body = self.journal.unfinished
        if body is None:
            raise DeviceError("没有未完成的支付 no unfinished payment")
        deadline = time.monotonic() + give_up_s
        raw = json.dumps(body, ensure_ascii=False).encode()
        mine = f"{PAYMENTS}/{body['pay_request_id']}"
        is_begun, attempt = False, 0
        while True:
            pause = RETRY_S[min(attempt, len(RETRY_S) - 1)]
            try:
                # The same id and content each time: the platform answers with the same payment.
                answer = await self.request(
                    *(("GET", mine) if is_begun else ("POST", PAYMENTS, raw))
                )
                if answer["status"] in TERMINAL:
                    self.journal.finish()
                    return answer
                is_begun = True
                pause = answer.get("retry_after_ms", 1000) / 1000
                if on_pending is not None:
                    on_pending(answer)
            except DeviceError as error:
                if error.status not in RETRIED:
                    # A refusal of the first attempt means that nothing was begun. Later an earlier
                    # attempt may have been, so only the platform's "no such payment" means it.
                    if await self._is_not_begun(error, mine, is_first=attempt == 0):
                        self.journal.finish()
                    raise
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass  # without an answer the payment's state is unknown: ask again
            if time.monotonic() + pause > deadline:
                raise DeviceError("结果未知，请稍后用同一笔再查 unknown as yet; resume later")
            attempt += 1
            await asyncio.sleep(pause)

    async def _is_not_begun(self, refused: DeviceError, mine: str, *, is_first: bool) -> bool:
        if refused.status == 401 or not 400 <= refused.status < 500:
            return False
        if is_first and self.journal.is_new:
            return True
        try:
            await self.request("GET", mine)
        except DeviceError as error:
            return error.status == 404
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        return False

    async def reward(self, payment_id: str, *, wait_s: float = 5.0) -> dict[str, Any]:
        """Coupon and draws of a paid payment; waits a little for the event to get there."""
        deadline = time.monotonic() + wait_s
        while True:
            answer = await self._retried("GET", f"{REWARDS}/{payment_id}", deadline)
            if answer["status"] != "pending" or time.monotonic() > deadline:
                return answer
            await asyncio.sleep((answer.get("retry_after_ms") or 200) / 1000)

    async def draw(self, payment_id: str, *, wait_s: float = 5.0) -> dict[str, Any]:
        """The one draw on the device; the same prize however often it is asked for."""
        deadline = time.monotonic() + wait_s
        return await self._retried("POST", f"{REWARDS}/{payment_id}/draw", deadline, b"{}")

    async def _retried(
        self, method: str, path: str, deadline: float, body: bytes = b""
    ) -> dict[str, Any]:
        """Repeats a request while the platform does not answer, until the deadline."""
        while True:
            try:
                return await self.request(method, path, body)
            except DeviceError as error:
                if error.status not in RETRIED or time.monotonic() > deadline:
                    raise
            except (aiohttp.ClientError, TimeoutError, OSError):
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(RETRY_S[0])


async def enrol(url: str, code: str, sn: str, model: str | None = None) -> Identity:
    """Turns an enrolment code into this device's own key."""
    body = {"code": code, "sn": sn, **({"model": model} if model else {})}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url.rstrip("/") + ENROL, json=body) as answer,
    ):
        document = _json_object(await answer.read())
    if answer.status != 201:
        raise _error_of(answer.status, document)
    return Identity(
        url=url.rstrip("/"),
        device_id=document["device_id"],
        key_id=document["key_id"],
        key=document["key"],
        sn=sn,
        merchant_id=document.get("merchant_id", ""),
        store_id=document.get("store_id", ""),
    )
