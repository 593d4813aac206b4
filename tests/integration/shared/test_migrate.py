"""Migrations started by several processes at once, as a deployment with replicas does."""

import asyncio
import subprocess
import sys

import pytest

from tests.fixtures.processes import ROOT

AT_ONCE = "from shared.migrate import migrate; import sys; migrate(sys.argv[1], sys.argv[2])"
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


@pytest.mark.parametrize("turn", range(5))
def test_two_migrations_at_once_both_end_well(postgres, turn):
    """On an empty database, and once more on the one they made."""
    service = ("payment", "order", "device", "campaign", "binding")[turn]
    place = postgres.empty(f"at_once_{turn}", service)
    for _ in range(2):
        both = [
            subprocess.Popen(
                [sys.executable, "-c", AT_ONCE, f"services.{service}", place.owner_url],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for _ in range(2)
        ]  # fmt: skip
        said = [process.communicate(timeout=100)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], said
    assert asyncio.run(place.value(TABLES)) > 3
    assert asyncio.run(place.value("SELECT count(*) FROM alembic_version")) == 1
    postgres.drop(place)
