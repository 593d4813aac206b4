"""payment, binding and device → egress: a call to Alipay, and its outcome (`/alipay/{method}`,
`/key-check`, `/bill-file`). A problem response means that nothing was sent.

`EgressReply` is what the callers read of it. It holds the facts; what they mean for a payment or
for a row of onboarding is decided there.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict, get_args

import orjson

from shared.errors import NoAnswer, NotSent, PoolFull

Outcome = Literal["success", "in_process", "refused", "config_error", "not_found", "unknown"]
_OUTCOMES = frozenset(get_args(Outcome))

NOT_SENT_STATUSES = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 503})
"""Problems that the egress raises before it signs; a 500 can occur before or after."""
UNREACHABLE = "away"
KEY_UNKNOWN_CODES = frozenset({"isv.invalid-signature", "isv.missing-signature-key"})
"""Sub-codes of a configuration error: Alipay does not know the key that signed, and nothing was
executed. In key mode this lasts from the moment when the new key is saved at Alipay until our live
check has verified it."""
_NO_DATA: Mapping[str, Any] = MappingProxyType({})


class EgressRequest(TypedDict):
    """The call and its app. The egress defines the parameters of each method and refuses others."""

    app_id: str
    params: Mapping[str, Any]
    key_version: NotRequired[int]
    """the key version that signs; without it, the newest"""
    app_auth_token: NotRequired[str]
    """a merchant's authorization, instead of the one that is bound with the app"""


class EgressResponse(TypedDict):
    """The outcome by the channel's verified response."""

    outcome: Outcome
    code: str | None
    sub_code: str | None
    sub_msg: str | None
    key_version: int
    """the version that signed"""
    data: Mapping[str, Any]
    """of `unknown`: sent, reason, retry; else the method's own members, amounts in fen"""


class EgressReply(NamedTuple):
    """The reply to one call, also if none came back. `outcome` is the egress's, which is verified;
    `not_sent`: certainly nothing was sent to Alipay; `unknown` also if no outcome came back. A
    tuple, because each payment makes one and a frozen dataclass takes twice as long."""

    outcome: Outcome | Literal["not_sent"]
    code: str = ""
    sub_code: str = ""
    message: str = ""
    key_version: int | None = None
    data: Mapping[str, Any] = _NO_DATA
    """as in EgressResponse; of a problem response, the problem"""
    status: int = 0
    """the HTTP status; 0: no response came"""
    problem: str = ""
    """why there is no outcome: `UNREACHABLE`, busy, no_answer, the code of the egress's problem, or
    http_ and the status of a response that is no document"""
    reason: str = ""
    """of an unknown outcome the egress's reason, else the client's error or the status, for people
    who look for the cause"""

    @property
    def is_success(self) -> bool:
        return self.outcome == "success"


def reply_of(status: int, content: bytes) -> EgressReply:
    """The reply in a response of the egress."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = None
    if status != 200 or not isinstance(document, dict) or not _is_response(document):
        return _without_outcome(status, document)
    outcome, data = document["outcome"], document["data"]
    reason = str(data.get("reason", ""))
    if outcome == "unknown" and data.get("sent") is False:
        return EgressReply("not_sent", status=status, problem=UNREACHABLE, reason=reason)
    return EgressReply(
        outcome=outcome,
        code=document.get("code") or "",
        sub_code=document.get("sub_code") or "",
        message=document.get("sub_msg") or "",
        key_version=document.get("key_version"),
        data=data,
        status=status,
        reason=reason,
    )


def _is_response(document: Mapping[str, Any]) -> bool:
    """Whether the members are those of an EgressResponse: of one with an odd member nothing else is
    believed either."""
    outcome, key_version = document.get("outcome"), document.get("key_version")
    return (
        isinstance(outcome, str)
        and outcome in _OUTCOMES
        and isinstance(document.get("data"), dict)
        and (key_version is None or type(key_version) is int)
        and all(
            (value := document.get(name)) is None or isinstance(value, str)
            for name in ("code", "sub_code", "sub_msg")
        )
    )


def _without_outcome(status: int, document: object) -> EgressReply:
    reason = "not_json" if document is None else f"status_{status}"
    if not isinstance(document, dict):
        return EgressReply("unknown", status=status, problem=f"http_{status}", reason=reason)
    is_unsent = status in NOT_SENT_STATUSES and "code" in document
    return EgressReply(
        "not_sent" if is_unsent else "unknown",
        data=document,
        status=status,
        problem=str(document.get("code")),
        reason=reason,
    )


def reply_without_response(error: NotSent | PoolFull | NoAnswer) -> EgressReply:
    """The reply of a call that ended with this error of the client."""
    reason = type(error).__name__
    if isinstance(error, NoAnswer):
        return EgressReply("unknown", problem="no_answer", reason=reason)
    problem = UNREACHABLE if isinstance(error, NotSent) else "busy"
    return EgressReply("not_sent", problem=problem, reason=reason)
