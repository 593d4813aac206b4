"""The certificate reader: a stable reason or a number, and no changed certificate is trusted."""

import base64
import re

from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.alipay.protocol import keys as command_line
from shared.keys.certificates import (
    UnusableCertificate,
    cert_sn,
    read_renewed,
    read_set,
    root_cert_sn,
)
from tests.unit.gateway.authority import NOW, Authority, der_of, of_odd_version, pem_of, sm2_of


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


_CA = Authority(_new_key(), _new_key())
_ALIPAY = _CA.leaf("Alipay-2088", _new_key().public_key(), serial=12)
_APP = pem_of(_CA.leaf("2088-app", _new_key().public_key(), serial=11))
_ROOT = pem_of(_CA.root)
_NUMBER = re.compile(r"[0-9a-f]{32}(_[0-9a-f]{32})*")

SEEDS = (
    b"d" + der_of(_ALIPAY),
    b"d" + der_of(_CA.middle),
    b"d" + der_of(_CA.root),
    b"d" + der_of(_CA.curve_root),
    b"d" + sm2_of(_CA.curve_root),
    b"d" + of_odd_version(_CA.root),
    b"t" + (pem_of(_ALIPAY, _CA.middle)).encode(),
    b"t-----BEGIN CERTIFICATE-----\r\nAAAA\\n-----END CERTIFICATE-----",
)


def check(data: bytes) -> None:
    """`d`: DER of one certificate. Else: the text of a file."""
    if data[:1] == b"d":
        body = base64.b64encode(data[1:]).decode()
        text = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    else:
        text = data[1:].decode("utf-8", "replace")
    for read, door in (
        (cert_sn, command_line.cert_sn),
        (root_cert_sn, command_line.root_cert_sn),
    ):
        try:
            told = read(text)
            assert _NUMBER.fullmatch(told)
        except UnusableCertificate:
            told = ""
        try:
            assert door(text) == told
        except command_line.BadKey:
            assert not told
    genuine = pem_of(_ALIPAY, _CA.middle)
    for files in ((text, genuine, _ROOT), (_APP, text + pem_of(_CA.middle), _ROOT),
                  (_APP, genuine, text)):  # fmt: skip
        try:
            number = read_set(*files, now=NOW).alipay.sn
        except UnusableCertificate:
            continue
        assert number == cert_sn(genuine)
    try:
        renewed = read_renewed(text + pem_of(_CA.middle), cert_sn(genuine), genuine, _ROOT, NOW)
    except UnusableCertificate:
        return
    assert renewed.pem.startswith(pem_of(_ALIPAY))
