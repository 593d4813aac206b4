"""Every service asks its own invariants every hour, and says when it last did."""

import json
import re
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from shared import invariants, kafka, worker
from shared.db import Database
from tests.architecture.tree import SERVICES
from tests.contract.generate import settings_of

BREAKS = {
    "binding": "INSERT INTO audit_heads (tenant_id, seq, hash) VALUES ($1, 1, 'x')",
    "device": "INSERT INTO devices (tenant_id, device_id, store_id, sn, status, key_id,"
    " key_version, key_box, key_aad, enrolled_at)"
    " SELECT $1, $1, $1, 'SN1', 'active', 'k1', 1, '', '', now()",
    "payment": "INSERT INTO refunds (tenant_id, refund_id, payment_id, refund_request_id,"
    " out_request_no, amount_fen, origin, state, created_at, next_poll_at)"
    " SELECT $1, $1, $1, 'r', 'r', 5, 'console', 'SUBMITTED', now() - interval '1 hour', now()",
    "campaign": "INSERT INTO grants (tenant_id, payment_id, draws_granted, status, granted_at)"
    " SELECT $1, $1, 1, 'granted', now()",
    "order": "INSERT INTO inbox (tenant_id, consumer, event_id) SELECT $1, 'order', $1",
}
"""One row that must not be, for each service."""


def metric(name, invariant):
    return REGISTRY.get_sample_value(name, {"invariant": invariant})


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.asyncio
async def test_a_violation_is_found_and_told_in_every_service(service_db, service, clock):
    place = service_db(service)
    db = Database(place.app_url, place.system_url, pool_size=2, name="audit")
    await db.open()
    asked = invariants.of(f"services/{service}/worker.py")
    assert asked
    assert await invariants.check(db, asked, clock) == dict.fromkeys(asked, 0)
    for name in asked:
        assert metric("invariant_last_run_timestamp_seconds", name) == clock.now().timestamp()
    async with place._connected() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(BREAKS[service], uuid4())
    found = await invariants.check(db, asked, clock)
    assert {name: metric("invariant_violations", name) for name in asked} == found
    assert sum(found.values()) >= 1
    await db.close()


@pytest.mark.asyncio
async def test_a_run_that_came_to_no_answer_is_seen_and_stops_no_other(db, clock):
    asked = {"cannot": "SELECT * FROM nothing_of_that_name", "can": "SELECT 1"}
    assert await invariants.check(db, asked, clock) == {"can": 1}
    assert metric("invariant_failures_total", "cannot") == 1
    assert metric("invariant_last_run_timestamp_seconds", "cannot") is None
    await invariants.check(db, asked, clock)
    assert metric("invariant_failures_total", "cannot") == 2


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.asyncio
async def test_every_worker_asks(service, monkeypatch):
    """The job is among those that the worker runs, with the files of its own service."""
    jobs, folders = {}, []

    def checking(_db, module_file, _clock):
        folders.append(module_file)
        return checking

    async def run_worker(name, _config, given, _ready):
        jobs[name] = given

    async def nothing(_self):
        pass

    monkeypatch.setattr(invariants, "checking", checking)
    monkeypatch.setattr(worker, "run_worker", run_worker)
    monkeypatch.setattr(kafka, "broker", lambda *_: None)
    for name in ("open", "close"):
        monkeypatch.setattr(Database, name, nothing)
    with settings_of(service) as config:
        await import_module(f"services.{service}.worker").run(config)
    assert checking in jobs[f"{service}-worker"]
    assert [invariants.of(folder) for folder in folders] == [
        invariants.of(f"services/{service}/worker.py")
    ]


def test_every_service_looks_back_over_its_events_equally_far():
    """The words stand in each file, so that it can be run by hand as it is, and changed there: so
    nothing but this keeps them the same."""
    files = [path.read_text() for path in Path("services").glob("*/invariants/*.sql")]
    windows = [re.search(r"WITH latest AS .*?\n  FROM latest\n\)", text, re.S) for text in files]
    found = [window[0] for window in windows if window]
    assert len(found) == sum("FROM outbox" in text for text in files) >= 2
    assert len(set(found)) == 1


ROWS = 60_000
LOAD = """
INSERT INTO refunds (tenant_id, refund_id, payment_id, refund_request_id, out_request_no,
  amount_fen, origin, state, created_at, finished_at)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), n::text, n::text, 1, 'console',
  'DONE', now() - interval '1 year' + n * interval '1 s', now()
FROM generate_series(1, $1) AS n
"""


def scans(node):
    if node.get("Relation Name") == "refunds":
        yield node["Actual Rows"] + node.get("Rows Removed by Index Recheck", 0)
    for child in node.get("Plans", ()):
        yield from scans(child)


@pytest.mark.parametrize("name", ["G1", "G3", "G4"])
@pytest.mark.asyncio
async def test_what_is_long_over_is_not_read_again(service_db, name):
    """The plan passes over the blocks of old rows: the run does not grow with the years."""
    place = service_db("payment")
    if await place.value("SELECT count(*) FROM refunds") < ROWS:
        async with place._connected() as connection:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(LOAD, ROWS)
        await place.execute("VACUUM ANALYZE refunds")
    sql = invariants.of("services/payment/worker.py")[name]
    (row,) = await place.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
    read = list(scans(json.loads(row[0])[0]["Plan"]))
    assert read
    assert max(read) < ROWS / 4
