"""What an update finds: the devices of the time before it."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from alembic.script import ScriptDirectory

from shared.contracts.events.base import decode
from shared.contracts.events.device import DeviceEnrolled, DeviceRevoked
from shared.migrate import migrate

BEFORE_KINDS = "2026_11_28_2300"
STORE = UUID("01a20000-0000-7000-8000-0000000000a1")
OPEN, SHUT, EMPTY = (UUID(f"01a20000-0000-7000-8000-00000000000{n}") for n in (1, 2, 3))
ENROLLED = datetime(2025, 1, 1, tzinfo=UTC)
_STORE = "INSERT INTO stores (tenant_id, store_id, name, created_at) VALUES ($1, $2, '总店', now())"
_DEVICE = """
INSERT INTO devices (tenant_id, device_id, store_id, sn, model, status, key_id, key_version,
  key_box, key_aad, enrolled_at, revoked_at, revoked_by)
VALUES ($1, $2, $3, $4, NULL, $5, 'k1-0a', 1, 'box', 'aad', $6, $7, $8)
"""


@pytest.fixture
def before(postgres, monkeypatch):
    """A database as the version before kinds left it."""
    place = postgres.empty("before_kinds", "device")
    upgraded = ScriptDirectory._upgrade_revs
    with monkeypatch.context() as patched:
        patched.setattr(
            ScriptDirectory, "_upgrade_revs",
            lambda script, _head, current: upgraded(script, BEFORE_KINDS, current),
        )  # fmt: skip
        migrate("services.device", place.owner_url)
    yield place
    postgres.drop(place)


async def fleet(place):
    """{serial number: id}: a shop with devices old and gone, one where all are gone, one with
    none."""
    known = {}
    for tenant_id, sn, revoked in (
        (OPEN, "QCF4-1", None), (OPEN, "QCF4-2", 3), (OPEN, "TEST-1", None),
        (SHUT, "QCF4-3", 2), (SHUT, "QCF4-4", 1),
    ):  # fmt: skip
        known[sn] = uuid4()
        gone_at = ENROLLED + timedelta(days=revoked) if revoked else None
        status = "revoked" if revoked else "active"
        values = (sn, status, ENROLLED, gone_at, "user:x" if revoked else None)
        await place.execute(_DEVICE, tenant_id, known[sn], STORE, *values)
    return known


def test_the_fleet_is_told_once(before):
    """Every device that holds a key, with what it is; nobody who would make a shop look closed
    that sells. Where no device is left, that is told, too."""
    for tenant_id in (OPEN, SHUT, EMPTY):
        asyncio.run(before.execute(_STORE, tenant_id, STORE))
    known = asyncio.run(fleet(before))
    for _ in range(2):
        migrate("services.device", before.owner_url)
    rows = asyncio.run(before.fetch("SELECT * FROM outbox ORDER BY seq"))
    told = defaultdict(list)
    for row in rows:
        event = decode(row["payload"])
        assert (row["event_id"], row["key"]) == (event.event_id, str(event.device_id))
        assert (row["topic"], row["type"]) == ("device.events", event.type)
        assert row["published_at"] is None
        assert abs(event.occurred_at - row["created_at"]) < timedelta(milliseconds=1)
        assert event.occurred_at > ENROLLED + timedelta(days=60), "it is said today"
        told[event.tenant_id].append(event)
    assert all(isinstance(event, DeviceEnrolled) for event in told[OPEN])
    assert {(e.device_id, e.sn, e.kind) for e in told[OPEN]} == {
        (known["QCF4-1"], "QCF4-1", "terminal"), (known["TEST-1"], "TEST-1", "test_cashier"),
    }  # fmt: skip
    enrolled, revoked = told[SHUT]
    assert (type(enrolled), type(revoked)) == (DeviceEnrolled, DeviceRevoked)
    assert enrolled.device_id == revoked.device_id == known["QCF4-3"], "the last one"
    assert enrolled.occurred_at < revoked.occurred_at
    assert set(told) == {OPEN, SHUT}


_CODE = """
INSERT INTO enrolment_codes (tenant_id, code_id, code_hash, hint, store_id, created_by, created_at,
  expires_at, used_at, device_id, tries)
VALUES ($1, gen_random_uuid(), md5(random()::text), 'ABCD', $2, $3, $4, $4, $4, $5, 0)
"""


def test_whose_code_it_was_is_known_as_far_as_codes_are_kept(before):
    """Of the last enrolment: a device may have been enrolled by others before."""
    for tenant_id in (OPEN, SHUT):
        asyncio.run(before.execute(_STORE, tenant_id, STORE))
    known = asyncio.run(fleet(before))
    for maker, used_at in (("user:former", ENROLLED - timedelta(days=1)), ("user:last", ENROLLED)):
        device_id = known["TEST-1"]
        asyncio.run(before.execute(_CODE, OPEN, STORE, maker, used_at, device_id))
    migrate("services.device", before.owner_url)
    rows = asyncio.run(
        before.fetch("SELECT sn, enrolled_by FROM devices WHERE tenant_id = $1", OPEN)
    )
    makers = {row["sn"]: row["enrolled_by"] for row in rows}
    assert makers == {"QCF4-1": None, "QCF4-2": None, "TEST-1": "user:last"}
