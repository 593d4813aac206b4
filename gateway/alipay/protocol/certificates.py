"""Certificate mode: how Alipay numbers certificates, and which of them may be trusted.

A number is MD5 over the issuer's text and the serial number in decimal (alipay-protocol.md §5.1).
It identifies, it proves nothing, so its weakness does not matter. What is trusted is trusted by
its chain: leaf, intermediates, a root of the bundle that was bound with the app.
"""

import base64
import binascii
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import verification as path

from gateway.alipay.protocol.rsa2 import UNREADABLE, BadKey, is_usable_size

TEXT_MAX = 64 * 1024
BLOCKS_MAX = 16
DEPTH_MAX = 3
"""intermediates between a leaf and its root; Alipay has one"""

Which = Literal["app", "alipay", "root"]

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_RSA_SIGNATURES = "1.2.840.113549.1.1."
_RSA_OID_DER = bytes.fromhex("2a864886f70d0101")
"""1.2.840.113549.1.1 as it stands in DER: what does not read, but holds this, is an RSA block"""


class BadCertificate(BadKey):
    """Not a certificate we can use. `reason` is a stable word, `which` of the three it is about.

    missing         no certificate in the text
    too_large       more text or more certificates than any real bundle has
    unreadable      a block that is not a certificate, or an RSA block that does not parse
    not_rsa         the certificate holds another kind of key
    key_size        RSA, but shorter than 2048 bits (or absurdly long)
    is_ca           an authority's certificate where a leaf is needed
    not_yet_valid   before its first day
    expired         after its last day
    chain           no valid path to a root of the bundle: signature, constraints or dates
    same_key        the app's certificate was given as Alipay's
    other_sn        not the certificate that was asked for
    other_owner     issued to somebody else than the one it would replace
    """

    def __init__(self, reason: str, which: Which = "alipay") -> None:
        super().__init__(f"{which} certificate: {reason}")
        self.reason = reason
        self.which = which


@dataclass(frozen=True, slots=True)
class CertSet:
    """An app in certificate mode: what goes into requests, and whose signatures count."""

    app_cert_sn: str
    alipay_root_cert_sn: str
    alipay_cert_sn: str
    app_public: RSAPublicKey
    """the counterpart of the app's private key: the two must be compared at binding"""
    alipay_public: RSAPublicKey
    not_after: datetime
    """aware UTC; when the first certificate of this set or of its chain ends"""


@dataclass(frozen=True, slots=True)
class AlipayCert:
    """One certificate of Alipay's whose chain was checked."""

    sn: str
    public: RSAPublicKey
    not_after: datetime


def read_cert_set(
    app_cert_pem: str, alipay_cert_pem: str, root_cert_pem: str, now: datetime
) -> CertSet:
    """The three files as downloaded from Alipay's console, checked at `now` (aware).

    Alipay's certificate must chain to a root of the bundle. The app's must be in date; its issuer
    is not part of what the console hands out, so its chain is checked where the issuer is known.
    Nothing is believed because of it: it only tells Alipay which public key we sign for.
    Raises BadCertificate.
    """
    roots = _roots(root_cert_pem)
    app_pile = _pile(app_cert_pem, "app")
    alipay_pile = _pile(alipay_cert_pem, "alipay")
    app = _leaf(app_pile, now, "app")
    alipay = _leaf(alipay_pile, now, "alipay")
    app_public, alipay_public = _rsa(app, "app"), _rsa(alipay, "alipay")
    if app_public.public_numbers() == alipay_public.public_numbers():
        raise BadCertificate("same_key")
    used = _chain(alipay_pile, roots, now, "alipay")
    known = [*app_pile[1:], *alipay_pile[1:], *roots]
    if any(issuer.subject == app.issuer for issuer in known):
        used += _chain([app, *app_pile[1:], *alipay_pile[1:]], roots, now, "app")
    return CertSet(
        app_cert_sn=_number(app),
        alipay_root_cert_sn=root_cert_sn(root_cert_pem),
        alipay_cert_sn=_number(alipay),
        app_public=app_public,
        alipay_public=alipay_public,
        not_after=min(each.not_valid_after_utc for each in (app, *used)),
    )


def read_renewed_cert(
    new_pem: str, sn: str, old_pem: str, root_cert_pem: str, now: datetime
) -> AlipayCert:
    """The certificate numbered `sn` that replaces the one in `old_pem`.

    The answer that delivers it cannot be verified (it is signed by the very key it delivers), and
    the same authorities also issue to every merchant: so it must chain, and be issued to the same
    name as the one it replaces. Raises BadCertificate.
    """
    roots = _roots(root_cert_pem)
    pile, old = _pile(new_pem, "alipay"), _pile(old_pem, "alipay")
    leaf = _leaf(pile, now, "alipay")
    if _number(leaf) != sn:
        raise BadCertificate("other_sn")
    if not _owner(leaf) or _owner(leaf) != _owner(old[0]):
        raise BadCertificate("other_owner")
    used = _chain([*pile, *old[1:]], roots, now, "alipay")
    return AlipayCert(sn, _rsa(leaf, "alipay"), min(each.not_valid_after_utc for each in used))


def cert_sn(pem: str) -> str:
    """The number of the first certificate in `pem`: the leaf, where the issuer follows."""
    return _number(_pile(pem, "alipay")[0])


def root_cert_sn(pem: str) -> str:
    """The numbers of all RSA-signed certificates, in file order, joined by underscores."""
    numbers = [_number(certificate) for certificate in _rsa_signed(pem)]
    if not numbers:
        raise BadCertificate("missing", "root")
    return "_".join(numbers)


def _number(certificate: x509.Certificate) -> str:
    named = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()


def _owner(certificate: x509.Certificate) -> list[str | bytes]:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return [name.value for name in names]


def _blocks(text: str, which: Which) -> Iterator[bytes]:
    """The DER of each block; bare base64 is one block."""
    if len(text) > TEXT_MAX:
        raise BadCertificate("too_large", which)
    spelled = text.replace("\ufeff", "").replace("\\r", "\n").replace("\\n", "\n")
    bodies = [part.partition(_END) for part in spelled.split(_BEGIN)[1:]]
    if not bodies and "-----" not in spelled and spelled.strip():
        bodies = [(spelled, _END, "")]
    if len(bodies) > BLOCKS_MAX:
        raise BadCertificate("too_large", which)
    for body, end, _ in bodies:
        try:
            der = base64.b64decode("".join(body.split()), validate=True) if end else b""
        except (binascii.Error, ValueError):
            der = b""
        if not der:
            raise BadCertificate("unreadable", which)
        yield der


def _parsed(der: bytes) -> x509.Certificate | None:
    # Alipay's own root file holds SM2 and EC roots that the library refuses, one way or another,
    # and an RSA root with an oddity that it only warns about.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            _ = certificate.signature_algorithm_oid, certificate.issuer.rfc4514_string()
            _ = certificate.subject, certificate.extensions, certificate.public_key()
    except UNREADABLE:
        return None
    return certificate


def _pile(pem: str, which: Which) -> list[x509.Certificate]:
    """A leaf and what follows it, all of which must read."""
    pile = []
    for der in _blocks(pem, which):
        certificate = _parsed(der)
        if certificate is None:
            raise BadCertificate("unreadable", which)
        pile.append(certificate)
    if not pile:
        raise BadCertificate("missing", which)
    return pile


def _rsa_signed(pem: str) -> Iterator[x509.Certificate]:
    for der in _blocks(pem, "root"):
        certificate = _parsed(der)
        if certificate is None:
            if _RSA_OID_DER in der:
                # Skipping it would send a number that Alipay refuses, far from the cause.
                raise BadCertificate("unreadable", "root")
        elif certificate.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES):
            yield certificate


def _roots(pem: str) -> list[x509.Certificate]:
    roots = [
        root
        for root in _rsa_signed(pem)
        if root.issuer == root.subject and isinstance(root.public_key(), RSAPublicKey)
    ]
    if not roots:
        raise BadCertificate("missing", "root")
    return roots


def _leaf(pile: Sequence[x509.Certificate], now: datetime, which: Which) -> x509.Certificate:
    leaf = pile[0]
    if now < leaf.not_valid_before_utc:
        raise BadCertificate("not_yet_valid", which)
    if now > leaf.not_valid_after_utc:
        raise BadCertificate("expired", which)
    try:
        constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return leaf
    if constraints.value.ca:
        raise BadCertificate("is_ca", which)
    return leaf


def _rsa(certificate: x509.Certificate, which: Which) -> RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise BadCertificate("not_rsa", which)
    if not is_usable_size(key):
        raise BadCertificate("key_size", which)
    return key


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


# The library's own profiles are the web's, which ask for names that these certificates lack.
_AUTHORITY = (
    path.ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, path.Criticality.AGNOSTIC, _may_issue)
    .may_be_present(x509.KeyUsage, path.Criticality.AGNOSTIC, _may_sign)
)
_LEAF = path.ExtensionPolicy.permit_all()


def _chain(
    pile: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: datetime, which: Which
) -> list[x509.Certificate]:
    """Leaf to root, every signature, constraint and date of it checked at `now`."""
    verifier = (
        path.PolicyBuilder()
        .store(path.Store(list(roots)))
        .time(now)
        .max_chain_depth(DEPTH_MAX)
        .extension_policies(ca_policy=_AUTHORITY, ee_policy=_LEAF)
        .build_client_verifier()
    )
    try:
        return list(verifier.verify(pile[0], list(pile[1:])).chain)
    except (path.VerificationError, *UNREADABLE):
        raise BadCertificate("chain", which) from None
