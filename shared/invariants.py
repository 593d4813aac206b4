"""Invariants of a service's database: SQL files that return the rows that break them.

Each query covers the last days only, so that it ends in time on tables of any size. It runs every
hour, so each row is checked many times before it leaves the window. A failed run is as visible as a
violation: it is counted, and the gauge of the last run stays at its old value.
"""

from collections.abc import Mapping
from pathlib import Path

from prometheus_client import Counter, Gauge

from shared.clock import Clock
from shared.db import Database
from shared.telemetry import get_logger
from shared.worker import Job, periodic

log = get_logger("invariants")
_violations = Gauge("invariant_violations", "Rows that break an invariant", ["invariant"])
_last_run = Gauge("invariant_last_run_timestamp_seconds", "When it was last asked", ["invariant"])
_failures = Counter("invariant_failures_total", "Runs that came to no answer", ["invariant"])


def of(module_file: str) -> dict[str, str]:
    """The invariants of the service that the module belongs to: name -> SQL."""
    folder = Path(module_file).parent / "invariants"
    return {path.stem: path.read_text() for path in sorted(folder.glob("*.sql"))}


async def check(db: Database, invariants: Mapping[str, str], clock: Clock) -> dict[str, int]:
    """The number of rows that break each invariant; one whose query failed is left out."""
    found = {}
    for name, sql in invariants.items():
        _failures.labels(name)
        try:
            async with db.pg(None) as pg:
                rows = await pg.fetch(sql)
        except Exception as error:
            _failures.labels(name).inc()
            log.exception("invariant.not_asked", invariant=name, error=type(error).__name__)
            continue
        found[name] = len(rows)
        _violations.labels(name).set(len(rows))
        _last_run.labels(name).set(clock.now().timestamp())
        if rows:
            log.error("invariant.violated", invariant=name, rows=len(rows), first=str(rows[0]))
    return found


def checking(db: Database, module_file: str, clock: Clock) -> Job:
    """The hourly job of the service that the module belongs to."""
    invariants = of(module_file)
    return periodic(lambda: check(db, invariants, clock), every_s=3600.0)
