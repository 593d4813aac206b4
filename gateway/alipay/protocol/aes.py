"""AES content encryption: AES-128-CBC, a zero IV, PKCS#7, base64 in and out (§5.3).

Alipay prescribes the zero IV and no authentication. The RSA2 signature over the ciphertext
authenticates it, so nothing is decrypted before its signature is verified.
"""

import base64

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.alipay.protocol.rsa2 import strict_base64

_BLOCK_BITS = 128
_KEY_BYTES = (16, 24, 32)


class BadAesKey(ValueError):
    """Not an AES key in base64. The message never contains the given text."""


class BadCiphertext(ValueError):
    """This key does not decrypt it."""


def encrypt(key: str, text: str) -> str:
    """The base64 ciphertext of `text` in UTF-8."""
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = _cipher(key).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt(key: str, text: str) -> str:
    """The text of a base64 ciphertext. Raises BadCiphertext for other encodings, incomplete blocks,
    wrong padding, or bytes that are not UTF-8."""
    cipher, raw = _cipher(key), strict_base64(text)
    if not raw:
        raise BadCiphertext("this does not decrypt")
    try:
        decryptor = cipher.decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
        unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError:
        raise BadCiphertext("this does not decrypt") from None


def _cipher(key: str) -> Cipher[modes.CBC]:
    raw = strict_base64(key.strip())
    if raw is None:
        raise BadAesKey("an AES key is given in base64")
    if len(raw) not in _KEY_BYTES:
        raise BadAesKey("an AES key has 16, 24 or 32 bytes")
    return Cipher(algorithms.AES(raw), modes.CBC(bytes(_BLOCK_BITS // 8)))
