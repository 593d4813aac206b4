"""Keys and certificates for the signing command line: read by `shared.keys`, with error texts of
this command line."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from shared.keys import certificates, rsa_keys
from shared.keys.certificates import UnusableCertificate
from shared.keys.pem import UnusableKey
from shared.keys.rsa_keys import BITS_MIN, Key

FoundT = TypeVar("FoundT")


class BadKey(ValueError):
    """Not a key or certificate that we can use. The message never contains the pasted text."""


WORDS: Mapping[str, str] = {
    "empty": "empty",
    "too_large": "too long for a key",
    "unreadable": "neither an RSA key nor a certificate",
    "truncated": "the text is cut off",
    "encrypted": "the key is encrypted; give it without a passphrase",
    "several": "more than one key; give the one that is meant",
    "not_rsa": "not an RSA key",
    "inconsistent": "the key's numbers do not fit together",
}


def read_key(text: str) -> Key:
    """A private key, a public key or a certificate. Raises BadKey."""
    return _told(rsa_keys.read_key, text)


def read_private(text: str) -> RSAPrivateKey:
    """A private key, and nothing else."""
    key = read_key(text)
    if key.private is None:
        raise BadKey(f"this is a {key.kind} key, a private key is needed")
    return key.private


def read_public(text: str) -> RSAPublicKey:
    """A public key, or the one in a certificate."""
    key = read_key(text)
    if key.kind == "private":
        raise BadKey("this is a private key, a public key is needed")
    return key.public


def cert_sn(text: str) -> str:
    """The number of the first certificate in `text`. Raises BadKey."""
    return _told(certificates.cert_sn, text)


def root_cert_sn(text: str) -> str:
    """The numbers of the RSA-signed certificates in `text`. Raises BadKey."""
    return _told(certificates.root_cert_sn, text)


def _told(read: Callable[[str], FoundT], text: str) -> FoundT:
    try:
        return read(text)
    except UnusableCertificate as error:
        raise BadKey(f"{error.which} certificate: {error.code}") from None
    except UnusableKey as error:
        if error.bits:
            said = f"RSA-{error.bits} is not accepted, at least {BITS_MIN} bits"
            raise BadKey(said) from None
        raise BadKey(WORDS[error.code]) from None
