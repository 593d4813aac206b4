"""The envelope around every call: common parameters, Beijing time, yuan text, and what may be
believed of an answer (alipay-protocol.md §1.1 and §2.3).

    verified   10000 success · 10003 in_process · 40004 refused, by the method's list · else unknown
    unsigned   40001 40002 40003 40006 20001 → configuration error (nothing was executed)
               everything else, 10000 and 40004 above all → unknown, so the caller asks
    bad sign   unknown, whatever it says
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from gateway.alipay.canonical import (
    BadAnswer,
    Cut,
    cut_answer,
    json_text,
    parse_content,
    request_content,
)
from gateway.alipay.rsa2 import SIGN_TYPE, sign
from gateway.alipay.verify import check_answer
from shared.money import parse_yuan

BEIJING = timezone(timedelta(hours=8))
CONFIG_CODES = frozenset({"40001", "40002", "40003", "40006", "20001"})
CONTENT_TYPE = "application/x-www-form-urlencoded;charset=utf-8"
MESSAGE_MAX = 512


def beijing_text(at: datetime) -> str:
    """2026-11-23 04:00:00Z -> "2026-11-23 12:00:00": Alipay's clock, whatever ours is set to."""
    return at.astimezone(BEIJING).replace(tzinfo=None).isoformat(" ", "seconds")


def parse_beijing(text: str) -> datetime:
    """The instant behind Alipay's offset-less text (milliseconds allowed); ValueError if odd."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None:
        raise ValueError("Alipay's times carry no offset")
    return at.replace(tzinfo=BEIJING).astimezone(UTC)


def rfc3339(at: datetime) -> str:
    """The same instant on our own wires."""
    return at.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One request, ready to be sent exactly once."""

    query: str
    """common parameters, percent-encoded, the signature among them"""
    body: bytes


def signed_request(
    method: str,
    app_id: str,
    biz_content: Mapping[str, Any],
    *,
    at: datetime,
    key: RSAPrivateKey,
    notify_url: str = "",
) -> SignedRequest:
    """Signs `biz_content` for `method`: protocol parameters travel in the query, where the gateway
    looks for the charset, and the content in the body, which may be long."""
    params = {
        "app_id": app_id,
        "biz_content": json_text(biz_content),
        "charset": "utf-8",
        "format": "JSON",
        "method": method,
        "notify_url": notify_url,
        "sign_type": SIGN_TYPE,
        "timestamp": beijing_text(at),
        "version": "1.0",
    }
    signature = sign(request_content(params).encode(), key)
    body = "biz_content=" + quote_plus(params.pop("biz_content"))
    query = "&".join([f"{name}={_quoted(value)}" for name, value in params.items() if value])
    return SignedRequest(f"{query}&sign={_quoted_base64(signature)}", body.encode())


@lru_cache(maxsize=4096)
def _quoted(value: str) -> str:
    # The same few addresses and names, over and over: quoting them was a tenth of a call.
    return quote_plus(value)


def _quoted_base64(text: str) -> str:
    return text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says, and whether it may be believed."""

    reason: str
    """"ok" when verified, else why not: a stable word"""
    code: str = ""
    sub_code: str = ""
    sub_msg: str = ""
    is_fault_node: bool = False
    key_index: int = -1
    members: Mapping[str, Any] = field(default_factory=dict)
    """the verified members; empty unless verified"""

    @property
    def is_verified(self) -> bool:
        return self.reason == "ok"

    @property
    def is_config_error(self) -> bool:
        """Nothing was executed and nobody but the operator can help. Not signing such an answer
        is the gateway's habit, so no signature is asked; a wrong one is never accepted."""
        return self.reason in ("ok", "no_sign") and self.code in CONFIG_CODES

    def text(self, name: str) -> str:
        """A verified member as text; anything but a string counts as absent."""
        value = self.members.get(name)
        return value if isinstance(value, str) else ""

    def fen(self, name: str) -> int | None:
        """A verified yuan amount in fen, or None when it is absent or odd."""
        try:
            return parse_yuan(self.text(name))
        except ValueError:
            return None

    def instant(self, name: str) -> str | None:
        """A verified Beijing time as RFC 3339, or None when it is absent or odd."""
        try:
            return rfc3339(parse_beijing(self.text(name)))
        except ValueError:
            return None


def unwrap(body: bytes, method: str, keys: Sequence[RSAPublicKey]) -> Answer:
    """Cuts, verifies, and only then reads. Never raises: what cannot be read says why."""
    try:
        cut = cut_answer(body, method)
    except BadAnswer as error:
        return Answer(error.reason)
    verdict = check_answer(cut, keys)
    try:
        if verdict.is_valid:
            members = parse_content(verdict.content, cut.encoding)
            return _read(cut, "ok", members, key_index=verdict.key_index)
        return _read(cut, verdict.reason, parse_content(cut.content, cut.encoding))
    except BadAnswer as error:
        return Answer(error.reason if verdict.is_valid else verdict.reason)


def _read(cut: Cut, reason: str, members: dict[str, Any], *, key_index: int = -1) -> Answer:
    def text(name: str) -> str:
        value = members.get(name)
        return value if isinstance(value, str) else ""

    return Answer(
        reason=reason,
        code=text("code"),
        sub_code=text("sub_code"),
        sub_msg=text("sub_msg")[:MESSAGE_MAX],
        is_fault_node=cut.is_fault_node,
        key_index=key_index,
        members=members if reason == "ok" else {},
    )
