"""The reader of RSA keys: each spelling and each size (pitfalls 1 and 2)."""

import base64
import textwrap

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from gateway.alipay.protocol.rsa2 import sign
from shared.keys import rsa_keys
from shared.keys.pem import UnusableKey
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.neighbours import private_der


def spellings(pair: RsaPair) -> dict[str, str]:
    pkcs8 = pair.private_pem.decode()
    bare = base64.b64encode(private_der(pair)).decode()
    return {
        "pem": pkcs8,
        "pem crlf": pkcs8.replace("\n", "\r\n"),
        "pem literal newlines": pkcs8.replace("\n", "\\n"),
        "pem literal crlf": pkcs8.replace("\n", "\\r\\n"),
        "pem on one line": pkcs8.replace("\n", ""),
        "pem with blanks": "\n  " + pkcs8.replace("\n", " \n ") + "\n",
        "bare": bare,
        "bare wrapped": "\n".join(textwrap.wrap(bare, 64)),
        "bare wrapped crlf": "\r\n".join(textwrap.wrap(bare, 76)) + "\r\n",
        "bare with bom": "\ufeff" + bare,
        "wrong label": pkcs8.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
    }


def test_a_private_key_reads_in_every_spelling(app_keys: RsaPair) -> None:
    for name, text in spellings(app_keys).items():
        key = rsa_keys.read_private_key(text)
        assert key.private is not None, name
        assert (key.kind, key.format, key.facts.bits) == ("private", "pkcs8", 2048), name
        assert key.facts.spki == app_keys.public_b64, name


def test_pkcs1_reads_bare_and_framed(app_keys: RsaPair) -> None:
    for text in (app_keys.private_pkcs1_pem.decode(), app_keys.private_b64):
        key = rsa_keys.read_key(text)
        assert (key.kind, key.format) == ("private", "pkcs1")


def test_public_keys_read_in_every_spelling(app_keys: RsaPair) -> None:
    pkcs1 = app_keys.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.PKCS1
    ).decode()
    expected = {
        app_keys.public_pem.decode(): "spki",
        app_keys.public_b64: "spki",
        "\r\n".join(textwrap.wrap(app_keys.public_b64, 60)): "spki",
        pkcs1: "pkcs1",
    }
    for text, form in expected.items():
        key = rsa_keys.read_public_key(text)
        assert (key.kind, key.format, key.facts.spki) == ("public", form, app_keys.public_b64)


def test_both_halves_have_one_fingerprint(app_keys: RsaPair, other_keys: RsaPair) -> None:
    halves = {
        rsa_keys.read_key(text).facts.fingerprint
        for text in (app_keys.private_b64, app_keys.public_b64)
    }
    assert len(halves) == 1
    assert rsa_keys.read_key(other_keys.public_b64).facts.fingerprint not in halves


@pytest.mark.parametrize(
    "text", ["", " \n", "not a key", "-----BEGIN PRIVATE KEY-----\nMIIE", "AAAA", "é", "====",
             "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"],
)  # fmt: skip
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(UnusableKey):
        rsa_keys.read_key(text)


def test_a_refusal_never_repeats_what_was_pasted(app_keys: RsaPair) -> None:
    cut_off = app_keys.private_b64[:-40]
    with pytest.raises(UnusableKey) as caught:
        rsa_keys.read_private_key(cut_off)
    assert app_keys.private_b64[:12] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_small_and_foreign_keys_are_refused() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    curve = ec.generate_private_key(ec.SECP256R1())
    for private in (small, curve):
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()  # fmt: skip
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        for text in (pem, public.decode()):
            with pytest.raises(UnusableKey):
                rsa_keys.read_key(text)


def test_trusted_bytes_load_without_the_slow_check(app_keys: RsaPair) -> None:
    key = rsa_keys.load_trusted_private(private_der(app_keys))
    assert sign(b"x", key) == sign(b"x", app_keys.private)


def refusal(text: str) -> str:
    with pytest.raises(UnusableKey) as caught:
        rsa_keys.read_key(text)
    return caught.value.code


def test_a_key_of_absurd_length_is_refused() -> None:
    """Verifying with it would be a way to keep us busy."""
    codes = []
    for bits in (8192, 8200):
        key = RSAPublicNumbers(65537, (1 << (bits - 1)) + 1).public_key()
        der = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        try:
            codes.append(rsa_keys.read_key(base64.b64encode(der).decode()).format)
        except UnusableKey as error:
            codes.append(f"{error.code} {error.bits}")
    assert codes == ["spki", "too_large 8200"]


def test_each_number_of_a_private_key_is_checked(app_keys: RsaPair) -> None:
    """A trial signature passes with any of these: only the full check sees them."""
    good = app_keys.private.private_numbers()
    names = ("d", "p", "q", "dmp1", "dmq1", "iqmp")
    parts = {name: getattr(good, name) for name in names}
    for name in ("d", "dmp1", "dmq1", "iqmp"):
        off = rsa.RSAPrivateNumbers(
            **{**parts, name: parts[name] ^ 2}, public_numbers=good.public_numbers
        ).private_key(unsafe_skip_rsa_key_validation=True)
        assert refusal(RsaPair(off).private_b64) == "inconsistent", name


def test_a_letter_lost_is_a_part_missing(app_keys: RsaPair) -> None:
    """No number of bytes encodes to one letter more than a multiple of four."""
    bare = base64.b64encode(private_der(app_keys)).decode().rstrip("=")
    assert refusal(bare[: len(bare) // 4 * 4 - 3]) == "truncated"
    assert refusal("Q" * 5) == "unreadable"


def test_too_much_text_is_not_looked_at(app_keys: RsaPair) -> None:
    assert rsa_keys.read_key(app_keys.private_b64 + " " * 60_000).kind == "private"
    assert refusal(app_keys.private_b64 + " " * 65_536) == "too_large"


def test_the_seal_vouches_for_numbers_not_for_the_size_or_the_kind() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    curve = ec.generate_private_key(ec.SECP256R1())
    for private, code in ((small, "too_short"), (curve, "not_rsa")):
        der = private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )  # fmt: skip
        with pytest.raises(UnusableKey) as caught:
            rsa_keys.load_trusted_private(der)
        assert caught.value.code == code
