"""The three certificates at binding: trusted by their chain, or refused in plain words (S129)."""

import base64
from datetime import timedelta

import pytest

from services.binding.keys import pasted
from services.binding.keys.certificates import read_certificates
from tests.fixtures.clock import NOON
from tests.fixtures.keys import new_rsa_pair
from tests.unit.gateway.authority import BEGIN, END, Authority, der_of, issue, pem_of, sm2_of


@pytest.fixture(scope="module")
def ca():
    return Authority(new_rsa_pair().private, new_rsa_pair().private)


@pytest.fixture
def read(ca, app_keys, alipay_keys):
    """read(**changed): the set, with any of app, alipay, root, own, own_keys, now replaced."""
    files = {
        "app": pem_of(ca.leaf("2088-app", app_keys.public, serial=11)),
        "alipay": pem_of(ca.leaf("Alipay", alipay_keys.public, serial=12), ca.middle),
        "root": block(sm2_of(ca.curve_root)) + pem_of(ca.root) + block(der_of(ca.curve_root)[:-3]),
        "own": app_keys.public_b64,
        "own_keys": set(),
        "now": NOON,
    }

    def call(**changed):
        given = files | changed
        return read_certificates(
            given["app"], given["alipay"], given["root"],
            own=given["own"], own_keys=given["own_keys"], now=given["now"],
        )  # fmt: skip

    call.files = files
    return call


def block(der):
    text = base64.b64encode(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"


def test_the_set(read, app_keys, alipay_keys):
    found = read()
    assert found.app.public.spki == app_keys.public_b64
    assert found.alipay.public.spki == alipay_keys.public_b64
    assert found.app.not_after == found.alipay.not_after == END
    assert all(len(sn) == 32 for sn in (found.app.sn, found.alipay.sn, found.root_sn))
    assert found.root_pem.count("BEGIN") == 3, "kept whole, also what does not read here"
    assert "Class 2" not in found.app.pem


def test_other_spellings_are_the_same_set(read):
    """CRLF, a BOM, literal backslash-n, bare base64: what is stored does not depend on it."""
    files = read.files
    crlf = "\ufeff" + files["app"].replace("\n", "\r\n")
    bare = "".join(files["app"].splitlines()[1:-1])
    for spelled in (crlf, bare, files["app"].replace("\n", "\\n")):
        assert read(app=spelled) == read()


def test_its_numbers_are_those_the_gateway_would_send(read):
    """Two doors, one rule (alipay-protocol.md §5.1)."""
    from gateway.alipay.protocol.keys import cert_sn, root_cert_sn

    found, files = read(), read.files
    assert found.app.sn == cert_sn(files["app"])
    assert found.alipay.sn == cert_sn(files["alipay"])
    assert found.root_sn == root_cert_sn(files["root"])


def refused(read, **changed):
    with pytest.raises(pasted.KeyRefused) as caught:
        read(**changed)
    return caught.value.code, caught.value.extensions["errors"][0]["pointer"]


def test_who_belongs_to_whom(read, ca, other_keys):
    assert refused(read, own=other_keys.public_b64) == (
        "binding.certificate_mismatch", "/app_cert",
    )  # fmt: skip
    assert refused(read, alipay=read.files["app"]) == ("binding.own_certificate", "/alipay_cert")
    yesterday = read().alipay.public.spki
    assert refused(read, own_keys={yesterday}) == ("binding.own_certificate", "/alipay_cert")


def test_dates(read):
    """Issue 5: broken, expired, mismatched: each by name."""
    for now, code in (
        (BEGIN - timedelta(seconds=1), "not_yet_valid"), (END + timedelta(seconds=1), "expired"),
    ):  # fmt: skip
        assert refused(read, now=now) == (f"binding.certificate_{code}", "/app_cert")


def test_the_chain(read, ca, app_keys, alipay_keys):
    stranger = Authority(new_rsa_pair().private, new_rsa_pair().private)
    forged = pem_of(stranger.leaf("Alipay", alipay_keys.public), stranger.middle)
    untrusted = "binding.certificate_untrusted"
    assert refused(read, alipay=forged) == (untrusted, "/alipay_cert")
    lonely = pem_of(ca.leaf("Alipay", alipay_keys.public))
    assert refused(read, alipay=lonely) == (untrusted, "/alipay_cert")
    app = pem_of(stranger.leaf("2088-app", app_keys.public))
    assert refused(read, app=app) == (untrusted, "/app_cert"), "the issuer's name is not enough"
    leaf = ca.leaf("no authority", app_keys.public)
    by_leaf = issue("Alipay", alipay_keys.public, "no authority", app_keys.private, serial=9)
    assert refused(read, alipay=pem_of(by_leaf, leaf, ca.middle)) == (untrusted, "/alipay_cert")


def test_an_app_certificate_of_an_unknown_issuer_is_only_compared(read, app_keys):
    """The console hands it out without its issuer; nothing is believed because of it."""
    key = new_rsa_pair().private
    alone = issue("2088-app", app_keys.public, "Class 7", key, serial=77)
    assert read(app=pem_of(alone)).app.public.spki == app_keys.public_b64


def test_what_is_no_certificate(read, ca, app_keys):
    files = read.files
    unreadable = "binding.certificate_unreadable"
    assert refused(read, app="hello world") == (unreadable, "/app_cert")
    assert refused(read, app=files["app"][:-40]) == (unreadable, "/app_cert")
    cut = block(base64.b64decode("".join(files["app"].splitlines()[1:-1]))[:-9])
    assert refused(read, app=cut) == (unreadable, "/app_cert")
    assert refused(read, app=" \n") == ("binding.key_empty", "/app_cert")
    assert refused(read, app="A" * 40_000) == ("binding.key_too_large", "/app_cert")
    for key in (app_keys.private_pem.decode(), app_keys.public_b64, app_keys.private_b64):
        assert refused(read, app=key) == ("binding.key_as_certificate", "/app_cert")
    assert refused(read, alipay=pem_of(ca.middle))[0] == "binding.certificate_of_authority"
    assert refused(read, app=pem_of(ca.leaf("x", ca.curve_key.public_key())))[0] == (
        "binding.key_not_rsa"
    )


def test_the_root_file(read, ca):
    missing = "binding.root_certificate_missing"
    assert refused(read, root=block(sm2_of(ca.curve_root))) == (missing, "/alipay_root_cert")
    assert refused(read, root=read.files["alipay"])[0] == missing
    broken = pem_of(ca.root) + block(der_of(ca.root)[:-3])
    assert refused(read, root=broken)[0] == "binding.certificate_unreadable"


@pytest.mark.parametrize("text", ["AAAA", "no base64", "A" * 23, "\u4e2d"])
def test_odd_content_keys(text):
    with pytest.raises(pasted.AesKeyRefused):
        pasted.read_aes_key(text)


def test_a_content_key_has_one_spelling():
    key = base64.b64encode(bytes(range(16))).decode()
    assert pasted.read_aes_key(f" {key[:9]}\n{key[9:]} ") == key
    assert pasted.read_aes_key("") == ""
