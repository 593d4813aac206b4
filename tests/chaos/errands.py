"""Other work while things break: refunds at the console, draws on the device, odd notices.

Every response is kept in the sale's journal: it must still be true later.
"""

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import httpx

from deploy.sandbox.dragonfly.device import Device, DeviceError
from tests.fixtures.console import Console
from tests.fixtures.processes import Stack

DRAW_SHARE = 0.4
REFUND_SHARE = 0.12
REFUND_TWICE_SHARE = 0.3
REWARD_WITHIN_S = 60.0
REFUND_WITHIN_S = 600.0
"""Longer than any run needs to recover: a refund is queried at growing intervals, so it may take
two minutes if its first queries met kills. The judge reports what stays open too long."""
PAUSE_S = 0.5
NOTICE_EVERY_S = 0.4
ODD_NOTICES = (
    "genuine", "bad_signature", "wrong_key", "no_sign", "junk_sign", "sha1", "tamper",
    "dropped_field", "merged_fields", "wrong_amount", "wrong_seller", "wrong_app", "wrong_order",
    "keeps_sign_type", "gbk", "duplicate_field", "waiting", "closed", "finished", "unknown_status",
)  # fmt: skip
FINAL = frozenset({"done", "rejected"})


@dataclass
class Refund:
    """A refund by the responses to the console."""

    refund_request_id: str
    amount_fen: int
    status: str = "new"


class Owner:
    """The merchant's owner, who refunds and repeats each request until the outcome is final. The
    consoles are closed when the block ends."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self._stack = stack
        self._rng = random.Random(seed)
        self._account = stack.info["demo"]["owner"]
        self._console: Console | None = None
        self._signing = asyncio.Lock()
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._opened.aclose()

    async def refund(self, payment_id: str, paid_fen: int, journal: list[Refund]) -> None:
        """One refund, or two that together exceed the paid amount; stored in the journal first."""
        whole = self._rng.random() < 0.5
        amount_fen = paid_fen if whole else self._rng.randint(1, paid_fen)
        count = 2 if self._rng.random() < REFUND_TWICE_SHARE else 1
        found = journal
        found += [
            Refund(f"r{self._rng.getrandbits(96):024x}", max(1, amount_fen)) for _ in range(count)
        ]
        async with asyncio.timeout(REFUND_WITHIN_S):
            while not all(one.status in FINAL or one.status == "refused" for one in found):
                console = None
                try:
                    console = await self._signed_in()
                    await self._request_open(console, payment_id, found)
                except httpx.HTTPStatusError:
                    if console is not None:
                        await self._leave(console)
                    await asyncio.sleep(PAUSE_S)
                except (httpx.HTTPError, aiohttp.ClientError, OSError, TimeoutError):
                    await asyncio.sleep(PAUSE_S)

    async def _signed_in(self) -> Console:
        """One session for all refunds, because sign-in and step-up are rate limited."""
        async with self._signing:
            if self._console is None:
                login, password = self._account["login"], self._account["password"]
                console = Console(self._stack.public, login, password)
                await self._opened.enter_async_context(console)
                await console.step_up()
                self._console = console
            return self._console

    async def _leave(self, console: Console) -> None:
        """Drops the session after it was refused, or needs the password again. Other requests may
        still use it, so it is closed only at the end."""
        async with self._signing:
            if self._console is console:
                self._console = None

    async def _request_open(self, console: Console, payment_id: str, refunds: list[Refund]) -> None:
        while open_ones := [one for one in refunds if one.status in {"new", "pending"}]:
            await asyncio.gather(*(self._request(console, payment_id, one) for one in open_ones))
            await asyncio.sleep(PAUSE_S)

    async def _request(self, console: Console, payment_id: str, refund: Refund) -> None:
        body = {"refund_request_id": refund.refund_request_id, "amount_fen": refund.amount_fen}
        response = await console.post(f"/payments/{payment_id}/refunds", body)
        if response.status_code < 300:
            refund.status = response.json()["status"]
        elif response.status_code in {409, 422} and refund.status == "new":
            # More than is left: there is no refund under this id.
            refund.status = "refused"
        elif response.status_code in {401, 403}:
            response.raise_for_status()


async def draw_twice(device: Device, payment_id: str) -> list[dict[str, Any]]:
    """Requests the one draw twice at once: both responses, or none if the event took too long (the
    judge sees that in the books)."""
    try:
        reward = await device.reward(payment_id, wait_s=REWARD_WITHIN_S)
        if reward["status"] != "granted":
            return []
        return list(
            await asyncio.gather(
                *(device.draw(payment_id, wait_s=REWARD_WITHIN_S) for _ in range(2))
            )
        )
    except DeviceError as refused:
        # A refund in between has revoked the draw.
        return [{"refused": refused.code}]
    except (aiohttp.ClientError, TimeoutError, OSError):
        return []


async def odd_notices(stack: Stack, numbers: list[str], seed: int, sent: dict[str, int]) -> None:
    """Until cancelled, sends notices of random shapes about random sales, counted in `sent`."""
    rng = random.Random(seed)
    app_id = stack.info["demo"]["app_id"]
    async with httpx.AsyncClient(base_url=stack.admin, timeout=30) as admin:
        while True:
            await asyncio.sleep(NOTICE_EVERY_S)
            if not numbers:
                continue
            number, variant = rng.choice(numbers), rng.choice(ODD_NOTICES)
            try:
                response = await admin.post(
                    f"/notify/{number}",
                    params={"app_id": app_id},
                    json={"variant": variant, "times": rng.randint(1, 3)},
                )
            except httpx.HTTPError:
                continue
            if response.status_code == 200:
                sent[variant] = sent.get(variant, 0) + len(response.json()["sent"])
