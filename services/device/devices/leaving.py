"""What ends here with a person's power or password, as binding tells it.

Whoever is disabled or gets another role leaves no open enrolment code behind, and no test cashier:
that is a page which plays a terminal in a browser of theirs. A terminal stays: the shop sells with
it, and people stop it in the list. A new password ends the codes made under the former one, and
all codes of a merchant end when it is suspended.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from services.device.deps import Deps
from services.device.devices import repo
from services.device.devices.service import audit_event
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import (
    MerchantResumed,
    MerchantSuspended,
    PasswordRenewed,
    RoleLeft,
)
from shared.contracts.events.device import DeviceRevoked
from shared.standings import note_standings

PLATFORM_ACTOR = "platform"

Person = tuple[UUID, UUID]
"""(the tenant whose person it is, user)"""
Name = TypeVar("Name", UUID, Person)


async def record_left(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[RoleLeft]
) -> None:
    """Who has left a role, inside the consumer's transaction; from now on their codes enrol
    nothing, and the test cashiers which such codes enrolled are revoked."""
    latest = _of_people(events)
    # Whoever enrols a test cashier under such a code right now comes before this or after it.
    for maker in sorted({repo.maker_of(user_id) for _, user_id in latest}):
        await repo.lock_maker(pg, maker)
    await repo.note_left(pg, latest)
    for tenant_id, device_id, sn, maker in await repo.revoke_cashiers(
        pg, latest, now=deps.clock.now(), actor=PLATFORM_ACTOR
    ):
        await outbox.add(pg, DeviceRevoked(**stamp(tenant_id, deps.clock), device_id=device_id))
        operation = (PLATFORM_ACTOR, "device.revoke", device_id)
        after = {"sn": sn, "enrolled_by": maker, "why": "role_left"}
        await outbox.add(pg, audit_event(deps, tenant_id, operation, after))


async def record_renewed(pg: "asyncpg.Connection[Any]", events: Sequence[PasswordRenewed]) -> None:
    """Who has a new password, inside the consumer's transaction."""
    await repo.note_renewed(pg, _of_people(events))


_REVOKE_CODES = """
UPDATE enrolment_codes c SET revoked_at = $1
FROM merchant_standings s
WHERE s.tenant_id = ANY($2::uuid[]) AND c.tenant_id = s.tenant_id AND c.created_at <= s.said_at
  AND c.expires_at > $1 AND c.used_at IS NULL AND c.revoked_at IS NULL
"""


async def record_standings(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[MerchantSuspended | MerchantResumed]
) -> None:
    """Nobody of a suspended merchant signs in, and no device comes to it either: its codes are
    taken back, inside the consumer's transaction."""
    await pg.execute(_REVOKE_CODES, deps.clock.now(), await note_standings(pg, events))


def _of_people(events: Sequence[RoleLeft] | Sequence[PasswordRenewed]) -> dict[Person, datetime]:
    return _latest(((event.tenant_id, event.user_id), event.occurred_at) for event in events)


def _latest(facts: Iterable[tuple[Name, datetime]]) -> dict[Name, datetime]:
    """In one order, so that two consumers never wait for each other."""
    latest: dict[Name, datetime] = {}
    for name, at in facts:
        latest[name] = max(at, latest.get(name, at))
    return dict(sorted(latest.items()))
