"""Our own processes: the token that the edge sends to a service, and the one the egress
requires."""

from gateway.auth.device import Credential
from gateway.auth.merchant import Session
from gateway.auth.pos import ApiKey
from gateway.routing import MERCHANT_CONSOLE, SAFE_METHODS
from gateway.server.asgi import Request
from shared.contracts.principal import Principal
from shared.errors import Forbidden, Unauthorized
from shared.keys.tokens import TokenSigner, TokenVerifier

EGRESS_AUDIENCE = "egress"


class ServiceTokens:
    """Issues a short-lived token for one service, in place of the caller's own credentials."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer

    def for_device(self, service: str, method: str, device: Credential, nonce: str) -> str:
        """A read changes nothing, so its token needs no nonce and can be reused."""
        return self._signer.issue(
            service,
            kind="device",
            subject=device.device_id,
            tenant_id=device.tenant_id,
            store_id=device.store_id,
            nonce=None if method in SAFE_METHODS else nonce,
        )

    def for_user(self, service: str, session: Session, path: str) -> str:
        """The person as that console knows them: an operator who acts for a merchant belongs to
        that merchant, in the merchant console and until the acting ends."""
        now = self._signer.clock.now()
        stepped = session.step_up_until
        acting = session.acting
        is_acting = acting is not None and path.startswith(MERCHANT_CONSOLE) and now < acting.until
        return self._signer.issue(
            service,
            kind="user",
            subject=session.user_id,
            tenant_id=acting.tenant_id if acting and is_acting else session.tenant_id,
            session_id=session.session_id,
            permissions=acting.allows(now) if acting and is_acting else session.permissions,
            store_ids=session.store_ids,
            step_up_until=stepped if stepped and now < stepped else None,
            acting_id=acting.acting_id if acting and is_acting else None,
            name=session.name,
        )

    def for_key(self, service: str, key: ApiKey) -> str:
        """A merchant's program, within its key's store and permissions."""
        return self._signer.issue(
            service,
            kind="pos",
            subject=key.key_id,
            tenant_id=key.tenant_id,
            permissions=key.permissions,
            store_ids=(key.store_id,) if key.store_id else (),
        )

    def for_nobody(self, service: str) -> str:
        """For a public endpoint: the token only states that the edge forwarded the request."""
        return self._signer.issue(service, kind="service", subject=self._signer.issuer)


def calling_service(verifier: TokenVerifier, request: Request) -> Principal:
    """The service that calls the egress; a device's or a person's token is refused."""
    scheme, _, token = request.headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token:
        raise Unauthorized("a service token is required")
    caller = verifier.verify(token.decode("latin-1"))
    if caller.kind != "service" or caller.issuer != caller.subject:
        raise Forbidden("this endpoint is for services")
    return caller
