"""The reader of pasted keys, and its doors: all say the same of a text, and none repeats it."""

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.alipay.protocol import keys as command_line
from services.binding.keys import pasted as console
from shared.keys import rsa_keys
from shared.keys.pem import UnusableKey
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
    found: rsa_keys.Key | None = None
    said = ""
    for read in (rsa_keys.read_key, rsa_keys.read_private_key, rsa_keys.read_public_key):
        try:
            key = read(text)
        except UnusableKey as error:
            said += f"{error.code} {error}"
        else:
            assert rsa_keys.BITS_MIN <= key.facts.bits <= rsa_keys.BITS_MAX
            assert found is None or found.facts == key.facts
            found = key
    for kind, door in (
        ("private", lambda pasted: console.read_private_key(pasted).public),
        ("public", lambda pasted: console.read_alipay_key(pasted, ())),
    ):
        try:
            public = door(text)
        except console.KeyRefused as error:
            said += f"{error.code} {error}"
            assert found is None or found.kind != kind
        else:
            assert found is not None
            assert (found.kind, found.facts) == (kind, public)
    try:
        told = command_line.read_key(text)
    except command_line.BadKey as error:
        said += str(error)
        assert found is None
    else:
        assert found is not None
        assert told.facts == found.facts
    assert not any(text[at : at + 20] in said for at in range(len(text) - 20))
