"""Links between our processes: what a caller knows of a request that failed, and what a slow or
dying peer does to others."""

import asyncio
import contextlib

import pytest

from gateway.server.connections import ConnectionLimits, ConnectionTable
from gateway.server.http1 import bounded
from shared.client import LinkClient
from shared.errors import NoAnswer, NotSent, PoolFull
from tests.unit.gateway.streamed import eventually, served
from tests.unit.shared.linked import (
    PREFACE,
    App,
    calling,
    frame,
    post,
    read_frame,
)  # fmt: skip

pytestmark = pytest.mark.asyncio


async def test_a_request_and_its_response_arrive_whole(peer):
    odd = b"\xe8\x8c\xb6\xff\x80".decode("utf-8", "surrogateescape")
    async with calling(peer.url + "/base/") as client:
        body = bytes(range(256)) * 1000
        found = await post(client, "/echo?a=1&b=%E8", body, headers={"X-Odd": odd, "X-Two": "a: b"})
    assert (found.status, found.content) == (201, body)
    assert (found.headers["x-query"], found.headers["x-odd"]) == ("a=1&b=%E8", odd)
    assert found.headers["x-two"] == "a: b"
    assert peer.app.seen == [("POST", "/base/echo", body)]
    (scope,) = peer.app.scopes
    assert dict(scope["headers"])[b"x-odd"] == b"\xe8\x8c\xb6\xff\x80"
    assert (scope["raw_path"], scope["type"]) == (b"/base/echo", "http")


async def test_a_slow_response_delays_no_other(peer):
    async with calling(peer.url) as client:
        slow = [asyncio.ensure_future(post(client, "/wait", b"%d" % n)) for n in range(20)]
        await eventually(lambda: len(peer.app.seen) == 20)
        assert len(peer.links) == 4, "many requests share a link"
        quick = await asyncio.gather(*(post(client, "/echo", b"q%d" % n) for n in range(40)))
        assert [reply.content for reply in quick] == [b"q%d" % n for n in range(40)]
        assert not any(task.done() for task in slow)
        peer.app.go.set()
        assert [(await task).content for task in slow] == [b"%d" % n for n in range(20)]


async def test_http_is_spoken_on_the_same_port(peer):
    reader, writer = await asyncio.open_connection(*peer.at)
    with contextlib.closing(writer):
        writer.write(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 40\r\n\r\n")
        await asyncio.sleep(0.05)
        # Somebody's upload may hold these bytes, at the beginning of a packet.
        writer.write(PREFACE + PREFACE)
        assert b" 201 " in await reader.readuntil(b"\r\n\r\n")
    assert peer.app.seen == [("POST", "/echo", PREFACE + PREFACE)]


async def test_nobody_there_surely_received_nothing(peer):
    async with calling("http://127.0.0.1:9") as client:
        with pytest.raises(NotSent):
            await post(client, "/echo")
        with pytest.raises(NotSent):
            await post(client, "/echo")


async def test_after_its_end_a_client_sends_nothing(peer):
    client = LinkClient(peer.url, name="peer")
    await asyncio.gather(*(post(client, "/echo") for _ in range(4)))
    await client.aclose()
    for _ in range(5):
        with pytest.raises(NotSent):
            await post(client, "/echo")
    assert len(peer.app.seen) == 4


async def test_what_was_under_way_is_unknown_and_the_next_request_is_not(peer):
    async with calling(peer.url) as client:
        waiting = [asyncio.ensure_future(post(client, "/wait")) for _ in range(8)]
        await eventually(lambda: len(peer.app.seen) == 8)
        peer.die()
        for task in waiting:
            with pytest.raises(NoAnswer):
                await task
        assert (await post(client, "/echo", b"x")).content == b"x"


async def test_a_close_that_the_loop_has_not_seen_costs_nobody_anything(peer):
    async with calling(peer.url) as client:
        await asyncio.gather(*(post(client, "/echo") for _ in range(4)))
        peer.die()
        # No iteration of the loop between the close and these requests.
        found = await asyncio.gather(*(post(client, "/echo", b"x") for _ in range(4)))
        assert [reply.content for reply in found] == [b"x"] * 4


async def test_a_late_response_is_unknown_and_its_link_is_left(peer):
    async with calling(peer.url) as client:
        await asyncio.gather(*(post(client, "/echo") for _ in range(4)))
        before = set(peer.links)
        with pytest.raises(NoAnswer):
            await post(client, "/wait", timeout_s=0.1)
        await eventually(lambda: len(before & set(peer.links)) == 3)
        peer.app.go.set()
        found = await asyncio.gather(*(post(client, "/echo", b"%d" % n) for n in range(8)))
        assert [reply.content for reply in found] == [b"%d" % n for n in range(8)]
        await eventually(lambda: len(peer.links) == 4)


async def test_whoever_gives_up_disturbs_no_other(peer):
    async with calling(peer.url) as client:
        gone = [asyncio.ensure_future(post(client, "/wait", b"gone")) for _ in range(4)]
        kept = [asyncio.ensure_future(post(client, "/wait", b"kept")) for _ in range(4)]
        await eventually(lambda: len(peer.app.seen) == 8)
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        peer.app.go.set()
        assert [(await task).content for task in kept] == [b"kept"] * 4
        assert len(peer.app.seen) == 8, "and changes nothing at the peer"


async def test_a_server_that_stops_answers_what_it_has(peer):
    async with calling(peer.url) as client:
        waiting = [asyncio.ensure_future(post(client, "/wait", b"x")) for _ in range(8)]
        await eventually(lambda: len(peer.app.seen) == 8)
        peer.server.should_exit = True
        await asyncio.sleep(0.3)
        with pytest.raises(NotSent):
            await post(client, "/echo")
        peer.app.go.set()
        assert [(await task).content for task in waiting] == [b"x"] * 8
        async with asyncio.timeout(10):
            await peer.task


async def test_more_than_the_limit_is_not_sent(peer, monkeypatch):
    monkeypatch.setattr("shared.client.POOL_WAIT_S", 0.1)
    async with calling(peer.url, pool=2) as client:
        waiting = [asyncio.ensure_future(post(client, "/wait")) for _ in range(2)]
        await eventually(lambda: len(peer.app.seen) == 2)
        with pytest.raises(PoolFull):
            await post(client, "/echo")
        peer.app.go.set()
        await asyncio.gather(*waiting)
        assert (await post(client, "/echo")).status == 201


@pytest.mark.parametrize("path", ["/raise", "/broken", "/silent", "/large"])
async def test_no_half_response_is_taken_for_a_whole_one(peer, path):
    async with calling(peer.url) as client:
        with pytest.raises(NoAnswer):
            await post(client, path)
        assert (await post(client, "/echo", b"x")).content == b"x"
        assert len(peer.links) == 2, "it costs nobody else the link"


async def test_a_caller_that_reads_nothing_is_waited_for(peer):
    """While its transport is full, no more responses are written to it."""
    reader, writer = await asyncio.open_connection(*peer.at, limit=1024)
    with contextlib.closing(writer):
        body = bytes(400_000)
        few, more = range(1, 21), range(21, 41)
        writer.write(PREFACE + b"".join(frame(n, ["POST", "/echo", []], body) for n in few))
        await eventually(lambda: len(peer.app.seen) == 20, 20)
        (link,) = peer.links
        await eventually(lambda: not link.may_write.is_set())
        await asyncio.sleep(0.2)
        held = link.transport.get_write_buffer_size()
        writer.write(b"".join(frame(n, ["POST", "/echo", []], body) for n in more))
        await eventually(lambda: len(peer.app.seen) == 40, 20)
        await asyncio.sleep(0.2)
        assert link.transport.get_write_buffer_size() <= held
        assert {(await read_frame(reader))[0] for _ in range(40)} == {*few, *more}


async def test_who_waits_for_room_sent_nothing():
    """A peer that takes nothing: what was written is unknown, what waited is not."""
    taken = []
    server = await asyncio.start_server(lambda *ends: taken.append(ends), "127.0.0.1", 0, limit=64)
    at = server.sockets[0].getsockname()
    async with calling(f"http://{at[0]}:{at[1]}", pool=100) as client:
        # Each link is full after the first of them, which waits longer than the others.
        asked = []
        for number in range(24):
            call = post(client, "/", bytes(4_000_000), timeout_s=4 if number < 8 else 1.5)
            asked.append(asyncio.ensure_future(call))
            await asyncio.sleep(0.01)
        ends = [type(end) for end in await asyncio.gather(*asked, return_exceptions=True)]
    assert ends[:4] == [NoAnswer] * 4
    assert set(ends[8:]) == {NotSent}
    for _, writer in taken:
        writer.transport.abort()
    server.close()


async def test_links_are_opened_anew_after_a_while(peer, monkeypatch):
    """So that a process that starts later gets its share, and none rests for long."""
    monkeypatch.setattr("shared.client.LINK_LIFE_S", 0.3)
    async with calling(peer.url) as client:
        waiting = [asyncio.ensure_future(post(client, "/wait", b"x")) for _ in range(4)]
        await eventually(lambda: len(peer.app.seen) == 4)
        before = peer.links
        await asyncio.sleep(0.5)
        await asyncio.gather(*(post(client, "/echo") for _ in range(4)))
        assert len(set(peer.links) - set(before)) == 4
        peer.app.go.set()
        assert [(await task).content for task in waiting] == [b"x"] * 4
        await eventually(lambda: peer.links == [])


async def test_no_link_goes_to_an_https_address(peer):
    async with calling(peer.url.replace("http:", "https:")) as client:
        with pytest.raises(NotSent):
            await post(client, "/echo")
    assert peer.links == []


@pytest.mark.parametrize("speaks_links", [True, False])
async def test_the_public_edge_takes_no_links(speaks_links):
    app, table = App(), ConnectionTable(ConnectionLimits(64 * 1024))
    protocol = bounded(table, speaks_links=True) if speaks_links else bounded(table)
    async with served(app, protocol) as (_, _, at):
        reader, writer = await asyncio.open_connection(*at)
        with contextlib.closing(writer):
            writer.write(PREFACE + frame(1, ["POST", "/echo", []], b"x"))
            if speaks_links:
                assert (await read_frame(reader))[2] == b"x"
                assert not list(table)
            else:
                assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    assert len(app.seen) == speaks_links
