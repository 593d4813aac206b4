"""Binding's reader of the three certificate files: words for people, and nothing forged kept."""

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.binding.keys import certificates, pasted
from tests.unit.gateway.authority import NOW, Authority, der_of, of_odd_version, pem_of, sm2_of


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


_CA = Authority(_new_key(), _new_key())
_APP_KEY = _new_key().public_key()
_OWN = base64.b64encode(
    _APP_KEY.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()
_ALIPAY_LEAF = _CA.leaf("Alipay-2088", _new_key().public_key(), serial=12)
_APP = pem_of(_CA.leaf("2088-app", _APP_KEY, serial=11))
_ALIPAY = pem_of(_ALIPAY_LEAF, _CA.middle)
_ROOT = pem_of(_CA.root)

SEEDS = (
    b"d" + der_of(_ALIPAY_LEAF),
    b"d" + der_of(_CA.middle),
    b"d" + der_of(_CA.root),
    b"d" + sm2_of(_CA.curve_root),
    b"d" + of_odd_version(_CA.root),
    b"t" + _ALIPAY.encode(),
    b"t-----BEGIN CERTIFICATE-----\r\nAAAA\\n-----END CERTIFICATE-----",
)


def check(data: bytes) -> None:
    """`d`: DER of one certificate. Else: the text of a file."""
    if data[:1] == b"d":
        body = base64.b64encode(data[1:]).decode()
        text = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    else:
        text = data[1:].decode("utf-8", "replace")
    for files in ((text, _ALIPAY, _ROOT), (_APP, text, _ROOT), (_APP, _ALIPAY, text)):
        try:
            found = certificates.read_certificates(*files, own=_OWN, own_keys=(), now=NOW)
        except pasted.KeyRefused:
            continue
        assert found.app.public.spki == _OWN
        assert found.alipay.public.spki != _OWN
