"""The checks of a request before its method runs, in the order of the real platform.

app_id, required parameters, spellings, certificate numbers, signature, method, token, encryption,
biz_content. Refusals before the app is known cannot be signed; all others are.
"""

import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.alipay.apps.registry import App, Apps
from deploy.sandbox.alipay.methods import METHODS
from deploy.sandbox.alipay.wire import aes, rsa2
from deploy.sandbox.alipay.wire.envelope import Node
from deploy.sandbox.alipay.wire.incoming import Received, content_to_sign
from deploy.sandbox.alipay.wire.refusals import refusal
from deploy.sandbox.kit import clock

REQUIRED = (
    ("method", "isv.missing-method"),
    ("sign", "isv.missing-signature"),
    ("sign_type", "isv.missing-signature-type"),
    ("timestamp", "isv.missing-timestamp"),
    ("version", "isv.missing-version"),
)
# Numbers stay text: amounts must never pass through a float.
_BIZ = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
SKIP_EMPTY = "skip_empty"
KEEP_EMPTY = "keep_empty"


class RequestRejected(Exception):
    """A check failed; without an app the answer cannot be signed."""

    def __init__(
        self, app: App | None, sub_code: str, code: str = "40002", detail: str = ""
    ) -> None:
        super().__init__(sub_code)
        self.app = app
        self.sub_code = sub_code
        self.node: Node = refusal(sub_code, code, detail)


@dataclass(frozen=True, slots=True)
class Verified:
    app: App
    method: str
    biz: dict[str, Any]
    content_rule: str


def check(received: Received, apps: Apps) -> Verified:
    params = received.params
    app = _identify(received, apps)
    for name, sub_code in REQUIRED:
        if not params.get(name):
            raise RequestRejected(app, sub_code, "40001")
    for is_wrong, sub_code in _SPELLING:
        if is_wrong(received):
            raise RequestRejected(app, sub_code)
    rule = _content_rule(app, _verifying_key(app, params), received)
    method = params["method"]
    if method not in METHODS:
        raise RequestRejected(app, "isv.invalid-method")
    if params.get("app_auth_token") and not apps.knows_token(app, params["app_auth_token"]):
        raise RequestRejected(app, "aop.invalid-app-auth-token", "20001")
    is_encrypted = bool(params.get("encrypt_type"))
    text = params.get("biz_content", "")
    biz = parse_biz(_decrypted(app, text) if is_encrypted else text)
    if biz is None and app.aes_key is not None and not is_encrypted and _is_cipher(app, text):
        raise RequestRejected(app, "isv.decryption-error-missing-encrypt-type", "40001")
    if biz is None:
        raise RequestRejected(app, "isv.illegal-json")
    return Verified(app, method, biz, rule)


def _identify(received: Received, apps: Apps) -> App:
    app_id = received.params.get("app_id", "")
    if not app_id:
        raise RequestRejected(None, "isv.missing-app-id", "40001")
    app = apps.get(app_id)
    if app is None or "app_id" in received.conflicts:
        raise RequestRejected(None, "isv.invalid-app-id")
    return app


def _is_no_time(received: Received) -> bool:
    """Only the spelling is checked: client libraries send the local time of wherever they run."""
    try:
        clock.from_beijing(received.params["timestamp"])
    except ValueError:
        return True
    return False


_SPELLING: tuple[tuple[Callable[[Received], bool], str], ...] = (
    # One name with two values is ambiguous.
    (lambda received: bool(received.conflicts), "isv.suspected-attack"),
    (lambda received: not received.is_charset_known, "isv.invalid-charset"),
    (
        lambda received: (received.params.get("format") or "JSON").upper() != "JSON",
        "isv.invalid-format",
    ),
    (lambda received: received.params["version"] != "1.0", "isv.invalid-parameter"),
    (lambda received: received.params["sign_type"] != "RSA2", "isv.invalid-signature-type"),
    (
        lambda received: received.params.get("encrypt_type") not in {None, "", "AES"},
        "isv.invalid-encrypt-type",
    ),
    (_is_no_time, "isv.invalid-timestamp"),
)


def _verifying_key(app: App, params: dict[str, str]) -> rsa.RSAPublicKey:
    """Numbers that are sent must be right in either mode; certificate mode wants both."""
    certificates = app.certificates
    app_sn, root_sn = params.get("app_cert_sn"), params.get("alipay_root_cert_sn")
    if certificates is None:
        if app_sn:
            raise RequestRejected(app, "isv.app-cert-not-exist")
        if root_sn:
            raise RequestRejected(app, "isv.invalid-alipay-root-cert-sn")
        return app.public_key
    if not app_sn:
        raise RequestRejected(app, "isv.missing-app-cert-sn")
    key = app.public_key if app_sn == certificates.app_sn else certificates.retired_key(app_sn)
    if key is None:
        raise RequestRejected(app, "isv.app-cert-not-exist")
    if not root_sn:
        raise RequestRejected(app, "isv.missing-alipay-root-cert-sn")
    if root_sn != certificates.root_sn:
        raise RequestRejected(app, "isv.invalid-alipay-root-cert-sn")
    return key


def _decrypted(app: App, text: str) -> str:
    """Only after the signature is known to be good."""
    if app.aes_key is None:
        raise RequestRejected(app, "isv.invalid-encrypt", detail="应用未设置接口内容加密密钥")
    try:
        return aes.decrypt(app.aes_key, text).decode() if text else ""
    except (aes.BadCipher, UnicodeDecodeError):
        raise RequestRejected(app, "isv.invalid-encrypt") from None


def _is_cipher(app: App, text: str) -> bool:
    try:
        _decrypted(app, text)
    except RequestRejected:
        return False
    return True


def _content_rule(app: App, key: rsa.RSAPublicKey, received: Received) -> str:
    """Client libraries disagree on empty values: most leave them out, some sign `name=`."""
    params, sign = received.params, received.params["sign"]
    content = content_to_sign(params, keeps_empty=False)
    if rsa2.verify(key, content.encode(received.codec, "replace"), sign):
        return SKIP_EMPTY
    if "" in params.values():
        with_empty = content_to_sign(params, keeps_empty=True)
        if rsa2.verify(key, with_empty.encode(received.codec, "replace"), sign):
            return KEEP_EMPTY
    # The platform shows the text that it would have signed, HTML-escaped.
    raise RequestRejected(app, "isv.invalid-signature", detail=html.escape(content, quote=False))


def parse_biz(text: str) -> dict[str, Any] | None:
    if not text:
        return {}
    try:
        biz = _BIZ.decode(text)
    except (ValueError, RecursionError):
        return None
    return biz if isinstance(biz, dict) else None
