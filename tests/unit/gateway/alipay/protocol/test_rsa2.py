"""RSA2 and the spellings of keys (pitfalls 1 and 2; ASVS 11.3.1 exception stays at 2048 bits)."""

import base64
import textwrap

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from gateway.alipay.protocol import rsa2
from gateway.alipay.protocol.rsa2 import BadKey
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.neighbours import private_der

B64_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


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
        key = rsa2.read_private(text)
        assert key.private is not None, name
        assert (key.kind, key.format, key.bits) == ("private", "pkcs8", 2048), name
        assert key.public_text == app_keys.public_b64, name


def test_pkcs1_reads_bare_and_framed(app_keys: RsaPair) -> None:
    for text in (app_keys.private_pkcs1_pem.decode(), app_keys.private_b64):
        key = rsa2.read_key(text)
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
        key = rsa2.read_public(text)
        assert (key.kind, key.format, key.public_text) == ("public", form, app_keys.public_b64)


def test_both_halves_have_one_fingerprint(app_keys: RsaPair, other_keys: RsaPair) -> None:
    halves = {
        rsa2.read_key(text).fingerprint for text in (app_keys.private_b64, app_keys.public_b64)
    }
    assert len(halves) == 1
    assert rsa2.read_key(other_keys.public_b64).fingerprint not in halves


@pytest.mark.parametrize(
    "text", ["", " \n", "not a key", "-----BEGIN PRIVATE KEY-----\nMIIE", "AAAA", "é", "====",
             "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"],
)  # fmt: skip
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        rsa2.read_key(text)


def test_a_refusal_never_repeats_what_was_pasted(app_keys: RsaPair) -> None:
    cut_off = app_keys.private_b64[:-40]
    with pytest.raises(BadKey) as caught:
        rsa2.read_private(cut_off)
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
            with pytest.raises(BadKey):
                rsa2.read_key(text)


def test_the_wrong_half_is_named(app_keys: RsaPair) -> None:
    with pytest.raises(BadKey, match="a private key is needed"):
        rsa2.read_private(app_keys.public_b64)
    with pytest.raises(BadKey, match="a public key is needed"):
        rsa2.read_public(app_keys.private_b64)


def test_signatures_are_deterministic_and_verify(app_keys: RsaPair, other_keys: RsaPair) -> None:
    content = "测试 & = + %".encode()
    signed = rsa2.sign(content, app_keys.private)
    assert signed == rsa2.sign(content, app_keys.private)
    assert len(signed) == 344
    assert rsa2.verify(content, signed, app_keys.public)
    assert not rsa2.verify(content + b" ", signed, app_keys.public)
    assert not rsa2.verify(content, signed, other_keys.public)


def test_base64_is_strict(app_keys: RsaPair) -> None:
    """Any other spelling of the same bytes is refused: a signature has one text."""
    content = b"x"
    signed = rsa2.sign(content, app_keys.private)
    last = B64_ALPHABET[B64_ALPHABET.index(signed[-3]) ^ 1]
    odd = [
        "", signed + "\n", signed[:76] + "\n" + signed[76:], signed + "!!", signed[:-1],
        signed[:-2], signed + "==", signed.replace("=", "%3D"), " " + signed, signed[:-4],
        signed[:-3] + last + "==", signed.translate(str.maketrans("+/", "-_")) + "-",
    ]  # fmt: skip
    for text in odd:
        assert not rsa2.verify(content, text, app_keys.public), text


def test_no_other_algorithm_verifies(app_keys: RsaPair) -> None:
    content = b"x"
    others = [
        app_keys.private.sign(content, padding.PKCS1v15(), hashes.SHA1()),  # noqa: S303
        app_keys.private.sign(content, padding.PKCS1v15(), hashes.SHA512()),
        app_keys.private.sign(
            content, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
        ),
    ]
    for raw in others:
        assert not rsa2.verify(content, base64.b64encode(raw).decode(), app_keys.public)


def test_trusted_bytes_load_without_the_slow_check(app_keys: RsaPair) -> None:
    key = rsa2.load_trusted_private(private_der(app_keys))
    assert rsa2.sign(b"x", key) == rsa2.sign(b"x", app_keys.private)
