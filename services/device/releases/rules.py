"""How far a step of a mini program's life is, after an answer, and when it is looked at next: what
runs until it has ended, what waits or failed for about a week, ever more seldom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.contracts.verdicts import Verdict
from shared.errors import InvalidBody

UPLOAD, REVIEW, RELEASE, PUSH = "upload", "review", "release", "push"
WATCHED = frozenset({UPLOAD, REVIEW, RELEASE})
"""Steps that are looked at by themselves while they run, wait or have failed: what happens at
Alipay tells nobody. How a push went no question tells."""
OF_THE_VERSION = frozenset({REVIEW, RELEASE})
"""Steps of one uploaded version: a newer one begins them anew."""
ACT_AGAIN = frozenset({"version_too_low"})
"""Remedies that only another act of a person is for; looking again would hide them."""
CHECK_AGAIN_S = (2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
"""A running step is looked at after these, the last one for ever; a message hurries it."""
WAITS_S = (5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""One that waits for the merchant, or failed."""
WAITS_MAX = 200
"""Looks at a step that stays as it is: about a week. After that a person's look begins anew."""
HURRIES = frozenset(
    {
        "alipay.open.mini.version.audit.passed",
        "alipay.open.mini.version.audit.rejected",
        "alipay.open.mini.version.build.finished",
    }
)
"""Messages after which a step may have ended (alipay-iot.md §4)."""
MessageWord = Literal["stored", "duplicate"]


class BadMessage(InvalidBody):
    code = "device.bad_message"
    title = "消息内容不完整 The message lacks what it must say."


@dataclass(frozen=True, slots=True)
class Known:
    """How far a step is."""

    state: str
    remedy: str | None
    evidence: Mapping[str, Any]
    attempts: int = 0
    """looks at it that found it as it was"""


def version_of(evidence: Mapping[str, Any]) -> str:
    return str(evidence.get("app_version", ""))


def is_outdated(step: str, known: Known, version: str) -> bool:
    """What is known of a former version says nothing about the one that was uploaded since."""
    about = version_of(known.evidence)
    return bool(step in OF_THE_VERSION and version and about and version != about)


def after_act(begun: Known, verdict: Verdict) -> Known:
    """After a call of ours "cannot tell" leaves the step running: it is looked at again."""
    return _next(begun, _settled(begun, verdict))


def after_look(before: Known | None, verdict: Verdict) -> Known:
    """`before` None: what was known is about a former version. What was begun, and of which the
    platform has nothing, has failed, or it would wait as if nobody had begun it. A failure stays
    until it is over: that nothing has happened since does not take away its reason."""
    if before is not None and before.state == "running":
        if verdict.state == "todo" and "share" not in verdict.evidence:
            verdict = Verdict("failed", "not_taken", verdict.evidence)
        verdict = _settled(before, verdict)
    if before is not None and before.state == "failed" and verdict.state in (None, "todo"):
        verdict = Verdict("failed", before.remedy, before.evidence)
    return _next(before, verdict)


def _settled(before: Known, verdict: Verdict) -> Verdict:
    if verdict.state is not None:
        return verdict
    return Verdict("running", verdict.remedy, {**before.evidence, **verdict.evidence})


def _next(before: Known | None, verdict: Verdict) -> Known:
    state = verdict.state or (before.state if before is not None else "todo")
    is_same = before is not None and before.state == state
    attempts = before.attempts + 1 if before is not None and is_same else 0
    evidence = verdict.evidence or (before.evidence if before is not None else {})
    return Known(state, verdict.remedy, dict(evidence), attempts)


def pause(step: str, known: Known) -> int | None:
    """Seconds until the step is looked at again; None: nothing looks at it by itself."""
    if step not in WATCHED or known.state == "done":
        return None
    if known.state == "running":
        return CHECK_AGAIN_S[min(known.attempts, len(CHECK_AGAIN_S) - 1)]
    if known.remedy in ACT_AGAIN or known.attempts >= WAITS_MAX:
        return None
    return WAITS_S[min(known.attempts, len(WAITS_S) - 1)]
