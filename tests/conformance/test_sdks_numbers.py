"""Certificate numbers: ours equal each public SDK's, and where SDKs differ the list says who."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.conformance.sdk_drivers import WITH_CERTIFICATES, Drivers, private_key
from tests.conformance.sdk_ours import ours
from tests.fixtures.keys import RsaPair

pytestmark = pytest.mark.sdks
C, ORG, OU, CN = (NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME,
                NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.COMMON_NAME)  # fmt: skip
ST, L = NameOID.STATE_OR_PROVINCE_NAME, NameOID.LOCALITY_NAME
USUAL = ((C, "CN"), (ORG, "Ant Financial"), (OU, "Certification Authority"), (CN, "Class 2 R1"))
START = datetime(2026, 1, 1, tzinfo=UTC)
Name = Sequence[tuple[x509.ObjectIdentifier, str]]
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def _certificate(
    issuer: Name, key: Key, serial: int, digest: hashes.HashAlgorithm | None = None
) -> str:
    name = x509.Name([x509.NameAttribute(kind, text) for kind, text in issuer])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=3650))
        .sign(key, digest or hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _theirs(drivers: Drivers, keys: RsaPair, pem: str, *, is_root: bool) -> dict[str, str]:
    told = {
        sdk: drivers.ask(sdk, do="cert_sn", pem=pem, is_root=is_root, **private_key(keys))
        for sdk in WITH_CERTIFICATES
    }
    return {sdk: answer.get("sn", "") for sdk, answer in told.items()}


def _ours(pem: str, *, is_root: bool) -> str:
    return str(ours("root-cert-sn" if is_root else "cert-sn", [{"pem": pem}])[0]["sn"])


GO = {"go_smartwalle", "go_gopay"}
# issuer: the SDKs whose number is another one than ours, because they write the issuer otherwise.
ISSUERS: dict[str, tuple[Name, set[str]]] = {
    "usual": (USUAL, set()),
    "no unit": ((USUAL[0], USUAL[1], USUAL[3]), {"python_fzlee"}),
    "place, in Chinese": ((USUAL[0], (ST, "浙江"), (L, "杭州"), (ORG, "蚂蚁"), *USUAL[2:]),
                          {"python_fzlee"}),
    "comma and plus": ((USUAL[0], (ORG, "Ant, Inc. + Sons"), *USUAL[2:]),
                       {"node", "python_fzlee"}),
    "reversed": (tuple(reversed(USUAL)), {"python_fzlee", *GO}),
}  # fmt: skip


@pytest.mark.parametrize("serial", [1, 0x7F000001, (1 << 127) + 5])
def test_the_number_of_an_ordinary_certificate(
    drivers: Drivers, app_keys: RsaPair, serial: int
) -> None:
    pem = _certificate(USUAL, app_keys.private, serial)
    assert set(_theirs(drivers, app_keys, pem, is_root=False).values()) == {
        _ours(pem, is_root=False)
    }


@pytest.mark.parametrize("issuer", ISSUERS)
def test_issuers(drivers: Drivers, app_keys: RsaPair, issuer: str) -> None:
    """Ours is the number that Java computes: Alipay's own side of this is Java."""
    name, others = ISSUERS[issuer]
    pem = _certificate(name, app_keys.private, 20261126)
    mine = _ours(pem, is_root=False)
    theirs = _theirs(drivers, app_keys, pem, is_root=False)
    assert {sdk for sdk, sn in theirs.items() if sn != mine} == others


@pytest.mark.parametrize(
    ("digest", "gap", "others"),
    [
        (hashes.SHA256(), "\n", set()),
        (hashes.SHA384(), "\n", {"go_smartwalle"}),
        (hashes.SHA256(), "", {"python_fzlee"}),
    ],
    ids=["usual", "SHA-384", "without blank lines"],
)
def test_root_files(
    drivers: Drivers, app_keys: RsaPair, other_keys: RsaPair, digest: hashes.HashAlgorithm,
    gap: str, others: set[str],
) -> None:  # fmt: skip
    """RSA roots count, others do not; smartwalle knows SHA-1 and SHA-256 only, and fzlee cuts the
    file at blank lines."""
    roots = [
        _certificate(USUAL, app_keys.private, 11),
        _certificate(
            ((C, "CN"), (ORG, "x"), (OU, "y"), (CN, "EC")),
            ec.generate_private_key(ec.SECP256R1()),
            12,
        ),
        _certificate(USUAL, other_keys.private, 13, digest),
    ]
    pem = gap.join(roots)
    mine = _ours(pem, is_root=True)
    assert len(mine.split("_")) == 2
    theirs = _theirs(drivers, app_keys, pem, is_root=True)
    assert {sdk for sdk, sn in theirs.items() if sn != mine} == others
