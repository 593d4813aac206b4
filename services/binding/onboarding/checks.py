"""What each row of onboarding asks the open platform, and what the answer means for the row.

A verdict without a state says "cannot tell": the row stays as it is and says what to do. Only a
verified answer moves a row; an answer we do not know is never taken for "done" or "failed".
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

import orjson

from services.binding.egress import OpenPlatform, Said
from services.binding.onboarding.rows import State
from shared.clock import Clock
from shared.ids import trade_no

PROBE_FEN = 1
PASSED = frozenset({"WAIT_RELEASE", "BASE_AUDIT_PASS", "GRAY", "RELEASE"})
BUILT, BUILD_FAILED = "6", frozenset({"3", "5"})
NO_PRODUCT = frozenset(
    {"ACQ.ACCESS_FORBIDDEN", "ACQ.MERCHANT_AGREEMENT_NOT_EXIST", "ACQ.MERCHANT_AGREEMENT_INVALID"}
)
NO_RIGHT = ("insufficient-isv-permissions", "no-product-reg")
"""How the gateway itself refuses a product that was not signed for."""
NOT_SIGNED_BY_US = frozenset({"isv.invalid-signature", "isv.missing-signature-key"})
NAMED_REFUSALS: Mapping[str, str] = {
    "BUNDLE_NOT_ENABLED": "iot_not_enabled",
    "DEVICE_NOT_EXIST": "device_unknown",
    "DEVICE_NO_PERMISSION": "device_not_yours",
    "APP_VERSION_IN_AUDIT": "another_in_review",
    "APP_NOT_ONLINE": "not_released",
}
"""Refusals for which we know more to do than what the platform says; sub_code -> remedy."""
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
class Verdict:
    """What is known of a row after asking."""

    state: State | None
    remedy: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One merchant's app on its way, as the checks see it."""

    platform: OpenPlatform
    clock: Clock
    tenant_id: UUID
    app_id: str
    hosts: tuple[str, ...]
    """what the mini program must be allowed to call"""
    template_id: str
    package_ext: Mapping[str, str]
    evidence: Mapping[str, Mapping[str, Any]]
    """what the rows hold so far"""
    has_device: bool
    has_store: bool = False

    async def ask(self, method: str, **params: Any) -> Said:
        return await self.platform.ask(self.tenant_id, self.app_id, method, params)

    @property
    def version(self) -> str:
        """The version that was uploaded, or found."""
        return str(self.evidence.get("3.3", {}).get("app_version", ""))


More = ParamSpec("More")
Check = Callable[[Case], Awaitable[Verdict]]
Run = Callable[[Case, Mapping[str, Any]], Awaitable[Verdict]]


def unusable(said: Said) -> Verdict:
    """What an answer means that is neither a success nor a refusal of its own."""
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
    remedy = NAMED_REFUSALS.get(said.sub_code, "refused")
    return Verdict("failed", remedy, facts | {"message": said.message})


async def refused(case: Case, said: Said, look: "Check") -> Verdict:
    """A refused act, held against how things are: what is under way or over already, because
    somebody else or a lost answer began it, is that and no failure."""
    if said.outcome != "unknown":
        seen = await look(case)
        if seen.state in ("running", "done"):
            return seen
    return unusable(said)


def not_there(said: Said) -> Verdict:
    """The answer to a signed question about a trade that cannot exist: "not found", verified,
    proves that the platform accepts our signature and that we accept its own."""
    if said.outcome == "not_found":
        return Verdict("done", evidence={"probe": "alipay.trade.query"})
    return unusable(said)


async def check_face_to_face(case: Case) -> Verdict:
    """Asks for a code to scan over one fen and gives it up at once: nobody is charged."""
    number = trade_no(case.clock)
    said = await case.ask(
        "alipay.trade.precreate", out_trade_no=number, total_fen=PROBE_FEN, subject="当面付检测"
    )
    if said.is_success:
        await case.ask("alipay.trade.cancel", out_trade_no=number)
        return Verdict("done", evidence={"probe": "alipay.trade.precreate"})
    if said.sub_code in NO_PRODUCT or any(word in said.sub_code for word in NO_RIGHT):
        return Verdict("failed", "face_to_face_missing", {"sub_code": said.sub_code})
    return unusable(said)


async def check_mini_program(case: Case) -> Verdict:
    said = await case.ask("alipay.open.mini.baseinfo.query")
    if said.is_success:
        return Verdict("done", evidence={"app_name": said.data.get("app_name")})
    return unusable(said)


async def check_domains(case: Case) -> Verdict:
    said = await case.ask("alipay.open.mini.baseinfo.query")
    if not said.is_success:
        return unusable(said)
    listed = set(said.data.get("safe_domains") or ())
    missing = [host for host in case.hosts if host not in listed]
    if missing:
        return Verdict("failed", "domains_missing", {"missing": missing})
    return Verdict("done", evidence={"domains": list(case.hosts)})


async def add_domains(case: Case, _form: Mapping[str, Any]) -> Verdict:
    before = await check_domains(case)
    for host in before.evidence.get("missing", ()):
        said = await case.ask("alipay.open.mini.safedomain.create", safe_domain=host)
        if not said.is_success:
            return unusable(said)
    return before if "missing" not in before.evidence else await check_domains(case)


async def upload(case: Case, form: Mapping[str, Any]) -> Verdict:
    """Makes a version from the template; the one file that differs per merchant is `ext`."""
    template_id = case.template_id or await _only_template(case)
    if isinstance(template_id, Verdict):
        return template_id
    ext = orjson.dumps({"extEnable": True, "ext": dict(case.package_ext)}).decode()
    version = str(form["app_version"])
    said = await case.ask(
        "alipay.open.mini.version.upload", template_id=template_id, app_version=version, ext=ext
    )
    if said.sub_code == "APP_VERSION_TOO_LOW":
        newest = await _newest_version(case)
        return Verdict("failed", "version_too_low", {"asked": version, "newest": newest})
    if not said.is_success:
        return unusable(said)
    return Verdict("running", evidence={"app_version": version, "by": "template"})


async def _only_template(case: Case) -> str | Verdict:
    """The one there is; that nobody answered does not mean that there is none."""
    said = await case.ask("alipay.open.mini.templatelist.query")
    if not said.is_success:
        return unusable(said)
    known = list(said.data.get("app_list") or [])
    found = str(known[0].get("mini_app_id") or "") if len(known) == 1 else ""
    return found or Verdict("failed", "no_template")


async def check_upload(case: Case) -> Verdict:
    """How our build goes, or, where the merchant uploaded by hand, the newest version there is."""
    if case.evidence.get("3.3", {}).get("by") == "template":
        return await _check_build(case)
    said = await case.ask("alipay.open.mini.version.list.query")
    if not said.is_success:
        return unusable(said)
    newest = _newest(said)
    if newest is None:
        return Verdict(None, "nothing_uploaded")
    return Verdict("done", evidence={"app_version": newest, "by": "tool"})


async def _newest_version(case: Case) -> str | None:
    said = await case.ask("alipay.open.mini.version.list.query")
    return _newest(said) if said.is_success else None


def _newest(said: Said) -> str | None:
    versions = [str(info["app_version"]) for info in said.data.get("app_version_infos") or ()]
    return max(versions, key=_rank, default=None)


def _rank(version: object) -> tuple[bool, list[int]]:
    """Numbers compare as numbers; a version that is spelled otherwise comes before all of them."""
    parts = str(version).split(".")
    is_plain = all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts)
    return is_plain, [int(part) for part in parts] if is_plain else []


async def _check_build(case: Case) -> Verdict:
    said = await case.ask("alipay.open.mini.version.build.query", app_version=case.version)
    if not said.is_success:
        return unusable(said)
    status = said.data.get("create_status")
    facts = {"app_version": case.version, "by": "template"}
    if status == BUILT:
        return Verdict("done", evidence=facts)
    if status in BUILD_FAILED:
        return Verdict("failed", "build_failed", facts | {"create_status": status})
    return Verdict("running", evidence=facts | {"create_status": status})


async def with_version(case: Case) -> Case | Verdict:
    """Whoever asks about a version must name one. Where a device or a person's word settled the
    upload none is known here: it is the newest that the platform has."""
    if case.version:
        return case
    said = await case.ask("alipay.open.mini.version.list.query")
    if not said.is_success:
        return unusable(said)
    newest = _newest(said)
    if newest is None:
        return Verdict("failed", "nothing_uploaded")
    return replace(case, evidence={**case.evidence, "3.3": {"app_version": newest}})


def of_a_version(
    act: Callable[Concatenate[Case, More], Awaitable[Verdict]],
) -> Callable[Concatenate[Case, More], Awaitable[Verdict]]:
    """For what is asked about one version."""

    async def asked(case: Case, /, *more: More.args, **named: More.kwargs) -> Verdict:
        found = await with_version(case)
        return found if isinstance(found, Verdict) else await act(found, *more, **named)

    return asked


@of_a_version
async def submit(case: Case, form: Mapping[str, Any]) -> Verdict:
    said = await case.ask("alipay.open.mini.version.audit.apply", app_version=case.version, **form)
    if not said.is_success:
        return await refused(case, said, check_review)
    return Verdict("running", evidence={"app_version": case.version, "status": "AUDITING"})


@of_a_version
async def check_review(case: Case) -> Verdict:
    said = await case.ask("alipay.open.mini.version.detail.query", app_version=case.version)
    if not said.is_success:
        return unusable(said)
    status = str(said.data.get("status"))
    facts = {"app_version": case.version, "status": status}
    if status in PASSED:
        return Verdict("done", evidence=facts)
    if status == "AUDITING":
        return Verdict("running", evidence=facts)
    if status == "AUDIT_REJECT":
        why = said.data.get("reject_reason") or ""
        return Verdict("failed", "review_rejected", facts | {"reject_reason": why})
    return Verdict("todo", "not_reviewed", facts)


@of_a_version
async def release(case: Case, form: Mapping[str, Any]) -> Verdict:
    share = str(form["share"])
    if share == "all":
        said = await case.ask("alipay.open.mini.version.online", app_version=case.version)
    else:
        said = await case.ask(
            "alipay.open.mini.version.gray.online", app_version=case.version, gray_strategy=share
        )
    if said.is_success:
        return await check_release(case)
    return await refused(case, said, check_release)


@of_a_version
async def check_release(case: Case) -> Verdict:
    said = await case.ask("alipay.open.mini.version.detail.query", app_version=case.version)
    if not said.is_success:
        return unusable(said)
    status = str(said.data.get("status"))
    facts = {"app_version": case.version, "status": status}
    if status == "RELEASE":
        return Verdict("done", evidence=facts)
    if status == "GRAY":
        return Verdict("todo", evidence=facts | {"share": said.data.get("gray_strategy")})
    return Verdict("todo", "review_running" if status == "AUDITING" else None, facts)


@of_a_version
async def push(case: Case, form: Mapping[str, Any]) -> Verdict:
    said = await case.ask(
        "alipay.commerce.iot.device.upgradeapp.create",
        sn=list(form["sn"]), target_app_id=case.app_id, target_app_version=case.version,
    )  # fmt: skip
    if not said.is_success:
        return unusable(said)
    return Verdict("running", evidence={"app_version": case.version, "sn": list(form["sn"])})


async def check_push(case: Case) -> Verdict:
    """The platform tells nobody how a push went: a device that signs in does."""
    if case.has_device:
        return Verdict("done", evidence=case.evidence.get("5.1", {}))
    return Verdict(None, "no_device_yet")


async def check_store(case: Case) -> Verdict:
    return Verdict("done") if case.has_store else Verdict(None, "no_store_yet")


async def check_device(case: Case) -> Verdict:
    if case.has_device:
        return Verdict("done", evidence=case.evidence.get("5.2", {}))
    return Verdict(None, "no_device_yet")


LIVE_CHECKED = frozenset({"2.2", "2.3"})
"""Rows that the live check of the app's keys settles (`live_check`)."""
CHECKS: Mapping[str, Check] = {
    "0.1": check_face_to_face,
    "1.2": check_mini_program,
    "2.1": check_domains,
    "3.3": check_upload,
    "4.1": check_review,
    "4.2": check_release,
    "5.0": check_store,
    "5.1": check_push,
    "5.2": check_device,
}
RUNS: Mapping[str, Run] = {
    "2.1": add_domains,
    "3.3": upload,
    "4.1": submit,
    "4.2": release,
    "5.1": push,
}
WATCHED = LIVE_CHECKED | {"0.1", "1.2", "2.1", "3.3", "4.1", "4.2"}
"""Rows that are looked at by themselves while they wait or have failed: what happens at Alipay
tells nobody. What our own tables know needs no look."""
WAIT_FOR_KEYS = ("0.1", "2.1")
"""Rows whose turn comes with keys that count."""
CARRIED_OUT = frozenset({"2.1"})
"""Rows that are carried out by themselves when their turn comes: nothing is asked of the merchant,
and nothing that sells is changed."""
ACT_AGAIN = frozenset({"version_too_low"})
"""Remedies that only another act of a person is for; looking again would hide them."""
