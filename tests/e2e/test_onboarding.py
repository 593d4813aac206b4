"""A merchant from nothing to "ready for a device", against the sandbox's open platform: only what
no API tells is a person's word (N1)."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.e2e.test_tenants import _second
from tests.e2e.world import World, eventually
from tests.fixtures.console import Console

pytestmark = pytest.mark.asyncio

REVIEW = {
    "app_english_name": "Tea house",
    "app_slogan": "刷脸付款，一步到位，省心省力",
    "app_desc": "在门店的蜻蜓设备上刷脸或扫码付款，付款后领取优惠券并参与抽奖活动。",
    "service_phone": "4000000000",
    "version_desc": "首个版本：支持刷脸支付、扫码支付、支付后发放优惠券以及抽奖，并展示待机海报。",
}


class Wizard:
    """The map as the console follows it."""

    def __init__(self, owner: Console) -> None:
        self._owner = owner
        self.rows: dict[str, Any] = {}
        self.map: dict[str, Any] = {}

    def _take(self, found: dict[str, Any]) -> None:
        self.map = found
        self.rows = {line["row"]: line for step in found["steps"] for line in step["rows"]}

    async def look(self) -> None:
        answer = await self._owner.get("/onboarding")
        assert answer.status_code == 200, answer.text
        self._take(answer.json())

    async def do(self, row: str, door: str, **body: Any) -> dict[str, Any]:
        answer = await self._owner.post(f"/onboarding/rows/{row}/{door}", body)
        assert answer.status_code == 200, answer.text
        self._take(answer.json())
        line: dict[str, Any] = self.rows[row]
        return line

    def is_open(self, row: str) -> Callable[[], Awaitable[bool]]:
        async def waits() -> bool:
            await self.look()
            return bool(self.rows[row]["state"] == "todo")

        return waits

    def shows(self, row: str, **facts: str) -> Callable[[], Awaitable[bool]]:
        async def found() -> bool:
            await self.look()
            return facts.items() <= self.rows[row]["evidence"].items()

        return found

    async def until_done(self, row: str, *waiting: str) -> None:
        """Waits for the platform, without looking itself: messages and time move the row. It may
        be in the `waiting` states until then."""

        async def settled() -> bool:
            await self.look()
            assert self.rows[row]["state"] in ("running", "done", *waiting), self.rows[row]
            return bool(self.rows[row]["state"] == "done")

        await eventually(settled, limit_s=60.0, every_s=0.5)


async def _bind(world: World, owner: Console) -> str:
    """Makes a pair here, carries its public half to the platform, and brings Alipay's back."""
    made = (await owner.post("/apps/key-pairs", {})).json()
    registered = await world.admin.post(
        "/apps", json={"public_key": made["app_public_key"], "mode": "key"}
    )
    app = registered.json()
    body = {
        "app_id": app["app_id"],
        "seller_id": app["seller_id"],
        "key_pair_id": made["key_pair_id"],
        "alipay_public_key": made["app_public_key"],
        "version": 0,
    }
    mixed_up = await owner.put("/apps", body)
    assert mixed_up.json()["code"] == "binding.own_public_key", mixed_up.text
    bound = await owner.put("/apps", body | {"alipay_public_key": app["alipay_public_key"]})
    assert bound.status_code == 200, bound.text
    return str(app["app_id"])


async def test_from_nothing_to_ready(world: World) -> None:
    """S11, S14-S16, S25, S26, S28, S29, S37, S49, S53, S54, S101, S103, S108: from the first
    look to a device of the merchant's own account that runs the program and signed in; parts of
    S9, S12, S13, S17, S47, S52, S124: without a package to download, an optional test, skipped
    keys, a device picked for the upload, a logo, an industry, and test devices."""
    async with _second(world) as (owner, store_id, device):
        wizard = Wizard(owner)
        await wizard.until_done("5.2", "todo")
        await owner.post(f"/devices/{device.device_id}/revoke", {})
        await eventually(wizard.is_open("5.2"), limit_s=30.0)
        assert wizard.map["next_row"] == "1.1"
        app_id = await _bind(world, owner)
        await wizard.look()
        assert (wizard.map["app_id"], wizard.map["next_row"]) == (app_id, "1.3")
        for row in ("1.2", "2.2", "2.3"):
            assert wizard.rows[row]["state"] == "done", "saving the keys is the one act"
        # What waited for the keys is looked at and carried out by itself.
        for row in ("0.1", "2.1"):
            await wizard.until_done(row)

        await world.admin.post(f"/platform/apps/{app_id}", json={"facetoface": False})
        line = await wizard.do("0.1", "check")
        assert (line["state"], line["remedy"]) == ("failed", "face_to_face_missing")
        switches = {"facetoface": True, "iot_enabled": True}
        await world.admin.post(f"/platform/apps/{app_id}", json=switches)
        await wizard.until_done("0.1", "failed")

        await wizard.do("1.3", "done", note="已在开放平台开通")
        assert (await wizard.do("3.3", "run", form={"app_version": "1.0.0"}))["state"] in (
            "running", "done",
        )  # fmt: skip
        await wizard.until_done("3.3")
        assert (await wizard.do("4.1", "run", form=REVIEW))["state"] == "running"
        again = await owner.post("/onboarding/rows/4.1/run", {"form": REVIEW})
        assert (again.status_code, again.json()["code"]) == (409, "onboarding.running")
        review = {"app_id": app_id, "app_version": "1.0.0", "result": "passed"}
        assert (await world.admin.post("/platform/reviews", json=review)).status_code == 200
        await wizard.until_done("4.1")
        # An answer may leave before the news of the platform has come back.
        await wizard.do("4.2", "run", form={"share": "p10"})
        await eventually(wizard.shows("4.2", share="p10"), limit_s=30.0)
        await wizard.do("4.2", "run", form={"share": "all"})
        await wizard.until_done("4.2")
        assert not wizard.map["is_ready"], "no device could take a payment yet"
        assert wizard.map["percent"] < 100

        sn = f"QCF4E2E{secrets.token_hex(4).upper()}"
        shipped = {"app_id": app_id, "sn": sn}
        assert (await world.admin.post("/platform/devices", json=shipped)).status_code in (200, 201)
        line = await wizard.do("5.1", "run", form={"sn": sn})
        assert line["state"] in ("running", "done"), line
        await owner.enrol(store_id, sn)

        async def online() -> bool:
            await wizard.look()
            return bool(wizard.rows["5.2"]["state"] == "done")

        await eventually(online, limit_s=30.0)
        await wizard.until_done("5.1")
        assert (wizard.map["is_ready"], wizard.map["percent"]) == (True, 100)


async def test_a_wrong_key_is_found_before_a_customer_stands_there(world: World) -> None:
    """S29, U16: Alipay's key of another app is as readable as the right one; only the live check
    tells, and it says what to do."""
    async with _second(world) as (owner, _, _):
        made = (await owner.post("/apps/key-pairs", {})).json()
        app = (await world.admin.post("/apps", json={"public_key": made["app_public_key"]})).json()
        other = (await owner.post("/apps/key-pairs", {})).json()
        body = {
            "app_id": app["app_id"], "seller_id": app["seller_id"], "version": 0,
            "key_pair_id": made["key_pair_id"], "alipay_public_key": other["app_public_key"],
        }  # fmt: skip
        assert (await owner.put("/apps", body)).status_code == 200
        found = (await owner.post(f"/apps/{app['app_id']}/probe", {})).json()
        assert [one["code"] for one in found["findings"]] == ["doctor.alipay_key_wrong"]
        body = {
            "app_id": app["app_id"], "seller_id": app["seller_id"], "version": 1,
            "key_pair_id": other["key_pair_id"], "alipay_public_key": app["alipay_public_key"],
        }  # fmt: skip
        assert (await owner.put("/apps", body)).status_code == 200
        await asyncio.sleep(1)  # the egress forgets the old keys by an event
        found = (await owner.post(f"/apps/{app['app_id']}/probe", {})).json()
        assert [one["code"] for one in found["findings"]] == ["doctor.public_key_not_uploaded"]
