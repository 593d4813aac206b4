"""Reads the three certificates of certificate mode, once, in full, and says what is wrong with
them in words people can act on (alipay-protocol.md §5.1).

Alipay's certificate is trusted by its chain to a root of the bundle. The app's own only tells
Alipay which public key we sign for: it must be in date, belong to the private key, and chain
wherever its issuer is among the files given. All of it is public; nothing here is a secret.

KeyRefused
└── CertificateRefused         422  binding.certificate_refused; `errors` points at the field
    ├── CertificateUnreadable       binding.certificate_unreadable
    ├── KeyAsCertificate            binding.key_as_certificate
    ├── CertificateNotYetValid      binding.certificate_not_yet_valid
    ├── CertificateExpired          binding.certificate_expired
    ├── CertificateOfAuthority      binding.certificate_of_authority
    ├── CertificateUntrusted        binding.certificate_untrusted
    ├── CertificateMismatch         binding.certificate_mismatch
    ├── OwnCertificate              binding.own_certificate
    └── RootMissing                 binding.root_certificate_missing
"""

import base64
import binascii
import hashlib
import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import verification

from services.binding.keys import pasted

APP_FIELD = "/app_cert"
ALIPAY_FIELD = "/alipay_cert"
ROOT_FIELD = "/alipay_root_cert"
TEXT_MAX = 32_768
BLOCKS_MAX = 16
DEPTH_MAX = 4

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_RSA_SIGNATURES = "1.2.840.113549.1.1."
_RSA_OID = bytes.fromhex("2a864886f70d0101")
"""1.2.840.113549.1.1 as DER: a block that does not read but holds it is a broken RSA one"""

_UNREADABLE = (
    ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)  # fmt: skip
"""What the library raises on bytes that are no certificate; not one family"""


class CertificateRefused(pasted.KeyRefused):
    code = "binding.certificate_refused"
    title = "证书不可用 This certificate cannot be used."


class CertificateUnreadable(CertificateRefused):
    code = "binding.certificate_unreadable"
    title = (
        "无法识别的证书，请上传完整的 .crt 文件 "
        "Not a certificate; give the downloaded .crt file whole."
    )


class KeyAsCertificate(CertificateRefused):
    code = "binding.key_as_certificate"
    title = "这里应填证书，填入的是密钥 A key was given; a certificate is needed here."


class CertificateNotYetValid(CertificateRefused):
    code = "binding.certificate_not_yet_valid"
    title = "证书尚未生效 The certificate is not valid yet."


class CertificateExpired(CertificateRefused):
    code = "binding.certificate_expired"
    title = "证书已过期，请重新下载 The certificate has expired; download a new one."


class CertificateOfAuthority(CertificateRefused):
    code = "binding.certificate_of_authority"
    title = (
        "这是颁发机构的证书，请检查三个文件是否填错位置 "
        "An authority's certificate was given; check which file goes where."
    )


class CertificateUntrusted(CertificateRefused):
    code = "binding.certificate_untrusted"
    title = (
        "证书不是由所给的支付宝根证书签发 "
        "The certificate does not lead to a root in the given root file."
    )


class CertificateMismatch(CertificateRefused):
    code = "binding.certificate_mismatch"
    title = (
        "应用公钥证书与应用私钥不匹配 "
        "The application certificate does not belong to the application private key."
    )


class OwnCertificate(CertificateRefused):
    code = "binding.own_certificate"
    title = (
        "填入的是应用公钥证书：这里应填支付宝公钥证书 "
        "The application certificate was given; Alipay's is needed here."
    )


class RootMissing(CertificateRefused):
    code = "binding.root_certificate_missing"
    title = "根证书文件中没有可用的 RSA 根证书 No usable RSA root in the root file."


@dataclass(frozen=True, slots=True)
class Certificate:
    """One leaf as it is stored; `pem` with what followed it in its file."""

    pem: str
    sn: str
    not_after: datetime
    public: pasted.PublicKey


@dataclass(frozen=True, slots=True)
class CertificateSet:
    """The three files of one app."""

    app: Certificate
    alipay: Certificate
    root_pem: str
    root_sn: str


def read_certificates(
    app_text: str,
    alipay_text: str,
    root_text: str,
    *,
    own: str,
    own_keys: Collection[str],
    now: datetime,
) -> CertificateSet:
    """The files checked at `now`; `own` is the private key's public half (spki), `own_keys` those
    of older versions, too. Raises a CertificateRefused."""
    root_blocks = _blocks(root_text, ROOT_FIELD)
    roots = _roots(root_blocks)
    app_pile, alipay_pile = _pile(app_text, APP_FIELD), _pile(alipay_text, ALIPAY_FIELD)
    app, alipay = _leaf(app_pile, APP_FIELD, now), _leaf(alipay_pile, ALIPAY_FIELD, now)
    if app.public.spki != own:
        raise CertificateMismatch(APP_FIELD)
    if alipay.public.spki in {own, *own_keys}:
        raise OwnCertificate(ALIPAY_FIELD)
    _check_chain(alipay_pile[0], alipay_pile[1:], roots, now, ALIPAY_FIELD)
    issuers = [*app_pile[1:], *alipay_pile[1:]]
    if any(issuer.subject == app_pile[0].issuer for issuer in [*issuers, *roots]):
        _check_chain(app_pile[0], issuers, roots, now, APP_FIELD)
    return CertificateSet(
        app=app,
        alipay=alipay,
        root_pem="".join(_pem_of(der) for der in root_blocks),
        root_sn="_".join(_number(root) for root in _rsa_signed(root_blocks)),
    )


# --- texts


def _blocks(text: str, where: str) -> list[bytes]:
    """The DER of each certificate in a text: PEM, or one bare block."""
    if len(text) > TEXT_MAX:
        raise pasted.KeyTooLarge(where)
    text = text.replace("\ufeff", "").replace("\\r", "").replace("\\n", "\n")
    found = _BLOCK.findall(text)
    if any("CERTIFICATE" not in label for label, _ in found):
        raise KeyAsCertificate(where)
    if not found and "-----" in text:
        raise CertificateUnreadable(where)
    bodies = [body for _, body in found] or [text]
    if len(bodies) > BLOCKS_MAX:
        raise pasted.KeyTooLarge(where)
    return [_der(body, where) for body in bodies]


def _der(body: str, where: str) -> bytes:
    compact = "".join(body.split())
    if not compact:
        raise pasted.KeyEmpty(where)
    try:
        return base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        raise CertificateUnreadable(where) from None


def _parsed(der: bytes) -> x509.Certificate | None:
    # Alipay's root file holds SM2 and EC roots that the library refuses, in one way or another.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            _ = certificate.signature_algorithm_oid, certificate.issuer.rfc4514_string()
            _ = certificate.subject, certificate.extensions, certificate.public_key()
    except _UNREADABLE:
        return None
    return certificate


def _pile(text: str, where: str) -> list[x509.Certificate]:
    """A leaf and what follows it."""
    pile = []
    for der in _blocks(text, where):
        certificate = _parsed(der)
        if certificate is None:
            raise (KeyAsCertificate if _is_key(der) else CertificateUnreadable)(where)
        pile.append(certificate)
    return pile


def _is_key(der: bytes) -> bool:
    for load in (
        serialization.load_der_public_key,
        lambda raw: serialization.load_der_private_key(
            raw, None, unsafe_skip_rsa_key_validation=True
        ),
    ):
        try:
            load(der)
        except _UNREADABLE:
            continue
        return True
    return False


def _pem_of(der: bytes) -> str:
    body = base64.encodebytes(der).decode().replace("\n", "")
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


# --- what they say


def _number(certificate: x509.Certificate) -> str:
    """MD5 over the issuer's text and the serial number in decimal: it identifies, no more."""
    named = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()


def _leaf(pile: Sequence[x509.Certificate], where: str, now: datetime) -> Certificate:
    leaf = pile[0]
    if _is_authority(leaf):
        raise CertificateOfAuthority(where)
    if now < leaf.not_valid_before_utc:
        raise CertificateNotYetValid(where)
    if now > leaf.not_valid_after_utc:
        raise CertificateExpired(where)
    key = leaf.public_key()
    if not isinstance(key, RSAPublicKey):
        raise pasted.KeyNotRsa(where)
    return Certificate(
        pem="".join(_pem_of(each.public_bytes(serialization.Encoding.DER)) for each in pile),
        sn=_number(leaf),
        not_after=leaf.not_valid_after_utc,
        public=pasted.describe(key, where),
    )


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def _rsa_signed(blocks: Sequence[bytes]) -> list[x509.Certificate]:
    found = []
    for der in blocks:
        certificate = _parsed(der)
        if certificate is None:
            if _RSA_OID in der:
                # Skipped, it would be missing in the number that Alipay compares.
                raise CertificateUnreadable(ROOT_FIELD)
        elif certificate.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES):
            found.append(certificate)
    return found


def _roots(blocks: Sequence[bytes]) -> list[x509.Certificate]:
    roots = [
        each
        for each in _rsa_signed(blocks)
        if each.issuer == each.subject and isinstance(each.public_key(), RSAPublicKey)
    ]
    if not roots:
        raise RootMissing(ROOT_FIELD)
    return roots


# --- whom they lead to


def _is_issuer(
    _policy: verification.Policy,
    _certificate: x509.Certificate,
    constraints: x509.BasicConstraints,
) -> None:
    if not constraints.ca:
        raise ValueError("not an authority")


# The library's own profile is the web's, which asks for names that these certificates lack.
_AUTHORITY = verification.ExtensionPolicy.permit_all().require_present(
    x509.BasicConstraints, verification.Criticality.AGNOSTIC, _is_issuer
)
_ANY = verification.ExtensionPolicy.permit_all()


def _check_chain(
    leaf: x509.Certificate,
    issuers: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now: datetime,
    where: str,
) -> None:
    """Every signature, constraint and date from the leaf to a root, at `now`."""
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(list(roots)))
        .time(now)
        .max_chain_depth(DEPTH_MAX)
        .extension_policies(ca_policy=_AUTHORITY, ee_policy=_ANY)
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, list(issuers))
    except verification.VerificationError:
        raise CertificateUntrusted(where) from None
