"""The key with which this service signs tokens and audit anchors."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def service_key(pem: bytes) -> Ed25519PrivateKey:
    """Reads the private key from PEM. TypeError for any other kind than Ed25519."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("a service key is an Ed25519 key")
    return key
