"""The client of the egress: the only way in which our services call Alipay. The egress signs the
calls, and every outcome that it returns has been verified."""

from uuid import UUID

from shared.client import ServiceClient
from shared.contracts.egress import EgressReply, EgressRequest, reply_of, reply_without_response
from shared.errors import NoAnswer, NotSent, PoolFull


class EgressClient:
    """One attempt for each call at one channel, and a reply in every case."""

    def __init__(self, client: ServiceClient, channel: str = "alipay") -> None:
        self.client, self._channel = client, channel

    async def aclose(self) -> None:
        await self.client.aclose()

    async def call(self, tenant_id: UUID, method: str, request: EgressRequest) -> EgressReply:
        """A call of the channel's method."""
        return await self._post(tenant_id, f"/{self._channel}/{method}", request)

    async def check_key(self, tenant_id: UUID, request: EgressRequest) -> EgressReply:
        """A trade query signed with the version that the request names, and verified under that
        version alone, pending or not."""
        return await self._post(tenant_id, "/key-check", request)

    async def _post(self, tenant_id: UUID, path: str, request: EgressRequest) -> EgressReply:
        try:
            reply = await self.client.call("POST", path, body=request, tenant_id=tenant_id)
        except (NotSent, PoolFull, NoAnswer) as error:
            return reply_without_response(error)
        return reply_of(reply.status, reply.content)
