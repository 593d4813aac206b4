"""The two verdicts on what comes from Alipay, shared by the gateway's doors and the CLI.

There is one path and no switch: what is not signed, or not by a key we hold, is not believed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.alipay.protocol.canonical import Cut, Form, Kind, notify_contents, signed_texts
from gateway.alipay.protocol.rsa2 import SIGN_TYPE, strict_base64, verify


@dataclass(frozen=True, slots=True)
class Verification:
    """`reason` is "ok" or a stable word; `content` is the text that the signature covers."""

    reason: str
    content: bytes = b""
    key_index: int = -1
    """which of the given keys it was"""

    @property
    def is_valid(self) -> bool:
        return self.reason == "ok"


def check_response(
    cut: Cut, keys: Sequence[RSAPublicKey], cert_sns: Collection[str] = ()
) -> Verification:
    """Whether one of `keys` signed the answer, and which exact text.

    `cert_sns` are the numbers of Alipay's certificates behind `keys`, in certificate mode. An
    answer that names another one is "cert_sn": the reason to fetch that certificate, not to
    believe the answer. One that names none stands or falls with its signature.
    """
    if not cut.sign:
        return Verification("no_sign")
    if strict_base64(cut.sign) is None:
        return Verification("base64")
    if cert_sns and cut.cert_sn and cut.cert_sn not in cert_sns:
        return Verification("cert_sn")
    return _first_match(tuple(signed_texts(cut)), cut.sign, keys)


def check_notify(form: Form, kind: Kind, keys: Sequence[RSAPublicKey]) -> Verification:
    """Whether one of `keys` signed the notification.

    sign_type lies outside the pay family's signature and can be rewritten freely, so it never
    selects an algorithm: it must say RSA2.
    """
    if form.fields.get(b"sign_type") != SIGN_TYPE.encode():
        return Verification("sign_type")
    sign = form.fields.get(b"sign", b"").decode("latin-1")
    if not sign:
        return Verification("no_sign")
    if strict_base64(sign) is None:
        return Verification("base64")
    return _first_match(notify_contents(form.fields, kind), sign, keys)


def _first_match(texts: Sequence[bytes], sign: str, keys: Sequence[RSAPublicKey]) -> Verification:
    for content in texts:
        for index, key in enumerate(keys):
            if verify(content, sign, key):
                return Verification("ok", content, index)
    return Verification("signature")
