"""What this service signs tokens and audit anchors with."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def service_key(pem: bytes) -> Ed25519PrivateKey:
    """Our own: what this service signs tokens, and anchors, with."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("a service key is an Ed25519 key")
    return key
