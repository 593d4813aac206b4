"""Chooses the keys of a binding: those that were given, and the stored ones for the rest (S29,
S129).

Pure rules on texts and rows; nothing is stored or sealed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from services.binding.keys import certificates, pasted
from services.binding.models import AppKey
from shared.errors import InvalidBody
from shared.keys.certificates import CertificateSet
from shared.keys.rsa_keys import PublicKey

Mode = Literal["key", "cert"]

_CERTS = (certificates.APP_FIELD, certificates.ALIPAY_FIELD, certificates.ROOT_FIELD)
_FIRST = "needed for the first binding"


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """The key material of one request; None: the stored one stays."""

    mode: Mode | None = None
    private_key_text: str | None = field(default=None, repr=False)
    alipay_key_text: str | None = field(default=None, repr=False)
    app_cert_text: str | None = None
    alipay_cert_text: str | None = None
    alipay_root_cert_text: str | None = None

    @property
    def certificate_texts(self) -> tuple[str | None, str | None, str | None]:
        return self.app_cert_text, self.alipay_cert_text, self.alipay_root_cert_text

    @property
    def is_empty(self) -> bool:
        texts = (self.private_key_text, self.alipay_key_text, *self.certificate_texts)
        return all(text is None for text in texts)

    def mode_after(self, newest: AppKey | None) -> Mode:
        """The requested mode; else the mode of the given files; else the stored mode."""
        if self.mode is not None:
            return self.mode
        if any(text is not None for text in self.certificate_texts):
            return "cert"
        return "cert" if newest is not None and newest.mode == "cert" else "key"


@dataclass(frozen=True, slots=True)
class Pair:
    """Our key and Alipay's key, in either mode."""

    mode: Mode
    own: PublicKey
    alipay_public_key: str
    certs: CertificateSet | None = None
    pkcs8: bytes | None = field(default=None, repr=False)
    """only when a private key was given"""

    def columns(self) -> dict[str, Any]:
        """The columns of a key version's row that are public facts."""
        facts: dict[str, Any] = {
            "mode": self.mode,
            "app_public_key": self.own.spki,
            "alipay_public_key": self.alipay_public_key,
            "fingerprint": self.own.fingerprint,
            "bits": self.own.bits,
        }
        if self.certs is not None:
            facts |= {
                "app_cert": self.certs.app.pem,
                "alipay_cert": self.certs.alipay.pem,
                "alipay_root_cert": self.certs.root_pem,
                "app_cert_sn": self.certs.app.sn,
                "alipay_cert_sn": self.certs.alipay.sn,
                "alipay_root_cert_sn": self.certs.root_sn,
                "app_cert_not_after": self.certs.app.not_after,
                "alipay_cert_not_after": self.certs.alipay.not_after,
            }
        return facts

    def is_same(self, key: AppKey) -> bool:
        return all(getattr(key, name) == value for name, value in self.columns().items())


def read_pair(
    given: GivenKeys,
    private: pasted.PrivateKey | None,
    alipay: PublicKey | None,
    versions: Sequence[AppKey],
    now: datetime,
) -> Pair:
    """The resulting keys. `private` and `alipay` are the keys read from the given texts; `versions`
    are newest first. Raises InvalidBody for keys that are missing or do not belong to the mode, and
    KeyRefused for mixed-up keys."""
    newest = versions[0] if versions else None
    mode = given.mode_after(newest)
    if private is not None:
        own, pkcs8 = private.public, private.pkcs8
    elif newest is not None:
        own, pkcs8 = PublicKey(newest.app_public_key, newest.fingerprint, newest.bits), None
    else:
        raise _wanted(pasted.PRIVATE_FIELD, *_missing(mode, given))
    # Older application keys are compared, too: after a rotation people still have the old file.
    own_keys = {own.spki, *(key.app_public_key for key in versions)}
    if mode == "cert":
        _refuse({pasted.PUBLIC_FIELD: given.alipay_key_text}, "cert")
        certs = _certificates(given, newest, own.spki, own_keys, now)
        return Pair(mode, own, certs.alipay.public.spki, certs, pkcs8)
    _refuse(dict(zip(_CERTS, given.certificate_texts, strict=True)), "key")
    if alipay is not None:
        spki = alipay.spki
    elif newest is not None and newest.mode == "key":
        spki = newest.alipay_public_key
    else:
        raise _wanted(pasted.PUBLIC_FIELD)
    if spki in own_keys:
        raise pasted.OwnPublicKey(pasted.PUBLIC_FIELD)
    return Pair(mode, own, spki, None, pkcs8)


def _missing(mode: Mode, given: GivenKeys) -> list[str]:
    if mode == "key":
        return [] if given.alipay_key_text is not None else [pasted.PUBLIC_FIELD]
    texts = zip(_CERTS, given.certificate_texts, strict=True)
    return [name for name, text in texts if text is None]


def _wanted(*pointers: str) -> InvalidBody:
    return InvalidBody(errors=[{"pointer": pointer, "message": _FIRST} for pointer in pointers])


def _refuse(texts: Mapping[str, str | None], mode: Mode) -> None:
    """InvalidBody for texts of the other mode, which must not be ignored silently."""
    message = f"does not belong to mode {mode}"
    errors = [
        {"pointer": name, "message": message} for name, text in texts.items() if text is not None
    ]
    if errors:
        raise InvalidBody(errors=errors)


def _certificates(
    given: GivenKeys, newest: AppKey | None, own: str, own_keys: set[str], now: datetime
) -> CertificateSet:
    """The three certificates, each as given, or else as stored."""
    texts = dict(zip(_CERTS, given.certificate_texts, strict=True))
    if newest is not None:
        stored = (newest.app_cert, newest.alipay_cert, newest.alipay_root_cert)
        there = zip(_CERTS, stored, strict=True)
        texts |= {name: text for name, text in there if texts[name] is None}
    missing = [name for name, text in texts.items() if text is None]
    if missing:
        raise _wanted(*missing)
    app, alipay, root = (text or "" for text in texts.values())
    return certificates.read_certificates(app, alipay, root, own=own, own_keys=own_keys, now=now)
