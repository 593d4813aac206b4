"""RSA2 for the control: sign a request, verify a response and a notify. Keys are parsed once."""

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

BEIJING = timezone(timedelta(hours=8))


class Keys:
    """The application's private key and Alipay's public key."""

    def __init__(self, private_pem: str, alipay_public_b64: str) -> None:
        private = serialization.load_pem_private_key(private_pem.encode(), None)
        public = serialization.load_der_public_key(base64.b64decode(alipay_public_b64))
        assert isinstance(private, rsa.RSAPrivateKey)
        assert isinstance(public, rsa.RSAPublicKey)
        self._private, self._public = private, public

    def sign(self, text: str) -> str:
        raw = self._private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(raw).decode()

    def verify(self, content: bytes, signature: str) -> bool:
        try:
            self._public.verify(
                base64.b64decode(signature), content, padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return False
        return True


def request_form(
    keys: Keys, app_id: str, method: str, biz: dict[str, Any], notify_url: str
) -> dict[str, str]:
    params = {
        "app_id": app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
        "version": "1.0",
        "notify_url": notify_url,
        "biz_content": json.dumps(biz, ensure_ascii=False),
    }
    params["sign"] = keys.sign("&".join(f"{name}={params[name]}" for name in sorted(params)))
    return params


def verified_response(keys: Keys, method: str, body: bytes) -> dict[str, Any]:
    """The response's business member, if its signature is valid."""
    root = method.replace(".", "_") + "_response"
    document = json.loads(body)
    start = body.index(b"{", body.index(f'"{root}"'.encode()))
    end = body.rindex(b'"sign"')
    content = body[start : body.rindex(b"}", 0, end) + 1]
    if not keys.verify(content, document["sign"]):
        raise ValueError("the answer's signature does not hold")
    found: dict[str, Any] = document[root]
    return found


def verified_notify(keys: Keys, body: bytes) -> dict[str, str] | None:
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signature = fields.pop("sign", "")
    fields.pop("sign_type", None)
    content = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
    return fields if keys.verify(content.encode(), signature) else None
