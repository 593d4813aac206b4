"""Records when key versions last signed, as the egress reports it."""

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
    """Stores the latest use of each version; versions that no longer exist are ignored. The rows
    are updated in one order, so that two reports cannot deadlock."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        for use in sorted(uses, key=lambda use: (use.tenant_id, use.app_id, use.key_version)):
            # A time from a clock that is ahead would hide later uses, so it is limited to now.
            at = min(use.used_at, now)
            await repo.app_key_used(tx, use.tenant_id, use.app_id, use.key_version, at)
