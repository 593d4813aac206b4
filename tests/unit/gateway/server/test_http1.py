"""What one client can hold: every wait ends, and everything is counted as it arrives."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest

from gateway.server.connections import ConnectionLimits
from tests.unit.gateway.wire import BODY_MAX, CHUNKED, GET, POST

pytestmark = pytest.mark.asyncio

LATE = {
    "half a request line": b"GET /a HT",
    "a head without end": b"GET /a HTTP/1.1\r\nHost: t\r\n",
    "line ends only": b"\r\n\r\n\r\n",
    "a declared body without a byte": POST,
    "one byte of nine": POST + b"1",
    "a chunked body without a chunk": CHUNKED,
    "a chunked body without an end": CHUNKED + b"1\r\nx\r\n",
}


@pytest.mark.parametrize("case", LATE)
async def test_every_wait_for_a_client_ends_with_408(serve: Any, case: str) -> None:
    """Each of these was kept for ever, and 1,030 of them held every place of the edge."""
    served = await serve()
    peer = await served.peer(LATE[case])
    served.later(9.0)
    assert await peer.is_open()
    served.later(10.5)
    said = await peer.said()
    assert said.problem() == (408, "request.late")
    assert said.headers["connection"] == "close"
    assert await peer.is_closed()
    assert not served.asked


async def test_a_socket_that_says_nothing_is_closed_without_a_word(serve: Any) -> None:
    served = await serve()
    peer = await served.peer()
    served.later(9.0)
    assert await peer.is_open()
    served.later(10.5)
    assert await peer.is_closed()


async def test_bytes_one_by_one_do_not_prolong_the_wait(serve: Any) -> None:
    served = await serve()
    peer = await served.peer(b"G")
    connection = next(iter(served.table))
    due = connection._due
    for byte in b"ET /a HTTP/1.1\r\nX: ":
        await peer.send(bytes([byte]))
    assert connection._due == due
    await peer.send(b"y\r\nContent-Length: 9\r\n\r\n1")
    due = connection._due
    await peer.send(b"2")
    assert connection._due == due


async def test_a_rest_between_requests_is_longer_and_ends_too(serve: Any) -> None:
    served = await serve()
    peer = await served.peer(GET)
    assert (await peer.said()).body == b"fine"
    served.later(60.0)
    assert await peer.is_open()
    await peer.send(GET)
    assert (await peer.said()).body == b"fine"
    served.later(76.0)
    assert await peer.is_closed()


async def test_the_first_byte_after_a_rest_begins_the_wait_for_a_head(serve: Any) -> None:
    served = await serve()
    peer = await served.peer(GET)
    assert (await peer.said()).body == b"fine"
    await peer.send(b"GET")
    served.later(9.0)
    assert await peer.is_open()
    served.later(10.5)
    assert (await peer.said()).problem() == (408, "request.late")


async def test_a_body_has_a_wait_of_its_own(serve: Any) -> None:
    served = await serve()
    peer = await served.peer(POST[:-2])
    next(iter(served.table))._due -= 8.0
    await peer.send(POST[-2:])
    served.later(9.0)
    assert await peer.is_open()
    served.later(10.5)
    assert (await peer.said()).problem() == (408, "request.late")


async def test_a_late_second_request_is_late_too(serve: Any) -> None:
    served = await serve()
    peer = await served.peer(GET + b"GET /b HT")
    assert (await peer.said()).body == b"fine"
    served.later(10.5)
    assert (await peer.said()).problem() == (408, "request.late")


async def test_no_wait_of_ours_is_the_clients_fault(serve: Any) -> None:
    """While an answer is being made, nobody is late."""
    served = await serve()
    peer = await served.peer(GET.replace(b"/a", b"/slow"))
    served.later(1000)
    served.go.set()
    assert (await peer.said()).body == b"fine"


@pytest.mark.parametrize("parts", [1, 200])
async def test_a_head_beyond_16_kib_is_refused_while_it_comes(serve: Any, parts: int) -> None:
    """60 MB of it were kept, and copied again with each packet."""
    served = await serve()
    fits = b"GET /a HTTP/1.1\r\nHost: t\r\nX: " + b"x" * 16_300 + b"\r\n\r\n"
    assert len(fits) < 16_384
    peer = await served.peer(fits)
    assert (await peer.said()).status == 200
    peer = await served.peer(b"GET /a HTTP/1.1\r\nHost: t\r\nX: ")
    for _ in range(parts):
        peer.writer.write(b"x" * (100_000 // parts))
        await asyncio.sleep(0)
    said = await peer.said()
    assert said.problem() == (431, "headers.too_large")
    assert said.headers["connection"] == "close"
    assert await peer.is_closed()
    assert len(served.asked) == 1


async def test_a_head_and_a_long_body_in_odd_packets_is_whole(serve: Any) -> None:
    served = await serve()
    body = b"y" * 60_000
    head = b"POST /a HTTP/1.1\r\nHost: t\r\nX: " + b"x" * 12_000
    peer = await served.peer(head + b"\r\nContent-Length: 60000\r\n\r")
    await peer.send(b"\n" + body)
    assert (await peer.said()).status == 200
    assert served.asked == [("POST", "/a", body)]
    assert served.table.unfinished == 0


async def test_what_follows_a_refusal_is_dropped_and_ended(serve: Any) -> None:
    served = await serve()
    peer = await served.peer(b"GET /a HTTP/1.1\r\nX: " + b"x" * 20_000)
    with contextlib.suppress(ConnectionError):
        for _ in range(100):
            await peer.send(b"x" * 100_000)
    assert not served.table._all
    quiet = await served.peer(b"GET /a HTTP/1.1\r\nX: " + b"x" * 20_000)
    assert (await quiet.said()).status == 431
    served.later(3)
    await asyncio.sleep(0.05)
    assert not served.table._all


@pytest.mark.parametrize(
    "start",
    [
        b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 65537\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n",
        CHUNKED + b"20000\r\n" + b"x" * 70_000,
        b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000,
    ],
)
async def test_a_body_beyond_the_limit_is_refused_unread(serve: Any, start: bytes) -> None:
    served = await serve()
    peer = await served.peer(start)
    said = await peer.said()
    assert said.problem() == (413, "body.too_large")
    assert await peer.is_closed()
    assert not served.asked
    assert served.table.unfinished == 0


@pytest.mark.parametrize(
    "filler", [b"1;" + b"x" * 5000 + b"\r\nx\r\n", b"X-T: " + b"x" * 5000 + b"\r\n"]
)
async def test_what_is_around_a_body_is_counted_too(serve: Any, filler: bytes) -> None:
    """Chunk extensions, and fields behind the body."""
    served = await serve()
    peer = await served.peer(CHUNKED + (b"0\r\n" if filler.startswith(b"X") else b""))
    said = asyncio.ensure_future(peer.said())
    with contextlib.suppress(ConnectionError):
        for _ in range(150):
            peer.writer.write(filler)
            await asyncio.sleep(0.001)
    assert (await said).status in {400, 413, 431}
    assert not served.asked


async def test_fields_behind_the_body_are_not_heard(serve: Any) -> None:
    """A proxy before us cleans the head only: `X-Forwarded-For` must not come in by the back."""
    served = await serve()
    peer = await served.peer(CHUNKED + b"1\r\nx\r\n0\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n")
    assert (await peer.said()).status == 200
    (asked,) = served.seen
    assert b"x-forwarded-for" not in asked.headers
    assert b"x-forwarded-for" not in dict(asked.raw_headers)


@pytest.mark.parametrize(
    "sent",
    [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET /a HTTP/1.1\r\nBad Header: x\r\n\r\n",
             b"GET  HTTP/1.1\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\nHost: t\r\n\r\n",
             b"POST /a HTTP/1.1\r\nContent-Length: x\r\n\r\n",
             b"POST /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
)  # fmt: skip
async def test_what_is_no_http_is_a_problem(
    serve: Any, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve()
    peer = await served.peer(sent)
    assert (await peer.said()).problem() == (400, "request.malformed")
    assert await peer.is_closed()
    assert not caplog.records, "a stranger cannot fill the log"


async def test_half_a_request_holds_no_place_and_less_than_the_sum(serve: Any) -> None:
    """The bytes of all requests that are not whole are bounded; whole ones pass all the same."""
    served = await serve(unfinished_bytes=100_000, is_trusted=lambda _address: True)
    half = b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\n" + b"x" * 50_000
    peers = [await served.peer(half) for _ in range(3)]
    refused = await peers[2].said()
    assert refused.problem() == (503, "gateway.busy")
    assert refused.headers["retry-after"] == "1"
    assert served.table.unfinished <= 100_000
    late = await served.peer(POST)
    await late.send(b"x" * 9)
    assert (await late.said()).status == 200
    await peers[0].send(b"x" * 10_000)
    assert (await peers[0].said()).status == 200
    peers[1].writer.close()
    await asyncio.sleep(0.05)
    assert served.table.unfinished == 0


async def test_100_continue_is_said_when_the_head_is_good(serve: Any) -> None:
    served = await serve()
    waiting = POST.replace(b"Host", b"Expect: 100-continue\r\nHost")
    peer = await served.peer(waiting)
    assert await peer.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await peer.send(b"123456789")
    assert (await peer.said()).body == b"fine"
    await peer.send(waiting)
    assert await peer.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    served.later(10.5)
    assert (await peer.said()).problem() == (408, "request.late")


async def test_requests_in_a_row_are_answered_in_order_and_not_without_bound(serve: Any) -> None:
    served = await serve()
    first = GET.replace(b"/a", b"/slow")
    peer = await served.peer(first + b"".join(GET.replace(b"/a", b"/%d" % n) for n in range(5)))
    await peer.send(POST)
    served.go.set()
    for _ in range(6):
        assert (await peer.said()).body == b"fine"
    served.later(9)
    assert await peer.is_open()
    await peer.send(b"123456789")
    assert (await peer.said()).body == b"fine"
    paths = [path for _, path, _ in served.asked]
    assert paths == ["/slow", "/0", "/1", "/2", "/3", "/4", "/a"]

    served.go.clear()
    greedy = await served.peer(first + GET * 5000)
    waiting = [c for c in served.table if c._current is not None]
    assert len(waiting[0].pipeline) <= 16
    served.go.set()
    for _ in range(17):
        assert (await greedy.said()).body == b"fine"
    assert await greedy.is_closed()


async def test_bodies_that_wait_for_their_turn_are_bounded(serve: Any) -> None:
    """1,000 connections with four whole requests each held 300 MB, of which nothing was counted."""
    served = await serve()
    first = GET.replace(b"/a", b"/slow")
    large = b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000
    for follows, answered in ((large * 4, 1), (GET + large, 2), ((POST + b"123456789") * 9, 10)):
        served.go.clear()
        peer = await served.peer(first + follows)
        (connection,) = (c for c in served.table if c._current is not None)
        held = sum(len(cycle.body) for cycle, _ in connection.pipeline)
        assert held + len(connection.cycle.body) <= 20_500
        assert served.table.unfinished <= 20_500
        served.go.set()
        for _ in range(answered):
            assert (await peer.said()).body == b"fine"
        served.later(9)
        assert await peer.is_closed() == (follows.startswith((large, GET)))
        await peer.send(large)
        if answered == 10:
            assert (await peer.said()).status == 200, "alone it has room"


async def test_half_a_head_behind_a_whole_request_is_counted(serve: Any) -> None:
    served = await serve()
    peer = await served.peer(GET + b"GET /a HTTP/1.1\r\nHost: t\r\nX: " + b"x" * 40_000)
    assert (await peer.said()).body == b"fine"
    assert await peer.is_closed()


async def test_another_protocol_is_not_spoken_and_nothing_follows(serve: Any) -> None:
    served = await serve()
    upgrade = b"GET /a HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    peer = await served.peer(upgrade + b"GET /smuggled HTTP/1.1\r\n\r\n")
    said = await peer.said()
    assert (said.status, said.headers["connection"]) == (200, "close")
    assert await peer.is_closed()
    assert [path for _, path, _ in served.asked] == ["/a"]


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"])
async def test_an_answer_that_nobody_takes_is_given_up(serve: Any, more: bytes) -> None:
    served = await serve()
    peer = await served.peer(b"GET /large HTTP/1.1\r\nHost: t\r\n" + more + b"\r\n")
    (connection,) = served.table
    left = connection.transport.get_write_buffer_size()
    assert left > 1_000_000
    served.later(29 + left / (16 * 1024))
    await asyncio.sleep(0.02)
    assert served.table._all
    served.later(32 + left / (16 * 1024))
    await asyncio.sleep(0.02)
    assert not served.table._all
    with contextlib.suppress(ConnectionError):
        assert len(await peer.reader.read(-1)) < 8_000_000


async def test_a_slow_taker_in_time_gets_all_of_it(serve: Any) -> None:
    served = await serve()
    peer = await served.peer(b"GET /large HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
    served.later(60)
    said = await peer.said()
    assert len(said.body) == 8_000_000


async def test_what_is_no_http_is_refused_late_to_who_goes_on_regardless(serve: Any) -> None:
    """A closed loop of nonsense would cost as much as payments do."""
    waits = iter((0.0, 0.3, 3600.0))
    served = await serve(delay_s=lambda _address: next(waits))
    quick = await served.peer(b"nonsense\r\n\r\n")
    assert (await quick.said()).problem() == (400, "request.malformed")
    late = await served.peer(b"nonsense\r\n\r\n")
    await late.send(GET)
    served.later(60)
    assert await late.is_open()
    assert (await late.said()).problem() == (400, "request.malformed")
    assert await late.is_closed()
    assert not served.asked
    gone = await served.peer(b"nonsense\r\n\r\n")
    gone.writer.close()
    await asyncio.sleep(0.05)
    assert len(served.table._all) == 1, "only the first one is still read to its end"


async def test_a_proxy_is_not_made_to_wait_for_what_others_send_through_it(serve: Any) -> None:
    served = await serve(delay_s=lambda _address: 2.0, is_trusted=lambda _address: True)
    peer = await served.peer(b"nonsense\r\n\r\n")
    assert (await peer.said()).problem() == (400, "request.malformed")


async def test_answers_that_nobody_takes_have_a_common_bound(serve: Any) -> None:
    """Eight megabytes each: without it, the connections of one address would hold gigabytes."""
    served = await serve()
    ask = b"GET /large HTTP/1.1\r\nHost: t\r\n\r\n"
    first = await served.peer(ask)
    # How much of an answer the operating system takes differs by machine.
    (connection,) = served.table
    left = connection.transport.get_write_buffer_size()
    served.table.limits = ConnectionLimits(BODY_MAX, unsent_bytes=12 * left)
    second = await served.peer(ask)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await second.said()
    assert len((await first.said()).body) == 8_000_000
    third = await served.peer(ask)
    assert len((await third.said()).body) == 8_000_000, "what is taken counts no longer"


async def test_answers_that_wait_are_bounded_in_all(serve: Any) -> None:
    served = await serve(is_trusted=lambda _address: True)
    ask = b"GET /large HTTP/1.1\r\nHost: t\r\n\r\n"
    first = await served.peer(ask)
    (connection,) = served.table
    left = connection.transport.get_write_buffer_size()
    served.table.limits = replace(served.table.limits, unsent_bytes=left * 3 // 2)
    second = await served.peer(ask)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await second.said()
    first.writer.close()
    await asyncio.sleep(0.05)
    third = await served.peer(ask)
    assert len((await third.said()).body) == 8_000_000, "who left owes nothing"
