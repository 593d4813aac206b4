"""The calls to the open platform for each step of a mini program's life, and the meaning of their
results.

A verdict without a state means "unknown". Only a verified answer changes a step; an unknown answer
is never taken as "done" or "failed". The exception is a push: nobody can look at it later, so
without a verified answer it fails, and a person looks.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from services.device.releases.rules import (
    NOT_TAKEN,
    NOTHING_UPLOADED,
    PUSH,
    PUSH_UNKNOWN,
    RELEASE,
    REVIEW,
    UPLOAD,
    UPLOADING,
)
from shared.contracts.egress import EgressReply, EgressRequest
from shared.contracts.verdicts import Verdict, is_silent
from shared.contracts.verdicts import unusable as of_any_question
from shared.egress import EgressClient

PASSED = frozenset({"WAIT_RELEASE", "BASE_AUDIT_PASS", "GRAY", "RELEASE"})
BUILT, BUILD_FAILED = "6", frozenset({"3", "5"})
NAMED_REFUSALS: Mapping[str, str] = {
    "BUNDLE_NOT_ENABLED": "iot_not_enabled",
    "DEVICE_NOT_EXIST": "device_unknown",
    "DEVICE_NO_PERMISSION": "device_not_yours",
    "APP_VERSION_IN_AUDIT": "another_in_review",
    "APP_NOT_ONLINE": "not_released",
}
"""Refusals with a better remedy than the platform's own message; sub_code -> remedy."""


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The context of a check or an act: one merchant's mini program, and the known state of the
    step."""

    egress: EgressClient
    tenant_id: UUID
    app_id: str
    version: str
    """the version that was uploaded or found; empty: none is known"""
    template_id: str = ""
    ext: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """what is known of the step so far"""

    async def ask(self, method: str, **params: Any) -> EgressReply:
        request: EgressRequest = {"app_id": self.app_id, "params": params}
        return await self.egress.call(self.tenant_id, method, request)


More = ParamSpec("More")
Check = Callable[[CheckContext], Awaitable[Verdict]]
Act = Callable[[CheckContext, Mapping[str, Any]], Awaitable[Verdict]]


def unusable(reply: EgressReply) -> Verdict:
    """The verdict of a reply that is neither a success nor a refusal of the method's own."""
    return of_any_question(reply, NAMED_REFUSALS)


async def refused(context: CheckContext, reply: EgressReply, look: "Check") -> Verdict:
    """The verdict of a refused act, after a check of the step. If the step is running or done
    already (somebody else started it, or our earlier answer was lost), that is the verdict, not a
    failure."""
    if not is_silent(reply):
        seen = await look(context)
        if seen.state in ("running", "done"):
            return seen
    return unusable(reply)


async def upload(context: CheckContext, form: Mapping[str, Any]) -> Verdict:
    """Makes a version from the template; `ext` is the only file that differs from merchant to
    merchant."""
    template_id = context.template_id or await _only_template(context)
    if isinstance(template_id, Verdict):
        return template_id
    version = str(form["app_version"])
    reply = await context.ask(
        "alipay.open.mini.version.upload",
        template_id=template_id, app_version=version, ext=context.ext,
    )  # fmt: skip
    if reply.sub_code == "APP_VERSION_TOO_LOW":
        newest = await _newest_version(context)
        return Verdict("failed", "version_too_low", {"asked": version, "newest": newest})
    if not reply.is_success:
        return unusable(reply)
    return Verdict("running", evidence={"app_version": version, "by": "template"})


async def _only_template(context: CheckContext) -> str | Verdict:
    """The id of the only template. Without an answer the verdict is unknown, not "no template"."""
    reply = await context.ask("alipay.open.mini.templatelist.query")
    if not reply.is_success:
        return unusable(reply)
    known = list(reply.data.get("app_list") or [])
    found = str(known[0].get("mini_app_id") or "") if len(known) == 1 else ""
    return found or Verdict("failed", "no_template")


async def check_upload(context: CheckContext) -> Verdict:
    """The state of our build; for a merchant who uploaded by hand, the newest version at Alipay. Of
    an upload without an answer Alipay has nothing as long as all its versions are lower."""
    uploading = context.evidence.get(UPLOADING)
    if uploading is None and context.evidence.get("by") == "template":
        return await _check_build(context)
    reply = await context.ask("alipay.open.mini.version.list.query")
    if not reply.is_success:
        return unusable(reply)
    newest = _newest(reply)
    if newest is None or (uploading is not None and _rank(newest) < _rank(uploading)):
        return Verdict(None, NOTHING_UPLOADED)
    if newest == uploading:
        return await _check_build(replace(context, version=newest))
    return Verdict("done", evidence={"app_version": newest, "by": "tool"})


async def _newest_version(context: CheckContext) -> str | None:
    reply = await context.ask("alipay.open.mini.version.list.query")
    return _newest(reply) if reply.is_success else None


def _newest(reply: EgressReply) -> str | None:
    versions = [str(info["app_version"]) for info in reply.data.get("app_version_infos") or ()]
    return max(versions, key=_rank, default=None)


def _rank(version: object) -> tuple[bool, list[int]]:
    """Sorts versions: numbers compare as numbers, and versions of any other form come first."""
    parts = str(version).split(".")
    is_plain = all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts)
    return is_plain, [int(part) for part in parts] if is_plain else []


async def _check_build(context: CheckContext) -> Verdict:
    reply = await context.ask("alipay.open.mini.version.build.query", app_version=context.version)
    if not reply.is_success:
        return unusable(reply)
    status = reply.data.get("create_status")
    facts = {"app_version": context.version, "by": "template"}
    if status == BUILT:
        return Verdict("done", evidence=facts)
    if status in BUILD_FAILED:
        return Verdict("failed", "build_failed", facts | {"create_status": status})
    return Verdict("running", evidence=facts | {"create_status": status})


async def with_version(context: CheckContext) -> CheckContext | Verdict:
    """The context with a version, which the call has to name. When the upload was shown to be done
    by an enrolled device or marked by a person, no version is known here; then it is the newest one
    at Alipay."""
    if context.version:
        return context
    reply = await context.ask("alipay.open.mini.version.list.query")
    if not reply.is_success:
        return unusable(reply)
    newest = _newest(reply)
    if newest is None:
        return Verdict("failed", NOTHING_UPLOADED)
    return replace(context, version=newest)


def of_a_version(
    act: Callable[Concatenate[CheckContext, More], Awaitable[Verdict]],
) -> Callable[Concatenate[CheckContext, More], Awaitable[Verdict]]:
    """Decorates acts and checks that are about one version."""

    async def asked(context: CheckContext, /, *more: More.args, **named: More.kwargs) -> Verdict:
        found = await with_version(context)
        return found if isinstance(found, Verdict) else await act(found, *more, **named)

    return asked


@of_a_version
async def submit(context: CheckContext, form: Mapping[str, Any]) -> Verdict:
    reply = await context.ask(
        "alipay.open.mini.version.audit.apply", app_version=context.version, **form
    )
    if not reply.is_success:
        return await refused(context, reply, check_review)
    return Verdict("running", evidence={"app_version": context.version, "status": "AUDITING"})


@of_a_version
async def check_review(context: CheckContext) -> Verdict:
    reply = await context.ask("alipay.open.mini.version.detail.query", app_version=context.version)
    if not reply.is_success:
        return unusable(reply)
    status = str(reply.data.get("status"))
    facts = {"app_version": context.version, "status": status}
    if status in PASSED:
        return Verdict("done", evidence=facts)
    if status == "AUDITING":
        return Verdict("running", evidence=facts)
    if status == "AUDIT_REJECT":
        why = reply.data.get("reject_reason") or ""
        return Verdict("failed", "review_rejected", facts | {"reject_reason": why})
    return Verdict("todo", "not_reviewed", facts)


@of_a_version
async def release(context: CheckContext, form: Mapping[str, Any]) -> Verdict:
    share = str(form["share"])
    if share == "all":
        reply = await context.ask("alipay.open.mini.version.online", app_version=context.version)
    else:
        reply = await context.ask(
            "alipay.open.mini.version.gray.online", app_version=context.version, gray_strategy=share
        )
    if reply.is_success:
        return await check_release(context)
    return await refused(context, reply, check_release)


@of_a_version
async def check_release(context: CheckContext) -> Verdict:
    reply = await context.ask("alipay.open.mini.version.detail.query", app_version=context.version)
    if not reply.is_success:
        return unusable(reply)
    status = str(reply.data.get("status"))
    facts = {"app_version": context.version, "status": status}
    if status == "RELEASE":
        return Verdict("done", evidence=facts)
    if status == "GRAY":
        return Verdict("todo", evidence=facts | {"share": reply.data.get("gray_strategy")})
    return Verdict("todo", "review_running" if status == "AUDITING" else None, facts)


async def push(context: CheckContext, form: Mapping[str, Any]) -> Verdict:
    """Pushes the version to the devices. Without an answer the step fails: no method shows the
    result of a push later, so a running one would run for ever."""
    found = await with_version(context)
    if isinstance(found, Verdict):
        return found if found.state else Verdict("failed", NOT_TAKEN, found.evidence)
    reply = await found.ask(
        "alipay.commerce.iot.device.upgradeapp.create",
        sn=list(form["sn"]), target_app_id=found.app_id, target_app_version=found.version,
    )  # fmt: skip
    if reply.is_success:
        return Verdict("running", evidence=_pushed(found, form))
    verdict = unusable(reply)
    if not is_silent(reply):
        return verdict
    # Also after an answer whose signature does not verify: Alipay may have the push all the same.
    remedy = NOT_TAKEN if reply.outcome == "not_sent" else PUSH_UNKNOWN
    return Verdict("failed", remedy, {**_pushed(found, form), **verdict.evidence})


def lost_push(context: CheckContext, form: Mapping[str, Any]) -> Verdict:
    """The verdict of a push whose worker ended. It is not repeated: Alipay may have the first one,
    and each call makes a task there. A person can look there and decide."""
    return Verdict("failed", PUSH_UNKNOWN, _pushed(context, form))


def _pushed(context: CheckContext, form: Mapping[str, Any]) -> dict[str, Any]:
    return {"app_version": context.version, "sn": list(form.get("sn", ()))}


ACTS: Mapping[str, Act] = {UPLOAD: upload, REVIEW: submit, RELEASE: release, PUSH: push}
LOOKS: Mapping[str, Check] = {UPLOAD: check_upload, REVIEW: check_review, RELEASE: check_release}
"""The result of a push is only shown by a device that enrols, which binding consumes as an
event."""
