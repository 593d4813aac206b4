"""RSA2: SHA256withRSA (PKCS#1 v1.5), and the reading of keys in every spelling people paste.

Pure: imports nothing of ours. RSA2 is the only algorithm here, whatever a message claims. PKCS#1
v1.5 signatures are what Alipay prescribes (the documented exception to ASVS 11.3.1).
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

SIGN_TYPE = "RSA2"
BITS_MIN = 2048
BITS_MAX = 8192
KEY_TEXT_MAX = 64 * 1024

KeyKind = Literal["private", "public", "certificate"]

UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion,
              x509.DuplicateExtension, x509.UnsupportedGeneralNameType)  # fmt: skip
"""What the library raises for bytes that are no key and no certificate; not all are ValueErrors."""

_PADDING = padding.PKCS1v15()
_HASH = hashes.SHA256()
_TRIAL = b"one half signs, the other verifies"
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")


class BadKey(ValueError):
    """Not an RSA key we can use. Never says what was pasted."""


@dataclass(frozen=True)
class Key:
    """A key as it was read, in whatever spelling."""

    kind: KeyKind
    format: str
    """pkcs1, pkcs8, spki or x509"""
    public: RSAPublicKey
    private: RSAPrivateKey | None = None

    @property
    def bits(self) -> int:
        return self.public.key_size

    @cached_property
    def public_der(self) -> bytes:
        return self.public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def public_text(self) -> str:
        """Bare base64 of the SubjectPublicKeyInfo, as Alipay's pages show and take it."""
        return base64.b64encode(self.public_der).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public half, so both halves of a pair have the same one."""
        return hashlib.sha256(self.public_der).hexdigest()


def sign(content: bytes, key: RSAPrivateKey) -> str:
    """The signature as standard base64 on one line."""
    return base64.b64encode(key.sign(content, _PADDING, _HASH)).decode()


def verify(content: bytes, signature: str, key: RSAPublicKey) -> bool:
    """True only for a valid RSA2 signature in strict base64; anything else is False."""
    raw = strict_base64(signature)
    if raw is None:
        return False
    try:
        key.verify(raw, content, _PADDING, _HASH)
    except (InvalidSignature, ValueError):
        return False
    return True


def strict_base64(text: str) -> bytes | None:
    """The bytes, or None unless `text` is exactly how those bytes are written."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if base64.b64encode(raw).decode() == text else None


def load_trusted_private(der: bytes) -> RSAPrivateKey:
    """A private key whose bytes something else vouches for (the seal's GCM tag) after they were
    fully validated when they were bound: the repeated check would cost 33 ms each time."""
    key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise BadKey("not an RSA private key")
    _sized(key.public_key())
    return key


def read_private(text: str) -> Key:
    """A private key in any spelling that signs what its public half verifies."""
    key = read_key(text)
    if key.kind != "private":
        raise BadKey(f"this is a {key.kind} key, a private key is needed")
    return key


def read_public(text: str) -> Key:
    """A public key, or the one in a certificate, in any spelling."""
    key = read_key(text)
    if key.kind == "private":
        raise BadKey("this is a private key, a public key is needed")
    return key


def read_key(text: str) -> Key:
    """PEM or bare base64, PKCS#1, PKCS#8, SPKI or X.509; CRLF, wrapped, with literal \\n."""
    der = pasted_der(text)
    for read in (_private, _public, _certificate):
        found = read(der)
        if found is not None:
            _sized(found.public)
            return found
    raise BadKey("neither an RSA key nor a certificate")


def pasted_der(text: str) -> bytes:
    """The DER bytes of the first block in `text`. The PEM label is ignored: people mix it up."""
    if len(text) > KEY_TEXT_MAX:
        raise BadKey("too long for a key")
    spelled = text.replace("\ufeff", "").replace("\\r", "\n").replace("\\n", "\n")
    if "ENCRYPTED" in spelled:
        raise BadKey("the key is encrypted; give it without a passphrase")
    begin = _BEGIN.search(spelled)
    if begin is not None:
        spelled, end, _ = spelled[begin.end() :].partition(f"-----END {begin[1]}-----")
        if not end:
            raise BadKey("the PEM text is cut off")
    body = "".join(spelled.split())
    if "-----" in body:
        raise BadKey("the PEM text is cut off")
    try:
        der = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise BadKey("not base64") from None
    if not der:
        raise BadKey("empty")
    return der


def is_usable_size(key: RSAPublicKey) -> bool:
    """Long enough to be safe, short enough not to be a way to keep us busy."""
    return BITS_MIN <= key.key_size <= BITS_MAX


def _sized(key: RSAPublicKey) -> None:
    if not is_usable_size(key):
        raise BadKey(f"RSA-{key.key_size} is not accepted, at least {BITS_MIN} bits")


def _private(der: bytes) -> Key | None:
    try:
        key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    except UNREADABLE:
        return None
    if not isinstance(key, RSAPrivateKey):
        raise BadKey("not an RSA key")
    _sized(key.public_key())
    if not _is_pair(key):
        raise BadKey("the key's numbers do not fit together")
    return Key("private", _private_format(der), key.public_key(), key)


def _is_pair(key: RSAPrivateKey) -> bool:
    """A trial, a hundred times cheaper than the full arithmetic check, which is binding's."""
    try:
        signature = key.sign(_TRIAL, _PADDING, _HASH)
        key.public_key().verify(signature, _TRIAL, _PADDING, _HASH)
    except (InvalidSignature, InternalError, ValueError):
        return False
    return True


def _private_format(der: bytes) -> str:
    # SEQUENCE { INTEGER version, then INTEGER (PKCS#1 modulus) or SEQUENCE (PKCS#8 algorithm) }
    header = 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
    return "pkcs8" if der[header + 3 : header + 4] == b"\x30" else "pkcs1"


def _public(der: bytes) -> Key | None:
    try:
        key = serialization.load_der_public_key(der)
    except UNREADABLE:
        return None
    if not isinstance(key, RSAPublicKey):
        raise BadKey("not an RSA key")
    spelled = Key("public", "spki", key)
    return spelled if spelled.public_der == der else Key("public", "pkcs1", key)


def _certificate(der: bytes) -> Key | None:
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except UNREADABLE:
        return None
    if not isinstance(key, RSAPublicKey):
        raise BadKey("the certificate holds no RSA key")
    return Key("certificate", "x509", key)
