"""Requests that travel over one link at the same time stay apart: each has its own request id,
access line, count and trace."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from fastapi import APIRouter, FastAPI, Request, Response
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from prometheus_client import REGISTRY
from structlog.contextvars import bind_contextvars, get_contextvars

from shared import tracing
from shared.client import Reply, ServiceClient
from shared.errors import Conflict
from shared.keys.tokens import TokenSigner, TokenVerifier
from shared.serve import Http, Traced, json_response
from shared.web import guard, make_app
from tests.unit.gateway.streamed import eventually, served

pytestmark = pytest.mark.asyncio

HELD, REFUSED, QUICK = "/held", "/refused", "/of/{number}"
QUICK_ONES = [f"/of/{number}" for number in range(5)]
STATUSES = {HELD: 200, REFUSED: 409, **dict.fromkeys(QUICK_ONES, 200)}
"""path -> the status that is its answer"""


class NotToday(Conflict):
    code = "test.not_today"


@dataclass
class Answers:
    """The routes."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    """what is held may be answered"""
    held: int = 0

    def router(self) -> APIRouter:
        made = APIRouter()

        def about_itself() -> Response:
            return json_response({"id": get_contextvars()["request_id"]} | tracing.carried())

        @made.get(HELD, dependencies=[guard("public")])
        async def slow(_request: Request) -> Response:
            self.held += 1
            await self.go.wait()
            return about_itself()

        @made.get(REFUSED, dependencies=[guard("public")])
        async def refused(_request: Request) -> Response:
            raise NotToday("come back tomorrow")

        @made.get(QUICK, dependencies=[guard("public")])
        async def quick(number: int) -> Response:
            await asyncio.sleep(0.01 * (len(QUICK_ONES) - number))  # the last is the first
            return about_itself()

        return made


@dataclass
class Service:
    """The app on a port, and a caller with one link to it."""

    answers: Answers
    server: Any
    client: ServiceClient

    async def ask(self, path: str) -> tuple[str, Reply]:
        """As a request that is under way asks another service: the id that it has, and the answer.
        Each has a task and a trace of its own."""
        request_id = f"id-{secrets.token_hex(8)}"
        bind_contextvars(request_id=request_id)
        if not tracing.is_on():
            return request_id, await self.client.call("GET", path)
        with tracing.span(path, "server", f"00-{secrets.token_hex(16)}-{'1' * 16}-01"):
            return request_id, await self.client.call("GET", path)

    async def ask_all(self) -> dict[str, tuple[str, Reply]]:
        """Asks for everything at the same time. What is held is asked first and answered last."""
        slow = asyncio.create_task(self.ask(HELD))
        await eventually(lambda: self.answers.held, 20)
        paths = [*QUICK_ONES, REFUSED]
        found = await asyncio.gather(*(asyncio.create_task(self.ask(path)) for path in paths))
        assert not slow.done()
        assert len(self.server.server_state.connections) == 1, "they share a link"
        self.answers.go.set()
        return {HELD: await slow, **dict(zip(paths, found, strict=True))}


async def _ready() -> dict[str, bool]:
    return {}


@contextlib.asynccontextmanager
async def _alive(_app: FastAPI) -> AsyncIterator[None]:
    yield


@pytest_asyncio.fixture
async def service(
    signer_for: Callable[..., TokenSigner],
    verifier_for: Callable[..., TokenVerifier],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Service]:
    monkeypatch.setattr("shared.client.LINKS", 1)
    answers = Answers()
    app: Any = make_app(
        "payment", verifier=verifier_for("payment"), lifespan=_alive, ready=_ready,
        routers=[answers.router()],
    )  # fmt: skip
    app = Traced(app) if tracing.is_on() else app
    async with served(app, Http) as (server, _, (host, port)):
        signer = signer_for("gateway-edge")
        client = ServiceClient(f"http://{host}:{port}", audience="payment", signer=signer)
        yield Service(answers, server, client)
        await client.aclose()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The finished spans; tracing is on for one test."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.use(None)


def access_lines(out: bytes) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]
    return [line for line in lines if line.get("event") == "http"]


async def test_each_response_is_that_of_its_request(service: Service) -> None:
    for path, (request_id, reply) in (await service.ask_all()).items():
        assert (reply.status, reply.headers["x-request-id"]) == (STATUSES[path], request_id), path
        said = reply.json()
        # What the process logs of a request while it works on it has this id.
        assert said["request_id" if path == REFUSED else "id"] == request_id, path
        assert said.get("code", "") == ("test.not_today" if path == REFUSED else ""), path


async def test_each_request_has_one_access_line_of_its_own(
    service: Service, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    asked = await service.ask_all()
    lines = access_lines(capsysbinary.readouterr().out)
    found = sorted((line["path"], line["status"], line["request_id"]) for line in lines)
    assert found == sorted((path, STATUSES[path], asked[path][0]) for path in STATUSES)
    assert {line["method"] for line in lines} == {"GET"}
    assert lines[-1]["path"] == HELD, "a line is written when its request ends"
    assert max(lines, key=lambda line: float(line["ms"]))["path"] == HELD


def counted() -> list[float]:
    """Requests by answer: in order and refused; and those whose time is known."""
    totals = [{"method": "GET", "status": status} for status in ("200", "409")]
    return [
        *(REGISTRY.get_sample_value("http_requests_total", labels) or 0 for labels in totals),
        REGISTRY.get_sample_value("http_request_seconds_count", {"method": "GET"}) or 0,
    ]


async def test_each_request_is_counted_once(service: Service) -> None:
    before = counted()
    await service.ask_all()
    rises = [now - then for now, then in zip(counted(), before, strict=True)]
    assert rises == [len(QUICK_ONES) + 1, 1, len(STATUSES)]


def way_of(answer: ReadableSpan, spans: dict[int, ReadableSpan]) -> list[str]:
    """The names of the spans from the outermost of a trace to this one."""
    way, here = [], answer
    while True:
        way.append(here.name)
        if here.parent is None or here.parent.span_id not in spans:
            return way[::-1]
        here = spans[here.parent.span_id]


async def test_each_request_continues_its_own_trace(
    spans: InMemorySpanExporter, service: Service
) -> None:
    asked = await service.ask_all()
    finished = {span.context.span_id: span for span in spans.get_finished_spans() if span.context}
    answers = [span for span in finished.values() if span.name.startswith("GET /")]
    assert {span.kind for span in answers} == {SpanKind.SERVER}
    routes = {path: QUICK if path in QUICK_ONES else path for path in STATUSES}
    assert sorted(way_of(span, finished) for span in answers) == sorted(
        [path, "GET payment", f"GET {routes[path]}"] for path in STATUSES
    )
    assert len({span.context.trace_id for span in answers if span.context}) == len(STATUSES)
    for path in (HELD, *QUICK_ONES):
        # The request still was in its span after the others had been answered.
        carried = int(asked[path][1].json()[tracing.HEADER].split("-")[2], 16)
        assert way_of(finished[carried], finished)[0] == path
