"""Pasted keys, and the problems with them in words that people can act on.

`shared.keys.rsa_keys` reads and checks a key once, on a thread (a full RSA check takes some 33 ms).
Afterwards the AES-GCM tag of the sealed box protects the bytes. No error text ever contains input.

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
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from shared.errors import InvalidBody
from shared.keys import rsa_keys
from shared.keys.pem import UnusableKey, without_blanks
from shared.keys.rsa_keys import PublicKey

PRIVATE_FIELD = "/app_private_key"
PUBLIC_FIELD = "/alipay_public_key"
AES_FIELD = "/aes_key"
GRANT_FIELD = "/app_auth_token"
AES_BYTES = (16, 24, 32)

_GRANT = re.compile(r"[\x21-\x7e]{0,128}")


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


REFUSALS: Mapping[str, type[KeyRefused]] = {
    "empty": KeyEmpty,
    "too_large": KeyTooLarge,
    "unreadable": KeyUnreadable,
    "truncated": KeyTruncated,
    "encrypted": KeyEncrypted,
    "several": SeveralKeys,
    "is_certificate": CertificateAsKey,
    "is_public": PublicKeyAsPrivate,
    "is_private": PrivateKeyAsPublic,
    "not_rsa": KeyNotRsa,
    "too_short": KeyTooShort,
    "inconsistent": KeyInconsistent,
}
"""The reader's codes in our words."""


def refused(error: UnusableKey, pointer: str) -> KeyRefused:
    """The problem of a field that the reader refused."""
    return REFUSALS[error.code](pointer)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A usable RSA private key; `pkcs8` is only put into the sealed box."""

    public: PublicKey
    pkcs8: bytes = field(repr=False)


def read_private_key(text: str) -> PrivateKey:
    """The application private key in any spelling people paste (PEM or bare, PKCS#1 or PKCS#8)."""
    try:
        key = rsa_keys.read_private_key(text)
    except UnusableKey as error:
        raise refused(error, PRIVATE_FIELD) from None
    return PrivateKey(key.facts, key.pkcs8)


def read_alipay_key(text: str, own_keys: Collection[str]) -> PublicKey:
    """Alipay's public key; `own_keys` are the application's own public keys, newest and older,
    which people paste here by mistake more often than anything else (S29)."""
    public = read_public_key(text, PUBLIC_FIELD)
    if public.spki in own_keys:
        raise OwnPublicKey(PUBLIC_FIELD)
    return public


def read_public_key(text: str, pointer: str) -> PublicKey:
    """An RSA public key in any spelling people paste; `pointer` names the field in errors."""
    try:
        return rsa_keys.read_public_key(text).facts
    except UnusableKey as error:
        raise refused(error, pointer) from None


def read_keys(
    private_text: str | None, alipay_text: str | None, own_keys: Collection[str]
) -> tuple[PrivateKey | None, PublicKey | None]:
    """Reads both fields together, so that mixed-up keys are found whichever of them is new."""
    private = read_private_key(private_text) if private_text is not None else None
    own = {*own_keys, private.public.spki} if private else set(own_keys)
    return private, read_alipay_key(alipay_text, own) if alipay_text is not None else None


def read_aes_key(text: str) -> str:
    """The content encryption key in canonical base64; "" removes it."""
    compact = without_blanks(text)
    try:
        raw = base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        raise AesKeyRefused(AES_FIELD) from None
    if compact and len(raw) not in AES_BYTES:
        raise AesKeyRefused(AES_FIELD)
    return base64.b64encode(raw).decode()


def read_grant(text: str) -> str:
    """A merchant's app_auth_token, checked; "" removes it."""
    if _GRANT.fullmatch(text) is None:
        raise GrantRefused(GRANT_FIELD)
    return text
