"""The raw ASGI frame: background jobs live and end with the process, failures stay problems."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from gateway.routing import Route, match, table
from gateway.server import asgi
from gateway.server.asgi import HttpApp, Request, Response, running
from shared.errors import MethodNotAllowed
from tests.unit.gateway.neighbours import ask

pytestmark = pytest.mark.asyncio


async def lifecycle(door: HttpApp) -> list[str]:
    said: list[str] = []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        said.append(message["type"])

    await door({"type": "lifespan"}, receive, send)
    return said


async def fine(_request: Request) -> Response:
    return Response(200, b"fine")


async def test_jobs_run_and_are_ended_and_everything_is_closed() -> None:
    told: list[str] = []

    async def job() -> None:
        told.append("job")
        try:
            await asyncio.sleep(60)
        finally:
            told.append("ended")

    async def aclose() -> None:
        told.append("closed")

    said = await lifecycle(HttpApp(fine, lambda: running([job], aclose)))
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert told == ["job", "ended", "closed"]


async def test_a_job_that_fails_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent end of the event tail would leave revoked devices believed."""
    monkeypatch.setattr(asgi, "JOB_REST_S", 0.001)
    runs = 0

    async def job() -> None:
        nonlocal runs
        runs += 1
        raise RuntimeError("broken")

    async def aclose() -> None:
        return

    async with running([job], aclose):
        while runs < 3:
            await asyncio.sleep(0.001)


async def test_a_start_that_fails_is_said() -> None:
    def lifespan() -> AbstractAsyncContextManager[None]:
        raise RuntimeError("no")

    assert await lifecycle(HttpApp(fine, lifespan)) == ["lifespan.startup.failed"]


async def test_a_bug_is_a_problem_without_its_words() -> None:
    async def broken(_request: Request) -> Response:
        raise RuntimeError("secret words")

    got = await ask(HttpApp(broken, lambda: running([], asyncio.Event().wait)), "GET", "/x")
    assert (got.status, got.json()["code"]) == (500, "internal")
    assert "secret" not in got.text


async def test_a_caller_that_hangs_up_gets_nothing() -> None:
    async def reading(request: Request) -> Response:
        await request.read_body(10)
        return Response(200)

    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/x", "raw_path": b"/x", "query_string": b"",
        "headers": [], "client": None,
    }  # fmt: skip
    await HttpApp(reading, lambda: running([], asyncio.Event().wait))(scope, receive, send)
    assert not sent


async def test_a_body_that_stops_coming_is_408_and_no_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Left without an answer, the server would say a plain 500 of its own in its place."""
    monkeypatch.setattr(asgi, "BODY_WAIT_S", 0.01)

    async def reading(request: Request) -> Response:
        await request.read_body(10)
        return Response(200)

    sent: list[Any] = []
    parts = [{"type": "http.request", "body": b"x", "more_body": True}]

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.sleep(60)
        return parts.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/x", "raw_path": b"/x", "query_string": b"",
        "headers": [], "client": None,
    }  # fmt: skip
    await HttpApp(reading, lambda: running([], asyncio.Event().wait))(scope, receive, send)
    assert [message.get("status") for message in sent] == [408, None]


async def test_a_body_without_end_is_refused_while_it_comes() -> None:
    """Counted by part: nothing of it may be kept until an end that never comes."""
    taken = 0

    async def reading(request: Request) -> Response:
        await request.read_body(1000)
        return Response(200)

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        assert taken < 100, "read on and on"
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/x", "raw_path": b"/x", "query_string": b"",
        "headers": [], "client": None,
    }  # fmt: skip
    await HttpApp(reading, lambda: running([], asyncio.Event().wait))(scope, receive, send)
    assert sent[0]["status"] == 413
    assert taken == 11


async def test_routes_match_whole_segments() -> None:
    rows = table((Route("GET", "/api/x/v1/a", "payment", "device"),))
    for path in ("/api/x/v1/a", "/api/x/v1/a/b/c"):
        assert match(rows, "GET", path) is not None
    for path in ("/api/x/v1/ab", "/api/x/v1", "/api/x/v2/a", "/api/x/v1/"):
        assert match(rows, "GET", path) is None
    with pytest.raises(MethodNotAllowed):
        match(rows, "POST", "/api/x/v1/a")


async def test_a_route_is_listed_once() -> None:
    row = Route("GET", "/api/x/v1/a", "payment", "device")
    with pytest.raises(ValueError, match="listed twice"):
        table((row, Route("GET PUT", "/api/x/v1/a", "order", "device")))
