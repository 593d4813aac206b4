"""The egress's reply to a call of Alipay as its callers read it, and the verdict of a reply that is
neither a success nor a refusal of the method's own.

Every outcome has been verified. A call that was not sent is distinguished from an unknown result.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

APP_NOT_BOUND, APP_DISABLED = 404, 409
NOT_NOW = frozenset({408, 429})
"""Refusals that depend on the time, not on the request: it may be repeated."""
PARAMS = "/params/"
NOT_SIGNED_BY_US = frozenset({"isv.invalid-signature", "isv.missing-signature-key"})
NOT_SENT = "not_sent"
"""Our own egress refused the call; the evidence names the parameters that do not fit."""
UNSENT: Mapping[str, str] = {
    "not_bound": "app_not_bound",
    "switched_off": "app_switched_off",
    "not_sent": NOT_SENT,
}
"""Outcomes of calls that were not sent; outcome -> remedy."""
BAD_ANSWER_SIGNATURE = frozenset({"signature", "no_sign", "base64", "cert_sn"})


@dataclass(frozen=True, slots=True)
class PlatformReply:
    """The reply to one call. `outcome` is the egress's: success, in_process, refused, not_found,
    config_error, unknown. When the egress sent nothing, it is `not_bound` (unknown app),
    `switched_off` (the app is) or `not_sent` (the egress refused the parameters)."""

    outcome: str
    code: str = ""
    sub_code: str = ""
    message: str = ""
    reason: str = ""
    """the egress's stable code for why an outcome is unknown"""
    data: Mapping[str, Any] = field(default_factory=dict)
    invalid: tuple[str, ...] = ()
    """the parameters that do not fit their method, when the call was not sent"""

    @property
    def is_success(self) -> bool:
        return self.outcome == "success"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check. Without a state it is unknown: only a verified answer changes a state,
    and an unknown answer is never taken as "done" or "failed"."""

    state: Literal["todo", "running", "done", "failed"] | None
    remedy: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


def reply_of(status: int, document: object) -> PlatformReply:
    """The reply from the egress's HTTP status and JSON document; None: it was not JSON."""
    if 400 <= status < 500 and status not in NOT_NOW:
        return _refusal(status, document if isinstance(document, dict) else {})
    if document is None:
        return PlatformReply("unknown", reason="not_json")
    if status != 200 or not isinstance(document, dict) or "outcome" not in document:
        return PlatformReply("unknown", reason=f"status_{status}")
    data = document.get("data") or {}
    return PlatformReply(
        outcome=str(document["outcome"]),
        code=document.get("code") or "",
        sub_code=document.get("sub_code") or "",
        message=document.get("sub_msg") or "",
        reason=str(data.get("reason", "")),
        data=data,
    )


def _refusal(status: int, problem: Mapping[str, Any]) -> PlatformReply:
    """The reply for a problem of the egress's own: nothing was sent to Alipay."""
    code = problem.get("code")
    if code == "egress.app_disabled":
        return PlatformReply("switched_off")
    if status == APP_DISABLED or (status == APP_NOT_BOUND and code != "not_found"):
        return PlatformReply("not_bound")
    faults = problem.get("errors")
    pointers = [str(fault.get("pointer", "")) for fault in faults or () if isinstance(fault, dict)]
    named = (
        pointer.removeprefix(PARAMS).partition("/")[0]
        for pointer in pointers
        if pointer.startswith(PARAMS)
    )
    return PlatformReply("not_sent", reason=f"status_{status}", invalid=tuple(dict.fromkeys(named)))


def unusable(reply: PlatformReply, named: Mapping[str, str] | None = None) -> Verdict:
    """The verdict of a reply that is neither a success nor a refusal of the method's own. `named`:
    refusals with a better remedy than the platform's own message; sub_code -> remedy."""
    if reply.outcome in UNSENT:
        details = {"reason": reply.reason, "invalid": list(reply.invalid)}
        return Verdict("failed", UNSENT[reply.outcome], details if reply.reason else {})
    facts = {name: value for name in ("code", "sub_code") if (value := getattr(reply, name))}
    if reply.outcome == "unknown":
        if reply.reason in BAD_ANSWER_SIGNATURE:
            return Verdict("failed", "alipay_key_wrong", facts | {"reason": reply.reason})
        return Verdict(None, "platform_silent", facts | {"reason": reply.reason})
    if reply.sub_code in NOT_SIGNED_BY_US:
        return Verdict("failed", "public_key_not_uploaded", facts)
    if "permission" in reply.sub_code:
        return Verdict("failed", "not_permitted", facts)
    remedy = (named or {}).get(reply.sub_code, "refused")
    return Verdict("failed", remedy, facts | {"message": reply.message})
