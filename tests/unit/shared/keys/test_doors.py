"""One reader for all doors: what one of them reads, each of them reads, to the same key.

The doors are the reader itself, binding (console and API), and the signing command line.
"""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alipay.protocol import cli
from services.binding.keys import certificates as uploads
from services.binding.keys import pasted
from shared.keys import certificates, rsa_keys
from shared.keys.pem import UnusableKey
from tests.fixtures.clock import NOON
from tests.fixtures.keys import RsaPair, new_rsa_pair
from tests.fixtures.spellings import SPELLINGS, pem, spelled, wrapped
from tests.unit.gateway.authority import Authority, der_of, pem_of

_DER, _CLEAR = serialization.Encoding.DER, serialization.NoEncryption()
_PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
PRIVATE_FORMS = {"pkcs8": serialization.PrivateFormat.PKCS8, "pkcs1": _PKCS1}
PUBLIC_FORMS = {
    "spki": serialization.PublicFormat.SubjectPublicKeyInfo,
    "pkcs1": serialization.PublicFormat.PKCS1,
}
PAIR, ALIPAY = new_rsa_pair(), new_rsa_pair()
CA = Authority(new_rsa_pair().private, new_rsa_pair().private)
APP_LEAF = CA.leaf("2088-app", PAIR.public, serial=11)
LEAF = CA.leaf("Alipay-2088", ALIPAY.public, serial=12)


def private_der(pair: RsaPair, form: str = "pkcs8") -> bytes:
    return pair.private.private_bytes(_DER, PRIVATE_FORMS[form], _CLEAR)


def public_der(pair: RsaPair, form: str = "spki") -> bytes:
    return pair.public.public_bytes(_DER, PUBLIC_FORMS[form])


def told(command: str, **item: Any) -> dict[str, Any]:
    return cli.answer(command, json.dumps(item))[0]


def private_at_each_door(text: str) -> None:
    assert rsa_keys.read_private_key(text).facts.spki == PAIR.public_b64
    found = pasted.read_private_key(text)
    assert (found.public.spki, found.pkcs8) == (PAIR.public_b64, private_der(PAIR))
    info = told("key-info", key=text)
    assert (info["kind"], info["public_key"]) == ("private", PAIR.public_b64)
    signed = told("sign", params={"a": "1"}, private_key=text)
    assert signed["sign"] == told("sign", params={"a": "1"}, private_key=PAIR.private_b64)["sign"]


def public_at_each_door(text: str) -> None:
    assert rsa_keys.read_public_key(text).facts.spki == ALIPAY.public_b64
    assert pasted.read_alipay_key(text, ()).spki == ALIPAY.public_b64
    info = told("key-info", key=text)
    assert (info["kind"], info["public_key"]) == ("public", ALIPAY.public_b64)


def leaf_at_each_door(text: str) -> None:
    """As Alipay's certificate: the text of the leaf, its issuer's behind it or not."""
    number = certificates.cert_sn(pem_of(LEAF))
    assert certificates.cert_sn(text) == number
    assert told("cert-sn", pem=text) == {"sn": number}
    info = told("key-info", key=text)
    assert (info["kind"], info["public_key"]) == ("certificate", ALIPAY.public_b64)


def uploaded(alipay_text: str) -> certificates.CertificateSet:
    root = pem_of(CA.root)
    return uploads.read_certificates(
        pem_of(APP_LEAF), alipay_text, root, own=PAIR.public_b64, own_keys=(), now=NOON
    )


@pytest.mark.parametrize("form", PRIVATE_FORMS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_each_spelling_of_a_private_key(name: str, form: str) -> None:
    label = "PRIVATE KEY" if form == "pkcs8" else "RSA PRIVATE KEY"
    private_at_each_door(SPELLINGS[name](private_der(PAIR, form), label))


@pytest.mark.parametrize("form", PUBLIC_FORMS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_each_spelling_of_a_public_key(name: str, form: str) -> None:
    public_at_each_door(SPELLINGS[name](public_der(ALIPAY, form), "PUBLIC KEY"))


@pytest.mark.parametrize("name", SPELLINGS)
def test_each_spelling_of_a_certificate(name: str) -> None:
    text = SPELLINGS[name](der_of(LEAF), "CERTIFICATE")
    leaf_at_each_door(text)
    middle = CA.leaf("x", ALIPAY.public)
    if name.startswith("pem") and "quoted" not in name:
        pile = text + SPELLINGS[name](der_of(CA.middle), "CERTIFICATE")
        leaf_at_each_door(pile)
        assert uploaded(pile) == uploaded(pem_of(LEAF, CA.middle))
        both = SPELLINGS[name](der_of(CA.root), "CERTIFICATE") + SPELLINGS[name](
            der_of(middle), "CERTIFICATE"
        )
        numbers = certificates.root_cert_sn(pem_of(CA.root, middle))
        assert told("root-cert-sn", pem=both) == {"sn": numbers}


LABELS = st.sampled_from(("PRIVATE KEY", "RSA PRIVATE KEY", "PUBLIC KEY", "CERTIFICATE", "X"))


@settings(max_examples=25, deadline=None)
@given(st.data(), st.sampled_from(tuple(PRIVATE_FORMS)), LABELS)
def test_any_mixture_of_spellings_of_a_private_key(
    data: st.DataObject, form: str, label: str
) -> None:
    """Labels get mixed up, too: the bytes have the last word."""
    private_at_each_door(data.draw(spelled(private_der(PAIR, form), label)))


@settings(deadline=None)
@given(st.data(), st.sampled_from(tuple(PUBLIC_FORMS)), LABELS)
def test_any_mixture_of_spellings_of_a_public_key(
    data: st.DataObject, form: str, label: str
) -> None:
    public_at_each_door(data.draw(spelled(public_der(ALIPAY, form), label)))


@settings(deadline=None)
@given(spelled(der_of(LEAF), "CERTIFICATE"))
def test_any_mixture_of_spellings_of_a_certificate(text: str) -> None:
    leaf_at_each_door(text)


DAMAGE = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 27), st.integers(1, 28)),
    st.tuples(st.just("put"), st.integers(0, 27), st.sampled_from("- –—xE\n\u200b")),
)


@settings(max_examples=300, deadline=None)
@given(DAMAGE, st.sampled_from(("BEGIN", "END")))
def test_a_damaged_first_block_never_yields_the_seconds_number(
    damage: tuple[str, int, Any], line: str
) -> None:
    """A BEGIN of four dashes once gave the issuer's number instead of the leaf's."""
    kind, place, what = damage
    text = pem_of(LEAF, CA.middle)
    at = text.index(f"-----{line}") + place
    spoilt = text[:at] + (text[at + what :] if kind == "cut" else what + text[at:])
    try:
        number = certificates.cert_sn(spoilt)
    except UnusableKey:
        assert "error" in told("cert-sn", pem=spoilt)
        with pytest.raises(pasted.KeyRefused):
            uploaded(spoilt)
    else:
        assert number == certificates.cert_sn(pem_of(LEAF))
        assert told("cert-sn", pem=spoilt) == {"sn": number}


def refusals(text: str) -> tuple[str, str]:
    """Of the two doors: binding's code, the command line's words."""
    with pytest.raises(pasted.KeyRefused) as caught:
        pasted.read_private_key(text)
    return caught.value.code, told("key-info", key=text)["error"]


@pytest.mark.parametrize(
    "text",
    [
        pem(private_der(PAIR), "PRIVATE KEY") + pem(public_der(ALIPAY), "PUBLIC KEY"),
        pem(private_der(PAIR), "PRIVATE KEY") + ALIPAY.public_b64,
        PAIR.private_b64 + "\n" + pem(private_der(ALIPAY), "PRIVATE KEY"),
        wrapped(PAIR.private_b64, 40) + "\n" + pem(private_der(ALIPAY), "PRIVATE KEY"),
        pem(private_der(PAIR), "PRIVATE KEY", dashes="--")
        + pem(private_der(ALIPAY), "PRIVATE KEY"),
        pem(private_der(PAIR), "PRIVATE KEY").replace("BEGIN", "BEGAN")
        + pem(private_der(ALIPAY), "PRIVATE KEY"),
    ],
)
def test_of_two_keys_no_door_takes_one(text: str) -> None:
    code, words = refusals(text)
    assert code == "binding.several_keys"
    assert words == "more than one key; give the one that is meant"


@pytest.mark.parametrize("end", ["-----END PRIVATE KEY-----", None])
def test_what_is_cut_off_is_cut_off_at_each_door(end: str | None) -> None:
    text = PAIR.private_pem.decode()[:900] + (f"\n{end}" if end else "")
    code, words = refusals(text)
    assert (code, words) == ("binding.key_truncated", "the text is cut off")


@pytest.mark.parametrize(
    "text",
    ["\\" * 60_000, "-" * 60_000, "---BEGIN " * 7_000, "---BEGIN" + " " * 60_000,
     "---BEGIN A" + " A" * 30_000, "---" + "\n" * 60_000, "--- " * 15_000, "MII" * 20_000,
     "---BEGIN A---" * 4_000, "---END A---BEGIN" * 3_000],
)  # fmt: skip
def test_no_text_keeps_a_reader_busy(text: str) -> None:
    """Expressions that backtrack would take minutes for these; the suite's time limit ends them."""
    for read in (rsa_keys.read_key, certificates.cert_sn, certificates.root_cert_sn):
        with pytest.raises(UnusableKey):
            read(text)
