"""What tests of links share."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.unit.shared.linked import Peer, serving


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    async with serving() as made:
        yield made
