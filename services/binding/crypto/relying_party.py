"""What a passkey is held to: which name and origin we have for browsers, and whether what an
authenticator signed is right (WebAuthn Level 3, §7.1 and §7.2). Nothing here knows people.

The library is loaded with the first passkey: it costs 45 ms and 8 MB, and most starts of this
process see none.
"""

import base64
import binascii
import hmac
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

NAME = "Damselfly"
TIMEOUT_MS = 240_000
"""For how long a browser waits for its person; the challenge lives a little longer."""
RSA_BITS, RSA_EXPONENT = range(2048, 4097), 65537
ORDINARY_PORTS = {"http": 80, "https": 443}


class Refused(Exception):
    """Why it is not right; for the log, nobody is told."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom authenticators make keys for: the name they are bound to, and where pages may ask."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """What an authenticator made, as the browser tells it; all in base64url."""

    credential_id: str
    client_data: str
    attestation: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What an authenticator signed, as the browser tells it; all in base64url."""

    credential_id: str
    client_data: str
    authenticator_data: str
    signature: str
    user_handle: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A key whose authenticator verified its person a moment ago."""

    credential_id: str
    public_key: bytes
    sign_count: int


def of_url(public_url: str) -> RelyingParty | None:
    """None where no browser offers passkeys: without https, or under a bare address. This machine
    itself is `localhost`, however it is written, and needs no https."""
    url = urlsplit(public_url)
    host = url.hostname or ""
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        host = "localhost"
    elif url.scheme != "https" or address is not None or not host:
        return None
    host = host.encode("idna").decode()
    is_ordinary = url.port is None or url.port == ORDINARY_PORTS.get(url.scheme)
    return RelyingParty(host, f"{url.scheme}://{host}" + ("" if is_ordinary else f":{url.port}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def in_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def challenge_in(client_data: str) -> bytes | None:
    """What the browser says it was asked to sign; None when that cannot be read."""
    try:
        told = json.loads(_raw(client_data))
        return _raw(told["challenge"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def to_make(
    party: RelyingParty,
    challenge: bytes,
    *,
    handle: bytes,
    login: str,
    name: str,
    known: Sequence[str],
) -> dict[str, Any]:
    """PublicKeyCredentialCreationOptionsJSON. Which make of authenticator it is, is not asked."""
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    return options_to_json_dict(
        generate_registration_options(
            rp_id=party.rp_id,
            rp_name=NAME,
            user_id=handle,
            user_name=login,
            user_display_name=name,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=_raw(one)) for one in known],
        )
    )


def to_sign(
    party: RelyingParty, challenge: bytes, known: Sequence[tuple[str, Sequence[str]]]
) -> dict[str, Any]:
    """PublicKeyCredentialRequestOptionsJSON; `known`: (credential id, transports)."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import (
        AuthenticatorTransport,
        PublicKeyCredentialDescriptor,
        UserVerificationRequirement,
    )

    ways = {way.value: way for way in AuthenticatorTransport}
    return options_to_json_dict(
        generate_authentication_options(
            rp_id=party.rp_id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            user_verification=UserVerificationRequirement.REQUIRED,
            allow_credentials=[
                PublicKeyCredentialDescriptor(
                    id=_raw(credential_id),
                    transports=[ways[one] for one in transports if one in ways] or None,
                )
                for credential_id, transports in known
            ],
        )
    )


def registered(party: RelyingParty, challenge: bytes, new: NewKey) -> Registered:
    """Raises Refused unless the key was made for us, here, now, by a verified person."""
    from webauthn import verify_registration_response
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography
    from webauthn.helpers.structs import AuthenticatorAttestationResponse, RegistrationCredential

    try:
        _refuse_foreign_frames(new.client_data)
        found = verify_registration_response(
            credential=RegistrationCredential(
                id=new.credential_id,
                raw_id=_raw(new.credential_id),
                response=AuthenticatorAttestationResponse(
                    client_data_json=_raw(new.client_data),
                    attestation_object=_raw(new.attestation),
                ),
            ),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
        # The library reads the key no further than its numbers: one that cannot be used is no key.
        _refuse_odd_keys(
            decoded_public_key_to_cryptography(
                decode_credential_public_key(found.credential_public_key)
            )
        )
    except Exception as error:  # CBOR, X.509 and curves: whatever a stranger's bytes can break
        raise Refused(str(error) or type(error).__name__) from error
    if found.credential_id != _raw(new.credential_id):
        raise Refused("another credential id was signed than told")
    return Registered(new.credential_id, found.credential_public_key, found.sign_count)


def signed(
    party: RelyingParty, challenge: bytes, proof: Proof, *, handle: bytes, public_key: bytes
) -> int:
    """The authenticator's count of signatures; raises Refused unless this key signed this
    challenge, for us, here, for a verified person. Whether the count rose is the caller's look."""
    from webauthn import verify_authentication_response
    from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

    try:
        _refuse_foreign_frames(proof.client_data)
        told = _raw(proof.user_handle) if proof.user_handle else handle
        found = verify_authentication_response(
            credential=AuthenticationCredential(
                id=proof.credential_id,
                raw_id=_raw(proof.credential_id),
                response=AuthenticatorAssertionResponse(
                    client_data_json=_raw(proof.client_data),
                    authenticator_data=_raw(proof.authenticator_data),
                    signature=_raw(proof.signature),
                ),
            ),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:  # as above
        raise Refused(str(error) or type(error).__name__) from error
    if not hmac.compare_digest(told, handle):
        raise Refused("it is another person's by its user handle")
    return found.new_sign_count


def _refuse_odd_keys(key: object) -> None:
    """RSA has sizes that are no protection, and others that cost seconds to check."""
    if not isinstance(key, rsa.RSAPublicKey):
        return
    if key.key_size not in RSA_BITS or key.public_numbers().e != RSA_EXPONENT:
        raise Refused(f"an RSA key of {key.key_size} bits, or of an odd exponent")


def _refuse_foreign_frames(client_data: str) -> None:
    """No page of ours asks from within another's (§7.2 step 14)."""
    if json.loads(_raw(client_data)).get("crossOrigin"):
        raise Refused("asked for within a page of another origin")


def _raw(text: str) -> bytes:
    """Strictly: characters that do not belong are no base64url."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64url") from error
