"""The only code that reads Alipay's certificates and checks their chains: for console, signing
command line, binding and gateway (alipay-protocol.md §5.1).

A certificate's number is the MD5 of the issuer's text and the serial number in decimal. It only
identifies a certificate and proves nothing, so the weakness of MD5 does not matter. A certificate
is trusted because of its chain: leaf, intermediates, and a root of the bundle that was bound with
the app. All of them must be RSA and in date, and each issuer must be allowed to issue. The app's
own certificate only tells Alipay with which key we sign. Pure: all of it is public, nothing here is
a secret.
"""

import base64
import hashlib
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import verification as path

from shared.keys.pem import Block, UnusableKey, blocks_of, der_of
from shared.keys.rsa_keys import UNREADABLE, PublicKey, facts_of

BLOCKS_MAX = 16
DER_MAX = 24 * 1024
DEPTH_MAX = 4
"""intermediates between a leaf and its root; Alipay has one"""

Which = Literal["app", "alipay", "root"]

_RSA_SIGNATURES = "1.2.840.113549.1.1."
_RSA_OID_DER = bytes.fromhex("2a864886f70d0101")
"""1.2.840.113549.1.1 in DER: an unreadable block that contains it is an RSA block"""


class UnusableCertificate(UnusableKey):
    """Not a certificate we can use. `which` of the three files it is about; `code` is one of
    UnusableKey's, or

    is_key           a key where a certificate is needed
    is_ca            an authority's certificate where a leaf is needed
    not_yet_valid    before its first day
    expired          after its last day
    no_root          no usable RSA root in the root file
    chain            no valid path to a root of the bundle: signature, constraints or dates
    other_key        the app's certificate is not for the app's private key
    own_certificate  one of the app's own keys where Alipay's is needed
    other_sn         not the certificate that was asked for
    other_owner      issued to somebody else than the one it would replace
    """

    def __init__(self, code: str, which: Which) -> None:
        super().__init__(code)
        self.which: Which = which


@dataclass(frozen=True, slots=True)
class Certificate:
    """One leaf as it is stored; `pem` also has the certificates that followed it in its file."""

    pem: str
    sn: str
    not_after: datetime
    public: PublicKey


@dataclass(frozen=True, slots=True)
class CertificateSet:
    """The three files of one app: what goes into requests, and whose signatures count."""

    app: Certificate
    alipay: Certificate
    root_pem: str
    root_sn: str
    not_after: datetime
    """aware UTC; when the first certificate of this set or of its chains ends"""


def read_set(
    app_text: str,
    alipay_text: str,
    root_text: str,
    *,
    now: datetime,
    own: str = "",
    own_keys: Collection[str] = (),
) -> CertificateSet:
    """The three files as downloaded from Alipay's console, checked at `now` (aware). `own` is the
    private key's public half (spki) where it is known, `own_keys` are those of older versions.

    Alipay's certificate must chain to a root of the bundle. The app's must be in date; its issuer
    is not part of what the console hands out, so its chain is checked where the issuer is known.
    Raises UnusableCertificate.
    """
    root_blocks = _ders(root_text, "root")
    roots = _roots(root_blocks)
    app_pile, alipay_pile = _pile(app_text, "app"), _pile(alipay_text, "alipay")
    app, alipay = _leaf(app_pile, now, "app"), _leaf(alipay_pile, now, "alipay")
    if own and app.public.spki != own:
        raise UnusableCertificate("other_key", "app")
    if alipay.public.spki in {app.public.spki, *own_keys}:
        raise UnusableCertificate("own_certificate", "alipay")
    used = [app_pile[0], *_chain(alipay_pile, roots, now, "alipay")]
    known = [*app_pile[1:], *alipay_pile[1:], *roots]
    if any(issuer.subject == app_pile[0].issuer for issuer in known):
        used += _chain([*app_pile, *alipay_pile[1:]], roots, now, "app")
    return CertificateSet(
        app=app,
        alipay=alipay,
        root_pem="".join(_pem_of(der) for der in root_blocks),
        root_sn=_numbers(_rsa_signed(root_blocks)),
        not_after=min(each.not_valid_after_utc for each in used),
    )


def read_renewed(
    new_text: str, sn: str, old_text: str, root_text: str, now: datetime
) -> Certificate:
    """Alipay's certificate with the number `sn`, which replaces the one in `old_text`. No process
    calls this yet: none fetches a certificate that Alipay has renewed.

    The response that delivers it cannot be verified, because it is signed with the very key that it
    delivers. The same authorities also issue certificates to every merchant. So its chain must be
    valid, and it must be issued to the same name as the one that it replaces. Raises
    UnusableCertificate.
    """
    roots = _roots(_ders(root_text, "root"))
    pile, old = _pile(new_text, "alipay"), _pile(old_text, "alipay")
    leaf = _leaf(pile, now, "alipay")
    if leaf.sn != sn:
        raise UnusableCertificate("other_sn", "alipay")
    if not _owner(pile[0]) or _owner(pile[0]) != _owner(old[0]):
        raise UnusableCertificate("other_owner", "alipay")
    _chain([*pile, *old[1:]], roots, now, "alipay")
    return leaf


def cert_sn(text: str) -> str:
    """The number of the first certificate in `text`, which is the leaf if its issuer follows."""
    return _number(_pile(text, "alipay")[0])


def root_cert_sn(text: str) -> str:
    """The numbers of all RSA-signed certificates, in file order, joined by underscores."""
    numbers = _numbers(_rsa_signed(_ders(text, "root")))
    if not numbers:
        raise UnusableCertificate("no_root", "root")
    return numbers


# --- texts


def _ders(text: str, which: Which) -> list[bytes]:
    """The bytes of each certificate in a text."""
    try:
        blocks = blocks_of(text)
        if any(_is_key(block) for block in blocks):
            raise UnusableKey("is_key")
        if len(blocks) > BLOCKS_MAX:
            raise UnusableKey("too_large")
        return [der_of(block.body, DER_MAX) for block in blocks]
    except UnusableKey as error:
        # A file with a chain may hold several, so here that code means a block that was not
        # recognised.
        is_spoilt = error.code in ("several", "truncated")
        raise UnusableCertificate("unreadable" if is_spoilt else error.code, which) from None


def _is_key(block: Block) -> bool:
    return block.label != "" and "CERTIFICATE" not in block.label


def _pile(text: str, which: Which) -> list[x509.Certificate]:
    """A leaf and the certificates that follow it; each of them must be readable."""
    pile = []
    for der in _ders(text, which):
        certificate = _parsed(der)
        if certificate is None:
            raise UnusableCertificate("is_key" if _loads_as_key(der) else "unreadable", which)
        pile.append(certificate)
    return pile


def _parsed(der: bytes) -> x509.Certificate | None:
    """The certificate, or None if it cannot be read completely. Alipay's own root file holds SM2
    and EC roots that the library refuses, and an RSA root with a deviation that it only warns
    about."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            _ = certificate.signature_algorithm_oid, certificate.issuer.rfc4514_string()
            _ = certificate.subject, certificate.extensions, certificate.public_key()
    except UNREADABLE:
        return None
    return certificate


def _loads_as_key(der: bytes) -> bool:
    for load in (
        serialization.load_der_public_key,
        lambda raw: serialization.load_der_private_key(
            raw, None, unsafe_skip_rsa_key_validation=True
        ),
    ):
        try:
            load(der)
        except UNREADABLE:
            continue
        return True
    return False


def _pem_of(der: bytes) -> str:
    body = base64.b64encode(der).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


# --- what they say


def _number(certificate: x509.Certificate) -> str:
    named = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()


def _numbers(certificates: Sequence[x509.Certificate]) -> str:
    return "_".join(_number(certificate) for certificate in certificates)


def _owner(certificate: x509.Certificate) -> list[str | bytes]:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return [name.value for name in names]


def _leaf(pile: Sequence[x509.Certificate], now: datetime, which: Which) -> Certificate:
    leaf = pile[0]
    if _is_authority(leaf):
        raise UnusableCertificate("is_ca", which)
    if now < leaf.not_valid_before_utc:
        raise UnusableCertificate("not_yet_valid", which)
    if now > leaf.not_valid_after_utc:
        raise UnusableCertificate("expired", which)
    key = leaf.public_key()
    if not isinstance(key, RSAPublicKey):
        raise UnusableCertificate("not_rsa", which)
    try:
        public = facts_of(key)
    except UnusableKey as error:
        raise UnusableCertificate(error.code, which) from None
    pem = "".join(_pem_of(each.public_bytes(serialization.Encoding.DER)) for each in pile)
    return Certificate(pem, _number(leaf), leaf.not_valid_after_utc, public)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def _rsa_signed(ders: Sequence[bytes]) -> list[x509.Certificate]:
    found = []
    for der in ders:
        certificate = _parsed(der)
        if certificate is None:
            if _RSA_OID_DER in der:
                # Skipping it would send a number that Alipay refuses, far from the cause.
                raise UnusableCertificate("unreadable", "root")
        elif _is_rsa_signed(certificate):
            found.append(certificate)
    return found


def _is_rsa_signed(certificate: x509.Certificate) -> bool:
    return certificate.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES)


def _roots(ders: Sequence[bytes]) -> list[x509.Certificate]:
    roots = [
        each
        for each in _rsa_signed(ders)
        if each.issuer == each.subject and isinstance(each.public_key(), RSAPublicKey)
    ]
    if not roots:
        raise UnusableCertificate("no_root", "root")
    return roots


# --- whom they lead to


def _may_issue(
    _policy: path.Policy, _certificate: x509.Certificate, constraints: x509.BasicConstraints
) -> None:
    if not constraints.ca:
        raise ValueError("not an authority")


def _may_sign(
    _policy: path.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("not for signing certificates")


# The library's own profiles are for the web and require names that these certificates lack.
_AUTHORITY = (
    path.ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, path.Criticality.AGNOSTIC, _may_issue)
    .may_be_present(x509.KeyUsage, path.Criticality.AGNOSTIC, _may_sign)
)
_LEAF = path.ExtensionPolicy.permit_all()


def _chain(
    pile: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: datetime, which: Which
) -> list[x509.Certificate]:
    """The chain from leaf to root, all of it RSA, with every signature, constraint and date checked
    at `now`."""
    verifier = (
        path.PolicyBuilder()
        .store(path.Store(list(roots)))
        .time(now)
        .max_chain_depth(DEPTH_MAX)
        .extension_policies(ca_policy=_AUTHORITY, ee_policy=_LEAF)
        .build_client_verifier()
    )
    try:
        used = list(verifier.verify(pile[0], list(pile[1:])).chain)
    except (path.VerificationError, *UNREADABLE):
        raise UnusableCertificate("chain", which) from None
    if not all(_is_rsa_signed(each) for each in used):
        raise UnusableCertificate("chain", which)
    return used
