"""Traces (OpenTelemetry) from the edge to an event's last effect; off unless an endpoint is set.

While it is off, the library is not loaded and a request costs one comparison more. We write the
spans ourselves, because the instrumentation packages put whole URLs into attributes, and ours hold
secrets (a notify route, an enrolment code). Our spans carry names, statuses and ids only.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import orjson

Kind = Literal["server", "client", "consumer"]

HEADER = "traceparent"
"""W3C Trace Context, in headers of requests and as the CloudEvents extension of the same name"""
ROUTE = "damselfly.route"
"""the key in an ASGI scope under which the router stores the label of the route"""


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


def flush() -> None:
    """Sends the spans that are still held."""
    _Switch.provider.force_flush()


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
def effects(consumer: str, kind: str, events: Sequence[tuple[object, Any]]) -> Iterator[None]:
    """One span for the effect of each (event, its record), in the trace of the event's cause."""
    with ExitStack() as spans:
        for _, record in events if is_on() else ():
            parent = orjson.loads(record.value or b"{}").get(HEADER)
            if isinstance(parent, str):
                spans.enter_context(span(f"{kind} {consumer}", "consumer", parent))
        yield
