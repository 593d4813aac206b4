"""Ends enrolment codes and test cashiers when a person leaves a role, by binding's events.

A person who is disabled or gets another role leaves no open enrolment code and no test cashier (a
page that plays a terminal in that person's browser). A terminal stays, because the shop sells with
it; people revoke it in the list. A new password ends the codes made under the former one. All codes
of a merchant end when it is suspended.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.device.deps import Deps
from services.device.devices import repo
from services.device.devices.service import audit_event
from shared import outbox
from shared.contracts.events.base import latest, stamp
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
"""(the person's tenant, user)"""


async def record_left(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[RoleLeft]
) -> None:
    """Stores who has left a role, in the consumer's transaction. From now on the codes of these
    people enrol nothing, and test cashiers that such codes enrolled are revoked."""
    left = _of_people(events)
    # The lock orders this with an enrolment of a test cashier by such a code at the same time.
    for maker in sorted({repo.maker_of(user_id) for _, user_id in left}):
        await repo.lock_maker(pg, maker)
    await repo.note_left(pg, left)
    for tenant_id, device_id, sn, maker in await repo.revoke_cashiers(
        pg, left, now=deps.clock.now(), actor=PLATFORM_ACTOR
    ):
        await outbox.add(pg, DeviceRevoked(**stamp(tenant_id, deps.clock), device_id=device_id))
        operation = (PLATFORM_ACTOR, "device.revoke", device_id)
        after = {"sn": sn, "enrolled_by": maker, "why": "role_left"}
        await outbox.add(pg, audit_event(deps, tenant_id, operation, after))


async def record_renewed(pg: "asyncpg.Connection[Any]", events: Sequence[PasswordRenewed]) -> None:
    """Stores who has a new password, in the consumer's transaction."""
    await repo.note_renewed(pg, _of_people(events))


async def record_standings(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[MerchantSuspended | MerchantResumed]
) -> None:
    """Stores which merchants are suspended and revokes their codes, in the consumer's transaction:
    a suspended merchant gets no new device."""
    await repo.revoke_codes(pg, await note_standings(pg, events), deps.clock.now())


def _of_people(events: Sequence[RoleLeft | PasswordRenewed]) -> dict[Person, datetime]:
    last = latest(events, "tenant_id", "user_id")
    return {(event.tenant_id, event.user_id): event.occurred_at for event in last}
