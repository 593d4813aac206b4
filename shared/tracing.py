"""Traces (OpenTelemetry) from the edge to an event's last effect; off unless an endpoint is set.

While it is off, the library is not loaded and a request costs one comparison more. We write the
spans ourselves, because the instrumentation packages put whole URLs into attributes, and ours hold
secrets (a notify route, an enrolment code). Our spans carry names, statuses and ids only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import orjson

Kind = Literal["server", "client", "consumer"]
# ASGI's types; a contract imports this module, and contracts know no framework.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER = "traceparent"
"""W3C Trace Context, in HTTP headers and as the CloudEvents extension of the same name"""
ROUTE = "damselfly.route"
"""the key in an ASGI scope under which the router stores the label of the route"""
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})


class _Switch:
    """The tracer in use; None while tracing is off."""

    provider: Any = None
    tracer: Any = None


def configure(process: str, endpoint: str) -> None:
    """Starts sending spans as `process`; the exporter reads the other OTEL_* variables itself."""
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": process}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)


def use(provider: Any) -> None:
    """Takes an OpenTelemetry tracer provider; None switches tracing off."""
    _Switch.provider = provider
    _Switch.tracer = provider and provider.get_tracer("damselfly")


def is_on() -> bool:
    return _Switch.tracer is not None


@contextmanager
def span(name: str, kind: Kind, parent: str | None = None, **attributes: Any) -> Iterator[Any]:
    """One span around the block, a child of `parent` (a traceparent) or else of the current one."""
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract({HEADER: parent}) if parent else None
    with _Switch.tracer.start_as_current_span(
        name, context, SpanKind[kind.upper()], attributes or None, record_exception=False
    ) as current:
        yield current


def carried() -> dict[str, str]:
    """The current span as a header for the next process; empty when there is none."""
    if _Switch.tracer is None:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return {HEADER: carrier[HEADER]} if HEADER in carrier else {}


@contextmanager
def effects(consumer: str, kind: str, events: Sequence[bytes]) -> Iterator[None]:
    """One span for the effect of each event, in the trace of the event's cause."""
    with ExitStack() as spans:
        for raw in events if is_on() else ():
            parent = orjson.loads(raw).get(HEADER)
            if isinstance(parent, str):
                spans.enter_context(span(f"{kind} {consumer}", "consumer", parent))
        yield


def _flushing(send: Send) -> Send:
    """Sends the remaining spans at the end: the signal that stops the server would lose them."""

    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.shutdown.complete":
            await asyncio.to_thread(_Switch.provider.force_flush)
        await send(message)

    return sending


class Traced:
    """An ASGI app that makes a span for each request, named after its route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, _flushing(send))
        if scope["path"] in _QUIET:
            return await self._app(scope, receive, send)
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        parent = headers.get(HEADER.encode(), b"").decode("latin-1")
        method = scope["method"]
        with span(method, "server", parent) as current:

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    current.set_attribute("http.response.status_code", message["status"])
                await send(message)

            try:
                await self._app(scope, receive, sending)
            finally:
                route = scope.get(ROUTE) or getattr(scope.get("route"), "path", "none")
                current.update_name(f"{method} {route}")
                current.set_attribute("http.route", route)
