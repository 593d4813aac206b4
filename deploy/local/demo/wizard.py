"""Takes the demo merchant through the setup wizard by the console's own API.

Runs and checks the rows that can be, marks those that a person confirms, and approves the reviews
in the sandbox.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from deploy.local.demo.console_client import ConsoleClient, ConsoleRefused
from deploy.sandbox.dragonfly.device import Device, Identity

CLOSED = frozenset({"done", "skipped"})
ME = "/api/device/v1/me"
WIZARD_TIMEOUT_S, POLL_S = 90.0, 1.0
TRIES = 3
"""of a row that fails, before it is left as it is"""
TEXTS = {
    "app_english_name": "Damselfly Tea",
    "app_slogan": "刷脸付款，一步到位，省心省力",
    "app_desc": "在门店的蜻蜓设备上刷脸或扫码付款，付款后领取优惠券并参与抽奖活动。",
    "service_phone": "4000000000",
    "version_desc": "首个版本：支持刷脸支付、扫码支付、支付后发放优惠券以及抽奖，并展示待机海报。",
    "note": "演示商户：在沙箱中完成",
}


async def set_up(
    console: ConsoleClient, http: aiohttp.ClientSession, admin: str, app_id: str, device_file: Path
) -> None:
    """Until nothing is left that could be done, or the time is up."""
    identity = Identity.load(device_file)
    await _at_alipay(http, admin, app_id, identity.sn)
    await Device(identity, session=http).request("GET", ME)
    tried: dict[str, int] = {}
    deadline = time.monotonic() + WIZARD_TIMEOUT_S
    while time.monotonic() < deadline:
        rows = list(_open_rows(await console.request("GET", "/onboarding")))
        if not rows:
            return
        await _review(http, admin, app_id)
        row = next((row for row in rows if _act(row) and tried.get(row["row"], 0) < TRIES), None)
        if row is None:
            if not any(row["state"] == "running" for row in rows):
                return
            await asyncio.sleep(POLL_S)
            continue
        tried[row["row"]] = tried.get(row["row"], 0) + 1
        await _do(console, row, app_id, identity.sn)


def _open_rows(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for step in found["steps"]:
        for row in step["rows"]:
            if row["state"] not in CLOSED:
                yield row


def _act(row: dict[str, Any]) -> str | None:
    if row["state"] == "running":
        return None
    for can, act in (("can_run", "run"), ("can_check", "check"), ("can_mark", "done")):
        if row[can]:
            return act
    return None


async def _do(console: ConsoleClient, row: dict[str, Any], app_id: str, sn: str) -> None:
    act = _act(row)
    body: dict[str, Any] = {"app_id": app_id}
    if act == "run":
        body["form"] = dict(_answers(row["form"] or [], sn))
    elif act == "done":
        body["note"] = TEXTS["note"]
    try:
        await console.request("POST", f"/onboarding/rows/{row['row']}/{act}", body)
    except ConsoleRefused as refused:
        if refused.status >= 500:
            raise


def _answers(form: list[dict[str, Any]], sn: str) -> Iterator[tuple[str, str]]:
    for field in form:
        name = field["field"]
        if field["kind"] == "serials":
            yield name, sn
        elif field["kind"] == "choice":
            yield name, field["choices"][-1]
        elif value := TEXTS.get(name) or field["value"]:
            yield name, value


async def _at_alipay(http: aiohttp.ClientSession, admin: str, app_id: str, sn: str) -> None:
    """What the merchant would have at Alipay by then: the IoT end, and the device of that SN."""
    async with http.post(
        f"{admin}/platform/apps/{app_id}", json={"facetoface": True, "iot_enabled": True}
    ) as answer:
        answer.raise_for_status()
    async with http.post(f"{admin}/platform/devices", json={"app_id": app_id, "sn": sn}) as answer:
        if answer.status != 409:  # it was shipped by an earlier start
            answer.raise_for_status()


async def _review(http: aiohttp.ClientSession, admin: str, app_id: str) -> None:
    async with http.get(f"{admin}/platform/reviews") as answer:
        waiting = (await answer.json())["reviews"]
    for version in waiting:
        if version["app_id"] == app_id:
            wanted = {name: version[name] for name in ("app_id", "app_version", "bundle_id")}
            async with http.post(
                f"{admin}/platform/reviews", json={**wanted, "result": "passed"}
            ) as answer:
                answer.raise_for_status()
