"""A small certificate authority of the sandbox's own, and the numbers certificates go by.

The root file is as awkward as the real one: two RSA roots, which count, and an EC root, which does
not and whose algorithm carries a NULL that strict readers refuse. Blocks are parted by blank lines.
"""

import hashlib
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from deploy.sandbox.alipay.wire import rsa2

ORGANISATION = "Sandbox Financial"
ROOT_NAMES = ("Sandbox Certification Authority R1", "Sandbox Certification Authority R2")
EC_ROOT_NAME = "Sandbox Certification Authority E1"
INTERMEDIATE_NAME = "Sandbox Certification Authority Class 2 R1"
ROOT_DAYS = 20 * 365
LEAF_DAYS = 5 * 365  # about as long as Alipay's own live
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_SHA256_NULL = bytes.fromhex("300c06082a8648ce3d0403020500")


def number_of(issuer: x509.Name, serial: int) -> str:
    """The SN: MD5 over the issuer in RFC 2253 order and the serial number in decimal."""
    text = issuer.rfc4514_string() + str(serial)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate, alone."""

    pem: str
    sn: str


@dataclass(frozen=True, slots=True)
class Authority:
    """The root file with its number, and the intermediate that issues everything."""

    root_pem: str
    root_sn: str
    intermediate_pem: str
    intermediate_key: rsa.RSAPrivateKey

    def issue(self, name: str, key: rsa.RSAPublicKey, *, starts: datetime | None = None) -> Issued:
        """A leaf for five years from `starts` (now)."""
        issuer = x509.load_pem_x509_certificate(self.intermediate_pem.encode()).subject
        subject = _subject(name, "Sandbox Applications")
        made = _built(subject, issuer, key, starts or _now(), LEAF_DAYS, path=None).sign(
            self.intermediate_key, hashes.SHA256()
        )
        return Issued(_pem(made), number_of(issuer, made.serial_number))

    def chain(self, leaf: Issued) -> str:
        """As the console hands out an Alipay certificate: the leaf first, then its issuer."""
        return f"{leaf.pem}\n{self.intermediate_pem}"

    def to_json(self) -> str:
        return json.dumps(
            {
                "root_pem": self.root_pem,
                "root_sn": self.root_sn,
                "intermediate_pem": self.intermediate_pem,
                "intermediate_key": rsa2.private_pem(self.intermediate_key),
            }
        )


def from_json(text: str) -> "Authority":
    """An authority that `to_json` has written to the ledger."""
    kept = json.loads(text)
    key = rsa2.load_private_pem(kept.pop("intermediate_key"))
    return Authority(intermediate_key=key, **kept)


def new_authority() -> Authority:
    """Makes four key pairs: call it in a thread."""
    now = _now()
    keys = [rsa2.new_private_key() for _ in ROOT_NAMES]
    names = [_subject(name, "Certification Authority") for name in ROOT_NAMES]
    roots = [
        _built(name, name, key.public_key(), now, ROOT_DAYS, path=2).sign(key, hashes.SHA256())
        for name, key in zip(names, keys, strict=True)
    ]
    intermediate_key = rsa2.new_private_key()
    subject = _subject(INTERMEDIATE_NAME, "Certification Authority")
    intermediate = _built(
        subject, names[0], intermediate_key.public_key(), now, ROOT_DAYS, path=0
    ).sign(keys[0], hashes.SHA256())
    return Authority(
        root_pem="\n".join([*(_pem(root) for root in roots), _awkward_ec_root(now)]),
        root_sn="_".join(number_of(root.issuer, root.serial_number) for root in roots),
        intermediate_pem=_pem(intermediate),
        intermediate_key=intermediate_key,
    )


def foreign_authority() -> Authority:
    """Has the intermediate's name, but no root has issued it."""
    key = rsa2.new_private_key()
    name = _subject(INTERMEDIATE_NAME, "Certification Authority")
    made = _built(name, name, key.public_key(), _now(), ROOT_DAYS, path=0)
    pem = _pem(made.sign(key, hashes.SHA256()))
    return Authority(pem, "", pem, key)


def expired_start() -> datetime:
    """The start of a leaf that has already expired."""
    return _now() - timedelta(days=LEAF_DAYS + 30)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _subject(common: str, unit: str) -> x509.Name:
    """Encoded from the country down, so that it is written CN, OU, O, C."""
    parts: Sequence[tuple[x509.ObjectIdentifier, str]] = (
        (NameOID.COUNTRY_NAME, "CN"),
        (NameOID.ORGANIZATION_NAME, ORGANISATION),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common),
    )
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def _built(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    starts: datetime,
    days: int,
    *,
    path: int | None,
) -> x509.CertificateBuilder:
    """`path`: how many authorities may follow; None for a leaf."""
    is_authority = path is not None
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts - timedelta(hours=1))
        .not_valid_after(starts + timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_authority, path), critical=True)
        .add_extension(usage, critical=True)
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _awkward_ec_root(now: datetime) -> str:
    """Signed anew after a NULL has been put where EC algorithms must have nothing."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject(EC_ROOT_NAME, "Certification Authority")
    plain = _built(name, name, key.public_key(), now, ROOT_DAYS, path=2).sign(key, hashes.SHA256())
    body = _contents(plain.tbs_certificate_bytes).replace(_ECDSA_SHA256, _ECDSA_SHA256_NULL, 1)
    signed = _tlv(0x30, body)
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    der = _tlv(0x30, signed + _ECDSA_SHA256_NULL + _tlv(0x03, b"\0" + signature))
    return ssl.DER_cert_to_PEM_cert(der)


def _contents(tlv: bytes) -> bytes:
    """What a DER value holds, without its tag and length."""
    length = tlv[1]
    return tlv[2:] if length < 0x80 else tlv[2 + (length & 0x7F) :]


def _tlv(tag: int, body: bytes) -> bytes:
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(size)]) + size + body
