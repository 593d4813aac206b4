"""Both readers of pasted keys: binding's, and the gateway's. Neither ever repeats what it read."""

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.alipay.protocol import rsa2
from services.binding.keys import pasted as keys
from tests.unit.gateway.authority import issue, of_odd_version

_PAIR = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_CURVE = ec.generate_private_key(ec.SECP256R1())
_DER, _PEM = serialization.Encoding.DER, serialization.Encoding.PEM
_PKCS8 = serialization.PrivateFormat.PKCS8
_PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
_CLEAR = serialization.NoEncryption()

SEEDS = (
    b"d" + _PAIR.private_bytes(_DER, _PKCS8, _CLEAR),
    b"d" + _PAIR.private_bytes(_DER, _PKCS1, _CLEAR),
    b"d" + _PAIR.public_key().public_bytes(_DER, _SPKI),
    b"d" + _PAIR.public_key().public_bytes(_DER, serialization.PublicFormat.PKCS1),
    b"d" + _CURVE.private_bytes(_DER, _PKCS8, _CLEAR),
    b"d" + of_odd_version(issue("x", _PAIR.public_key(), "x", _PAIR, serial=1)),
    b"t" + _PAIR.public_key().public_bytes(_PEM, _SPKI),
    b"t-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
    b"tMIIEvQIBADANBgkqhkiG9w0BAQ\\nEFAASC  ",
)


def check(data: bytes) -> None:
    """`d`: DER, given as bare base64, so that changes reach the numbers. Else: text."""
    if data[:1] == b"d":
        text = base64.b64encode(data[1:]).decode()
    else:
        text = data[1:].decode("utf-8", "replace")
    for read in (
        keys.read_private_key,
        lambda pasted: keys.read_alipay_key(pasted, ()),
    ):
        said = ""
        try:
            read(text)
        except keys.KeyRefused as error:
            said = f"{error.code} {error}"
        assert not any(text[at : at + 20] in said for at in range(len(text) - 20))
    try:
        key = rsa2.read_key(text)
    except rsa2.BadKey:
        return
    else:
        assert rsa2.BITS_MIN <= key.bits <= rsa2.BITS_MAX
        assert len(key.fingerprint) == 64
