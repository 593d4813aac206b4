"""RSA2 as the gateway does it, written from the protocol alone: keys, content, sign, verify."""

import base64
import binascii
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)

BITS = 2048


class BadKey(ValueError):
    """Not an RSA public key in any spelling we know."""


def new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=BITS)


def private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def load_private(pem: str) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(
        pem.encode(), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, RSAPrivateKey):
        raise BadKey("not RSA")
    return key


def public_text(key: RSAPublicKey) -> str:
    """One line of base64, as Alipay's console shows it."""
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


def read_public(text: str) -> RSAPublicKey:
    """PEM or bare base64, X.509 or PKCS#1, wrapped, CRLF, literal backslash-n, spaces."""
    flat = text.replace("\\r", "").replace("\\n", "\n").lstrip("\ufeff")
    body = re.sub(r"-----[A-Z ]+-----", "", flat)
    body = re.sub(r"\s+", "", body)
    try:
        der = base64.b64decode(body, validate=True)
    except binascii.Error:
        raise BadKey("not base64") from None
    for label in ("PUBLIC KEY", "RSA PUBLIC KEY"):
        wrapped = base64.encodebytes(der).decode()
        pem = f"-----BEGIN {label}-----\n{wrapped}-----END {label}-----\n"
        try:
            key = serialization.load_pem_public_key(pem.encode())
        except ValueError:
            continue
        if isinstance(key, RSAPublicKey):
            return key
    raise BadKey("not an RSA public key")


def sign(content: bytes, key: RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(content, padding.PKCS1v15(), hashes.SHA256())).decode()


def verifies(content: bytes, signature: str, key: RSAPublicKey) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, content, padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, InvalidSignature, ValueError):
        return False
    return True


def content(params: Mapping[str, str], left_out: tuple[str, ...], *, keep_empty: bool) -> str:
    """name=value pairs in byte order of the names, joined by &."""
    kept = (
        name for name in sorted(params) if name not in left_out and (keep_empty or params[name])
    )
    return "&".join(f"{name}={params[name]}" for name in kept)
