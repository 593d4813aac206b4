"""The state of a step of a mini program's life after a result, and the time of its next check: a
running step is checked until it has ended, one that waits or failed for about a week, at growing
intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.contracts.verdicts import Verdict
from shared.errors import InvalidBody

UPLOAD, REVIEW, RELEASE, PUSH = "upload", "review", "release", "push"
WATCHED = frozenset({UPLOAD, REVIEW, RELEASE})
"""Steps that are checked automatically while they run, wait or have failed, because Alipay does not
report every change. No query returns the result of a push."""
OF_THE_VERSION = frozenset({REVIEW, RELEASE})
"""Steps of one uploaded version; a newer version resets them."""
NOT_TAKEN, NOTHING_UPLOADED, PUSH_UNKNOWN = "not_taken", "nothing_uploaded", "push_unknown"
"""Remedies: Alipay has nothing of an act, has no version at all, may or may not have a push."""
UPLOADING = "uploading"
"""In the evidence of an upload until its answer is known: the version that it makes. The rest of
the evidence is about the upload before."""
ACT_AGAIN = frozenset({"version_too_low"})
"""Remedies that require a person to carry the step out again; an automatic check would hide
them."""
CHECK_AGAIN_S = (2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
"""The pauses between checks of a running step; the last one repeats. A message brings the next
check forward."""
WAITS_S = (5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""The pauses between checks of a step that waits for the merchant or failed."""
WAITS_MAX = 200
"""The most checks of a step that does not change: about a week. After that only a person's check
starts them again."""
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
    """The state of a step."""

    state: str
    remedy: str | None
    evidence: Mapping[str, Any]
    attempts: int = 0
    """checks that found no change"""


def version_of(evidence: Mapping[str, Any]) -> str:
    return str(evidence.get("app_version", ""))


def is_outdated(step: str, known: Known, version: str) -> bool:
    """Whether the known state is about an earlier version than the uploaded one."""
    about = version_of(known.evidence)
    return bool(step in OF_THE_VERSION and version and about and version != about)


def after_act(begun: Known, verdict: Verdict) -> Known:
    """The state after a call of ours. An unknown result leaves the step running, so it is checked
    again; a push, which cannot be checked, has none (`checks.push`)."""
    return _next(begun, _settled(begun, verdict))


def after_look(before: Known | None, verdict: Verdict) -> Known:
    """The state after a check. `before` is None when the known state is about an earlier version. A
    step that was carried out, but of which the platform has nothing, has failed; otherwise it would
    wait as if it had never been carried out. A failed step stays failed, with its remedy, until a
    check finds it running, done or failed anew."""
    if before is not None and before.state == "running":
        if _has_nothing(verdict):
            verdict = Verdict("failed", NOT_TAKEN, verdict.evidence)
        verdict = _settled(before, verdict)
    if before is not None and before.state == "failed" and verdict.state in (None, "todo"):
        verdict = Verdict("failed", before.remedy, before.evidence)
    return _next(before, verdict)


def _has_nothing(verdict: Verdict) -> bool:
    """Whether Alipay answered that it has nothing of an act."""
    if verdict.state is None:
        return verdict.remedy == NOTHING_UPLOADED
    return verdict.state == "todo" and "share" not in verdict.evidence


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
    """Seconds until the next check of the step; None: it is not checked automatically."""
    if step not in WATCHED or known.state == "done":
        return None
    if known.state == "running":
        return CHECK_AGAIN_S[min(known.attempts, len(CHECK_AGAIN_S) - 1)]
    if known.remedy in ACT_AGAIN or known.attempts >= WAITS_MAX:
        return None
    return WAITS_S[min(known.attempts, len(WAITS_S) - 1)]
