"""Our own processes: the token that goes inward with a request, and the one egress asks for."""

from gateway.asgi import Asked
from gateway.auth.device import Credential
from gateway.auth.merchant import Session
from gateway.routing import SAFE_METHODS
from shared.errors import Forbidden, Unauthorized
from shared.tokens import Principal, TokenSigner, TokenVerifier

EDGE = "gateway-edge"
EGRESS = "gateway-egress"
EGRESS_AUDIENCE = "egress"


class Inward:
    """Swaps the caller's own proof for a short token made for one service."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer

    def for_device(self, service: str, method: str, device: Credential, nonce: str) -> str:
        """A read changes nothing, so it needs no nonce and its token can be used again."""
        return self._signer.issue(
            service,
            kind="device",
            subject=device.device_id,
            tenant_id=device.tenant_id,
            store_id=device.store_id,
            nonce=None if method in SAFE_METHODS else nonce,
        )

    def for_user(self, service: str, session: Session) -> str:
        return self._signer.issue(
            service,
            kind="user",
            subject=session.user_id,
            tenant_id=session.tenant_id,
            session_id=session.session_id,
            permissions=session.permissions,
        )

    def for_nobody(self, service: str) -> str:
        """A public door: the token only says that the edge let it through."""
        return self._signer.issue(service, kind="service", subject=self._signer.issuer)


def calling_service(verifier: TokenVerifier, asked: Asked) -> Principal:
    """The service that asks egress; a device's or a person's token never opens this door."""
    scheme, _, token = asked.headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token:
        raise Unauthorized("a service token is required")
    caller = verifier.verify(token.decode("latin-1"))
    if caller.kind != "service" or caller.issuer != caller.subject:
        raise Forbidden("this door is for services")
    return caller
