"""Face-pay devices: who owns one, what runs on it, and the tasks that put something on it."""

import secrets
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.alipay.books import timing
from deploy.sandbox.alipay.platform import messages
from deploy.sandbox.kit import clock, documents
from deploy.sandbox.kit.ledger import Tx

PAGE = 10
SAVE = """
INSERT INTO devices VALUES (?, ?, ?, ?, ?)
ON CONFLICT (device_sn) DO UPDATE SET owner_pid = excluded.owner_pid, due = excluded.due,
  doc = excluded.doc
"""
KEY = ("device_sn", "biz_tid", "owner_pid", "due")
ISSUED, PENDING_RESTART, PENDING_NETWORK, EFFECTIVE = (
    "ISSUED",
    "PENDING_RESTART",
    "PENDING_NETWORK",
    "EFFECTIVE",
)
TASK_WORDS = {
    ISSUED: "已下发",
    PENDING_RESTART: "待重启生效",
    PENDING_NETWORK: "待联网生效",
    EFFECTIVE: "已生效",
}
ACTIVE = "ACTIVED"


@dataclass(slots=True)
class Device:
    """As the console's device list shows it, and what it runs."""

    device_sn: str
    biz_tid: str
    owner_pid: str
    due: int | None = None
    supplier_id: str = "201901111100000001"
    device_type: str = "F4"
    model: str = "支付宝盒F4 蜻蜓青春版"
    status: str = ACTIVE
    source: str = "天猫采购"
    merchant_name: str = ""
    store_name: str = ""
    partner_pid: str = ""
    shipped_ms: int = 0
    is_connected: bool = True
    needs_restart: bool = False
    bind: dict[str, str] | None = None
    installed_app_id: str = ""
    installed_version: str = ""
    task_state: str = ""
    task_app_id: str = ""
    task_version: str = ""
    task_ms: int = 0


def new(tx: Tx, owner_pid: str, wanted: dict[str, Any]) -> Device:
    sn = str(wanted.get("sn") or f"QCF4{clock.beijing(tx.now_ms)[2:10].replace('-', '')}"
             f"{secrets.randbelow(10**8):08d}")  # fmt: skip
    device = Device(sn, secrets.token_urlsafe(18), owner_pid, shipped_ms=tx.now_ms)
    texts = ("device_type", "model", "status", "source", "merchant_name", "store_name")
    for name in (*texts, "supplier_id", "partner_pid"):
        if isinstance(wanted.get(name), str):
            setattr(device, name, wanted[name])
    save(tx, device)
    return device


def save(tx: Tx, device: Device) -> None:
    doc = documents.dumped(device, *KEY)
    tx.execute(
        SAVE, device.device_sn, device.biz_tid, device.owner_pid, device.due, doc
    )  # fmt: skip


def _read(tx: Tx, row: Any) -> Device:
    columns = {name: row[name] for name in KEY}
    return apply_due(tx, documents.loaded(Device, row["doc"], **columns))


def by_sn(tx: Tx, sn: str) -> Device | None:
    row = tx.one("SELECT * FROM devices WHERE device_sn = ?", sn)
    return _read(tx, row) if row is not None else None


def by_biz_tid(tx: Tx, biz_tid: str) -> Device | None:
    row = tx.one("SELECT * FROM devices WHERE biz_tid = ?", biz_tid)
    return _read(tx, row) if row is not None else None


def list_all(tx: Tx) -> list[Device]:
    return [_read(tx, row) for row in tx.all("SELECT * FROM devices ORDER BY device_sn")]


def search(tx: Tx, filters: dict[str, str]) -> list[Device]:
    """S58, S65-S67: sn (part of it), pid (owner or partner), state, from, to, pushed."""
    first, last = (_day(filters.get(name)) for name in ("from", "to"))
    pid, app_id = filters.get("pid"), filters.get("pushed")

    def fits(device: Device) -> bool:
        return (
            filters.get("sn", "").upper() in device.device_sn.upper()
            and (not pid or pid in {device.owner_pid, device.partner_pid})
            and filters.get("state", device.status) == device.status
            and (first is None or device.shipped_ms >= first)
            and (last is None or device.shipped_ms < last + 86_400_000)
            and (not app_id or app_id in {device.task_app_id, device.installed_app_id})
        )

    return [device for device in list_all(tx) if fits(device)]


def _day(text: str | None) -> int | None:
    return clock.from_beijing(f"{text} 00:00:00") if text else None


def push(tx: Tx, device: Device, app_id: str, app_version: str) -> None:
    """The task is issued now; it takes effect when the device has fetched it."""
    device.task_app_id, device.task_version = app_id, app_version
    device.task_state, device.task_ms = ISSUED, tx.now_ms
    device.due = timing.due(tx, "install_s")
    save(tx, device)


def apply_due(tx: Tx, device: Device) -> Device:
    if device.due is None or tx.notify_now < device.due:
        return device
    device.due = None
    if not device.is_connected:
        device.task_state = PENDING_NETWORK
    elif device.needs_restart:
        device.task_state = PENDING_RESTART
    else:
        take_effect(tx, device)
    save(tx, device)
    return device


def apply_all_due(tx: Tx) -> None:
    for row in tx.all("SELECT * FROM devices WHERE due <= ?", tx.notify_now):
        _read(tx, row)


def take_effect(tx: Tx, device: Device) -> None:
    device.task_state = EFFECTIVE
    device.installed_app_id, device.installed_version = device.task_app_id, device.task_version
    biz = {
        "device_sn": device.device_sn,
        "target_app_id": device.task_app_id,
        "target_app_version": device.task_version,
        "status": EFFECTIVE,
    }
    messages.emit(tx, device.task_app_id, "alipay.commerce.iot.device.upgradeapp.finished", biz)


def operate(tx: Tx, device: Device, wanted: dict[str, Any]) -> None:
    """Something happens at the device itself: network cable, restart."""
    if isinstance(wanted.get("connected"), bool):
        device.is_connected = wanted["connected"]
    if isinstance(wanted.get("needs_restart"), bool):
        device.needs_restart = wanted["needs_restart"]
    waits = device.task_state in {PENDING_NETWORK, PENDING_RESTART}
    has_restarted = wanted.get("restart") is True or not device.needs_restart
    if waits and device.is_connected and has_restarted:
        take_effect(tx, device)
    elif waits and device.is_connected:
        device.task_state = PENDING_RESTART
    for name in ("merchant_name", "store_name", "partner_pid", "status"):
        if isinstance(wanted.get(name), str):
            setattr(device, name, wanted[name])
    save(tx, device)


def shown(device: Device, viewer_pid: str | None = None) -> dict[str, Any]:
    is_owner = viewer_pid in {None, device.owner_pid}
    return {
        "sn": device.device_sn,
        "biz_tid": device.biz_tid,
        "supplier_id": device.supplier_id,
        "device_type": device.device_type,
        "model": device.model,
        "shipped_at": clock.iso(device.shipped_ms),
        "merchant_name": device.merchant_name,
        "store_name": device.store_name,
        "source": device.source,
        "role": "所有者" if is_owner else "合作伙伴",
        "status": device.status,
        "owner_pid": device.owner_pid,
        "partner_pid": device.partner_pid or None,
        "bind": device.bind,
        "installed_app_id": device.installed_app_id or None,
        "installed_version": device.installed_version or None,
        "task": {
            "app_id": device.task_app_id,
            "app_version": device.task_version,
            "state": device.task_state,
            "text": TASK_WORDS[device.task_state],
            "issued_at": clock.iso(device.task_ms),
        }
        if device.task_state
        else None,
        "connected": device.is_connected,
        "needs_restart": device.needs_restart,
    }
