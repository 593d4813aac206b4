"""Content encryption: AES-CBC under an initial vector of zeros, PKCS#7, base64 on the wire."""

import base64
import binascii

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_IV = bytes(16)
_BLOCK_BITS = 128


class BadCipher(ValueError):
    """The key is not an AES key, or the text cannot be decrypted with it."""


def parse_key(text: str) -> bytes:
    """Base64 of 16 bytes, as the open platform's console shows it; 24 and 32 are keys, too."""
    try:
        key = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCipher("not base64") from error
    if len(key) not in {16, 24, 32}:
        raise BadCipher(f"{len(key)} bytes; an AES key has 16")
    return key


def encrypt(key: bytes, plain: bytes) -> bytes:
    """Base64 of the ciphertext."""
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(_IV)).encryptor()
    padded = padder.update(plain) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize())


def decrypt(key: bytes, text: str) -> bytes:
    """BadCipher where it is not base64, not whole blocks, or padded otherwise."""
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    decryptor = Cipher(algorithms.AES(key), modes.CBC(_IV)).decryptor()
    try:
        raw = base64.b64decode(text, validate=True)
        padded = decryptor.update(raw) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except (binascii.Error, ValueError) as error:
        raise BadCipher("not what this key encrypts") from error
