"""RSA2 and nothing else (ASVS 11.3.1 exception stays at 2048 bits)."""

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from gateway.alipay.protocol import rsa2
from tests.fixtures.keys import RsaPair

B64_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


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
