"""Whose connections stay when there is no room: what talks stays, what only occupies goes."""

import asyncio
from typing import Any

import pytest

from gateway.server.connections import ConnectionLimits, ConnectionTable
from tests.unit.gateway.wire import BODY_MAX, GET, POST, Peer

pytestmark = pytest.mark.asyncio


async def test_one_address_holds_its_number_and_what_talks_stays(serve: Any) -> None:
    served = await serve(per_address=5)
    till = await served.peer(GET)
    assert (await till.said()).status == 200
    silent = [await served.peer(b"GET" if n % 2 else b"") for n in range(20)]
    assert len(served.table._all) == 5
    assert [await one.is_closed() for one in silent[:16]] == [True] * 16
    another = await served.peer(GET)
    assert (await another.said()).status == 200, "a till behind the same address comes in"
    await till.send(GET)
    assert (await till.said()).status == 200
    talking = [await served.peer(GET) for _ in range(3)]
    assert [(await one.said()).status for one in talking] == [200] * 3
    late = await served.peer(GET)
    assert await late.is_closed(), "all five of them talk"
    for one in talking:
        one.writer.close()
    await asyncio.sleep(0.05)
    assert (await (await served.peer(GET)).said()).status == 200


async def test_a_trusted_proxy_is_bound_by_the_sum_only(serve: Any) -> None:
    served = await serve(per_address=2, connections=6, is_trusted=lambda _: True)
    till = await served.peer(GET)
    assert (await till.said()).status == 200
    silent = [await served.peer() for _ in range(10)]
    assert len(served.table._all) == 6
    assert [await one.is_closed() for one in silent[:5]] == [True] * 5
    await till.send(GET)
    assert (await till.said()).status == 200


async def test_the_inner_door_is_open_when_the_house_is_full(serve: Any) -> None:
    served = await serve(per_address=1, connections=1)
    await served.peer(GET)
    reader, writer = await asyncio.open_connection(*served.inner_at)
    inner = Peer(reader, writer)
    await inner.send(GET)
    assert (await inner.said()).body == b"inside"
    await inner.send(GET)
    assert (await inner.said()).body == b"inside"
    writer.close()
    assert [path for _, path, _ in served.asked] == ["/a"]


async def test_a_stop_waits_for_answers_and_not_for_half_requests(serve: Any) -> None:
    served = await serve()
    half, idle = await served.peer(POST + b"1"), await served.peer()
    busy = await served.peer(GET.replace(b"/a", b"/slow"))
    served.server.should_exit = True
    assert await half.is_closed()
    assert await idle.is_closed()
    served.go.set()
    said = await busy.said()
    assert (said.body, said.headers["connection"]) == (b"fine", "close")


class Silent:
    """A connection from any address, for those that this machine cannot come from."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_known = False
        self.is_ended = False
        self.is_idle = True

    def abort(self) -> None:
        self.is_ended = True

    def enforce_deadline(self, now: float) -> None: ...


async def test_a_subscriber_of_ipv6_counts_once() -> None:
    """One has 2^64 addresses: each its own would be no bound at all."""
    table = ConnectionTable(ConnectionLimits(BODY_MAX, per_address=2))
    loop = asyncio.get_running_loop()
    one = [Silent(f"2001:db8:1:2::{number:x}") for number in range(5)]
    other = [Silent("2001:db8:1:3::1"), Silent("192.0.2.1"), Silent("::ffff:192.0.2.1")]
    for connection in [*one, *other]:
        assert table.enter(connection, loop)
    assert [each.is_ended for each in one] == [True] * 3 + [False] * 2
    assert not any(each.is_ended for each in other)
    assert table.enter(Silent("192.0.2.1"), loop)
    assert [each.is_ended for each in other] == [False, True, False]


async def test_connections_that_rest_keep_nobody_out() -> None:
    """Each brought one good request and holds its place since: without this, eight addresses that
    ask for /livez once a minute would shut every till out."""
    table = ConnectionTable(ConnectionLimits(BODY_MAX, connections=8, per_address=6))
    loop = asyncio.get_running_loop()
    holder = [Silent("192.0.2.1") for _ in range(6)]
    tills = [Silent("192.0.2.2"), Silent("192.0.2.3")]
    for connection in [*holder, *tills]:
        assert table.enter(connection, loop)
        table.mark_known(connection)
    holder[0].is_idle = False
    late = Silent("192.0.2.4")
    assert table.enter(late, loop)
    assert [one.is_ended for one in holder] == [False, True, False, False, False, False]
    assert not any(one.is_ended for one in tills)
    for one in [*holder, *tills, late]:
        one.is_idle = False
    table.mark_known(late)
    assert not table.enter(Silent("192.0.2.5"), loop), "all are at work"


class Counted(Silent):
    """At work, or resting; knows how often it was asked."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.looks = 0
        self.rests = False

    @property
    def is_idle(self) -> bool:
        self.looks += 1
        return self.rests

    @is_idle.setter
    def is_idle(self, rests: bool) -> None:
        self.rests = rests


async def test_the_next_address_makes_room_when_the_fullest_is_at_work() -> None:
    """And a thousand newcomers cost one look at each connection, not one for each of them."""
    table = ConnectionTable(ConnectionLimits(BODY_MAX, connections=9, per_address=6))
    loop = asyncio.get_running_loop()
    busy = [Counted("192.0.2.1") for _ in range(5)]
    idle = [Counted("192.0.2.2") for _ in range(3)]
    till = Counted("192.0.2.3")
    for connection in [*busy, *idle, till]:
        assert table.enter(connection, loop)
        table.mark_known(connection)
    idle[1].rests = till.rests = True
    late = Counted("192.0.2.4")
    assert table.enter(late, loop)
    table.mark_known(late)
    assert [one.is_ended for one in idle] == [False, True, False]
    assert not till.is_ended, "whose address holds less goes later"
    assert not any(one.is_ended for one in busy)
    later = Counted("192.0.2.5")
    assert table.enter(later, loop)
    table.mark_known(later)
    assert till.is_ended
    for _ in range(1000):
        assert not table.enter(Counted("192.0.2.2"), loop), "it has two, nobody more that rest"
        assert not table.enter(Counted("192.0.2.6"), loop)
    assert max(one.looks for one in [*busy, *idle, till, late, later]) == 1
    busy[0].rests = True
    table._sweep(loop)
    assert table.enter(Counted("192.0.2.6"), loop), "asked anew at each sweep"
    assert busy[0].is_ended


class Looked(Silent):
    """Counts how often its deadlines were looked at."""

    looked = 0

    def enforce_deadline(self, now: float) -> None:
        self.looked += 1


async def test_a_sweep_of_many_goes_in_parts() -> None:
    """Each is looked at once in a sweep, however many there are, and never thousands in one go;
    whoever has left is not looked at, whoever comes meanwhile waits for the next sweep."""
    table = ConnectionTable(ConnectionLimits(BODY_MAX, connections=9_000, per_address=9_000))
    loop = asyncio.get_running_loop()
    many = [Looked("192.0.2.1") for _ in range(1000)]
    for one in many:
        assert table.enter(one, loop)
    table._sweep(loop)
    at_once = sum(one.looked for one in many)
    assert 100 <= at_once <= 300
    gone = next(one for one in many if not one.looked)
    table.leave(gone)
    late = Looked("192.0.2.2")
    assert table.enter(late, loop)
    for _ in range(3):
        table._sweep(loop)
    assert [one.looked for one in many if one is not gone] == [1] * 999
    assert (gone.looked, late.looked) == (0, 0)
    for _ in range(4):
        table._sweep(loop)
    assert {one.looked for one in many if one is not gone} == {2}
    assert late.looked == 1


async def test_half_requests_of_one_address_leave_room_for_the_others(serve: Any) -> None:
    """680 connections of one address kept everybody else from binding a key."""
    served = await serve(unfinished_bytes=72_000)
    half = b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 10000\r\n\r\n" + b"x" * 9_000
    first, second = await served.peer(half), await served.peer(half)
    assert (await second.said()).problem() == (503, "gateway.busy")
    await first.send(b"x" * 1000)
    assert (await first.said()).status == 200
    third = await served.peer(half)
    await third.send(b"x" * 1000)
    assert (await third.said()).status == 200, "what is whole counts no longer"


async def test_half_requests_are_bounded_by_address_and_in_all() -> None:
    table = ConnectionTable(ConnectionLimits(BODY_MAX, unfinished_bytes=800))
    loop = asyncio.get_running_loop()
    peers = [Silent(f"192.0.2.{n // 2}") for n in range(20)]
    for connection in peers:
        assert table.enter(connection, loop)
    assert table.keep_unfinished(peers[0], 60)
    assert not table.keep_unfinished(peers[1], 41)
    table.keep_unfinished(peers[1], 0)
    assert table.keep_unfinished(peers[0], 100)
    assert all(table.keep_unfinished(one, 100) for one in peers[2:16:2])
    assert not table.keep_unfinished(peers[18], 1), "all together"
    table.keep_unfinished(peers[18], 0)
    table.leave(peers[0])
    table.keep_unfinished(peers[0], 0)
    assert table.unfinished == 700
    assert table.keep_unfinished(peers[1], 100), "who left holds nothing"


async def test_who_takes_nothing_makes_room_for_a_slow_console() -> None:
    """Twelve addresses that took nothing of the console's files kept every slow line from them."""
    table = ConnectionTable(ConnectionLimits(BODY_MAX, unsent_bytes=800))
    loop = asyncio.get_running_loop()
    idle = [Silent(f"192.0.2.{n // 2}") for n in range(16)]
    slow = [Silent("198.51.100.1"), Silent("198.51.100.1")]
    for connection in [*idle, *slow]:
        assert table.enter(connection, loop)
    for n, connection in enumerate(idle):
        assert table.keep_unsent(connection, 60 if n < 2 else 49)
        if n < 2:
            assert not table.keep_unsent(connection, 41), "one address has an eighth"
            table.forget_unsent(connection)
    assert table.keep_unsent(idle[0], 51)
    assert table.keep_unsent(idle[1], 49)
    assert table.keep_unsent(slow[0], 60)
    assert [n for n, one in enumerate(idle) if one.is_ended] == [0]
    assert table.keep_unsent(slow[1], 30)
    assert [n for n, one in enumerate(idle) if one.is_ended] == [0, 2]
    assert not any(one.is_ended for one in slow)
    for connection in [*idle, *slow]:
        table.leave(connection)
    assert table._unsent_sum == 0


async def test_an_address_that_holds_the_most_finds_no_room() -> None:
    table = ConnectionTable(ConnectionLimits(BODY_MAX, unsent_bytes=800))
    loop = asyncio.get_running_loop()
    many = [Silent(f"192.0.2.{n}") for n in range(16)]
    greedy = [Silent("198.51.100.1"), Silent("198.51.100.1")]
    for connection in [*many, *greedy]:
        assert table.enter(connection, loop)
    assert table.keep_unsent(greedy[0], 50)
    assert all(table.keep_unsent(one, 50) for one in many[:15])
    assert not table.keep_unsent(greedy[1], 50)
    assert not any(one.is_ended for one in [*many, *greedy])


async def test_one_that_fails_ends_no_deadline_of_the_others() -> None:
    class Broken(Silent):
        def enforce_deadline(self, now: float) -> None:
            raise RuntimeError("a closed handle")

    looked = asyncio.Event()

    class Watched(Silent):
        def enforce_deadline(self, now: float) -> None:
            looked.set()

    table = ConnectionTable(ConnectionLimits(BODY_MAX))
    broken = Broken("192.0.2.1")
    for connection in (broken, Watched("192.0.2.2")):
        table.enter(connection, asyncio.get_running_loop())
    for _ in range(2):
        looked.clear()
        await asyncio.wait_for(looked.wait(), 5)
    assert broken.is_ended
