"""Items that wait at the same time are handled by one call."""

import asyncio

import pytest

from shared import batches
from shared.batches import Batches

pytestmark = pytest.mark.asyncio


async def test_who_gave_up_waiting_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "WAIT_MAX_S", 3600)
    calls: list[list[int]] = []
    gate = asyncio.Event()

    async def call(items: object) -> list[int]:
        calls.append(list(items))  # type: ignore[call-overload]
        await gate.wait()
        return calls[-1]

    waiting: Batches[int, int] = Batches(call, lambda _: None)
    first = asyncio.ensure_future(waiting.put(1))
    while not calls:
        await asyncio.sleep(0)
    second, third = (asyncio.ensure_future(waiting.put(number)) for number in (2, 3))
    await asyncio.sleep(0)
    second.cancel()
    gate.set()
    assert [await first, await third] == [1, 3]
    assert calls == [[1], [3]]
