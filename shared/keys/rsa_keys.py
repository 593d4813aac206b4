"""The only code that reads RSA keys: for console, signing command line, binding and gateway.

A key that is read here is fully checked once (some 33 ms for a private key). Afterwards the tag of
the sealed box protects the bytes, and `load_trusted_private` loads them without that check. Pure:
it knows no texts for people and no fields of a form, only stable codes (`pem.UnusableKey`); each
caller has its own texts for them.
"""

import base64
import hashlib
import os
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from shared.keys.pem import Block, UnusableKey, blocks_of, der_of

BITS_MIN = 2048
BITS_MAX = 8192
DER_MIN = 16
DER_MAX = 12 * 1024
"""bytes; a private key of 8192 bits has some 4,700"""

Kind = Literal["private", "public", "certificate"]

UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion,
              x509.DuplicateExtension, x509.UnsupportedGeneralNameType)  # fmt: skip
"""What the library raises for bytes that are no key and no certificate; not all are ValueErrors."""

_SEQUENCE_TAG = 0x30
_VERSION_0 = b"\x02\x01\x00"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A usable RSA public key in its canonical spelling."""

    spki: str
    """base64 of the SubjectPublicKeyInfo, as Alipay's pages show it"""
    fingerprint: str
    """SHA-256 of it, in hex: both halves of a pair have the same one"""
    bits: int


@dataclass(frozen=True)
class Key:
    """A key that was read, from any accepted spelling."""

    kind: Kind
    format: str
    """pkcs1, pkcs8, spki or x509"""
    public: RSAPublicKey
    private: RSAPrivateKey | None = field(default=None, repr=False)

    @cached_property
    def facts(self) -> PublicKey:
        return facts_of(self.public)

    @property
    def pkcs8(self) -> bytes:
        """The spelling in which private keys are stored. UnusableKey for a public key."""
        if self.private is None:
            raise UnusableKey(f"is_{self.kind}")
        return self.private.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def read_key(text: str) -> Key:
    """A private key, a public key or a certificate (the first of several). Raises UnusableKey, as
    all functions here do."""
    return _usable(*_parsed(_block(text, is_pile=True)))


def read_private_key(text: str) -> Key:
    """A private key whose signatures its public half verifies."""
    return _of_kind(text, "private")


def read_public_key(text: str) -> Key:
    """A public key; not the one in a certificate."""
    return _of_kind(text, "public")


def load_trusted_private(der: bytes) -> RSAPrivateKey:
    """A private key that was fully validated when it was bound, and whose bytes are protected since
    then (by the GCM tag of the seal). Repeating the check would cost 33 ms each time."""
    key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise UnusableKey("not_rsa")
    _check_public(key.public_key())
    return key


def facts_of(key: RSAPublicKey) -> PublicKey:
    """The facts of a public key that are stored and shown. A key size that nobody should use is
    refused here; the library refuses bad exponents."""
    _check_public(key)
    der = _spki(key)
    spki = base64.b64encode(der).decode()
    return PublicKey(spki, hashlib.sha256(der).hexdigest(), key.key_size)


def fingerprint_of(spki: str) -> str:
    """SHA-256 of a stored public key, in hex."""
    return hashlib.sha256(base64.b64decode(spki)).hexdigest()


# --- texts


def _block(text: str, *, is_pile: bool) -> Block:
    """The only block of a text. Where a certificate is accepted, its issuers may follow it."""
    blocks = blocks_of(text)
    if len(blocks) > 1 and not (is_pile and all(_is_certificate(each) for each in blocks)):
        raise UnusableKey("several")
    if blocks[0].label and "ENCRYPTED" in blocks[0].label + blocks[0].body:
        raise UnusableKey("encrypted")
    return blocks[0]


def _is_certificate(block: Block) -> bool:
    return "CERTIFICATE" in block.label


def _of_kind(text: str, wanted: Kind) -> Key:
    """Reports a wrong kind of the three before any other fault."""
    block = _block(text, is_pile=False)
    try:
        kind, key, der = _parsed(block)
    except UnusableKey:
        if _is_certificate(block):
            raise UnusableKey("is_certificate") from None
        raise
    if kind != wanted:
        raise UnusableKey(f"is_{kind}")
    return _usable(kind, key, der)


# --- bytes


def _parsed(block: Block) -> tuple[Kind, object, bytes]:
    """The parsed content. The label is ignored, because people mix labels up. For a kind of key
    that the library does not know, the bytes are returned."""
    der = der_of(block.body, DER_MAX)
    private = _load_private(der)
    if private is not None:
        return "private", private, der
    try:
        return "public", serialization.load_der_public_key(der), der
    except UnsupportedAlgorithm:
        return "public", der, der
    except UNREADABLE:
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
    except UNREADABLE:
        raise UnusableKey(_broken(der)) from None
    try:
        return "certificate", certificate.public_key(), der
    except UNREADABLE:
        return "certificate", der, der


def _load_private(der: bytes) -> object | None:
    try:
        return serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise UnusableKey("encrypted") from None
    except UnsupportedAlgorithm:
        return der
    except ValueError:
        return None


def _broken(der: bytes) -> str:
    """The most precise code for bytes that cannot be loaded."""
    if len(der) < DER_MIN or der[0] != _SEQUENCE_TAG:
        return "unreadable"
    size, header = der[1], 2
    if size & 0x80:
        header += size & 0x7F
        size = int.from_bytes(der[2:header], "big")
    if header + size > len(der):
        return "truncated"
    # Both private layouts begin with version 0, so the frame is complete and the numbers are wrong.
    return "inconsistent" if der[header:].startswith(_VERSION_0) else "unreadable"


# --- keys


def _usable(kind: Kind, key: object, der: bytes) -> Key:
    if isinstance(key, RSAPrivateKey):
        public = key.public_key()
        _check_public(public)
        _check_consistent(der, key)
        return Key(kind, _private_format(der), public, key)
    if not isinstance(key, RSAPublicKey):
        raise UnusableKey("not_rsa")
    _check_public(key)
    if kind == "certificate":
        return Key(kind, "x509", key)
    return Key(kind, "spki" if _spki(key) == der else "pkcs1", key)


def _check_public(key: RSAPublicKey) -> None:
    if key.key_size < BITS_MIN:
        raise UnusableKey("too_short", key.key_size)
    if key.key_size > BITS_MAX:
        raise UnusableKey("too_large", key.key_size)


def _check_consistent(der: bytes, key: RSAPrivateKey) -> None:
    """The full arithmetic check, then a trial: sign with one half, verify with the other."""
    message = os.urandom(32)
    try:
        serialization.load_der_private_key(der, None)
        signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature, InternalError):
        raise UnusableKey("inconsistent") from None


def _private_format(der: bytes) -> str:
    # SEQUENCE { INTEGER version, then INTEGER (PKCS#1 modulus) or SEQUENCE (PKCS#8 algorithm) }
    header = 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
    return "pkcs8" if der[header + 3 : header + 4] == b"\x30" else "pkcs1"


def _spki(key: RSAPublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
