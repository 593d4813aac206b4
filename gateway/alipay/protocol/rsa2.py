"""RSA2: SHA256withRSA (PKCS#1 v1.5).

Pure: imports nothing of ours (keys are read by `shared.keys.rsa_keys`). RSA2 is the only algorithm
here, whatever a message claims. PKCS#1 v1.5 signatures are what Alipay prescribes (the documented
exception to ASVS 11.3.1).
"""

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

SIGN_TYPE = "RSA2"

_PADDING = padding.PKCS1v15()
_HASH = hashes.SHA256()


def sign(content: bytes, key: RSAPrivateKey) -> str:
    """The signature as standard base64 on one line."""
    return base64.b64encode(key.sign(content, _PADDING, _HASH)).decode()


def verify(content: bytes, signature: str, key: RSAPublicKey) -> bool:
    """True only for a valid RSA2 signature in strict base64; anything else is False."""
    raw = strict_base64(signature)
    if raw is None:
        return False
    try:
        key.verify(raw, content, _PADDING, _HASH)
    except (InvalidSignature, ValueError):
        return False
    return True


def strict_base64(text: str) -> bytes | None:
    """The bytes, or None unless `text` is exactly how those bytes are written."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if base64.b64encode(raw).decode() == text else None
