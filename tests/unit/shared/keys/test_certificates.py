"""Certificate mode: numbers, and the chain without which nothing is trusted (pitfall 22)."""

import base64
import hashlib
from datetime import timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.keys import rsa_keys
from shared.keys.certificates import (
    UnusableCertificate,
    cert_sn,
    read_renewed,
    read_set,
    root_cert_sn,
)
from shared.keys.pem import UnusableKey
from tests.fixtures.keys import RsaPair, new_rsa_pair
from tests.unit.gateway.authority import (
    BEGIN,
    END,
    NOW,
    ROOT_END,
    Authority,
    der_of,
    issue,
    of_odd_version,
    pem_of,
    sm2_of,
)


@pytest.fixture(scope="module")
def ca() -> Authority:
    return Authority(new_rsa_pair().private, new_rsa_pair().private)


def block(der: bytes) -> str:
    text = base64.b64encode(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"


def bundle(ca: Authority) -> str:
    """In the image of Alipay's: an SM2 root, an RSA root, an EC root that does not parse."""
    return block(sm2_of(ca.curve_root)) + pem_of(ca.root) + block(der_of(ca.curve_root)[:-3])


def number(issuer: str, serial: int) -> str:
    return hashlib.md5(f"{issuer}{serial}".encode(), usedforsecurity=False).hexdigest()


ISSUER = "CN={},OU=Certification Authority,O=Test Ant,C=CN"


class Files:
    """The three files of an app in certificate mode."""

    def __init__(self, ca: Authority, app: RsaPair, alipay: RsaPair) -> None:
        self.app = pem_of(ca.leaf("2088-app", app.public, serial=11))
        self.alipay = pem_of(ca.leaf("Alipay-2088", alipay.public, serial=12), ca.middle)
        self.root = bundle(ca)

    def read(self, **changed: Any) -> Any:
        given = {"app": self.app, "alipay": self.alipay, "root": self.root, "now": NOW,
                 "own": "", "own_keys": (), **changed}  # fmt: skip
        return read_set(
            given["app"],
            given["alipay"],
            given["root"],
            now=given["now"],
            own=given["own"],
            own_keys=given["own_keys"],
        )

    def refusal(self, **changed: Any) -> tuple[str, str]:
        with pytest.raises(UnusableCertificate) as caught:
            self.read(**changed)
        return caught.value.which, caught.value.code


@pytest.fixture
def files(ca: Authority, app_keys: RsaPair, alipay_keys: RsaPair) -> Files:
    return Files(ca, app_keys, alipay_keys)


def test_numbers_are_issuer_and_serial(ca: Authority, files: Files) -> None:
    assert cert_sn(files.app) == number(ISSUER.format("Class 2"), 11)
    assert cert_sn(files.alipay) == number(ISSUER.format("Class 2"), 12)
    assert root_cert_sn(files.root) == number(ISSUER.format("R1"), 2)
    both = pem_of(ca.new_root(algorithm=hashes.SHA384(), serial=5)) + files.root
    numbers = [number(ISSUER.format("R1"), serial) for serial in (5, 2)]
    assert root_cert_sn(both) == "_".join(numbers)


def test_a_number_keeps_its_leading_zeros(ca: Authority, app_keys: RsaPair) -> None:
    """Pitfall 22: an MD5 that went through a big integer loses them."""
    zero = next(n for n in range(1, 9999) if number(ISSUER.format("Class 2"), n)[0] == "0")
    found = cert_sn(pem_of(ca.leaf("x", app_keys.public, serial=zero)))
    assert (len(found), found[0]) == (32, "0")


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text,
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\\n"),
        lambda text: text.replace("\n", "\\r\\n"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: "subject=/CN=x\n" + text + "trailing words\n",
    ],
)
def test_spellings_of_a_bundle(spell: Any, files: Files) -> None:
    assert root_cert_sn(spell(files.root)) == root_cert_sn(files.root)
    assert cert_sn(spell(files.alipay)) == cert_sn(files.alipay)


def test_bare_base64_is_one_certificate(ca: Authority) -> None:
    bare = base64.b64encode(der_of(ca.root)).decode()
    assert cert_sn(bare) == cert_sn(pem_of(ca.root))


def test_the_first_certificate_counts_readable_or_not(ca: Authority, files: Files) -> None:
    """An SM2 leaf before its RSA issuer must not borrow the issuer's number."""
    for der in (sm2_of(ca.curve_root), b"\x30\x00"):
        with pytest.raises(UnusableCertificate, match="unreadable"):
            cert_sn(block(der) + files.alipay)


def test_an_rsa_root_that_does_not_read_is_not_left_out(ca: Authority, files: Files) -> None:
    broken = block(der_of(ca.root)[:-2])
    for pem in (
        broken + files.root,
        files.root + broken,
        files.root + block(b"\xff").replace("/", "!"),
    ):
        with pytest.raises(UnusableCertificate, match="unreadable"):
            root_cert_sn(pem)


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        ("", "empty"), (" \n", "empty"), ("-----BEGIN", "unreadable"), ("x", "unreadable"),
        ("-----BEGIN CERTIFICATE-----", "empty"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "empty"),
        ("-----BEGIN CERTIFICATE-----\né\n-----END CERTIFICATE-----", "unreadable"),
        ("-----BEGIN CERTIFICATE-----" * 17, "too_large"),
        ("A" * 70_000, "too_large"), ("A" * 40_000, "too_large"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "is_key"),
    ],
)  # fmt: skip
def test_what_is_no_certificate(pem: str, reason: str) -> None:
    for read in (cert_sn, root_cert_sn):
        with pytest.raises(UnusableCertificate) as caught:
            read(pem)
        assert caught.value.code == reason


def test_no_rsa_root_no_number(ca: Authority) -> None:
    with pytest.raises(UnusableCertificate) as caught:
        root_cert_sn(block(sm2_of(ca.curve_root)))
    assert (caught.value.which, caught.value.code) == ("root", "no_root")


def test_a_key_is_named_as_one(app_keys: RsaPair) -> None:
    for text in (app_keys.public_b64, app_keys.private_b64, app_keys.private_pem.decode()):
        with pytest.raises(UnusableCertificate) as caught:
            cert_sn(text)
        assert caught.value.code == "is_key"


def test_a_set_is_read(files: Files, app_keys: RsaPair, alipay_keys: RsaPair) -> None:
    found = files.read()
    assert found.app.sn == cert_sn(files.app)
    assert found.alipay.sn == cert_sn(files.alipay)
    assert found.root_sn == root_cert_sn(files.root)
    assert found.app.public.spki == app_keys.public_b64
    assert found.alipay.public.spki == alipay_keys.public_b64
    assert found.app.not_after == found.alipay.not_after == END
    assert found.not_after == END
    beijing = NOW.astimezone(timezone(timedelta(hours=8)))
    assert files.read(now=beijing).not_after == END


def test_a_set_ends_with_the_first_of_its_certificates(
    ca: Authority, files: Files, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    day = NOW + timedelta(days=1)
    app = pem_of(ca.leaf("2088-app", app_keys.public, end=day))
    alipay = pem_of(ca.leaf("Alipay", alipay_keys.public, end=day), ca.middle)
    middle = pem_of(ca.leaf("Alipay", alipay_keys.public), ca.new_middle(end=day))
    other = issue(
        "Class 3", ca.middle_key.public_key(), "R1", ca.root_key,
        serial=33, ca=True, may_sign=True, end=day,
    )  # fmt: skip
    issued = pem_of(issue("2088-app", app_keys.public, "Class 3", ca.middle_key, serial=34), other)
    for changed in ({"app": app}, {"alipay": alipay}, {"alipay": middle}, {"app": issued}):
        assert files.read(**changed).not_after == day


def test_the_apps_issuer_need_not_be_known_but_cannot_be_claimed(
    files: Files, ca: Authority, app_keys: RsaPair, other_keys: RsaPair
) -> None:
    """The console hands out no issuer for it; where one of that name is known, it must be it."""
    stranger = issue(
        "2088-app", app_keys.public, "Class 1", other_keys.private, serial=13, may_sign=False
    )
    assert files.read(app=pem_of(stranger)).app.sn == cert_sn(pem_of(stranger))
    forged = issue("2088-app", app_keys.public, "Class 2", other_keys.private, serial=13)
    assert files.refusal(app=pem_of(forged)) == ("app", "chain")


def test_dates_are_held_against_the_given_time(
    ca: Authority, files: Files, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    second = timedelta(seconds=1)
    assert files.refusal(now=BEGIN - second) == ("app", "not_yet_valid")
    assert files.refusal(now=END + second) == ("app", "expired")
    assert files.read(now=BEGIN)
    assert files.read(now=END)
    long = pem_of(ca.leaf("2088-app", app_keys.public, end=ROOT_END))
    assert files.refusal(app=long, now=END + second) == ("alipay", "expired")
    late = pem_of(ca.leaf("Alipay", alipay_keys.public, begin=NOW + second), ca.middle)
    assert files.refusal(alipay=late) == ("alipay", "not_yet_valid")


def test_no_chain_no_trust(
    ca: Authority, files: Files, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    leaf = ca.leaf("Alipay", alipay_keys.public, serial=12)
    second = timedelta(seconds=1)
    forged_leaf = issue("Alipay", alipay_keys.public, "Class 2", other_keys.private, serial=12)
    forged_middle = issue(
        "Class 2", ca.middle_key.public_key(), "R1", other_keys.private, serial=3, ca=True
    )
    weak_leaf = issue(
        "Alipay", alipay_keys.public, "Class 2", ca.middle_key, serial=12,
        algorithm=hashes.SHA224(),
    )  # fmt: skip
    piles: dict[str, list[x509.Certificate]] = {
        "no intermediate": [leaf],
        "forged leaf": [forged_leaf, ca.middle],
        "forged intermediate": [leaf, forged_middle],
        "weak signature": [weak_leaf, ca.middle],
        "intermediate without constraints": [leaf, ca.new_middle(ca=None)],
        "intermediate that is no authority": [leaf, ca.new_middle(ca=False)],
        "intermediate not for signing": [leaf, ca.new_middle(may_sign=False)],
        "intermediate expired": [leaf, ca.new_middle(end=NOW - second)],
        "intermediate not yet valid": [leaf, ca.new_middle(begin=NOW + second)],
    }
    for name, pile in piles.items():
        assert files.refusal(alipay=pem_of(*pile)) == ("alipay", "chain"), name
    stranger = issue("R1", other_keys.public, "R1", other_keys.private, serial=2, ca=True)
    assert files.refusal(root=pem_of(stranger)) == ("alipay", "chain")
    assert files.refusal(root=pem_of(ca.new_root(end=NOW - second))) == ("alipay", "chain")
    assert files.refusal(root=pem_of(ca.new_root(path_length=0))) == ("alipay", "chain")


def test_a_merchants_certificate_issues_nothing(
    ca: Authority, files: Files, app_keys: RsaPair, other_keys: RsaPair
) -> None:
    """The same authorities issue to every merchant: such a leaf must not vouch for another."""
    merchant = ca.leaf("2088-app", app_keys.public, serial=11)
    fake = issue("Alipay", other_keys.public, "2088-app", app_keys.private, serial=14)
    assert files.refusal(alipay=pem_of(fake, merchant, ca.middle)) == ("alipay", "chain")


def test_an_intermediate_is_no_root(ca: Authority, files: Files) -> None:
    assert files.refusal(root=pem_of(ca.middle)) == ("root", "no_root")
    assert files.refusal(root=pem_of(ca.curve_root)) == ("root", "no_root")


def test_leaves_of_the_wrong_kind(ca: Authority, files: Files, app_keys: RsaPair) -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    wrong = {
        "is_ca": ca.middle,
        "not_rsa": ca.leaf("Alipay", ca.curve_key.public_key()),
        "too_short": ca.leaf("Alipay", small.public_key()),
        "own_certificate": ca.leaf("Alipay", app_keys.public),
    }
    for reason, leaf in wrong.items():
        assert files.refusal(alipay=pem_of(leaf, ca.middle)) == ("alipay", reason)
    assert files.refusal(app=files.alipay) == ("alipay", "own_certificate")
    for which in ("app", "alipay", "root"):
        assert files.refusal(**{which: ""}) == (which, "empty")


def test_whom_the_two_leaves_belong_to(
    files: Files, app_keys: RsaPair, alipay_keys: RsaPair, other_keys: RsaPair
) -> None:
    assert files.read(own=app_keys.public_b64, own_keys={other_keys.public_b64})
    assert files.refusal(own=other_keys.public_b64) == ("app", "other_key")
    older = {alipay_keys.public_b64}
    assert files.refusal(own_keys=older) == ("alipay", "own_certificate")


def test_every_link_is_rsa(ca: Authority, files: Files, alipay_keys: RsaPair) -> None:
    """An authority on a curve, itself vouched for by the RSA root: Alipay counts RSA only."""
    curve = issue(
        "Class 3", ca.curve_key.public_key(), "R1", ca.root_key, serial=31, ca=True, may_sign=True
    )
    leaf = issue("Alipay", alipay_keys.public, "Class 3", ca.curve_key, serial=32)
    assert files.refusal(alipay=pem_of(leaf, curve)) == ("alipay", "chain")


def test_a_renewed_certificate_is_held_against_the_old_one(
    ca: Authority, files: Files, app_keys: RsaPair, other_keys: RsaPair
) -> None:
    new = pem_of(ca.leaf("Alipay-2088", other_keys.public, serial=21), ca.middle)
    sn = cert_sn(new)
    found = read_renewed(new, sn, files.alipay, files.root, NOW)
    assert (found.sn, found.not_after) == (sn, END)
    assert found.public.spki == other_keys.public_b64

    merchant = pem_of(ca.leaf("2088-app", app_keys.public, serial=22), ca.middle)
    forged = issue("Alipay-2088", other_keys.public, "Class 2", other_keys.private, serial=23)
    for pem, asked, reason in (
        (new, "0" * 32, "other_sn"),
        (merchant, cert_sn(merchant), "other_owner"),
        (pem_of(forged, ca.middle), cert_sn(pem_of(forged)), "chain"),
        ("", sn, "empty"),
    ):
        with pytest.raises(UnusableCertificate) as caught:
            read_renewed(pem, asked, files.alipay, files.root, NOW)
        assert caught.value.code == reason
    with pytest.raises(UnusableCertificate, match="expired"):
        read_renewed(new, sn, files.alipay, files.root, END + timedelta(seconds=1))


def test_a_refusal_never_repeats_what_was_pasted(files: Files) -> None:
    which, reason = files.refusal(alipay=files.alipay[:300])
    assert (which, reason) == ("alipay", "unreadable")
    with pytest.raises(UnusableCertificate) as caught:
        files.read(alipay=files.alipay[:300])
    assert str(caught.value) == "unreadable"
    assert caught.value.__cause__ is None


def test_a_version_that_does_not_exist_is_unreadable(ca: Authority) -> None:
    """Found by fuzzing: it escaped all three readers."""
    odd = of_odd_version(ca.root)
    for read in (cert_sn, root_cert_sn, rsa_keys.read_key):
        with pytest.raises(UnusableKey):
            read(block(odd))
    with pytest.raises(UnusableKey):
        rsa_keys.read_private_key(base64.b64encode(odd).decode())
