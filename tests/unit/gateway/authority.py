"""A small certificate authority in the image of Alipay's: three kinds of roots, and leaves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
BEGIN, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
ROOT_END = datetime(2040, 1, 1, tzinfo=UTC)

_P256 = bytes.fromhex("06082a8648ce3d030107")
_SM2 = bytes.fromhex("06082a811ccf5501822d")
_ECDSA = bytes.fromhex("06082a8648ce3d040302")
_SM2_SM3 = bytes.fromhex("06082a811ccf55018375")


def name_of(common: str, organisation: str = "Test Ant") -> x509.Name:
    """C, O, OU, CN: the encoded order, which the issuer's text reverses."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Certification Authority"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def issue(
    subject: str,
    public: Any,
    issuer: str,
    key: Any,
    *,
    serial: int,
    ca: bool | None = None,
    begin: datetime = BEGIN,
    end: datetime = END,
    may_sign: bool | None = None,
    path_length: int | None = None,
    algorithm: hashes.HashAlgorithm | None = None,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(issuer))
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if ca is not None:
        constraints = x509.BasicConstraints(ca=ca, path_length=path_length if ca else None)
        builder = builder.add_extension(constraints, critical=True)
    if may_sign is not None:
        usage = x509.KeyUsage(
            digital_signature=not may_sign, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=may_sign,
            crl_sign=may_sign, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, algorithm or hashes.SHA256())


def pem_of(*certificates: x509.Certificate) -> str:
    encoded = (each.public_bytes(serialization.Encoding.PEM) for each in certificates)
    return b"".join(encoded).decode()


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def sm2_of(certificate: x509.Certificate) -> bytes:
    """The DER of a P-256 certificate, said to be SM2: no library here reads its key."""
    return der_of(certificate).replace(_P256, _SM2).replace(_ECDSA, _SM2_SM3)


def of_odd_version(certificate: x509.Certificate) -> bytes:
    """The DER with a version that does not exist; the library's error for it is no ValueError."""
    return der_of(certificate).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x3b", 1)


@dataclass
class Authority:
    """Root, intermediate, and what they issue."""

    root_key: RSAPrivateKey
    middle_key: RSAPrivateKey
    curve_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        self.root = self.new_root()
        self.curve_root = issue(
            "Curve R1", self.curve_key.public_key(), "Curve R1", self.curve_key,
            serial=7, ca=True, end=ROOT_END,
        )  # fmt: skip
        self.middle = self.new_middle()

    def new_root(self, **changed: Any) -> x509.Certificate:
        given = {"serial": 2, "ca": True, "may_sign": True, "end": ROOT_END, **changed}
        return issue("R1", self.root_key.public_key(), "R1", self.root_key, **given)

    def new_middle(self, **changed: Any) -> x509.Certificate:
        given = {"serial": 3, "ca": True, "may_sign": True, "end": ROOT_END, **changed}
        return issue("Class 2", self.middle_key.public_key(), "R1", self.root_key, **given)

    def leaf(self, subject: str, public: Any, **changed: Any) -> x509.Certificate:
        given = {"serial": 4, "may_sign": False, **changed}
        return issue(subject, public, "Class 2", self.middle_key, **given)
