"""RSA2 (SHA256withRSA, PKCS#1 v1.5) and the many spellings in which people paste keys."""

import base64
import binascii
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_SCHEME = padding.PKCS1v15()
_DIGEST = hashes.SHA256()
_ARMOUR = re.compile(r"-{2,}\s*(?:BEGIN|END)[^-]*-{2,}")
_ESCAPED_BREAK = re.compile(r"\\[rnt]")
MIN_BITS = 2048


class BadKey(ValueError):
    """The text is not a usable RSA public key; the message says why."""


def parse_public_key(text: str) -> rsa.RSAPublicKey:
    """PEM (SPKI or PKCS#1), bare or wrapped base64, CRLF, literal backslash-n, stray spaces."""
    if "PRIVATE KEY" in text:
        raise BadKey("that is a private key; the application's public key is wanted")
    bare = _ESCAPED_BREAK.sub("\n", text.removeprefix("\ufeff"))
    bare = "".join(_ARMOUR.sub("", bare).split())
    if not bare:
        raise BadKey("the public key is empty")
    bare = bare.rstrip("=")
    try:
        der = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        key = serialization.load_der_public_key(der)
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadKey("not a public key: neither X.509 (SPKI) nor PKCS#1") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadKey("not an RSA key")
    if key.key_size < MIN_BITS:
        raise BadKey(f"an RSA key of {key.key_size} bits; at least {MIN_BITS} are needed")
    return key


def spki_base64(key: rsa.RSAPublicKey) -> str:
    """One line without header, as the open platform's console shows it."""
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


def new_private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def load_private_pem(pem: str) -> rsa.RSAPrivateKey:
    """Our own key from our own disk, or a tester's: the costly consistency check is left out."""
    key = serialization.load_pem_private_key(
        pem.encode(), None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadKey("the stored key is not RSA")
    return key


def sign(key: rsa.RSAPrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content, _SCHEME, _DIGEST)).decode()


def verify(key: rsa.RSAPublicKey, content: bytes, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, content, _SCHEME, _DIGEST)
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
