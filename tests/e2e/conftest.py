"""One enrolled device and one owner session for all e2e tests; one World per test."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.e2e.world import World
from tests.fixtures.console import Console, Enrolled
from tests.fixtures.postgres import in_thread
from tests.fixtures.processes import Stack


@dataclass(frozen=True)
class Settled:
    """What is set up once per session; logging in costs an argon2 hash and counts as an attempt."""

    device: Enrolled
    owner_headers: dict[str, str]


async def settle(stack: Stack) -> Settled:
    demo = stack.info["demo"]
    owner = demo["owner"]
    async with Console(stack.public, owner["login"], owner["password"]) as console:
        device = await console.enrol(demo["store_id"], f"E2E{secrets.token_hex(4)}")
        return Settled(device, console.headers)


@pytest.fixture(scope="session")
def settled(stack: Stack) -> Settled:
    found: Settled = in_thread(lambda: asyncio.run(settle(stack)))
    return found


@pytest_asyncio.fixture
async def world(stack: Stack, settled: Settled) -> AsyncIterator[World]:
    async with Console(stack.public, headers=settled.owner_headers) as owner:
        made = World(stack, settled.device, owner)
        yield made
        await made.close()
