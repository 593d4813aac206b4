"""When key versions last signed, as the egress tells it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.binding.deps import Deps
from services.binding.keys import repo


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The egress signed with that version at that time."""

    tenant_id: UUID
    app_id: str
    key_version: int
    used_at: datetime


async def note_key_uses(deps: Deps, uses: Sequence[KeyUse]) -> None:
    """Keeps the latest use of each version; what is not there any longer is passed over. In one
    order, so that two reports cannot wait for each other."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        for use in sorted(uses, key=lambda one: (one.tenant_id, one.app_id, one.key_version)):
            # A clock that runs ahead must not hide the uses to come.
            at = min(use.used_at, now)
            await repo.app_key_used(tx, use.tenant_id, use.app_id, use.key_version, at)
