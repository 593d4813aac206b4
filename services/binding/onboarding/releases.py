"""Requests to the device service, which carries out and checks the rows about the life of the mini
program (docs/adr/0026). The intent is committed together with the request's event. The answer comes
as an event, too (`consumed`), and a page waits for it a moment.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.deps import Deps
from services.binding.onboarding import repo
from services.binding.onboarding.map import UPLOADED, Line, Map
from services.binding.onboarding.record import record
from services.binding.onboarding.rows import RELEASES, ROW_OF
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import ReleaseRequested
from shared.contracts.verdicts import Verdict
from shared.ids import uuid7

WAIT_S = 6.0
"""How long a page waits for the answer to its request; a later answer shows up on the map."""
POLL_S = 0.1
ASK_AGAIN = timedelta(minutes=10)
"""A look without an answer is requested again after this time."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests for the rows of one merchant's map, and the settings from which a version is
    made."""

    deps: Deps
    tenant_id: UUID
    found: Map
    template_id: str
    public_url: str

    async def act(self, line: Line, given: Mapping[str, Any], actor: str) -> None:
        """Requests that the row is carried out, and waits a moment for the answer. RowRunning when
        it runs already."""
        request = self._request(line, actor, "act", given)
        running = Verdict("running", evidence={**(line.evidence or {})})
        await record(
            self.deps, self.tenant_id, self.found.app_id, line, running, actor,
            requested={**given, "app_version": request.app_version}, request=request, is_start=True,
        )  # fmt: skip
        await self._answered(request)

    async def look(self, line: Line, actor: str, *, waits: bool) -> None:
        """Requests that the row is checked, and from then on automatically until it has ended."""
        request = self._request(line, actor, "look")
        name = self.tenant_id, self.found.app_id, line.row.row
        now = self.deps.clock.now()
        async with self.deps.db.tx(self.tenant_id) as tx:
            await repo.lock_row(tx, *name)
            await repo.await_answer(
                tx, name, request.request_id, at=now, again_at=now + ASK_AGAIN, by=actor
            )
            await outbox.add(tx, request)
        if waits:
            await self._answered(request)

    def forget(self, line: Line, actor: str) -> ReleaseRequested | None:
        """The request that ends the automatic checks of the row; None when there are none."""
        if line.row.row not in RELEASES or not self.found.app_id:
            return None
        return self._request(line, actor, "forget")

    def _request(
        self,
        line: Line,
        actor: str,
        kind: Literal["act", "look", "forget"],
        form: Mapping[str, Any] | None = None,
    ) -> ReleaseRequested:
        """The request, with the present state of the row."""
        ext = {
            "app_id": self.found.app_id,
            "merchant_id": str(self.tenant_id),
            "api_base": self.public_url,
        }
        return ReleaseRequested(
            **stamp(self.tenant_id, self.deps.clock),
            request_id=uuid7(self.deps.clock),
            app_id=self.found.app_id,
            step=RELEASES[line.row.row],
            kind=kind,
            actor=actor,
            app_version=version(self.found),
            form=dict(form or {}),
            template_id=self.template_id,
            ext=orjson.dumps({"extEnable": True, "ext": ext}).decode(),
            state="todo" if line.is_anew else line.kept,
            remedy=line.remedy,
            evidence=dict(line.evidence or {}),
        )

    async def _answered(self, request: ReleaseRequested) -> None:
        """Waits for an answer, for at most WAIT_S and without an open transaction."""
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while await self._is_open(request):  # noqa: ASYNC110 - another process answers
                    await asyncio.sleep(POLL_S)

    async def _is_open(self, request: ReleaseRequested) -> bool:
        async with self.deps.db.read(self.tenant_id) as tx:
            known = await repo.rows(tx, self.tenant_id, request.app_id)
        row = known.get(ROW_OF[request.step])
        return row is not None and row.request_id == request.request_id and row.answer is None


def version(found: Map) -> str:
    """The version that was uploaded or found at Alipay; "" for none."""
    return str((found.line(UPLOADED).evidence or {}).get("app_version", ""))


async def publish(tx: AsyncSession, request: ReleaseRequested | None) -> None:
    if request is not None:
        await outbox.add(tx, request)
