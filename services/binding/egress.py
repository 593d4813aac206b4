"""Calls Alipay's open platform through the egress, as a merchant's bound app. The egress signs the
calls, and every outcome that it returns has been verified."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.contracts.egress import EgressRequest
from shared.contracts.verdicts import PlatformReply, reply_of
from shared.errors import BadGateway, NoAnswer, NotSent, Problem

if TYPE_CHECKING:
    from shared.client import ServiceClient


class OpenPlatform:
    """The client of the egress for onboarding and the live check. `connect` is called at the first
    call: most runs of the process make none, and an HTTP client costs a tenth of a start."""

    def __init__(self, connect: "Callable[[], ServiceClient]") -> None:
        self._connect = connect
        self._egress: ServiceClient | None = None

    async def aclose(self) -> None:
        if self._egress is not None:
            await self._egress.aclose()

    async def ask(
        self, tenant_id: UUID, app_id: str, method: str, params: Mapping[str, Any]
    ) -> PlatformReply:
        """One attempt. Any failure on the way has the outcome `unknown`."""
        body: EgressRequest = {"app_id": app_id, "params": dict(params)}
        return await self._call(f"/alipay/{method}", body, tenant_id)

    async def check_key(
        self, tenant_id: UUID, app_id: str, key_version: int, params: Mapping[str, Any]
    ) -> PlatformReply:
        """A trade query signed with that version and verified under it alone, pending or not."""
        body: EgressRequest = {"app_id": app_id, "key_version": key_version, "params": dict(params)}
        return await self._call("/key-check", body, tenant_id)

    async def rehearse(
        self, tenant_id: UUID, path: str, body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Calls the sandbox's own API through the egress. Its problems are raised unchanged,
        `sandbox.absent` where the egress calls the real Alipay. Unavailable without an answer."""
        if self._egress is None:
            self._egress = self._connect()
        answer: Mapping[str, Any] = await self._egress.call_ok(
            "POST", f"/sandbox/{path}", body=body, tenant_id=tenant_id
        )
        return answer

    async def _call(self, path: str, body: EgressRequest, tenant_id: UUID) -> PlatformReply:

        if self._egress is None:
            self._egress = self._connect()
        try:
            reply = await self._egress.call("POST", path, body=body, tenant_id=tenant_id)
        except (NotSent, NoAnswer, Problem) as error:
            return PlatformReply("unknown", reason=type(error).__name__)
        try:
            document = reply.json()
        except BadGateway:
            document = None
        return reply_of(reply.status, document)
