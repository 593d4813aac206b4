"""OpenTelemetry: a sale is one trace, from the device's request to the last effect of its event."""

import asyncio
from itertools import pairwise

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from shared import tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
pytestmark = [pytest.mark.asyncio, pytest.mark.kafka]


@pytest_asyncio.fixture
async def spans():
    """The finished spans; tracing is on for one test."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.use(None)


def of_the_sale(exporter):
    """The spans of the device's trace, from the outermost inwards."""
    spans = [s for s in exporter.get_finished_spans() if f"{s.context.trace_id:032x}" == TRACE]
    return sorted(spans, key=lambda span: span.start_time)


def effects_in(exporter):
    return [span for span in exporter.get_finished_spans() if span.kind is SpanKind.CONSUMER]


async def test_a_sale_is_one_trace(spans, sale):
    paid = await sale.pay(traceparent=PARENT)
    assert paid["status"] == "paid"
    await sale.settled(paid["payment_id"])
    async with asyncio.timeout(10):
        while len(effects_in(spans)) < 2:  # a span ends a moment after its transaction
            await asyncio.sleep(0.02)
    found = of_the_sale(spans)
    looked_up = {"GET device", "GET binding"}  # keys, the first time
    at_edge, to_payment, at_payment, to_egress, at_egress, to_alipay, *effects = (
        span for span in found if span.name not in looked_up
    )
    assert at_edge.parent.span_id == 0x00F067AA0BA902B7
    way = [at_edge, to_payment, at_payment, to_egress, at_egress, to_alipay]
    assert [span.name for span in way] == [
        "POST /api/device/v1/payments", "POST payment", "POST /api/device/v1/payments",
        "POST egress", "POST /alipay/alipay.trade.pay", "POST alipay",
    ]  # fmt: skip
    for outer, inner in pairwise(way):
        assert inner.parent.span_id == outer.context.span_id, inner.name
    assert {span.name for span in effects} == {
        "payment.succeeded.v1 order", "payment.succeeded.v1 campaign",
    }  # fmt: skip
    assert {span.parent.span_id for span in effects} == {at_payment.context.span_id}


async def test_no_span_holds_what_a_request_holds(spans, sale):
    """Codes, buyers, keys and addresses stay out: names, statuses and routes only."""
    await sale.settled((await sale.pay(traceparent=PARENT))["payment_id"])
    attributes = {name for span in spans.get_finished_spans() for name in span.attributes}
    assert attributes == {"http.route", "http.response.status_code"}


async def test_alipay_is_not_told_of_the_trace(spans, sale):
    await sale.pay(traceparent=PARENT)
    (asked,) = sale.town.alipay.calls("gateway.do")
    assert "traceparent" not in asked.headers


async def test_off_nothing_is_carried(sale):
    await sale.pay()
    (asked,) = sale.egress.calls("/alipay/")
    assert "traceparent" not in asked.headers
    (event,) = await sale.databases["payment"].fetch("SELECT payload FROM outbox")
    assert b"traceparent" not in event["payload"]
