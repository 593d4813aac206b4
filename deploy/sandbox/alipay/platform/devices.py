"""The device methods of alipay.merchant.iot, alipay.open.iot and alipay.commerce.iot."""

import json

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.platform import accounts, inventory, releases
from deploy.sandbox.alipay.platform.inventory import Device
from deploy.sandbox.alipay.platform.releases import Status
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit.ledger import Tx

KEPT = (
    "device_id_type", "merchant_type", "merchant_id_type", "merchant_id", "pid", "smid",
    "shop_id", "external_shop_id", "external_id", "mini_app_id", "application_id", "app_type",
    "source", "equipment_type",
)  # fmt: skip


def device_of(tx: Tx, call: Call) -> Device:
    """By biz_tid (device_id_type ID) or by supplier_id and serial number (SN)."""
    biz_tid = call.text("biz_tid", 64)
    sn = call.text("device_sn", 64) or call.text("sn", 64) or call.text("supplier_sn", 64)
    if not biz_tid and not sn:
        raise Refused(call.invalid, "biz_tid和device_sn不能同时为空")
    device = inventory.by_biz_tid(tx, biz_tid) if biz_tid else inventory.by_sn(tx, sn)
    supplier = call.text("supplier_id", 64)
    if device is None or (supplier and supplier != device.supplier_id):
        raise Refused("DEVICE_NOT_EXIST")
    return device


def own_device(tx: Tx, call: Call) -> Device:
    """The merchant's own, or one on which he is an invited partner."""
    device = device_of(tx, call)
    mine = {call.owner.seller_id, call.app.seller_id}
    if not mine & {device.owner_pid, device.partner_pid}:
        raise Refused("DEVICE_NO_PERMISSION")
    return device


def bind(tx: Tx, call: Call) -> Node:
    device = own_device(tx, call)
    facts = {name: call.text(name, 128) for name in KEPT}
    facts = {name: value for name, value in facts.items() if value}
    if device.bind is not None and device.bind != facts:
        raise Refused("DEVICE_ALREADY_BIND")
    device.bind = facts
    inventory.save(tx, device)
    return success()


def unbind(tx: Tx, call: Call) -> Node:
    device = own_device(tx, call)
    if device.bind is None:
        raise Refused("DEVICE_NOT_BIND")
    device.bind = None
    inventory.save(tx, device)
    return success()


def merchant_query(tx: Tx, call: Call) -> Node:
    device = own_device(tx, call)
    if device.bind is None:
        raise Refused("DEVICE_NOT_BIND")
    names = ("merchant_type", "pid", "smid", "shop_id")
    return success(**{name: device.bind[name] for name in names if name in device.bind})


def merchant_verify(tx: Tx, call: Call) -> Node:
    device = own_device(tx, call)
    bound = device.bind or {}
    for name in ("pid", "smid"):
        if call.text(name, 32) not in {"", bound.get(name)}:
            raise Refused("DEVICE_NOT_BIND")
    return success()


def open_query(tx: Tx, call: Call) -> Node:
    device = own_device(tx, call)
    data = {"device_sn": device.device_sn, "biz_tid": device.biz_tid, **(device.bind or {})}
    return success(data=json.dumps(data, ensure_ascii=False))


def bind_query(tx: Tx, call: Call) -> Node:
    device = own_device(tx, call)
    if device.bind is None:
        return success(bind_info_list=[])
    facts = {"biz_tid": device.biz_tid, "device_sn": device.device_sn}
    return success(bind_info_list=[{**facts, **device.bind}])


def baseinfo_query(tx: Tx, call: Call) -> Node:
    return success(device_id=device_of(tx, call).biz_tid)


def mdevice_query(tx: Tx, call: Call) -> Node:
    device = own_device(tx, call)
    bound = device.bind or {}
    fields = {"biz_tid": device.biz_tid, "status": device.status}
    fields["bind_status"] = "UNBIND" if device.bind is None else "BIND"
    fields["merchant_pid"] = device.owner_pid
    if device.partner_pid:
        fields["isv_pid"] = device.partner_pid
    if "shop_id" in bound:
        fields["shop_id"] = bound["shop_id"]
    return success(**fields, item_id=device.device_type, biz_type="IOT")


def upgrade_create(tx: Tx, call: Call) -> Node:
    """Only an online IoT app can be sent; the answer is empty, the installation follows later."""
    serials = call.biz.get("sn")
    if not isinstance(serials, list) or not serials or len(serials) > 500:
        raise Refused(call.invalid, "sn须为1至500个设备号")
    app_id = call.text("target_app_id", 32, is_needed=True)
    version = online_version(tx, app_id, call.text("target_app_version", 20))
    targets = []
    for sn in serials:
        found = inventory.by_sn(tx, sn) if isinstance(sn, str) else None
        if found is None:
            raise Refused("DEVICE_NOT_EXIST", str(sn)[:64])
        if not {call.owner.seller_id, call.app.seller_id} & {found.owner_pid, found.partner_pid}:
            raise Refused("DEVICE_NO_PERMISSION", found.device_sn)
        targets.append(found)
    for device in targets:
        inventory.push(tx, device, app_id, version)
    return success()


def online_version(tx: Tx, app_id: str, wanted: str = "") -> str:
    versions = releases.all_of(tx, app_id, accounts.IOT)
    online = [one.app_version for one in versions if one.status in {Status.RELEASE, Status.GRAY}]
    if not online or wanted not in {"", *online}:
        raise Refused("APP_NOT_ONLINE")
    released = [one.app_version for one in versions if one.status == Status.RELEASE]
    return wanted or (released or online)[-1]


def transfer(tx: Tx, call: Call) -> Node:
    """Its documentation limits it to hotel devices; ours are not."""
    own_device(tx, call)
    raise Refused("DEVICE_NOT_SUPPORT")


METHODS = {
    "alipay.merchant.iot.device.bind": bind,
    "alipay.merchant.iot.device.query": merchant_query,
    "alipay.merchant.iot.device.verify": merchant_verify,
    "alipay.open.iot.device.bind": bind,
    "alipay.open.iot.device.unbind": unbind,
    "alipay.open.iot.device.query": open_query,
    "alipay.commerce.iot.device.bind": bind,
    "alipay.commerce.iot.device.unbind": unbind,
    "alipay.commerce.iot.device.bind.query": bind_query,
    "alipay.commerce.iot.device.baseinfo.query": baseinfo_query,
    "alipay.commerce.iot.mdeviceprod.device.query": mdevice_query,
    "alipay.commerce.iot.mdeviceprod.device.bind": bind,
    "alipay.commerce.iot.mdeviceprod.device.unbind": unbind,
    "alipay.commerce.iot.device.upgradeapp.create": upgrade_create,
    "alipay.open.iotmbs.device.transfer": transfer,
}
