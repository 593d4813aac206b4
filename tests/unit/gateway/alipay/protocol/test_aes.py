"""AES content encryption: vector (d) of alipay-protocol.md §10, and strict errors (pitfall 24)."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from gateway.alipay.protocol import aes
from gateway.alipay.protocol.aes import BadAesKey

KEY = "AAECAwQFBgcICQoLDA0ODw=="
TEXT = '{"out_trade_no":"T1","subject":"测试"}'
CIPHERTEXT = "G7PYcjyAquhKW/Z/PmtCC9anZI58gbG8GWG+T8AntSJAGJKBHBrz/7IoJGO1LdCr"


def raw_cipher(padded: bytes) -> str:
    """What a partner with the key may send, padded or not, text or not."""
    encryptor = Cipher(algorithms.AES(base64.b64decode(KEY)), modes.CBC(bytes(16))).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def test_vector() -> None:
    assert aes.encrypt(KEY, TEXT) == CIPHERTEXT
    assert aes.decrypt(KEY, CIPHERTEXT) == TEXT
    assert aes.decrypt(f" {KEY}\n", CIPHERTEXT) == TEXT


@given(st.text(st.characters(codec="utf-8"), max_size=100))
def test_any_text_survives(text: str) -> None:
    assert aes.decrypt(KEY, aes.encrypt(KEY, text)) == text


def test_a_full_block_and_an_empty_text_are_padded() -> None:
    for text, blocks in (("", 1), ("x" * 15, 1), ("x" * 16, 2)):
        assert len(base64.b64decode(aes.encrypt(KEY, text))) == 16 * blocks


@pytest.mark.parametrize(
    "text",
    [
        "", "=", "AAAA", "é", CIPHERTEXT[:-4], CIPHERTEXT + "\n", " " + CIPHERTEXT,
        CIPHERTEXT[:-1], CIPHERTEXT.replace("+", "-"), f'"{CIPHERTEXT}"',
        raw_cipher(b"x" * 16), raw_cipher(bytes(16)), raw_cipher(b"x" * 15 + b"\x02"),
        raw_cipher(b"\xff" * 15 + b"\x01"),
    ],
)  # fmt: skip
def test_what_does_not_decrypt_is_refused(text: str) -> None:
    """Not base64 in its one spelling, no whole blocks, padding that does not fit, no UTF-8."""
    with pytest.raises(aes.BadCiphertext):
        aes.decrypt(KEY, text)


@pytest.mark.parametrize("key", ["", "x", "AAAA", "é", KEY[:-1], base64.b64encode(b"x" * 17)])
def test_what_is_no_key_is_refused_and_not_repeated(key: str | bytes) -> None:
    spelled = key if isinstance(key, str) else key.decode()
    for call in (aes.encrypt, aes.decrypt):
        with pytest.raises(BadAesKey) as caught:
            call(spelled, CIPHERTEXT)
        assert not spelled or spelled not in str(caught.value)
