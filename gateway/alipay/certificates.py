"""Certificate numbers: how Alipay names certificates (alipay-protocol.md §5.1).

A number is MD5 over the issuer's text and the serial number in decimal. It identifies, it proves
nothing, so its weakness does not matter.
"""

import base64
import hashlib
import re
import warnings
from collections.abc import Iterator

from cryptography import x509

from gateway.alipay.rsa2 import BadKey

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_RSA_SIGNATURES = "1.2.840.113549.1.1."


def cert_sn(pem: str) -> str:
    """The number of the first certificate in `pem`: the leaf, where the issuer follows."""
    for certificate in _certificates(pem):
        return _number(certificate)
    raise BadKey("no certificate in there that reads")


def root_cert_sn(pem: str) -> str:
    """The numbers of all RSA-signed certificates, in file order, joined by underscores."""
    numbers = [
        _number(certificate)
        for certificate in _certificates(pem)
        if certificate.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES)
    ]
    if not numbers:
        raise BadKey("no RSA certificate in there")
    return "_".join(numbers)


def _number(certificate: x509.Certificate) -> str:
    named = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()


def _certificates(pem: str) -> Iterator[x509.Certificate]:
    # Block by block: Alipay's own root file holds SM2 and EC roots that the library refuses.
    for block in _BLOCK.findall(pem.replace("\\n", "\n")):
        try:
            der = base64.b64decode("".join(block.split()), validate=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                certificate = x509.load_der_x509_certificate(der)
                _ = certificate.signature_algorithm_oid, certificate.issuer
        except ValueError:
            continue
        yield certificate
