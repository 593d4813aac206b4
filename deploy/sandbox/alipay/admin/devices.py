"""The device pages of Alipay's console: list, re-contract, distribution (服务分发)."""

from collections.abc import Mapping
from typing import Any

from deploy.sandbox.alipay.books import trade_row
from deploy.sandbox.alipay.platform import accounts, devices, inventory, releases
from deploy.sandbox.kit.ledger import Tx
from deploy.sandbox.kit.local_admin import AdminError

MOST = 1000
PACKAGE_SIZE = "1.6M"
SYSTEM = "支付宝IoT小程序容器 10.1.60及以上"


def listed(tx: Tx, query: Mapping[str, str]) -> dict[str, Any]:
    """S57-S60: filters, and pages of ten that say `a–b of n`."""
    found = inventory.search(tx, dict(query))
    return {**_page(query, found), "owners": sorted({one.owner_pid for one in found})}


def _page(query: Mapping[str, str], found: list[inventory.Device]) -> dict[str, Any]:
    size = min(max(_whole(query, "size", inventory.PAGE), 1), MOST)
    first = (max(_whole(query, "page", 1), 1) - 1) * size
    shown = [inventory.shown(one, query.get("pid")) for one in found[first : first + size]]
    return {
        "devices": shown,
        "from": first + 1 if shown else 0,
        "to": first + len(shown),
        "total": len(found),
    }


def change(tx: Tx, sn: str, body: dict[str, Any]) -> dict[str, Any]:
    """Without a serial number in the path: ship new ones; with one: changes that device."""
    if sn:
        device = _device(tx, sn)
        inventory.operate(tx, device, body)
        return inventory.shown(device)
    count = body.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
        raise AdminError(400, f"count must be from 1 to {MOST}")
    if body.get("sn") and (count != 1 or inventory.by_sn(tx, str(body["sn"])) is not None):
        raise AdminError(409, "the sn is taken, or given for more than one device")
    owner = _pid(tx, body, "app_id", "owner_pid")
    made = [inventory.new(tx, owner, body) for _ in range(count)]
    return {"devices": [inventory.shown(one) for one in made]}


def transfer(tx: Tx, body: dict[str, Any]) -> dict[str, Any]:
    """批量转签约: the receiver owns them from now on."""
    to = _pid(tx, body, "to_app_id", "to_pid")
    moved = [_device(tx, sn) for sn in _serials(body)]
    for device in moved:
        device.owner_pid = to
        inventory.save(tx, device)
    return {"devices": [inventory.shown(one) for one in moved]}


def card(tx: Tx, query: Mapping[str, str]) -> dict[str, Any]:
    """S62-S68: the app that was searched for, and the devices that may take it."""
    app_id = query.get("app_id", "")
    found = accounts.find(tx, app_id)
    if found is None:
        raise AdminError(404, f"no app {app_id}")
    version = devices.online_version(tx, app_id)
    fitting = inventory.search(tx, {k: v for k, v in query.items() if k != "app_id"})
    gray = [
        {"app_version": one.app_version, "gray_strategy": one.gray_strategy}
        for one in releases.all_of(tx, app_id, accounts.IOT)
        if one.gray_strategy
    ]
    return {
        "app": {
            "app_id": app_id,
            "app_name": found.app_name,
            "latest_version": version,
            "package_size": PACKAGE_SIZE,
            "models": sorted({one.model for one in inventory.list_all(tx)}),
            "system": SYSTEM,
            "gray": gray,
        },
        **_page(query, fitting),
    }


def distribute(tx: Tx, body: dict[str, Any]) -> dict[str, Any]:
    """任务已下发，请等待设备升级: the task's state shows on the device."""
    app_id = str(body.get("app_id") or "")
    version = devices.online_version(tx, app_id, str(body.get("app_version") or ""))
    if body.get("all") is True:
        found = accounts.find(tx, app_id)
        pid = str(body.get("pid") or (found.seller_id if found else ""))
        chosen = inventory.search(tx, {"pid": pid})
    else:
        chosen = [_device(tx, sn) for sn in _serials(body)]
    for device in chosen:
        inventory.push(tx, device, app_id, version)
    return {
        "text": "任务已下发，请等待设备升级",
        "devices": [inventory.shown(one) for one in chosen],
    }


def _device(tx: Tx, sn: str) -> inventory.Device:
    device = inventory.by_sn(tx, sn)
    if device is None:
        raise AdminError(404, f"no device {sn}")
    return device


def _serials(body: dict[str, Any]) -> list[str]:
    serials = body.get("sns")
    if not isinstance(serials, list) or not serials or len(serials) > MOST:
        raise AdminError(400, f"sns must be a list of 1 to {MOST} serial numbers")
    return [str(sn) for sn in serials]


def _pid(tx: Tx, body: dict[str, Any], app_name: str, pid_name: str) -> str:
    pid = body.get(pid_name)
    if isinstance(pid, str) and trade_row.is_user_id(pid):
        return pid
    found = accounts.find(tx, str(body.get(app_name) or ""))
    if found is None:
        raise AdminError(400, f"{app_name} of a known app or {pid_name} (2088…) is missing")
    return found.seller_id


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise AdminError(400, f"{name} must be a whole number")
    return int(text)
