"""What a module's tests share: the service that they start once, and a clock that it may hold on to
because it is set back for each test."""

from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.fixtures.clock import NOON, FixedClock


@pytest.fixture(scope="module")
def standing_clock():
    return FixedClock(NOON)


@pytest.fixture
def clock(standing_clock):
    standing_clock.advance(-standing_clock.monotonic())
    return standing_clock


@pytest_asyncio.fixture(scope="module")
async def kept_db(service_db):
    """As service_db; its superuser's connections live as long as the module's loop."""
    async with AsyncExitStack() as stack:
        opened = {}

        async def get(service):
            if service not in opened:
                opened[service] = service_db(service)
                await stack.enter_async_context(opened[service].keeping())
            return opened[service]

        yield get
