"""alipay.open.mini.version.*: upload, build, review, gray release, online, and back."""

import re
from collections.abc import Callable
from typing import Any

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.books import timing
from deploy.sandbox.alipay.platform import accounts, mini, releases, templates
from deploy.sandbox.alipay.platform.releases import Status, Version
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit.clock import beijing
from deploy.sandbox.kit.ledger import Tx

GRAY = ("p10", "p30", "p50")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,4})(?:\.(?:0|[1-9][0-9]{0,4})){2}")
Step = Callable[[Tx, Call, Version], None]


def upload(tx: Tx, call: Call) -> Node:
    """From a template of the caller's; `ext` is the JSON text that becomes ext.json."""
    number, bundle = _number(call), _bundle(tx, call)
    template = templates.named(tx, call.app.app_id, call.text("template_id", 32, is_needed=True))
    template_version = call.text("template_version", 16) or template.newest()
    if template_version is None or template.versions.get(template_version) != templates.ONLINE:
        raise Refused("TEMPLATE_VERSION_NOT_EXIST")
    known = releases.all_of(tx, call.owner.app_id, bundle)
    newest = max((templates.version_key(one.app_version) for one in known), default=(0, 0, 0))
    if templates.version_key(number) <= newest:
        raise Refused("APP_VERSION_TOO_LOW")
    version = Version(
        app_id=call.owner.app_id,
        bundle_id=bundle,
        app_version=number,
        status=Status.BUILDING,
        due=timing.due(tx, "build_s"),
        started=tx.notify_now,
        template_id=template.template_id,
        template_version=template_version,
        ext=call.text("ext", 20_000),
        safe_domains=list(accounts.require(tx, call.owner.app_id).safe_domains),
        created_ms=tx.now_ms,
    )
    releases.save(tx, version)
    return success(**releases.building(tx, version))


def build_query(tx: Tx, call: Call) -> Node:
    return success(**releases.building(tx, _version_of(tx, call)))


def list_query(tx: Tx, call: Call) -> Node:
    """Nothing comes back without version_status."""
    wanted = {part.strip() for part in call.text("version_status", 200).split(",") if part.strip()}
    found = [
        version
        for version in releases.all_of(tx, call.owner.app_id, _bundle(tx, call))
        if version.status in wanted
    ]
    return success(
        app_version_infos=[
            {
                "app_version": one.app_version,
                "bundle_id": one.bundle_id,
                "version_status": one.status,
                "version_description": one.texts.get("version_desc", ""),
                "create_time": beijing(one.created_ms),
                "base_audit": one.base_audit,
                "promote_audit": one.promote_audit,
                "can_release": str(one.status in releases.RELEASABLE).lower(),
            }
            for one in found
        ],
        app_versions=[one.app_version for one in found],
    )


def detail_query(tx: Tx, call: Call) -> Node:
    version = _version_of(tx, call)
    fields: dict[str, Any] = {
        "app_version": version.app_version,
        "bundle_id": version.bundle_id,
        "status": version.status,
        "scan_result": "True",
        "base_audit": version.base_audit,
        "promote_audit": version.promote_audit,
        "can_release": str(version.status in releases.RELEASABLE).lower(),
        "gmt_create": beijing(version.created_ms),
        **{name: version.texts[name] for name in ("version_desc", "memo") if name in version.texts},
        **{f"gmt_{name}": beijing(at) for name, at in version.times.items()},
    }
    if version.reject_reason:
        fields["reject_reason"] = version.reject_reason
    if version.gray_strategy:
        fields["gray_strategy"] = version.gray_strategy
    return success(**fields)


def audit_apply(tx: Tx, call: Call) -> Node:
    """One version of an end is under review at a time; texts that were kept may be left out."""
    version = _in(_version_of(tx, call), Status.INIT)
    others = releases.all_of(tx, version.app_id, version.bundle_id)
    if any(one.status == Status.AUDITING for one in others):
        raise Refused("APP_VERSION_IN_AUDIT")
    owner = accounts.require(tx, version.app_id)
    mini.take_texts(call, owner)
    description = call.text("version_desc", 500, is_needed=True)
    if len(description) < 30:
        raise Refused("AUDIT_FIELD_MISSING", "version_desc长度须为30至500")
    if not owner.service_phone:
        raise Refused("AUDIT_FIELD_MISSING", "service_phone")
    accounts.save(tx, owner)
    version.texts = {"version_desc": description, "memo": call.text("memo", 500)}
    version.is_auto_online = call.flag("auto_online")
    releases.begin_audit(tx, version)
    return success(speed_up="false", speed_up_memo="")


def _audit_cancel(tx: Tx, call: Call, version: Version) -> None:
    _in(version, Status.AUDITING)
    version.status, version.due = Status.INIT, None


def _audited_cancel(tx: Tx, call: Call, version: Version) -> None:
    _in(version, Status.WAIT_RELEASE, Status.ADMITTED, Status.AUDIT_REJECT)
    version.status, version.reject_reason = Status.INIT, ""


def _gray_online(tx: Tx, call: Call, version: Version) -> None:
    _in(version, Status.WAIT_RELEASE, Status.ADMITTED, Status.GRAY)
    strategy = call.text("gray_strategy", 8, is_needed=True)
    if strategy not in GRAY:
        raise Refused(call.invalid, "gray_strategy须为p10、p30或p50")
    if version.gray_strategy and GRAY.index(strategy) < GRAY.index(version.gray_strategy):
        raise Refused("APP_VERSION_STATUS_ERROR", "灰度比例只能放大")
    version.status, version.gray_strategy = Status.GRAY, strategy


def _gray_cancel(tx: Tx, call: Call, version: Version) -> None:
    _in(version, Status.GRAY)
    version.status, version.gray_strategy = Status.WAIT_RELEASE, ""


def _online(tx: Tx, call: Call, version: Version) -> None:
    _in(version, Status.WAIT_RELEASE, Status.ADMITTED, Status.GRAY)
    releases.go_online(tx, version)


def _offline(tx: Tx, call: Call, version: Version) -> None:
    _in(version, Status.RELEASE)
    version.status = Status.OFFLINE
    version.times["offline"] = tx.now_ms


def _rollback(tx: Tx, call: Call, version: Version) -> None:
    """The version online before comes back."""
    _in(version, Status.RELEASE)
    before = [
        one
        for one in releases.all_of(tx, version.app_id, version.bundle_id)
        if one.status == Status.OFFLINE
        and templates.version_key(one.app_version) < templates.version_key(version.app_version)
    ]
    if not before:
        raise Refused("APP_VERSION_NOT_EXIST", "没有可回滚的版本")
    version.status = Status.OFFLINE
    version.times["offline"] = tx.now_ms
    releases.save(tx, version)
    previous = max(before, key=lambda one: templates.version_key(one.app_version))
    releases.go_online(tx, previous)
    releases.save(tx, previous)


def delete(tx: Tx, call: Call) -> Node:
    version = _in(_version_of(tx, call), Status.INIT, Status.AUDIT_REJECT, Status.OFFLINE)
    releases.drop(tx, version)
    return success()


def _experience_create(tx: Tx, call: Call, version: Version) -> None:
    _in(version, *(status for status in Status if status != Status.BUILDING))
    for other in releases.all_of(tx, version.app_id, version.bundle_id):
        if other.is_experience and other.app_version != version.app_version:
            other.is_experience = False
            releases.save(tx, other)
    version.is_experience = True


def _experience_cancel(tx: Tx, call: Call, version: Version) -> None:
    version.is_experience = False


def experience_query(tx: Tx, call: Call) -> Node:
    version = _version_of(tx, call)
    if not version.is_experience:
        return success(status="notExpVersion")
    schema = (
        f"alipays://platformapi/startapp?appId={version.app_id}&nbsource=expversion"
        f"&nbsv={version.app_version}"
    )
    code = f"https://mobilecodec.alipay.com/show.htm?code={version.app_id}{version.created_ms:x}"
    return success(status="expVersionPackged", exp_qr_code_url=code, exp_schema_url=schema)


def _step(step: Step) -> Callable[[Tx, Call], Node]:
    def take(tx: Tx, call: Call) -> Node:
        version = _version_of(tx, call)
        step(tx, call, version)
        releases.save(tx, version)
        return success()

    return take


def _bundle(tx: Tx, call: Call) -> str:
    """The IoT end exists only once its owner has enabled it under multi-end release."""
    bundle = call.text("bundle_id", 64) or accounts.WALLET
    if bundle == accounts.IOT and not accounts.require(tx, call.owner.app_id).is_iot_enabled:
        raise Refused("BUNDLE_NOT_ENABLED")
    if bundle not in {accounts.IOT, accounts.WALLET}:
        raise Refused(call.invalid, "bundle_id不支持")
    return bundle


def _number(call: Call) -> str:
    number = call.text("app_version", 20, is_needed=True)
    if _NUMBER.fullmatch(number) is None:
        raise Refused(call.invalid, "app_version须为x.y.z")
    return number


def _version_of(tx: Tx, call: Call) -> Version:
    version = releases.find(tx, call.owner.app_id, _bundle(tx, call), _number(call))
    if version is None:
        raise Refused("APP_VERSION_NOT_EXIST")
    return version


def _in(version: Version, *allowed: str) -> Version:
    if version.status not in allowed:
        raise Refused("APP_VERSION_STATUS_ERROR", f"当前状态{version.status}")
    return version


METHODS = {
    "alipay.open.mini.version.upload": upload,
    "alipay.open.mini.version.build.query": build_query,
    "alipay.open.mini.version.list.query": list_query,
    "alipay.open.mini.version.detail.query": detail_query,
    "alipay.open.mini.version.audit.apply": audit_apply,
    "alipay.open.mini.version.audit.cancel": _step(_audit_cancel),
    "alipay.open.mini.version.audited.cancel": _step(_audited_cancel),
    "alipay.open.mini.version.gray.online": _step(_gray_online),
    "alipay.open.mini.version.gray.cancel": _step(_gray_cancel),
    "alipay.open.mini.version.online": _step(_online),
    "alipay.open.mini.version.offline": _step(_offline),
    "alipay.open.mini.version.rollback": _step(_rollback),
    "alipay.open.mini.version.delete": delete,
    "alipay.open.mini.experience.create": _step(_experience_create),
    "alipay.open.mini.experience.cancel": _step(_experience_cancel),
    "alipay.open.mini.experience.query": experience_query,
}
