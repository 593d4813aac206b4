"""The envelope of every call: common parameters, Beijing time, yuan text, and which parts of a
response are accepted (alipay-protocol.md §1.1 and §2.3).

    verified   10000 success · 10003 in_process · 40004 refused, by the method's list · else unknown
    unsigned   40001 40002 40003 40006 20001 → configuration error (nothing was executed)
               everything else, also 10000 and 40004 → unknown, so the caller queries
    bad sign   unknown, whatever the response says
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from gateway.alipay.protocol import aes
from gateway.alipay.protocol.canonical import (
    BadResponse,
    Cut,
    cut_response,
    json_text,
    parse_content,
    parse_text,
    request_content,
)
from gateway.alipay.protocol.rsa2 import SIGN_TYPE, sign
from gateway.alipay.protocol.verify import check_response
from shared.contracts.instants import BEIJING, rfc3339
from shared.contracts.money import parse_yuan

CONFIG_CODES = frozenset({"40001", "40002", "40003", "40006", "20001"})
CONTENT_TYPE = "application/x-www-form-urlencoded;charset=utf-8"
MESSAGE_MAX = 512
_ODD = re.compile("[\x00\ud800-\udfff]")
_NO_PARAMS: Mapping[str, str] = {}


def beijing_text(at: datetime) -> str:
    """2026-11-23 04:00:00Z -> "2026-11-23 12:00:00": Alipay's clock, whatever ours is set to.

    ValueError for an instant without an offset: reading one would mean the host's time zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return at.astimezone(BEIJING).replace(tzinfo=None).isoformat(" ", "seconds")


def parse_beijing(text: str) -> datetime:
    """The instant of Alipay's text without offset (milliseconds allowed); ValueError if
    malformed."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None:
        raise ValueError("Alipay's times carry no offset")
    try:
        return at.replace(tzinfo=BEIJING).astimezone(UTC)
    except OverflowError:
        raise ValueError("before the calendar begins") from None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One signed request, to be sent exactly once."""

    query: str
    """common parameters with the signature, percent-encoded"""
    body: bytes


def signed_request(
    method: str,
    app_id: str,
    biz_content: Mapping[str, Any],
    *,
    at: datetime,
    key: RSAPrivateKey,
    notify_url: str = "",
    app_cert_sn: str = "",
    alipay_root_cert_sn: str = "",
    app_auth_token: str = "",
    aes_key: str = "",
    params: Mapping[str, str] = _NO_PARAMS,
) -> SignedRequest:
    """Signs `biz_content` for `method`. Protocol parameters are sent in the query, where the
    gateway looks for the charset; the content is sent in the body, because it may be long.

    `app_cert_sn` and `alipay_root_cert_sn` are for certificate mode. With `aes_key` the content is
    encrypted first, and the ciphertext is signed. `app_auth_token` (a merchant's grant to this app)
    is kept out of the URL, which is logged on the way. `params` are the parameters of the few
    methods that take theirs beside `biz_content`; an empty `biz_content` is not sent.
    """
    content = json_text(biz_content) if biz_content else ""
    query = {
        "app_id": app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": SIGN_TYPE,
        "timestamp": beijing_text(at),
        "version": "1.0",
        "notify_url": notify_url,
        "app_cert_sn": app_cert_sn,
        "alipay_root_cert_sn": alipay_root_cert_sn,
        "encrypt_type": "AES" if aes_key and content else "",
    }
    body = {
        "app_auth_token": app_auth_token,
        **params,
        "biz_content": aes.encrypt(aes_key, content) if aes_key and content else content,
    }
    if twice := query.keys() & params.keys():
        raise ValueError(f"{', '.join(sorted(twice))}: a protocol parameter")
    signature = sign(request_content({**query, **body}).encode(), key)
    query_text = "&".join([f"{name}={_quoted(value)}" for name, value in query.items() if value])
    return SignedRequest(
        f"{query_text}&sign={_quoted_base64(signature)}",
        "&".join([f"{quote_plus(n)}={quote_plus(v)}" for n, v in body.items() if v]).encode(),
    )


@lru_cache(maxsize=4096)
def _quoted(value: str) -> str:
    # The same few URLs and names recur; quoting them was a tenth of a call.
    return quote_plus(value)


def _quoted_base64(text: str) -> str:
    return text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


@dataclass(frozen=True, slots=True)
class AlipayResponse:
    """Alipay's response, and whether it is verified."""

    reason: str
    """"ok" when verified, else why not: a stable word"""
    code: str = ""
    sub_code: str = ""
    sub_msg: str = ""
    is_fault_node: bool = False
    key_index: int = -1
    cert_sn: str = ""
    """the certificate that the response names as its signer's; trust it only if verified"""
    members: Mapping[str, Any] = field(default_factory=dict)
    """the members; empty unless verified"""

    @property
    def is_verified(self) -> bool:
        return self.reason == "ok"

    @property
    def is_config_error(self) -> bool:
        """Nothing was executed, and only the operator can help. The gateway usually does not sign
        such a response, so no signature is required; a wrong one is never accepted."""
        return self.reason in ("ok", "no_sign") and self.code in CONFIG_CODES

    def text(self, name: str) -> str:
        """A verified member as text; a value that is not storable text counts as absent."""
        return _text(self.members, name)

    def fen(self, name: str) -> int | None:
        """A verified yuan amount in fen, or None when it is absent or malformed."""
        try:
            return parse_yuan(self.text(name))
        except ValueError:
            return None

    def instant(self, name: str) -> str | None:
        """A verified Beijing time as RFC 3339, or None when it is absent or malformed."""
        try:
            return rfc3339(parse_beijing(self.text(name)))
        except ValueError:
            return None


def unwrap(
    body: bytes,
    method: str,
    keys: Sequence[RSAPublicKey],
    cert_sns: Collection[str] = (),
    aes_key: str = "",
) -> AlipayResponse:
    """Cuts, verifies, and only then decrypts and reads. Never raises: `reason` states what failed.

    `cert_sns` as for `check_response`. `aes_key` is the app's, if content encryption is on.
    Failures are sent unencrypted even then, so a signed plain response is read as it is.
    """
    try:
        cut = cut_response(body, method)
    except BadResponse as error:
        return AlipayResponse(error.reason)
    verification = check_response(cut, keys, cert_sns)
    try:
        if verification.is_valid:
            content = _decrypted(verification.content, cut, aes_key)
            return _read_response(cut, "ok", content, key_index=verification.key_index)
        return _read_response(cut, verification.reason, parse_content(cut.content, cut.encoding))
    except BadResponse as error:
        reason = error.reason if verification.is_valid else verification.reason
        return AlipayResponse(reason, is_fault_node=cut.is_fault_node, cert_sn=cut.cert_sn)


def _decrypted(content: bytes, cut: Cut, aes_key: str) -> dict[str, Any]:
    if not (aes_key and content.startswith(b'"')):
        return parse_content(content, cut.encoding)
    try:
        text = aes.decrypt(aes_key, parse_text(content, cut.encoding))
    except (aes.BadCiphertext, aes.BadAesKey):
        raise BadResponse("ciphertext") from None
    return parse_content(text.encode(), "utf-8")


def _text(members: Mapping[str, Any], name: str) -> str:
    # A lone surrogate cannot be encoded and a NUL cannot be stored, so such a text is dropped.
    value = members.get(name)
    return value if isinstance(value, str) and _ODD.search(value) is None else ""


def _read_response(
    cut: Cut, reason: str, members: dict[str, Any], *, key_index: int = -1
) -> AlipayResponse:
    message = members.get("sub_msg")
    return AlipayResponse(
        reason=reason,
        code=_text(members, "code"),
        sub_code=_text(members, "sub_code"),
        sub_msg=_ODD.sub("\ufffd", message)[:MESSAGE_MAX] if isinstance(message, str) else "",
        is_fault_node=cut.is_fault_node,
        key_index=key_index,
        cert_sn=cut.cert_sn,
        members=members if reason == "ok" else {},
    )
