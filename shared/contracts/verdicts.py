"""What the egress answers to a question for Alipay, and what such an answer means where it is
neither a success nor a refusal of the method's own.

An outcome has been verified; what was not sent at all is told apart from what nobody knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

APP_NOT_BOUND, APP_DISABLED = 404, 409
NOT_NOW = frozenset({408, 429})
"""Refusals by a moment, not by what was asked: the same may be asked again."""
PARAMS = "/params/"
NOT_SIGNED_BY_US = frozenset({"isv.invalid-signature", "isv.missing-signature-key"})
NOT_SENT = "not_sent"
"""Our own egress did not take it; the evidence names the parameters that do not fit."""
UNSENT: Mapping[str, str] = {
    "not_bound": "app_not_bound",
    "switched_off": "app_switched_off",
    "not_sent": NOT_SENT,
}
"""Outcomes of which Alipay knows nothing; outcome -> remedy."""
BAD_ANSWER_SIGNATURE = frozenset({"signature", "no_sign", "base64", "cert_sn"})


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. `outcome` is the egress's: success, in_process, refused, not_found,
    config_error, unknown; or, when the egress has sent nothing at all, `not_bound` (it knows no
    such app), `switched_off` (the app is), `not_sent` (it does not take what we ask)."""

    outcome: str
    code: str = ""
    sub_code: str = ""
    message: str = ""
    reason: str = ""
    """why an outcome is unknown, in the egress's stable words"""
    data: Mapping[str, Any] = field(default_factory=dict)
    invalid: tuple[str, ...] = ()
    """of what was not sent: the parameters that do not fit their method"""

    @property
    def is_success(self) -> bool:
        return self.outcome == "success"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of something after asking. Without a state it is "cannot tell": only a verified
    answer moves anything; one that we do not know is never taken for "done" or "failed"."""

    state: Literal["todo", "running", "done", "failed"] | None
    remedy: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


def said_of(status: int, document: object) -> Said:
    """The egress's answer by its status and its JSON; None: it was not JSON."""
    if 400 <= status < 500 and status not in NOT_NOW:
        return _refusal(status, document if isinstance(document, dict) else {})
    if document is None:
        return Said("unknown", reason="not_json")
    if status != 200 or not isinstance(document, dict) or "outcome" not in document:
        return Said("unknown", reason=f"status_{status}")
    data = document.get("data") or {}
    return Said(
        outcome=str(document["outcome"]),
        code=document.get("code") or "",
        sub_code=document.get("sub_code") or "",
        message=document.get("sub_msg") or "",
        reason=str(data.get("reason", "")),
        data=data,
    )


def _refusal(status: int, problem: Mapping[str, Any]) -> Said:
    """A problem of the egress's own: nothing was sent, so Alipay is not asked for it."""
    code = problem.get("code")
    if code == "egress.app_disabled":
        return Said("switched_off")
    if status == APP_DISABLED or (status == APP_NOT_BOUND and code != "not_found"):
        return Said("not_bound")
    faults = problem.get("errors")
    pointers = [str(one.get("pointer", "")) for one in faults or () if isinstance(one, dict)]
    named = (
        one.removeprefix(PARAMS).partition("/")[0] for one in pointers if one.startswith(PARAMS)
    )
    return Said("not_sent", reason=f"status_{status}", invalid=tuple(dict.fromkeys(named)))


def unusable(said: Said, named: Mapping[str, str] | None = None) -> Verdict:
    """What an answer means that is neither a success nor a refusal of its own. `named`: refusals
    for which more is known to do than what the platform says; sub_code -> remedy."""
    if said.outcome in UNSENT:
        told = {"reason": said.reason, "invalid": list(said.invalid)}
        return Verdict("failed", UNSENT[said.outcome], told if said.reason else {})
    facts = {name: value for name in ("code", "sub_code") if (value := getattr(said, name))}
    if said.outcome == "unknown":
        if said.reason in BAD_ANSWER_SIGNATURE:
            return Verdict("failed", "alipay_key_wrong", facts | {"reason": said.reason})
        return Verdict(None, "platform_silent", facts | {"reason": said.reason})
    if said.sub_code in NOT_SIGNED_BY_US:
        return Verdict("failed", "public_key_not_uploaded", facts)
    if "permission" in said.sub_code:
        return Verdict("failed", "not_permitted", facts)
    remedy = (named or {}).get(said.sub_code, "refused")
    return Verdict("failed", remedy, facts | {"message": said.message})
