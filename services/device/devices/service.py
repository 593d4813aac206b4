"""Enrolment of devices, the read model of stores, and the deletion of old rows. Enrolled devices:
`fleet.py`; open codes: `codes.py`."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from services.device.deps import Deps
from services.device.devices import repo, rules
from services.device.devices.rules import Kind, Status
from services.device.models import Device, EnrolmentCode
from shared import inbox, outbox
from shared.contracts.events.audit import DeviceAudited
from shared.contracts.events.base import latest, stamp
from shared.contracts.events.binding import StoreCreated, StoreRenamed
from shared.contracts.events.device import DeviceEnrolled
from shared.errors import NotFound, Problem
from shared.ids import uuid7
from shared.keys.data_keys import data_key
from shared.keys.sealed import seal
from shared.telemetry import get_logger

KEY_PURPOSE = "device-key"
KEEP_OLD_CODES = timedelta(days=30)
"""For so long it is evidence (S132) which code enrolled which device."""

log = get_logger("device")
_refused = Counter("enrolments_refused_total", "Enrolments refused", ["why"])


@dataclass(frozen=True, slots=True)
class NewCode:
    """A new code in clear, which is returned only once."""

    code_id: UUID
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What a device declares about itself at enrolment."""

    sn: str
    model: str | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A device with its key in clear, which is returned only once."""

    device: Device
    key: bytes = field(repr=False)


# --- enrolment


async def merchant_of_store(deps: Deps, store_id: UUID) -> UUID | None:
    """The merchant of a store, for the command line, where it may be left out."""
    async with deps.db.read(None) as tx:
        return await repo.stores_owner(tx, store_id)


async def create_code(
    deps: Deps, tenant_id: UUID, store_id: UUID, *, sn: str | None, actor: str
) -> NewCode:
    """A single-use code for one device of that store, optionally for one SN only. Raises
    UnknownStore, TooManyCodes."""
    now, code = deps.clock.now(), rules.new_code()
    row = EnrolmentCode(
        tenant_id=tenant_id,
        code_id=uuid7(deps.clock),
        code_hash=rules.code_digest(code),
        hint=code[-rules.HINT_LETTERS :],
        store_id=store_id,
        sn=sn,
        created_by=actor,
        created_at=now,
        expires_at=now + rules.CODE_LIFETIME,
        tries=0,
    )
    async with deps.db.tx(tenant_id) as tx:
        if await repo.store(tx, tenant_id, store_id) is None:
            raise rules.UnknownStore
        await repo.lock(tx, f"codes:{tenant_id}")
        if await repo.count_open_codes(tx, tenant_id, now) >= rules.OPEN_CODES_MAX:
            raise rules.TooManyCodes
        tx.add(row)
        operation = (actor, "device.code", row.code_id)
        await outbox.add(
            tx, audit_event(deps, tenant_id, operation, {"store_id": str(store_id), "sn": sn})
        )
    return NewCode(row.code_id, code, row.expires_at)


async def enrol_device(deps: Deps, code: str, made: NewDevice) -> Enrolment:
    """Redeems a code. The same SN in the same tenant stays the same device with a new key; the
    event device.enrolled drops the old key from every cache."""
    digest, sn = rules.code_digest(code), made.sn
    if digest is None:
        raise _counted(rules.UnknownCode)
    now = deps.clock.now()
    # System scope: the code determines the tenant.
    async with deps.db.tx(None) as tx:
        used = await repo.use_code(tx, digest, sn=sn, now=now)
        if used is not None:
            await _require_maker(tx, used, made)
            enrolment = await _enrol(deps, tx, used, made, now)
            used.device_id = enrolment.device.device_id
        else:
            # The failed try is counted in this transaction, so the refusal is raised after the
            # commit.
            known = await repo.count_try(tx, digest)
            has_maker_left = known is not None and await repo.has_maker_left(tx, known)
            if known is not None and await repo.is_of_suspended(tx, known):
                known.revoked_at = known.revoked_at or now
    if used is not None:
        log.info("device.enrolled", device_id=str(enrolment.device.device_id), sn=sn)
        return enrolment
    if known is None:
        raise _counted(rules.UnknownCode)
    state = state_of(known, now, has_maker_left=has_maker_left)
    raise _counted(rules.why_refused(state, sn=sn, bound_sn=known.sn))


async def _require_maker(tx: AsyncSession, code: EnrolmentCode, made: NewDevice) -> None:
    """A test cashier is revoked when the maker of its code leaves the role. The lock makes sure of
    it also if the maker leaves at the same time."""
    if made.kind is Kind.TEST_CASHIER:
        await repo.lock(tx, repo.maker_lock(code.created_by))
        if await repo.has_maker_left(tx, code):
            raise _counted(rules.CodeEnded)


def state_of(code: EnrolmentCode, now: datetime, *, has_maker_left: bool) -> rules.CodeState:
    """The state of the code in that row."""
    return rules.code_state(
        now,
        expires_at=code.expires_at,
        used_at=code.used_at,
        revoked_at=code.revoked_at,
        tries=code.tries,
        has_maker_left=has_maker_left,
    )


def _counted(problem: type[Problem]) -> Problem:
    _refused.labels(problem.code).inc()
    log.warning("device.enrolment_refused", why=problem.code)
    return problem()


async def _enrol(
    deps: Deps, tx: AsyncSession, code: EnrolmentCode, made: NewDevice, now: datetime
) -> Enrolment:
    tenant_id, sn = code.tenant_id, made.sn
    await repo.lock(tx, f"sn:{tenant_id}:{sn}")
    device = await repo.device_by_sn(tx, tenant_id, sn)
    if device is None:
        device = Device(
            tenant_id=tenant_id, device_id=uuid7(deps.clock), sn=sn, key_version=0, version=0
        )
    before = _held(device) if device.key_version else None
    kek_id, wrapped = await data_key(tx, deps.key_provider, tenant_id, KEY_PURPOSE, now)
    key = secrets.token_bytes(rules.KEY_BYTES)
    device.store_id = code.store_id
    device.model = made.model or device.model
    device.kind = made.kind.value
    device.status = Status.ACTIVE.value
    device.key_version += 1
    device.version += 1
    device.key_id = f"k{device.key_version}-{secrets.token_hex(6)}"
    device.key_aad = f"{tenant_id}|{device.device_id}|{KEY_PURPOSE}|{device.key_version}"
    device.key_box = seal(deps.key_provider, wrapped, key, device.key_aad, kek_id)
    device.enrolled_at, device.enrolled_by = now, code.created_by
    device.revoked_at = device.revoked_by = None
    tx.add(device)
    await tx.flush()
    event = DeviceEnrolled(
        **stamp(tenant_id, deps.clock),
        device_id=device.device_id,
        store_id=device.store_id,
        sn=sn,
        model=device.model,
        kind=cast(Any, device.kind),
    )
    await outbox.add(tx, event)
    # The person who enrols is not known: the audit log names the device and the maker of the code.
    operation = (f"device:{device.device_id}", "device.enrol", device.device_id)
    made_with = {"sn": sn, "code_id": str(code.code_id), "enrolled_by": code.created_by}
    await outbox.add(tx, audit_event(deps, tenant_id, operation, _held(device) | made_with, before))
    return Enrolment(device, key)


def _held(device: Device) -> dict[str, Any]:
    return {"store_id": str(device.store_id), "key_version": device.key_version}


# --- audit events, and the edge's look-up


def audit_event(
    deps: Deps,
    tenant_id: UUID,
    operation: tuple[str, str, UUID],
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> DeviceAudited:
    """The audit log event (S132); `operation` is (actor, action, subject)."""
    actor, action, subject = operation
    request = get_contextvars()
    return DeviceAudited(
        **stamp(tenant_id, deps.clock),
        actor=actor,
        action=action,
        subject_id=str(subject),
        before=before,
        after=after,
        request_id=request.get("request_id"),
        address=request.get("client_address"),
    )


async def find_credential(deps: Deps, device_id: UUID) -> Device:
    """The device with its sealed key, for the edge, which knows only the id."""
    async with deps.db.read(None) as tx:
        device = await repo.device_by_id(tx, device_id)
    if device is None:
        raise NotFound
    return device


# --- the read model of stores, and old rows


async def record_stores(
    pg: "asyncpg.Connection[Any]", events: Sequence[StoreCreated | StoreRenamed]
) -> None:
    """Updates the read model of stores, in the consumer's transaction. The latest event counts, in
    whatever order they arrive."""
    await repo.note_stores(pg, latest(events, "tenant_id", "store_id"))


async def sweep(deps: Deps) -> None:
    """Deletes old codes, people who left once all their codes are over, and inbox rows of events
    that cannot be delivered again."""
    await deps.db.purge("enrolment_codes", "expires_at < $1", deps.clock.now() - KEEP_OLD_CODES)
    over = deps.clock.now() - rules.IN_FLIGHT - 2 * rules.CODE_LIFETIME
    await deps.db.purge("left_roles", "greatest(left_at, renewed_at) < $1", over)
    await inbox.purge(deps.db)
