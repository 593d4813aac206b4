"""Devices: whose they are, what they are bound to, and how a mini program gets onto them."""

from typing import Any

import pytest
import pytest_asyncio

from tests.unit.sandbox_alipay.merchant import Merchant
from tests.unit.sandbox_alipay.platform.test_authorisation import authorised
from tests.unit.sandbox_alipay.platform.test_lifecycle import Isv

pytestmark = pytest.mark.asyncio

COMMERCE = "alipay.commerce.iot.device"
UPGRADE = f"{COMMERCE}.upgradeapp.create"


@pytest_asyncio.fixture
async def shop(merchant: Merchant) -> Isv:
    """An ISV and its merchant with a mini program that is online on the IoT end."""
    made = Isv(merchant, await authorised(merchant))
    await merchant.admin("POST", f"platform/apps/{made.app_id}", {"iot_enabled": True})
    await merchant.admin("POST", "platform/timing", {"audit": "passed", "install_s": 600})
    await made.built("1.0.0")
    await made.applied("1.0.0", auto_online=True)
    await merchant.admin("POST", "platform/clock", {"forward_s": 3600})
    assert await made.status("1.0.0") == "RELEASE"
    return made


async def ship(shop: Isv, **more: Any) -> list[dict[str, Any]]:
    wanted = {"app_id": shop.app_id, **more}
    found = await shop.merchant.admin("POST", "platform/devices", wanted)
    devices: list[dict[str, Any]] = found["devices"]
    return devices


async def test_the_list_and_its_pages(shop: Isv) -> None:
    """S3, S4, S58-S61: filters, columns, `a–b of n`, a number that is unique, and one that changes
    hands."""
    made = await ship(shop, count=12, store_name="一店")
    pid = made[0]["owner_pid"]
    admin = shop.merchant.admin
    second = await admin("GET", f"platform/devices?pid={pid}&page=2")
    assert (second["from"], second["to"], second["total"]) == (11, 12, 12)
    one = second["devices"][0]
    assert (one["model"], one["role"], one["source"]) == (
        "支付宝盒F4 蜻蜓青春版",
        "所有者",
        "天猫采购",
    )
    assert (one["store_name"], one["status"]) == ("一店", "ACTIVED")
    by_sn = await admin("GET", f"platform/devices?pid={pid}&sn={one['sn'].lower()}")
    assert [found["sn"] for found in by_sn["devices"]] == [one["sn"]]
    assert (await admin("GET", f"platform/devices?pid={pid}&to=2020-01-01"))["total"] == 0
    assert (await admin("GET", f"platform/devices?pid={pid}&from=2020-01-01"))["total"] == 12
    await admin("GET", "platform/devices?from=yesterday", status=400)
    moved = {"sns": [one["sn"]], "to_app_id": shop.merchant.app_id}
    after = (await admin("POST", "platform/transfer", moved))["devices"][0]
    assert after["owner_pid"] == shop.merchant.seller_id != pid
    await ship(shop, sn="SMIT3B0001" + shop.app_id[-6:], model="蜻蜓T3B")
    again = {"app_id": shop.app_id, "sn": "SMIT3B0001" + shop.app_id[-6:]}
    await admin("POST", "platform/devices", again, status=409)


async def test_bound_and_unbound(shop: Isv) -> None:
    device = (await ship(shop))[0]
    named = {"device_id_type": "SN", "device_sn": device["sn"]}
    bind = {**named, "mini_app_id": shop.app_id, "shop_id": "S1"}
    call = shop.call
    base = await call(f"{COMMERCE}.baseinfo.query", sn=device["sn"])
    assert base["device_id"] == device["biz_tid"]
    assert (await call(f"{COMMERCE}.unbind", **named))["sub_code"] == "DEVICE_NOT_BIND"
    assert (await call(f"{COMMERCE}.bind", **bind))["code"] == "10000"
    assert (await call(f"{COMMERCE}.bind", **bind))["code"] == "10000"
    other = await call(f"{COMMERCE}.bind", **{**bind, "shop_id": "S2"})
    assert other["sub_code"] == "DEVICE_ALREADY_BIND"
    found = await call(f"{COMMERCE}.bind.query", biz_tid=device["biz_tid"])
    assert found["bind_info_list"][0]["mini_app_id"] == shop.app_id
    state = await call("alipay.commerce.iot.mdeviceprod.device.query", device_sn=device["sn"])
    assert (state["status"], state["bind_status"], state["shop_id"]) == ("ACTIVED", "BIND", "S1")
    assert (await call("alipay.open.iot.device.unbind", **named))["code"] == "10000"
    assert (await call("alipay.merchant.iot.device.query", **named))["sub_code"] == (
        "DEVICE_NOT_BIND"
    )
    await call("alipay.merchant.iot.device.bind", **named, merchant_type="direct", pid="2088")
    assert (await call("alipay.merchant.iot.device.query", **named))["merchant_type"] == "direct"
    wrong = await call("alipay.merchant.iot.device.verify", **named, pid="2089")
    assert wrong["sub_code"] == "DEVICE_NOT_BIND"
    hotel = await call("alipay.open.iotmbs.device.transfer", sn=device["sn"], new_owner_pid="2")
    assert hotel["sub_code"] == "DEVICE_NOT_SUPPORT"
    strange = await call(f"{COMMERCE}.bind", **{**bind, "device_sn": "QCF4NOSUCH"})
    assert strange["sub_code"] == "DEVICE_NOT_EXIST"


async def test_only_own_devices(shop: Isv) -> None:
    theirs = await shop.merchant.admin(
        "POST", "platform/devices", {"owner_pid": "2088000000000042"}
    )
    sn = theirs["devices"][0]["sn"]
    refused = await shop.call(f"{COMMERCE}.bind", device_sn=sn)
    assert refused["sub_code"] == "DEVICE_NO_PERMISSION"
    push = {"sn": [sn], "target_app_id": shop.app_id}
    assert (await shop.call(UPGRADE, **push))["sub_code"] == "DEVICE_NO_PERMISSION"
    invited = {"partner_pid": shop.merchant.seller_id}
    await shop.merchant.admin("POST", f"platform/devices/{sn}", invited)
    assert (await shop.call(UPGRADE, **push))["code"] == "10000"


async def test_a_push_by_api(shop: Isv) -> None:
    """S68, S69: 已下发, then what the device says."""
    devices = await ship(shop, count=3)
    sns = [one["sn"] for one in devices]
    admin = shop.merchant.admin
    await admin("POST", f"platform/devices/{sns[1]}", {"connected": False})
    await admin("POST", f"platform/devices/{sns[2]}", {"needs_restart": True})
    push = {"sn": sns, "target_app_id": shop.app_id, "target_app_version": "1.0.0"}
    assert set(await shop.call(UPGRADE, **push)) == {"code", "msg"}

    async def states() -> list[str]:
        listed = await admin("GET", f"platform/devices?pid={devices[0]['owner_pid']}")
        found = {one["sn"]: one["task"]["state"] for one in listed["devices"]}
        return [found[sn] for sn in sns]

    assert await states() == ["ISSUED"] * 3
    await admin("POST", "platform/clock", {"forward_s": 601})
    assert await states() == ["EFFECTIVE", "PENDING_NETWORK", "PENDING_RESTART"]
    await admin("POST", f"platform/devices/{sns[1]}", {"connected": True})
    await admin("POST", f"platform/devices/{sns[2]}", {"restart": True})
    assert await states() == ["EFFECTIVE"] * 3
    for wrong in ({"target_app_version": "9.9.9"}, {"target_app_id": "2021000000000404"}):
        refused = await shop.call(UPGRADE, **{**push, **wrong})
        assert refused["sub_code"] == "APP_NOT_ONLINE"


async def test_distribution_in_the_console(shop: Isv) -> None:
    """S62, S64-S67, S69, and parts of S63: search by AppID, SN, PID, pushed; select all."""
    devices = await ship(shop, count=2)
    pid = devices[0]["owner_pid"]
    admin = shop.merchant.admin
    card = await admin("GET", f"platform/distribution?app_id={shop.app_id}&pid={pid}")
    assert (card["app"]["latest_version"], card["total"]) == ("1.0.0", 2)
    one = f"platform/distribution?app_id={shop.app_id}&sn={devices[0]['sn']}"
    assert [found["sn"] for found in (await admin("GET", one))["devices"]] == [devices[0]["sn"]]
    wanted = {"app_id": shop.app_id, "sns": [devices[0]["sn"]]}
    issued = await admin("POST", "platform/distribution", wanted)
    assert issued["text"].startswith("任务已下发")
    assert issued["devices"][0]["task"]["text"] == "已下发"
    path = f"platform/distribution?app_id={shop.app_id}&pid={pid}&pushed={shop.app_id}"
    assert (await admin("GET", path))["total"] == 1
    everything = {"app_id": shop.app_id, "all": True}
    assert len((await admin("POST", "platform/distribution", everything))["devices"]) == 2
    await admin("GET", "platform/distribution?app_id=2021000000000404", status=404)
    await admin("GET", f"platform/distribution?app_id={shop.merchant.app_id}", status=409)
    await admin("POST", "platform/distribution", {"app_id": shop.app_id, "sns": []}, status=400)
