"""OTEL_EXPORTER_OTLP_ENDPOINT switches tracing on in a process, and only that."""

import asyncio
import os
import signal
import subprocess
import sys

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fixtures.postgres import die_with_parent, free_port
from tests.unit.gateway.neighbours import Neighbour

pytestmark = pytest.mark.asyncio


@pytest.fixture
def settings(service_db, service_keys):
    place = service_db("order")
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL_ORDER": place.app_url, "DATABASE_SYSTEM_URL_ORDER": place.system_url,
        "KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "SERVICE_KEY_FILE": str(service_keys.key_file("order")),
        "SERVICE_TRUST_FILE": str(service_keys.trust_file),
    }  # fmt: skip


async def asked_once(settings):
    """Starts the API of order, asks it one thing without a token, and ends it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "services.order", "api"],
        env=settings | {"LISTEN": f"127.0.0.1:{port}"},
        stdout=subprocess.DEVNULL, preexec_fn=die_with_parent,  # noqa: PLW1509
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            async with asyncio.timeout(60):
                while True:
                    try:
                        if (await client.get("/readyz")).status_code == 200:
                            break
                    except httpx.TransportError:
                        assert process.poll() is None
                    await asyncio.sleep(0.1)
            got = await client.get("/api/merchant/v1/orders/0123")
            assert got.status_code == 401
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 40) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()


async def test_a_process_exports_its_spans(settings):
    collector = await Neighbour().start()
    collector.on("POST", "/v1/traces", {})
    try:
        await asked_once(settings | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        sent = [ExportTraceServiceRequest.FromString(seen.body) for seen in collector.seen]
        (resource,) = (spans for request in sent for spans in request.resource_spans)
        named = {a.key: a.value.string_value for a in resource.resource.attributes}
        assert named["service.name"] == "order-api"
        (span,) = (span for scope in resource.scope_spans for span in scope.spans)
        assert span.name == "GET /api/merchant/v1/orders/{order_no}"
        assert {a.key: a.value.int_value for a in span.attributes}[
            "http.response.status_code"
        ] == 401
    finally:
        await collector.stop()


async def test_without_an_endpoint_nothing_is_loaded(settings):
    code = "import sys, shared.serve, shared.worker, shared.client, shared.consumer, gateway.edge;"
    code += "print(sorted(m for m in sys.modules if m.startswith('opentelemetry.sdk')))"
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
