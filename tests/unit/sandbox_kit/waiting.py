"""Waiting for something that happens soon, without a fixed sleep."""

import asyncio
from collections.abc import Callable


async def until(is_so: Callable[[], bool], limit_s: float = 10.0) -> None:
    async with asyncio.timeout(limit_s):
        while not is_so():
            await asyncio.sleep(0.01)
