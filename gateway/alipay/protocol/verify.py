"""Verifies what comes from Alipay: responses and notifications, for the gateway and the CLI.

There is one path and no switch: what is not signed, or not by a key we hold, is not accepted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.alipay.protocol.canonical import Cut, Form, Kind, notify_contents, signed_texts
from gateway.alipay.protocol.rsa2 import SIGN_TYPE, strict_base64, verify


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: `reason` is "ok" or a stable word; `content` is the text that the signature
    covers."""

    reason: str
    content: bytes = b""
    key_index: int = -1
    """index of the key that verified"""

    @property
    def is_valid(self) -> bool:
        return self.reason == "ok"


def check_response(
    cut: Cut, keys: Sequence[RSAPublicKey], cert_sns: Collection[str] = ()
) -> Verification:
    """Whether one of `keys` signed the response, and which exact text.

    `cert_sns` are the numbers of the certificates of `keys`, in certificate mode. A response that
    names another one is refused for the reason "cert_sn". For a response that names none, only the
    signature decides.
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

    The pay family's signature does not cover sign_type, so anybody can change it. It therefore
    never selects an algorithm: it must be RSA2."""
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
