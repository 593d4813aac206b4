"""Asks Alipay's open platform through the egress, as a merchant's bound app. Keys are none of our
business here: the egress signs, and what comes back as an outcome has been verified."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.contracts.egress import EgressRequest
from shared.contracts.verdicts import PlatformReply, reply_of
from shared.errors import BadGateway, NoAnswer, NotSent, Problem

if TYPE_CHECKING:
    from shared.client import ServiceClient


class OpenPlatform:
    """The egress, as far as the life of a mini program needs it. `connect` is called at the first
    question: mostly there is none."""

    def __init__(self, connect: "Callable[[], ServiceClient]") -> None:
        self._connect = connect
        self._egress: ServiceClient | None = None

    async def aclose(self) -> None:
        if self._egress is not None:
            await self._egress.aclose()

    async def ask(
        self, tenant_id: UUID, app_id: str, method: str, params: Mapping[str, Any]
    ) -> PlatformReply:
        """One attempt; whatever goes wrong on the way is `unknown`."""

        if self._egress is None:
            self._egress = self._connect()
        body: EgressRequest = {"app_id": app_id, "params": dict(params)}
        try:
            reply = await self._egress.call(
                "POST", f"/alipay/{method}", body=body, tenant_id=tenant_id
            )
        except (NotSent, NoAnswer, Problem) as error:
            return PlatformReply("unknown", reason=type(error).__name__)
        try:
            document = reply.json()
        except BadGateway:
            document = None
        return reply_of(reply.status, document)
