"""OpenAPI v3 (REST) under RSA2: what a request signs and what an answer's signature covers.

Pure, and not wired to the network: the methods this platform needs are all in the first protocol
(alipay-protocol.md §6, sdk-compat.md §7). Every signed line ends with a line feed, the last too.

    request   auth string · HTTP method · path with query as sent · body · [app_auth_token]
    answer    alipay-timestamp · alipay-nonce · body as it came
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from gateway.alipay.protocol import aes
from gateway.alipay.protocol.canonical import BadAnswer, json_text, parse_content
from gateway.alipay.protocol.rsa2 import BadKey, sign, strict_base64, verify
from gateway.alipay.protocol.verify import Verdict

SCHEME = "ALIPAY-SHA256withRSA"
HttpMethod = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
REQUEST_ID_MAX = 32

_SEPARATORS = frozenset(",\r\n")
"""What would end a value of the auth string, or its line."""


@dataclass(frozen=True, slots=True)
class RestCall:
    """One request, ready to be sent exactly once."""

    http_method: HttpMethod
    target: str
    """path and query, exactly as signed"""
    headers: Mapping[str, str]
    body: bytes


def path_of(method: str) -> str:
    """alipay.trade.pay -> /v3/alipay/trade/pay."""
    return "/v3/" + method.replace(".", "/")


def auth_string(
    app_id: str, nonce: str, at: datetime, *, app_cert_sn: str = "", expired_seconds: int = 0
) -> str:
    """app_id, certificate number, nonce, time in milliseconds, validity: in this order."""
    if at.tzinfo is None:
        raise ValueError("an instant needs an offset")
    millis = int(at.timestamp()) * 1000 + at.microsecond // 1000
    parts = {
        "app_id": app_id,
        "app_cert_sn": app_cert_sn,
        "nonce": nonce,
        "timestamp": str(millis),
        "expired_seconds": str(expired_seconds) if expired_seconds else "",
    }
    for name, value in parts.items():
        if _SEPARATORS.intersection(value):
            raise ValueError(f"{name}: holds a separator")
    if not (app_id and nonce):
        raise ValueError("app_id and nonce are needed")
    return ",".join(f"{name}={value}" for name, value in parts.items() if value)


def request_content(
    auth: str, http_method: HttpMethod, target: str, body: bytes, app_auth_token: str = ""
) -> bytes:
    """The bytes to sign. `body` is empty where none is sent, and is what is sent, even ciphertext;
    of a multipart request it is the part named `data`."""
    lines = [auth.encode(), http_method.encode(), target.encode(), body]
    if app_auth_token:
        lines.append(app_auth_token.encode())
    return b"".join(line + b"\n" for line in lines)


def signed_call(
    method: str,
    app_id: str,
    *,
    at: datetime,
    nonce: str,
    key: RSAPrivateKey,
    http_method: HttpMethod = "POST",
    content: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None,
    request_id: str = "",
    app_auth_token: str = "",
    app_cert_sn: str = "",
    alipay_root_cert_sn: str = "",
    aes_key: str = "",
) -> RestCall:
    """Signs `content` (what the first protocol calls biz_content) for `method`. `nonce` must never
    come twice. With `aes_key` the body is ciphertext, and that is what is signed."""
    if len(request_id) > REQUEST_ID_MAX:
        raise ValueError("request_id: at most 32 characters")
    target = path_of(method)
    if query:
        said = (f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
        target += "?" + "&".join(said)
    text = json_text(content) if content is not None else ""
    headers = {"content-type": "application/json"}
    if aes_key and text:
        text = aes.encrypt(aes_key, text)
        headers = {
            "content-type": "text/plain",
            "alipay-encrypt-type": "AES",
            "alipay-encryption-algm": "AES",
        }
    body = text.encode()
    auth = auth_string(app_id, nonce, at, app_cert_sn=app_cert_sn)
    signature = sign(request_content(auth, http_method, target, body, app_auth_token), key)
    headers["authorization"] = f"{SCHEME} {auth},sign={signature}"
    for name, value in (
        ("alipay-request-id", request_id),
        ("alipay-app-auth-token", app_auth_token),
        ("alipay-root-cert-sn", alipay_root_cert_sn),
    ):
        if value:
            headers[name] = value
    return RestCall(http_method, target, headers, body)


def answer_content(timestamp: str, nonce: str, body: bytes) -> bytes:
    """What the signature of an answer covers."""
    return timestamp.encode("latin-1") + b"\n" + nonce.encode("latin-1") + b"\n" + body + b"\n"


def check_answer(
    headers: Mapping[str, str],
    body: bytes,
    keys: Sequence[RSAPublicKey],
    cert_sns: Collection[str] = (),
) -> Verdict:
    """Whether one of `keys` signed this answer; the verdict's content is the body.

    `headers` have lower-case names. `cert_sns` are the certificates behind `keys`, in certificate
    mode. Error answers come unsigned: they are "no_sign" and nothing they say may be believed,
    least of all that nothing was executed.
    """
    signature = headers.get("alipay-signature", "")
    timestamp, nonce = headers.get("alipay-timestamp", ""), headers.get("alipay-nonce", "")
    if not (signature and timestamp and nonce):
        return Verdict("no_sign")
    if strict_base64(signature) is None:
        return Verdict("base64")
    named = headers.get("alipay-sn", "")
    if cert_sns and named and named not in cert_sns:
        return Verdict("cert_sn")
    try:
        signed = answer_content(timestamp, nonce, body)
    except UnicodeEncodeError:
        return Verdict("signature")
    for index, key in enumerate(keys):
        if verify(signed, signature, key):
            return Verdict("ok", body, index)
    return Verdict("signature")


def read_answer(verdict: Verdict, aes_key: str = "") -> dict[str, Any]:
    """The members of a verified body, decrypted where the app encrypts; BadAnswer if it is not
    verified, or does not read. An answer of 204 has none."""
    if not verdict.is_valid:
        raise BadAnswer(verdict.reason)
    content = verdict.content
    if not content:
        return {}
    if aes_key and not content.lstrip().startswith(b"{"):
        try:
            content = aes.decrypt(aes_key, content.decode("ascii")).encode()
        except (aes.BadCiphertext, BadKey, UnicodeDecodeError):
            raise BadAnswer("ciphertext") from None
    return parse_content(content, "utf-8")
