"""Answers that pass through the edge as they are made: files without a size, events without an end.

Over real sockets, from a service of ours to a client and back: what a slow, a lost and an unknown
client does to the service, and what the end of any of the three looks like to the others.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientPayloadError, ClientSession
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.limits import Quota
from shared import tracing
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import SessionChanged, SessionRevoked
from tests.unit.gateway.auth.test_auth import COOKIE, cookie, sign_in
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import TENANT, device_headers
from tests.unit.gateway.streamed import (
    FEED,
    FILE,
    PART,
    PARTS_MAX,
    Public,
    Service,
    browser,
    edge_on,
    eventually,
    service_of,
    settled,
)

PAY = "/api/device/v1/payments"
IN_BUFFERS_MAX = 700
"""Parts of 64 KiB that sockets, both processes and the client may hold: 46 MB of a file of 260."""
pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def service(town: Town, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    sign_in(town.binding, town.clock)
    monkeypatch.setenv("SERVICE_KEY_FILE", str(town.keys.key_file("gateway-edge")))
    async with service_of(town.verifier("order")) as (made, url):
        monkeypatch.setenv("ORDER_URL", url)
        yield made


@pytest_asyncio.fixture
async def public(town: Town, service: Service) -> AsyncIterator[Public]:
    async with edge_on(town.clock) as made:
        yield made


@pytest_asyncio.fixture
async def person(public: Public) -> AsyncIterator[ClientSession]:
    async with browser(cookie()) as session:
        yield session


async def told(answer: Any, *, until: bytes) -> bytes:
    got = b""
    async with asyncio.timeout(5):
        while not got.endswith(until):
            got += await answer.content.readany()
            assert got or not answer.content.at_eof()
    return got


# --- files


async def test_a_file_passes_while_it_is_made(
    public: Public, service: Service, person: ClientSession
) -> None:
    async with person.get(f"{public.url}{FILE}?parts=40") as answer:
        assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-length" not in answer.headers
        assert await answer.content.readexactly(2 * len(PART)) == 2 * PART
        assert (service.made, public.streams_held) == (2, 1), "the rest is not made yet"
        service.go.set()
        rest = await answer.content.read()
    assert hashlib.sha256(rest).digest() == hashlib.sha256(38 * PART).digest()
    await eventually(lambda: (service.closed, public.streams_held) == (1, 0))


@pytest.mark.parametrize("text", ["小票é".encode(), b"\xe9\xff"], ids=["utf-8", "latin-1"])
async def test_headers_pass_byte_by_byte(public: Public, service: Service, text: bytes) -> None:
    """An event's id may be any text in UTF-8, and nothing says in which encoding a name is."""
    service.go.set()
    service.file_name = text.decode("latin-1")
    reader, writer = await asyncio.open_connection(*public.at)
    head = "".join(f"{name}: {value}\r\n" for name, value in cookie().items()).encode()
    more = b"User-Agent: %b\r\nLast-Event-ID: %b\r\nConnection: close\r\n" % (text, text)
    writer.write(f"GET {FILE} HTTP/1.1\r\nHost: t\r\n".encode() + head + more + b"\r\n")
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b'content-disposition: attachment; filename="%b"\r\n' % text in answer
    for name in ("user-agent", "last-event-id"):
        assert service.seen[0][name].encode("latin-1") == text
    await reader.read()
    writer.close()
    await eventually(lambda: (service.closed, public.streams_held) == (1, 0))


@pytest.mark.parametrize("given", ["", f"00-{'4b' * 16}-00f067aa0ba902b7-01"])
async def test_a_stream_is_in_the_trace_of_its_request(
    town: Town, service: Service, given: str
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    try:
        async with edge_on(town.clock) as public, browser(cookie()) as person:
            service.go.set()
            headers = {"traceparent": given} if given else {}
            async with person.get(public.url + FILE, headers=headers) as answer:
                await answer.read()
            await eventually(
                lambda: "GET " + FILE in {s.name for s in exporter.get_finished_spans()}
            )
    finally:
        tracing.use(None)
    (at_edge,) = (span for span in exporter.get_finished_spans() if span.name == "GET " + FILE)
    _, trace, parent, _ = service.seen[0]["traceparent"].split("-")
    assert (int(trace, 16), int(parent, 16)) == (at_edge.context.trace_id, at_edge.context.span_id)


async def test_who_stops_reading_stops_the_service(public: Public, service: Service) -> None:
    service.go.set()
    reader, writer = await asyncio.open_connection(*public.at, limit=4096)
    head = "".join(f"{name}: {value}\r\n" for name, value in cookie().items())
    writer.write(f"GET {FILE}?parts={PARTS_MAX} HTTP/1.1\r\nHost: t\r\n{head}\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    held = await settled(lambda: service.made)
    assert held < IN_BUFFERS_MAX < PARTS_MAX
    (connection,) = public.connections
    assert connection.transport.get_write_buffer_size() < 1_000_000  # type: ignore[attr-defined]
    # It goes on where it stood when the client does.
    for _ in range(200):
        await reader.readexactly(64 * 1024)
    await eventually(lambda: service.made > held)
    writer.close()


async def test_who_takes_nothing_is_ended_and_his_place_is_free(
    public: Public, service: Service
) -> None:
    service.go.set()
    reader, writer = await asyncio.open_connection(*public.at, limit=4096)
    head = "".join(f"{name}: {value}\r\n" for name, value in cookie().items())
    writer.write(f"GET {FILE}?parts={PARTS_MAX} HTTP/1.1\r\nHost: t\r\n{head}\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    await settled(lambda: service.made)
    public.later(29)
    assert public.streams_held == 1
    public.later(120)
    await eventually(lambda: (service.closed, public.streams_held) == (1, 0))
    writer.close()


async def test_a_client_that_leaves_ends_the_service(
    public: Public, service: Service, person: ClientSession
) -> None:
    for path in (FILE, FEED):
        answer = await person.get(public.url + path)
        await eventually(lambda: public.streams_held == 1)
        answer.close()
        await eventually(lambda: public.streams_held == 0)
    await eventually(lambda: service.closed == 2)


@pytest.mark.parametrize("how", ["dies", "raises", "is silent"])
async def test_what_breaks_off_is_never_a_whole_answer(
    public: Public, service: Service, person: ClientSession, monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("gateway.streams.STREAM_IDLE_S", 0.2 if how == "is silent" else 20)
    async with person.get(f"{public.url}{FILE}?fault=true") as answer:
        assert answer.status == 200
        await answer.content.readexactly(2 * len(PART))
        if how == "dies":
            service.die()
        if how == "raises":
            service.go.set()
        with pytest.raises(ClientPayloadError):
            await answer.content.read()
    await eventually(lambda: (service.closed, public.streams_held) == (1, 0))


async def test_an_event_stream_breaks_off_with_its_service(
    public: Public, service: Service, person: ClientSession
) -> None:
    service.publish(b"id: 1\ndata: x\n\n")
    async with person.get(public.url + FEED) as answer:
        await told(answer, until=b"\n\n")
        service.die()
        with pytest.raises(ClientPayloadError):
            await answer.content.read()


async def test_a_problem_is_whole_where_a_stream_was_asked_for(
    public: Public, service: Service, person: ClientSession
) -> None:
    async with person.get(f"{public.url}{FILE}?refused=true") as answer:
        document = await answer.json(content_type="application/problem+json")
        assert (answer.status, document["code"]) == (409, "test.not_today")
        assert int(answer.headers["content-length"]) > 0
    assert public.streams_held == 0
    async with person.post(public.url + FILE) as answer:
        assert (answer.status, answer.headers["allow"]) == (405, "GET")


async def test_http_1_0_cannot_tell_a_broken_answer_and_gets_none(
    public: Public, service: Service
) -> None:
    """The service is not asked: it would record an export that nobody got."""
    reader, writer = await asyncio.open_connection(*public.at)
    writer.write(f"GET {FILE} HTTP/1.0\r\nCookie: {cookie()['Cookie']}\r\n\r\n".encode())
    said = await reader.read()
    assert said.startswith(b"HTTP/1.1 505 ")
    assert b'"http.version"' in said
    assert (service.made, service.closed, public.streams_held) == (0, 0, 0)
    writer.close()


# --- places


async def test_streams_take_no_place_of_a_payment(
    town: Town, public: Public, service: Service, person: ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("gateway.streams.STREAMS", Quota(slots=8, per_caller=8, per_merchant=8))
    monkeypatch.setattr(public.edge._upstreams.streams._slots, "_limit", 5)
    # What is ordinary has one place, and streams have none of it.
    monkeypatch.setattr(public.edge._admission, "_limit", 1)
    town.payment.on("POST", PAY, {"state": "paid"})
    answers = [await person.get(public.url + FEED) for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 5
    async with person.get(public.url + FEED) as busy:
        assert busy.status == 503
        assert (await busy.json(content_type=None))["code"] == "gateway.busy"
        assert busy.headers["retry-after"] == "1"
    headers = device_headers("POST", PAY, b"{}")
    async with person.post(public.url + PAY, data=b"{}", headers=headers) as paid:
        assert (paid.status, await paid.json()) == (200, {"state": "paid"})
    for answer in answers:
        answer.close()
    await eventually(lambda: public.streams_held == 0)


@pytest.mark.parametrize("part", [Quota(8, 2, 8), Quota(8, 8, 2)], ids=["own", "merchant"])
async def test_nobody_holds_more_streams_than_his_part(
    public: Public, service: Service, person: ClientSession, monkeypatch: pytest.MonkeyPatch,
    part: Quota,
) -> None:  # fmt: skip
    monkeypatch.setattr("gateway.streams.STREAMS", part)
    answers = [await person.get(public.url + FEED) for _ in range(2)]
    async with person.get(public.url + FEED) as third:
        assert third.status == 429
        assert (await third.json(content_type=None))["code"] == "rate.limited"
    answers.pop().close()
    await eventually(lambda: public.streams_held == 1)
    async with person.get(public.url + FEED) as again:
        assert again.status == 200
    answers.pop().close()


# --- events


async def test_a_listener_goes_on_behind_the_last_event_it_has(
    public: Public, service: Service, person: ClientSession
) -> None:
    service.publish(b"id: 1\ndata: a\n\n", b"id: 2\ndata: b\n\n")
    async with person.get(public.url + FEED) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert await told(answer, until=b"b\n\n") == b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n"
    service.publish(b"id: 3\ndata: c\n\n")
    async with person.get(public.url + FEED, headers={"Last-Event-ID": "2"}) as answer:
        assert await told(answer, until=b"c\n\n") == b"id: 3\ndata: c\n\n"
        service.publish(b"id: 4\ndata: d\n\n")
        assert await told(answer, until=b"d\n\n") == b"id: 4\ndata: d\n\n"
    assert "last-event-id" not in service.seen[0]


async def test_silence_is_filled_between_events_and_never_within_one(
    public: Public, service: Service, person: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.streams.HEARTBEAT_S", 0.05)
    async with person.get(public.url + FEED) as answer:
        assert (await told(answer, until=b":\n\n:\n\n")).startswith(b":\n\n")
        service.publish(b"id: 1\ndata: half")
        await told(answer, until=b"half")
        await asyncio.sleep(0.3)
        service.publish(b" and half\n\n")
        assert (await told(answer, until=b"\n\n")).startswith(b" and half\n\n")


_wait = asyncio.wait


async def a_moment_early(*futures: Any, timeout: float | None = None, **how: Any) -> Any:
    """`asyncio.wait` of a loop whose timers run ahead of its clock, as they do by a rounding."""
    return await _wait(*futures, timeout=timeout and 0.9 * timeout, **how)


async def came_back(answer: Any) -> bytes:
    """What a stream said at its end, which was whole."""
    async with asyncio.timeout(5):
        rest: bytes = await answer.content.read()
    assert rest.startswith(b"retry: ")
    assert rest.endswith(b"\n\n")
    assert 1_000 <= int(rest.removeprefix(b"retry: ")) < 4_000
    return rest


async def test_a_listener_is_told_to_come_back_when_the_edge_ends(
    town: Town, service: Service
) -> None:
    service.publish(b"id: 1\ndata: a\n\n")
    async with browser(cookie()) as person, edge_on(town.clock) as public:
        async with (
            person.get(public.url + FEED) as feed,
            person.get(f"{public.url}{FILE}?parts=10") as file,
        ):
            await told(feed, until=b"a\n\n")
            await file.content.readexactly(len(PART))
            public.server.should_exit = True
            await came_back(feed)
            # What has an end of its own is finished.
            service.go.set()
            assert len(await file.content.read()) == 9 * len(PART)
        await eventually(lambda: service.closed == 2)


async def test_a_listener_is_told_to_come_back_when_the_service_ends(
    public: Public, service: Service, person: ClientSession
) -> None:
    service.publish(b"id: 1\ndata: a\n\n")
    async with person.get(public.url + FEED) as feed, person.get(public.url + FILE) as file:
        await told(feed, until=b"a\n\n")
        await file.content.readexactly(len(PART))
        service.server.should_exit = True
        await came_back(feed)
        service.go.set()
        assert len(await file.content.read()) == 3 * len(PART)
    await asyncio.wait_for(asyncio.shield(service.stopped), 5)
    assert service.closed == 2


async def test_a_listener_comes_back_now_and_then(
    public: Public, service: Service, person: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.streams.STREAM_LIFE_S", 0.2)
    monkeypatch.setattr("gateway.streams.asyncio.wait", a_moment_early)
    async with person.get(public.url + FEED) as answer:
        await came_back(answer)
    await eventually(lambda: (service.closed, public.streams_held) == (1, 0))


async def test_who_is_believed_no_longer_is_not_served_on(
    town: Town, public: Public, service: Service, person: ClientSession
) -> None:
    session_hash = hashlib.sha256(COOKIE.encode()).hexdigest()
    async with person.get(public.url + FEED) as feed, person.get(public.url + FILE) as file:
        await file.content.readexactly(2 * len(PART))
        await eventually(lambda: public.streams_held == 2)
        public.edge.on_event(SessionChanged(**stamp(TENANT, town.clock), session_hash="another"))
        public.edge.on_event(SessionChanged(**stamp(TENANT, town.clock), session_hash=session_hash))
        await came_back(feed)
        await eventually(lambda: public.streams_held == 1)
    async with person.get(public.url + FEED) as feed, person.get(public.url + FILE) as file:
        await file.content.readexactly(2 * len(PART))
        public.edge.on_event(SessionRevoked(**stamp(TENANT, town.clock), session_hash=session_hash))
        await came_back(feed)
        service.go.set()
        with pytest.raises(ClientPayloadError):
            await file.content.read()
    await eventually(lambda: public.streams_held == 0)
