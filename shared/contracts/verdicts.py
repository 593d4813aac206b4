"""What the egress's reply means for the check of a row: the verdict of a reply that is neither a
success nor a refusal of the method's own.

Every outcome has been verified. A call that our own egress refused is distinguished from an unknown
result.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.contracts.egress import KEY_UNKNOWN_CODES, EgressReply

ABOUT_THE_APP = frozenset({404, 409})
"""Refusals of the app itself, which is not bound or is switched off (409 means nothing else)."""
NOT_NOW = frozenset({408, 429})
"""Refusals that depend on the time, not on the request: it may be repeated."""
PARAMS = "/params/"
SETUP_REFUSALS: Mapping[str, str] = {
    **dict.fromkeys(KEY_UNKNOWN_CODES, "public_key_not_uploaded"),
    "isv.invalid-app-id": "app_unknown",
}
"""Refusals of any method, because of how the app is set up; sub_code -> remedy. Alipay has no app
under an AppID that is mistyped, or that belongs to its other environment."""
NOT_SENT = "not_sent"
"""Our own egress refused the call; the evidence names the parameters that do not fit."""
BAD_ANSWER_SIGNATURE = frozenset({"signature", "no_sign", "base64", "cert_sn"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check. Without a state it is unknown: only a verified answer changes a state,
    and an unknown answer is never taken as "done" or "failed", except that of a push, which fails
    because nobody can look at it later."""

    state: Literal["todo", "running", "done", "failed"] | None
    remedy: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


def is_silent(reply: EgressReply) -> bool:
    """Whether the reply states nothing about the call: the next reply may have an outcome."""
    return reply.outcome in ("unknown", "not_sent") and _refusal(reply) is None


def unusable(reply: EgressReply, named: Mapping[str, str] | None = None) -> Verdict:
    """The verdict of a reply that is neither a success nor a refusal of the method's own. `named`:
    refusals with a better remedy than the platform's own message; sub_code -> remedy."""
    if refusal := _refusal(reply):
        return refusal
    facts = {name: value for name in ("code", "sub_code") if (value := getattr(reply, name))}
    if is_silent(reply):
        if reply.reason in BAD_ANSWER_SIGNATURE:
            return Verdict("failed", "alipay_key_wrong", facts | {"reason": reply.reason})
        return Verdict(None, "platform_silent", facts | {"reason": reply.reason})
    if reply.sub_code in SETUP_REFUSALS:
        return Verdict("failed", SETUP_REFUSALS[reply.sub_code], facts)
    if "permission" in reply.sub_code:
        return Verdict("failed", "not_permitted", facts)
    remedy = (named or {}).get(reply.sub_code, "refused")
    return Verdict("failed", remedy, facts | {"message": reply.message})


def _refusal(reply: EgressReply) -> Verdict | None:
    """The verdict if the egress itself refused the call, whatever the time: nothing was sent."""
    if not 400 <= reply.status < 500 or reply.status in NOT_NOW:
        return None
    if reply.problem == "egress.app_disabled":
        return Verdict("failed", "app_switched_off")
    if reply.status in ABOUT_THE_APP and reply.problem != "not_found":
        return Verdict("failed", "app_not_bound")
    evidence = {"reason": f"status_{reply.status}", "invalid": _invalid(reply.data)}
    return Verdict("failed", NOT_SENT, evidence)


def _invalid(problem: Mapping[str, Any]) -> list[str]:
    """The parameters that do not fit their method."""
    faults = problem.get("errors")
    listed = faults if isinstance(faults, list) else []
    pointers = [str(fault.get("pointer", "")) for fault in listed if isinstance(fault, dict)]
    named = (
        pointer.removeprefix(PARAMS).partition("/")[0]
        for pointer in pointers
        if pointer.startswith(PARAMS)
    )
    return list(dict.fromkeys(named))
