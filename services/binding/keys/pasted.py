"""Reads the keys that people paste, and says what is wrong with them in words they can act on.

Everything is checked here, once, on a thread (a full RSA check takes some 33 ms): afterwards the
AES-GCM tag of the sealed box vouches for the bytes. No text of an error ever holds input.

Problem
└── KeyRefused                 422  binding.key_refused; `errors` points at the field
    ├── KeyEmpty                    binding.key_empty
    ├── KeyTooLarge                 binding.key_too_large
    ├── KeyUnreadable               binding.key_unreadable
    ├── KeyTruncated                binding.key_truncated
    ├── KeyEncrypted                binding.key_encrypted
    ├── SeveralKeys                 binding.several_keys
    ├── CertificateAsKey            binding.certificate_as_key
    ├── PublicKeyAsPrivate          binding.public_key_as_private
    ├── PrivateKeyAsPublic          binding.private_key_as_public
    ├── KeyNotRsa                   binding.key_not_rsa
    ├── KeyTooShort                 binding.key_too_short
    ├── KeyInconsistent             binding.key_inconsistent
    ├── OwnPublicKey                binding.own_public_key
    ├── AesKeyRefused               binding.aes_key_refused
    ├── GrantRefused                binding.grant_refused
    └── CertificateRefused          see certificates
"""

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from shared.errors import InvalidBody

PRIVATE_FIELD = "/app_private_key"
PUBLIC_FIELD = "/alipay_public_key"
AES_FIELD = "/aes_key"
GRANT_FIELD = "/app_auth_token"
TEXT_MAX = 16_384
BITS_MIN = 2048
BITS_MAX = 8192
EXPONENT_MIN = 3
DER_MIN = 16
AES_BYTES = (16, 24, 32)

_BEGIN = re.compile(r"-{3,}\s*BEGIN ([A-Z0-9 ]+?)\s*-{3,}")
_END = re.compile(r"-{3,}\s*END [A-Z0-9 ]+?\s*-{3,}")
_ESCAPED_BREAKS = re.compile(r"\\+[rnt]")
# Blanks of every kind, and what messengers and office programs slip in between letters.
_BLANKS = re.compile(r"[\s\u200b-\u200f\u2060\u00ad\ufeff]+")
_GRANT = re.compile(r"[\x21-\x7e]{0,128}")
_QUOTES = "\"'`“”‘’"
_SEQUENCE_TAG = 0x30
_KEY_START = "MII"
_VERSION_0 = b"\x02\x01\x00"


class KeyRefused(InvalidBody):
    code = "binding.key_refused"
    title = "密钥不可用 This key cannot be used."

    def __init__(self, field: str, detail: str = "") -> None:
        super().__init__(detail, errors=[{"pointer": field, "message": detail or self.title}])


class KeyEmpty(KeyRefused):
    code = "binding.key_empty"
    title = "密钥为空 No key was given."


class KeyTooLarge(KeyRefused):
    code = "binding.key_too_large"
    title = "内容过长，不是单个密钥 Too much text for one key."


class KeyUnreadable(KeyRefused):
    code = "binding.key_unreadable"
    title = "无法识别的密钥，请完整复制密钥工具的输出 Not a key; copy the key tool's output whole."


class KeyTruncated(KeyRefused):
    code = "binding.key_truncated"
    title = "密钥不完整，有缺失 Part of the key is missing; copy it whole."


class KeyEncrypted(KeyRefused):
    code = "binding.key_encrypted"
    title = "密钥带口令，请先去除 The key is locked by a passphrase; export it without one."


class SeveralKeys(KeyRefused):
    code = "binding.several_keys"
    title = "只能填写一个密钥 More than one key was given."


class CertificateAsKey(KeyRefused):
    code = "binding.certificate_as_key"
    title = "这是证书，不是密钥 This is a certificate, not a key."


class PublicKeyAsPrivate(KeyRefused):
    code = "binding.public_key_as_private"
    title = "这里应填应用私钥，填入的是公钥 A public key was given; the private key is needed here."


class PrivateKeyAsPublic(KeyRefused):
    code = "binding.private_key_as_public"
    title = (
        "这里应填支付宝公钥，填入的是私钥；若曾外泄请立即更换 "
        "A private key was given; Alipay's public key is needed here."
    )


class KeyNotRsa(KeyRefused):
    code = "binding.key_not_rsa"
    title = "只支持 RSA2 密钥 Only RSA keys are supported."


class KeyTooShort(KeyRefused):
    code = "binding.key_too_short"
    title = "密钥长度不足 2048 位 The key is shorter than 2048 bits."


class KeyInconsistent(KeyRefused):
    code = "binding.key_inconsistent"
    title = "密钥内容损坏 The key's numbers do not fit together."


class OwnPublicKey(KeyRefused):
    code = "binding.own_public_key"
    title = (
        "填入的是应用公钥：请填写上传应用公钥后支付宝返回的支付宝公钥 "
        "This is the application public key; Alipay's public key, which its page shows "
        "after the upload, is needed here."
    )


class AesKeyRefused(KeyRefused):
    code = "binding.aes_key_refused"
    title = (
        "接口内容加密密钥应为 16、24 或 32 字节的 Base64 "
        "The content encryption key is 16, 24 or 32 bytes in base64."
    )


class GrantRefused(KeyRefused):
    code = "binding.grant_refused"
    title = "应用授权令牌格式不正确 This is not an app_auth_token."


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A usable RSA public key in its one canonical spelling."""

    spki: str
    """base64 of the SubjectPublicKeyInfo, as Alipay's pages show it"""
    fingerprint: str
    bits: int


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A usable RSA private key; `pkcs8` goes into the sealed box and nowhere else."""

    public: PublicKey
    pkcs8: bytes = field(repr=False)


def read_private_key(text: str) -> PrivateKey:
    """The application private key in any spelling people paste (PEM or bare, PKCS#1 or PKCS#8)."""
    der = _decode(text, PRIVATE_FIELD)
    key = _load_private(der)
    if key is None:
        if _load_public(der) is not None:
            raise PublicKeyAsPrivate(PRIVATE_FIELD)
        raise _not_a_key(der, PRIVATE_FIELD)
    if not isinstance(key, RSAPrivateKey):
        raise KeyNotRsa(PRIVATE_FIELD)
    public = describe(key.public_key(), PRIVATE_FIELD)
    _check_consistent(der, key)
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return PrivateKey(public, pkcs8)


def read_alipay_key(text: str, own_keys: Collection[str]) -> PublicKey:
    """Alipay's public key; `own_keys` are the application's own public keys, newest and older,
    which people paste here by mistake more often than anything else (S29)."""
    public = read_public_key(text, PUBLIC_FIELD)
    if public.spki in own_keys:
        raise OwnPublicKey(PUBLIC_FIELD)
    return public


def read_public_key(text: str, where: str) -> PublicKey:
    """An RSA public key in any spelling people paste; `where` is the field that errors point at."""
    der = _decode(text, where)
    key = _load_public(der)
    if key is None:
        if _load_private(der) is not None:
            raise PrivateKeyAsPublic(where)
        raise _not_a_key(der, where)
    if not isinstance(key, RSAPublicKey):
        raise KeyNotRsa(where)
    return describe(key, where)


def read_keys(
    private_text: str | None, alipay_text: str | None, own_keys: Collection[str]
) -> tuple[PrivateKey | None, PublicKey | None]:
    """Both fields together, so that the mix-up is seen whichever of them is new."""
    private = read_private_key(private_text) if private_text is not None else None
    own = {*own_keys, private.public.spki} if private else set(own_keys)
    return private, read_alipay_key(alipay_text, own) if alipay_text is not None else None


def read_aes_key(text: str) -> str:
    """The content encryption key in its one spelling; "" takes it away."""
    compact = _BLANKS.sub("", text)
    try:
        raw = base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        raise AesKeyRefused(AES_FIELD) from None
    if compact and len(raw) not in AES_BYTES:
        raise AesKeyRefused(AES_FIELD)
    return base64.b64encode(raw).decode()


def read_grant(text: str) -> str:
    """A merchant's app_auth_token as it must be sent; "" takes it away."""
    if _GRANT.fullmatch(text) is None:
        raise GrantRefused(GRANT_FIELD)
    return text


def _decode(text: str, where: str) -> bytes:
    """The DER inside whatever was pasted."""
    if len(text) > TEXT_MAX:
        raise KeyTooLarge(where)
    text = _ESCAPED_BREAKS.sub("\n", text)
    labels = _BEGIN.findall(text)
    if len(labels) > 1:
        raise SeveralKeys(where)
    if labels:
        if "ENCRYPTED" in text:
            raise KeyEncrypted(where)
        if "CERTIFICATE" in labels[0]:
            raise CertificateAsKey(where)
        text = _END.split(_BEGIN.split(text)[-1])[0]
    compact = _BLANKS.sub("", text).strip(_QUOTES)
    if not compact:
        raise KeyEmpty(where)
    bare = compact.rstrip("=")
    if len(bare) % 4 == 1 and bare.startswith(_KEY_START):
        raise KeyTruncated(where)  # no number of bytes encodes to this many letters
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise KeyUnreadable(where) from None


def _load_private(der: bytes) -> object | None:
    try:
        return serialization.load_der_private_key(
            der, password=None, unsafe_skip_rsa_key_validation=True
        )
    except TypeError:
        raise KeyEncrypted(PRIVATE_FIELD) from None
    except UnsupportedAlgorithm:
        return der  # a private key, of a kind we do not take
    except ValueError:
        return None


def _load_public(der: bytes) -> object | None:
    try:
        return serialization.load_der_public_key(der)
    except UnsupportedAlgorithm:
        return der
    except ValueError:
        return None


def _not_a_key(der: bytes, where: str) -> KeyRefused:
    try:
        x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion):
        return _broken(der)(where)
    return CertificateAsKey(where)


def _broken(der: bytes) -> type[KeyRefused]:
    """The best that can be said of bytes that do not load."""
    if len(der) < DER_MIN or der[0] != _SEQUENCE_TAG:
        return KeyUnreadable
    size, header = der[1], 2
    if size & 0x80:
        header += size & 0x7F
        size = int.from_bytes(der[2:header], "big")
    if header + size > len(der):
        return KeyTruncated
    # Both private layouts begin with version 0: the frame is whole, the numbers are not.
    return KeyInconsistent if der[header:].startswith(_VERSION_0) else KeyUnreadable


def describe(key: RSAPublicKey, where: str) -> PublicKey:
    """The facts of a public key; refuses sizes and exponents that nobody should use."""
    if key.key_size < BITS_MIN:
        raise KeyTooShort(where)
    if key.key_size > BITS_MAX:
        raise KeyTooLarge(where)
    exponent = key.public_numbers().e
    if exponent < EXPONENT_MIN or exponent % 2 == 0:
        raise KeyInconsistent(where)
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PublicKey(
        spki=base64.b64encode(der).decode(),
        fingerprint=hashlib.sha256(der).hexdigest(),
        bits=key.key_size,
    )


def _check_consistent(der: bytes, key: RSAPrivateKey) -> None:
    """The full arithmetic check, then a trial: sign with one half, verify with the other."""
    message = os.urandom(32)
    try:
        serialization.load_der_private_key(der, password=None)
        signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        raise KeyInconsistent(PRIVATE_FIELD) from None


def fingerprint_of(spki: str) -> str:
    """SHA-256 of a stored public key, in hex."""
    return hashlib.sha256(base64.b64decode(spki)).hexdigest()
