"""A member of a group that syncs after its leader is told its assignment, as by a real broker."""

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiokafka.protocol import group

from deploy.local.assignments import Assignments, Sync
from tests.fixtures.events import EmbeddedBroker

SESSION_MS = 4_000
"""the mock broker waits a second less for further members"""
REBALANCE_IN_PROGRESS, ILLEGAL_GENERATION, INVALID_REQUEST = 27, 22, 42
WORKERS = b"workers"


class Member:
    """A client's connection that says what it is told to, when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self.id, self.generation = "", -1

    async def _call(self, request: Any) -> Any:
        head = struct.pack(">hhih", request.API_KEY, request.API_VERSION, 7, -1)
        body = head + request.encode()
        self.writer.write(struct.pack(">i", len(body)) + body)
        (length,) = struct.unpack(">i", await self._reader.readexactly(4))
        response = await self._reader.readexactly(length)
        assert response[:4] == struct.pack(">i", 7)
        return request.RESPONSE_TYPE.decode(response[4:])

    async def join(self) -> Any:
        protocols = [("range", b"")]
        name, life = WORKERS.decode(), SESSION_MS
        joined = await self._call(
            group.JoinGroupRequest_v2(name, life, life, self.id, "consumer", protocols)
        )
        assert joined.error_code == 0
        self.id, self.generation = joined.member_id, joined.generation_id
        return joined

    async def sync(self, assigned: list[tuple[str, bytes]], *, version: int = 1) -> Any:
        name = WORKERS.decode()
        if version == 1:
            body = group.SyncGroupRequest_v1(name, self.generation, self.id, assigned)
            return await self._call(body)
        return await self._call(
            group.SyncGroupRequest_v3(name, self.generation, self.id, None, assigned)
        )


@pytest_asyncio.fixture
async def members() -> AsyncIterator[tuple[Member, Member]]:
    """Two of one group, joined in one generation: its leader, and the other."""
    broker = EmbeddedBroker()
    broker.start()
    host, _, port = broker.bootstrap.rpartition(":")
    one, two = [Member(*await asyncio.open_connection(host, int(port))) for _ in range(2)]
    try:
        await one.join()
        late = asyncio.ensure_future(two.join())
        await asyncio.sleep(0.05)
        first, second = await asyncio.gather(one.join(), late)
        assert first.generation_id == second.generation_id
        assert first.leader_id == second.leader_id
        yield (one, two) if first.leader_id == one.id else (two, one)
    finally:
        for member in (one, two):
            member.writer.close()
        broker.stop()


@pytest.mark.asyncio
@pytest.mark.parametrize("version", [1, 3])
async def test_who_syncs_late_is_told_its_assignment(
    members: tuple[Member, Member], version: int
) -> None:
    leader, late = members
    assigned = [(leader.id, b"the first half"), (late.id, b"the second half")]
    told = await leader.sync(assigned, version=version)
    assert (told.error_code, told.member_assignment) == (0, b"the first half")
    told = await late.sync([], version=version)
    assert (told.error_code, told.member_assignment) == (0, b"the second half")


@pytest.mark.asyncio
async def test_who_is_of_an_older_generation_or_unknown_is_refused(
    members: tuple[Member, Member],
) -> None:
    leader, late = members
    await leader.sync([(leader.id, b"the first half"), (late.id, b"the second half")])
    late.generation -= 1
    assert (await late.sync([])).error_code == ILLEGAL_GENERATION
    late.generation += 1
    late.id = "a stranger"
    assert (await late.sync([])).error_code not in (0, REBALANCE_IN_PROGRESS)


def _frame(request: Any) -> tuple[bytes, int]:
    """A request to sync without its head, and its version."""
    return request.encode(), request.API_VERSION


def _refusal(error: int) -> bytes:
    body = struct.pack(">iihi", 7, 0, error, -1)
    return struct.pack(">i", len(body)) + body


def _kept() -> Assignments:
    """Of generation 4, where one of two members is named."""
    kept = Assignments()
    leading = group.SyncGroupRequest_v1(WORKERS.decode(), 4, "one", [("one", b"all")])
    assert kept.requested(*_frame(leading), 0) == Sync(WORKERS, 4, b"one")
    return kept


@pytest.mark.parametrize(
    ("sync", "error"),
    [
        (Sync(WORKERS, 4, b"one"), REBALANCE_IN_PROGRESS),
        (Sync(WORKERS, 3, b"one"), INVALID_REQUEST),
        (Sync(WORKERS, 4, b"two"), INVALID_REQUEST),
        (Sync(b"others", 4, b"one"), INVALID_REQUEST),
    ],
    ids=["another error", "another generation", "not assigned", "another group"],
)
def test_every_other_refusal_passes_as_it_is(sync: Sync, error: int) -> None:
    assert _kept().responded(sync, _refusal(error)) == _refusal(error)


def test_a_follower_forgets_nothing_and_a_new_leader_replaces() -> None:
    kept = _kept()
    follower = group.SyncGroupRequest_v3(WORKERS.decode(), 4, "two", None, [])
    assert kept.requested(*_frame(follower), 0) == Sync(WORKERS, 4, b"two")
    one = Sync(WORKERS, 4, b"one")
    assert kept.responded(one, _refusal(INVALID_REQUEST)).endswith(b"all")
    leading = group.SyncGroupRequest_v3(WORKERS.decode(), 5, "two", None, [("two", b"all")])
    kept.requested(*_frame(leading), 0)
    assert kept.responded(one, _refusal(INVALID_REQUEST)) == _refusal(INVALID_REQUEST)
    late = group.SyncGroupRequest_v1(WORKERS.decode(), 4, "one", [("one", b"all")])
    kept.requested(*_frame(late), 0)
    assert kept.responded(Sync(WORKERS, 5, b"two"), _refusal(INVALID_REQUEST)).endswith(b"all")


def test_a_version_laid_out_otherwise_is_not_read() -> None:
    assert Assignments().requested(b"", 4, 0) is None
