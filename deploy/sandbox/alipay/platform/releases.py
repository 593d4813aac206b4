"""One version of a mini program on one end: its row, its states, its builds and reviews.

INIT -> AUDITING -> WAIT_RELEASE, BASE_AUDIT_PASS or AUDIT_REJECT; GRAY or RELEASE after that; a
new RELEASE retires the one before.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from deploy.sandbox.alipay.books import timing
from deploy.sandbox.alipay.platform import authorisation, messages
from deploy.sandbox.kit import clock, documents
from deploy.sandbox.kit.ledger import Tx

APPROVED = "alipay.open.mini.version.audit.passed"
ADMITTED = "alipay.open.mini.version.base.audit.passed"
REJECTED = "alipay.open.mini.version.audit.rejected"
BUILT = "alipay.open.mini.version.build.finished"
DEFAULT_REASON = "小程序功能无法体验，请补充测试账号与操作说明后重新提交"
SAVE = """
INSERT INTO mini_versions VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (app_id, bundle_id, app_version) DO UPDATE SET status = excluded.status,
  due = excluded.due, doc = excluded.doc
"""
KEY = ("app_id", "bundle_id", "app_version", "status", "due")


class Status(StrEnum):
    BUILDING = "BUILDING"  # ours: the platform does not list a version before it is built
    INIT = "INIT"
    AUDITING = "AUDITING"
    WAIT_RELEASE = "WAIT_RELEASE"
    ADMITTED = "BASE_AUDIT_PASS"  # may be released, not promoted
    AUDIT_REJECT = "AUDIT_REJECT"
    GRAY = "GRAY"
    RELEASE = "RELEASE"
    OFFLINE = "OFFLINE"
    AUDIT_OFFLINE = "AUDIT_OFFLINE"


RELEASABLE = frozenset({Status.WAIT_RELEASE, Status.ADMITTED, Status.GRAY})


@dataclass(slots=True)
class Version:
    """`due` and `started` are scaled milliseconds; times are real ones by their wire name."""

    app_id: str
    bundle_id: str
    app_version: str
    status: str
    due: int | None
    started: int = 0
    template_id: str = ""
    template_version: str = ""
    ext: str = ""
    safe_domains: list[str] = field(default_factory=list)
    created_ms: int = 0
    times: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    base_audit: str = ""
    promote_audit: str = ""
    reject_reason: str = ""
    gray_strategy: str = ""
    is_auto_online: bool = False
    is_experience: bool = False


def _read(tx: Tx, row: Any) -> Version:
    columns = {name: row[name] for name in KEY}
    return apply_due(tx, documents.loaded(Version, row["doc"], **columns))


def find(tx: Tx, app_id: str, bundle_id: str, app_version: str) -> Version | None:
    row = tx.one(
        "SELECT * FROM mini_versions WHERE app_id = ? AND bundle_id = ? AND app_version = ?",
        app_id,
        bundle_id,
        app_version,
    )
    return _read(tx, row) if row is not None else None


def all_of(tx: Tx, app_id: str, bundle_id: str | None = None) -> list[Version]:
    rows = tx.all(
        "SELECT * FROM mini_versions WHERE app_id = ?1 AND (?2 IS NULL OR bundle_id = ?2)",
        app_id,
        bundle_id,
    )
    return sorted((_read(tx, row) for row in rows), key=lambda one: one.created_ms)


def save(tx: Tx, version: Version) -> None:
    doc = documents.dumped(version, *KEY)
    tx.execute(SAVE, *(getattr(version, name) for name in KEY), doc)


def drop(tx: Tx, version: Version) -> None:
    tx.execute(
        "DELETE FROM mini_versions WHERE app_id = ? AND bundle_id = ? AND app_version = ?",
        version.app_id,
        version.bundle_id,
        version.app_version,
    )


def building(tx: Tx, version: Version) -> dict[str, str]:
    """create_status: 0 queued, 1 building, 2 built, 6 version created."""
    if version.status != Status.BUILDING or version.due is None:
        step = "6"
    else:
        length = max(version.due - version.started, 1)
        step = str(min(max((tx.notify_now - version.started) * 3 // length, 0), 2))
    is_done = step == "6"
    return {
        "build_status": step,
        "create_status": step,
        "need_rotation": "false" if is_done else "true",
        "version_created": "true" if is_done else "false",
    }


def apply_due(tx: Tx, version: Version) -> Version:
    """Applies what is due: a build ends, a review has its result."""
    if version.due is None or tx.notify_now < version.due:
        return version
    version.due = None
    if version.status == Status.BUILDING:
        version.status = Status.INIT
        _publish(tx, version, BUILT, {"create_status": "6"})
        save(tx, version)
    elif version.status == Status.AUDITING:
        result = timing.read(tx)["audit"]
        if result == "by_hand":
            save(tx, version)
        else:
            end_audit(tx, version, result)
    return version


def apply_all_due(tx: Tx) -> None:
    rows = tx.all("SELECT * FROM mini_versions WHERE due <= ?", tx.notify_now)
    for row in rows:
        _read(tx, row)


def begin_audit(tx: Tx, version: Version) -> None:
    version.status = Status.AUDITING
    version.times = {"apply_audit": tx.now_ms}
    version.reject_reason = version.base_audit = version.promote_audit = ""
    is_by_hand = timing.read(tx)["audit"] == "by_hand"
    version.due = None if is_by_hand else timing.due(tx, "audit_s")
    save(tx, version)


def end_audit(tx: Tx, version: Version, result: str, reason: str = "") -> None:
    """passed, base_passed (may be released, not promoted) or rejected."""
    version.due = None
    version.times["audit_end"] = tx.now_ms
    if result == "rejected":
        version.status = Status.AUDIT_REJECT
        version.reject_reason = reason or DEFAULT_REASON
        version.base_audit = "REJECT"
        _publish(tx, version, REJECTED, {"audit_reason": version.reject_reason})
    else:
        is_base = result == "base_passed"
        version.status = Status.ADMITTED if is_base else Status.WAIT_RELEASE
        version.base_audit, version.promote_audit = "PASS", "REJECT" if is_base else "PASS"
        _publish(tx, version, ADMITTED if is_base else APPROVED, {})
    save(tx, version)  # before others are read, so that nothing is applied twice
    if version.is_auto_online and version.status != Status.AUDIT_REJECT:
        go_online(tx, version)
        save(tx, version)


def go_online(tx: Tx, version: Version) -> None:
    """Retires the one before; the caller saves."""
    for other in all_of(tx, version.app_id, version.bundle_id):
        if other.status == Status.RELEASE and other.app_version != version.app_version:
            other.status = Status.OFFLINE
            other.times["offline"] = tx.now_ms
            save(tx, other)
    version.status, version.gray_strategy = Status.RELEASE, ""
    version.times["online"] = tx.now_ms


def _publish(tx: Tx, version: Version, msg_method: str, more: dict[str, str]) -> None:
    biz = {
        "mini_app_id": version.app_id,
        "mini_app_version": version.app_version,
        "bundle_id": version.bundle_id,
        "event_time": clock.beijing(tx.now_ms),
        **more,
    }
    messages.emit(tx, version.app_id, msg_method, biz, authorisation.isvs_of(tx, version.app_id))


def shown(tx: Tx, version: Version) -> dict[str, Any]:
    """As the admin interface shows it."""
    return {
        "app_id": version.app_id,
        "bundle_id": version.bundle_id,
        "app_version": version.app_version,
        "status": version.status,
        "create_status": building(tx, version)["create_status"],
        "template_id": version.template_id,
        "template_version": version.template_version,
        "ext": version.ext,
        "safe_domains": version.safe_domains,
        "version_desc": version.texts.get("version_desc", ""),
        "memo": version.texts.get("memo", ""),
        "reject_reason": version.reject_reason or None,
        "gray_strategy": version.gray_strategy or None,
        "auto_online": version.is_auto_online,
        "experience": version.is_experience,
        "due_in_s": None if version.due is None else max((version.due - tx.notify_now) / 1000, 0),
        "created_at": clock.iso(version.created_ms),
        **{f"{name}_at": clock.iso(at) for name, at in version.times.items()},
    }
