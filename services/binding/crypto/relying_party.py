"""The platform as a relying party of WebAuthn: its id and origin, the options for browsers, and the
verification of registrations and assertions (WebAuthn Level 3, §7.1 and §7.2). This module knows no
accounts.

The library is imported at the first use of a passkey: it costs 45 ms and 8 MB, and most runs of
this process use none.
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
"""How long a browser waits for the person; the challenge is valid a little longer."""
RSA_BITS, RSA_EXPONENT = range(2048, 4097), 65537
ORDINARY_PORTS = {"http": 80, "https": 443}


class PasskeyRefused(Exception):
    """The registration or assertion is not valid. The reason is for the log only."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The id that passkeys are bound to, and the origin whose pages may use them."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A new credential of an authenticator, as the browser sends it; all in base64url."""

    credential_id: str
    client_data: str
    attestation: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion signed by an authenticator, as the browser sends it; all in base64url."""

    credential_id: str
    client_data: str
    authenticator_data: str
    signature: str
    user_handle: str | None = None


@dataclass(frozen=True, slots=True)
class VerifiedCredential:
    """A credential whose registration has been verified, the person included."""

    credential_id: str
    public_key: bytes
    sign_count: int


def of_url(public_url: str) -> RelyingParty | None:
    """The relying party of that address. None where browsers offer no passkeys: without https, or
    for a bare IP address. A loopback address counts as `localhost`, which needs no https."""
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
    """The challenge that the client data names; None when it cannot be read."""
    try:
        reported = json.loads(_raw(client_data))
        return _raw(reported["challenge"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def creation_options(
    party: RelyingParty,
    challenge: bytes,
    *,
    handle: bytes,
    login: str,
    name: str,
    known: Sequence[str],
) -> dict[str, Any]:
    """PublicKeyCredentialCreationOptionsJSON, for authenticators of any maker."""
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
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=_raw(credential_id)) for credential_id in known
            ],
        )
    )


def request_options(
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

    by_name = {transport.value: transport for transport in AuthenticatorTransport}
    return options_to_json_dict(
        generate_authentication_options(
            rp_id=party.rp_id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            user_verification=UserVerificationRequirement.REQUIRED,
            allow_credentials=[
                PublicKeyCredentialDescriptor(
                    id=_raw(credential_id),
                    transports=[by_name[name] for name in transports if name in by_name] or None,
                )
                for credential_id, transports in known
            ],
        )
    )


def verify_registration(
    party: RelyingParty, challenge: bytes, new: NewCredential
) -> VerifiedCredential:
    """The new credential. Raises PasskeyRefused unless it was made for this relying party, origin
    and challenge, and the authenticator verified the person."""
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
        # The library only reads the key's numbers, so an unusable key must be refused here.
        _refuse_odd_keys(
            decoded_public_key_to_cryptography(
                decode_credential_public_key(found.credential_public_key)
            )
        )
    except Exception as error:  # unknown bytes may fail in CBOR, X.509 or curves
        raise PasskeyRefused(str(error) or type(error).__name__) from error
    if found.credential_id != _raw(new.credential_id):
        raise PasskeyRefused("another credential id was signed than told")
    return VerifiedCredential(new.credential_id, found.credential_public_key, found.sign_count)


def verify_assertion(
    party: RelyingParty, challenge: bytes, proof: Assertion, *, handle: bytes, public_key: bytes
) -> int:
    """The authenticator's count of signatures. Raises PasskeyRefused unless this key signed this
    challenge, for this relying party and origin, and the person was verified. The caller checks
    whether the count rose."""
    from webauthn import verify_authentication_response
    from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

    try:
        _refuse_foreign_frames(proof.client_data)
        reported = _raw(proof.user_handle) if proof.user_handle else handle
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
        raise PasskeyRefused(str(error) or type(error).__name__) from error
    if not hmac.compare_digest(reported, handle):
        raise PasskeyRefused("it is another person's by its user handle")
    return found.new_sign_count


def _refuse_odd_keys(key: object) -> None:
    """Raises PasskeyRefused for RSA keys that are too small to be safe, or so large that a check
    takes seconds."""
    if not isinstance(key, rsa.RSAPublicKey):
        return
    if key.key_size not in RSA_BITS or key.public_numbers().e != RSA_EXPONENT:
        raise PasskeyRefused(f"an RSA key of {key.key_size} bits, or of an odd exponent")


def _refuse_foreign_frames(client_data: str) -> None:
    """Raises PasskeyRefused for a request from a page embedded in another origin's (§7.2 step
    14)."""
    if json.loads(_raw(client_data)).get("crossOrigin"):
        raise PasskeyRefused("asked for within a page of another origin")


def _raw(text: str) -> bytes:
    """Decodes strictly: ValueError for any character outside base64url."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64url") from error
