"""Asks Alipay's open platform through the egress, as a merchant's bound app. Keys are none of our
business here: the egress signs, and what comes back as an outcome has been verified."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.contracts.egress import EgressRequest
from shared.contracts.verdicts import Said, said_of
from shared.errors import BadGateway, Problem

if TYPE_CHECKING:
    from shared.client import ServiceClient


class OpenPlatform:
    """The egress, with the answers that onboarding and the key doctor act upon. `connect` is called
    at the first question: mostly there is none, and an HTTP client costs a tenth of a start."""

    def __init__(self, connect: "Callable[[], ServiceClient]") -> None:
        self._connect = connect
        self._egress: ServiceClient | None = None

    async def aclose(self) -> None:
        if self._egress is not None:
            await self._egress.aclose()

    async def ask(
        self, tenant_id: UUID, app_id: str, method: str, params: Mapping[str, Any]
    ) -> Said:
        """One attempt; whatever goes wrong on the way is `unknown`."""
        body: EgressRequest = {"app_id": app_id, "params": dict(params)}
        return await self._said(f"/alipay/{method}", body, tenant_id)

    async def check_key(
        self, tenant_id: UUID, app_id: str, key_version: int, params: Mapping[str, Any]
    ) -> Said:
        """A trade query signed with that version and verified under it alone, pending or not."""
        body: EgressRequest = {"app_id": app_id, "key_version": key_version, "params": dict(params)}
        return await self._said("/key-check", body, tenant_id)

    async def rehearse(
        self, tenant_id: UUID, door: str, body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """What the sandbox behind the egress did; its refusal is raised as it is, `sandbox.absent`
        where the real Alipay is behind it. Unavailable when nobody answers."""
        if self._egress is None:
            self._egress = self._connect()
        answer: Mapping[str, Any] = await self._egress.call_ok(
            "POST", f"/sandbox/{door}", body=body, tenant_id=tenant_id
        )
        return answer

    async def _said(self, path: str, body: EgressRequest, tenant_id: UUID) -> Said:
        from shared.client import NoAnswer, NotSent

        if self._egress is None:
            self._egress = self._connect()
        try:
            reply = await self._egress.call("POST", path, body=body, tenant_id=tenant_id)
        except (NotSent, NoAnswer, Problem) as error:
            return Said("unknown", reason=type(error).__name__)
        try:
            document = reply.json()
        except BadGateway:
            document = None
        return said_of(reply.status, document)
