"""From a template to the public: the open platform's lifecycle, its reviewers and messages."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.sandbox_alipay.conftest import Process, Receiver
from tests.unit.sandbox_alipay.merchant import Merchant, content_of, is_signed
from tests.unit.sandbox_alipay.notify.test_notify import fields_of
from tests.unit.sandbox_alipay.platform.test_authorisation import authorised
from tests.unit.sandbox_kit.waiting import until

pytestmark = pytest.mark.asyncio

IOT = "com.alipay.iot.xpaas"
ABOUT = "一台刷脸收银机的小程序：收款、发券、抽奖，操作步骤见备注，支持蜻蜓F4。"
HOUR = {"forward_s": 3600}


class Isv:
    """A service provider that acts for one merchant whose IoT end is on."""

    def __init__(self, merchant: Merchant, token: dict[str, str]) -> None:
        self.merchant = merchant
        self.app_id = token["auth_app_id"]
        merchant.extra = {"app_auth_token": token["app_auth_token"]}

    async def call(self, name: str, **biz: Any) -> dict[str, Any]:
        method = name if name.startswith("alipay.") else f"alipay.open.mini.{name}"
        return await self.merchant.call(method, {"bundle_id": IOT, **biz})

    async def status(self, number: str) -> str:
        node = await self.call("version.detail.query", app_version=number)
        return str(node["status"])

    async def template(self) -> str:
        node = await self.merchant.call("alipay.open.mini.templatelist.query", {})
        return str(node["app_list"][0]["mini_app_id"])

    async def upload(self, number: str, **more: Any) -> dict[str, Any]:
        biz = {"template_id": await self.template(), "app_version": number, **more}
        return await self.call("version.upload", **biz)

    async def built(self, number: str) -> None:
        node = await self.upload(number, ext='{"extEnable":true}')
        assert (node["code"], node["version_created"]) == ("10000", "false"), node
        await self.merchant.admin("POST", "platform/clock", HOUR)
        assert await self.status(number) == "INIT"

    async def applied(self, number: str, **more: Any) -> dict[str, Any]:
        biz = {"version_desc": ABOUT, "service_phone": "0571-00000000", **more}
        return await self.call("version.audit.apply", app_version=number, **biz)

    async def review(self, number: str, result: str, **more: Any) -> Any:
        wanted = {"app_id": self.app_id, "app_version": number, "result": result, **more}
        return await self.merchant.admin("POST", "platform/reviews", wanted)


@pytest_asyncio.fixture
async def isv(merchant: Merchant) -> AsyncIterator[Isv]:
    made = Isv(merchant, await authorised(merchant))
    await merchant.admin("POST", f"platform/apps/{made.app_id}", {"iot_enabled": True})
    await merchant.admin("POST", "platform/timing", {"audit": "by_hand"})
    yield made
    await merchant.admin("POST", "platform/timing", {"audit": "passed"})


async def test_the_whole_way(isv: Isv) -> None:
    """S14, S53, and parts of S13, S15, S49, S50, S124: upload, build, review, gray, public, back
    again."""
    await isv.built("1.0.0")
    assert (await isv.applied("1.0.0"))["code"] == "10000"
    assert await isv.status("1.0.0") == "AUDITING"
    waiting = (await isv.merchant.admin("GET", "platform/reviews"))["reviews"]
    assert [one["app_version"] for one in waiting if one["app_id"] == isv.app_id] == ["1.0.0"]
    await isv.review("1.0.0", "passed")
    assert await isv.status("1.0.0") == "WAIT_RELEASE"
    gray = "version.gray.online"
    for strategy in ("p10", "p30", "p50"):
        assert (await isv.call(gray, app_version="1.0.0", gray_strategy=strategy))[
            "code"
        ] == "10000"
    back = await isv.call(gray, app_version="1.0.0", gray_strategy="p10")
    assert back["sub_code"] == "APP_VERSION_STATUS_ERROR"
    detail = await isv.call("version.detail.query", app_version="1.0.0")
    assert (detail["status"], detail["gray_strategy"]) == ("GRAY", "p50")
    assert (await isv.call("version.online", app_version="1.0.0"))["code"] == "10000"
    await isv.built("1.0.1")
    await isv.applied("1.0.1", auto_online="true")
    await isv.review("1.0.1", "passed")
    assert [await isv.status(number) for number in ("1.0.0", "1.0.1")] == ["OFFLINE", "RELEASE"]
    assert (await isv.call("version.rollback", app_version="1.0.1"))["code"] == "10000"
    assert [await isv.status(number) for number in ("1.0.0", "1.0.1")] == ["RELEASE", "OFFLINE"]
    assert (await isv.call("version.offline", app_version="1.0.0"))["code"] == "10000"
    assert (await isv.call("version.delete", app_version="1.0.1"))["code"] == "10000"
    assert (await isv.call("version.list.query"))["app_version_infos"] == []
    listed = await isv.call("version.list.query", version_status="RELEASE,OFFLINE")
    assert [one["app_version"] for one in listed["app_version_infos"]] == ["1.0.0"]


async def test_a_build_takes_its_time(isv: Isv) -> None:
    await isv.merchant.admin("POST", "platform/timing", {"build_s": 3000})
    await isv.upload("2.0.0")
    seen = []
    for _ in range(4):
        node = await isv.call("version.build.query", app_version="2.0.0")
        seen.append((node["create_status"], node["need_rotation"]))
        await isv.merchant.admin("POST", "platform/clock", {"forward_s": 1000})
    assert seen == [("0", "true"), ("1", "true"), ("2", "true"), ("6", "false")]
    await isv.merchant.admin("POST", "platform/timing", {"build_s": 6})


async def test_a_review_that_says_no(isv: Isv) -> None:
    """Parts of S52: and what is missing in the form is refused before it reaches a reviewer."""
    await isv.built("1.0.0")
    short = await isv.applied("1.0.0", version_desc="太短")
    assert short["sub_code"] == "AUDIT_FIELD_MISSING"
    assert (await isv.applied("1.0.0", app_slogan="短"))["sub_code"] == "INVALID_PARAMETER"
    await isv.applied("1.0.0")
    await isv.review("1.0.0", "rejected", reason="请提供测试账号")
    detail = await isv.call("version.detail.query", app_version="1.0.0")
    assert (detail["status"], detail["reject_reason"]) == ("AUDIT_REJECT", "请提供测试账号")
    assert (await isv.applied("1.0.0"))["sub_code"] == "APP_VERSION_STATUS_ERROR"
    await isv.call("version.audited.cancel", app_version="1.0.0")
    await isv.applied("1.0.0")
    await isv.call("version.audit.cancel", app_version="1.0.0")
    assert await isv.status("1.0.0") == "INIT"
    await isv.applied("1.0.0")
    await isv.review("1.0.0", "base_passed")
    assert await isv.status("1.0.0") == "BASE_AUDIT_PASS"
    await isv.call("version.online", app_version="1.0.0")
    down = {"app_id": isv.app_id, "app_version": "1.0.0", "reason": "违规"}
    assert (await isv.merchant.admin("POST", "platform/offline", down))["status"] == "AUDIT_OFFLINE"


async def test_what_an_upload_needs(isv: Isv) -> None:
    await isv.merchant.admin("POST", f"platform/apps/{isv.app_id}", {"iot_enabled": False})
    assert (await isv.upload("1.0.0"))["sub_code"] == "BUNDLE_NOT_ENABLED"
    await isv.merchant.admin("POST", f"platform/apps/{isv.app_id}", {"iot_enabled": True})
    assert (await isv.upload("1.0"))["sub_code"] == "INVALID_PARAMETER"
    unknown = await isv.call("version.upload", template_id="2021", app_version="1.0.0")
    assert unknown["sub_code"] == "TEMPLATE_NOT_EXIST"
    old = await isv.upload("1.0.0", template_version="9.9.9")
    assert old["sub_code"] == "TEMPLATE_VERSION_NOT_EXIST"
    await isv.built("1.10.0")
    assert (await isv.upload("1.9.9"))["sub_code"] == "APP_VERSION_TOO_LOW"
    assert (await isv.call("version.online", app_version="1.10.0"))["sub_code"] == (
        "APP_VERSION_STATUS_ERROR"
    )
    usage = await isv.call("template.usage.query", template_id=await isv.template())
    assert {"mini_app_id": isv.app_id, "app_version": "1.10.0"} in usage["template_usage_info_list"]


async def test_settings_of_a_mini_program(isv: Isv) -> None:
    """Parts of S21, S24, S25, S48: names, domains, developers."""
    assert (await isv.call("safedomain.create", safe_domain="pay.example.com"))["code"] == "10000"
    for wrong in ("http://pay.example.com", "10.0.0.1", "pay.example.com:8080", "a b.com"):
        refused = await isv.call("safedomain.create", safe_domain=wrong)
        assert refused["sub_code"] == "SAFE_DOMAIN_INVALID", wrong
    info = await isv.call("baseinfo.query")
    assert info["safe_domains"] == ["pay.example.com"]
    for number in range(29):
        await isv.call("safedomain.create", safe_domain=f"d{number}.example.com")
    full = await isv.call("safedomain.create", safe_domain="one.example.org")
    assert full["sub_code"] == "SAFE_DOMAIN_LIMIT"
    assert (await isv.call("safedomain.delete", safe_domain="d0.example.com"))["code"] == "10000"
    await isv.merchant.call(
        "alipay.open.mini.baseinfo.modify", {}, app_name="晨光收银", app_english_name="Morning"
    )
    assert (await isv.call("baseinfo.query"))["app_name"] == "晨光收银"
    for name, code in (("晨光收银", "SUCCESS"), ("短", "APP_NAME_INVALID")):
        assert (await isv.call("baseinfo.name.check", app_name=name))["check_code"] == code
    members, role = "alipay.open.app.members", {"role": "DEVELOPER"}
    await isv.call(f"{members}.create", logon_id="dev@example.com", **role)
    twice = await isv.call(f"{members}.create", logon_id="dev@example.com", **role)
    assert twice["sub_code"] == "MEMBER_EXIST"
    listed = await isv.call(f"{members}.query", **role)
    assert [one["logon_id"] for one in listed["app_member_info_list"]] == ["dev@example.com"]
    assert (await isv.call(f"{members}.delete", logon_id="x"))["sub_code"] == "MEMBER_NOT_EXIST"
    assert (await isv.call("category.query"))["mini_category_list"]


async def test_an_experience_version(isv: Isv) -> None:
    await isv.built("1.0.0")
    query = "experience.query"
    assert (await isv.call(query, app_version="1.0.0"))["status"] == "notExpVersion"
    await isv.call("experience.create", app_version="1.0.0")
    node = await isv.call(query, app_version="1.0.0")
    assert isv.app_id in node["exp_schema_url"]
    assert node["exp_qr_code_url"].startswith("https://")


async def test_messages_are_signed_their_own_way(isv: Isv, receiver: Receiver) -> None:
    """The app gateway's family keeps sign_type under the signature; resent until `success`."""
    merchant = isv.merchant

    async def told() -> list[dict[str, Any]]:
        found = await merchant.admin("GET", f"platform/apps/{merchant.app_id}")
        messages: list[dict[str, Any]] = found["messages"]
        return messages

    receiver.answers = ["fail"]
    await merchant.admin("POST", f"platform/apps/{merchant.app_id}", {"messages_url": receiver.url})
    await isv.built("1.0.0")
    while not any(one["attempts"] for one in await told()):
        await asyncio.sleep(0.01)  # only what was refused once can be due again
    await merchant.admin("POST", "platform/clock", HOUR)
    await isv.applied("1.0.0")
    await isv.review("1.0.0", "rejected", reason="再试一次")
    await until(lambda: len(receiver.seen) >= 3)
    fields = [fields_of(body) for _, body in receiver.seen]
    assert fields[0]["notify_id"] == fields[1]["notify_id"]
    assert {one["msg_method"] for one in fields} == {
        "alipay.open.mini.version.build.finished",
        "alipay.open.mini.version.audit.rejected",
    }
    last = next(one for one in fields if one["msg_method"].endswith("rejected"))
    biz = json.loads(last["biz_content"])
    assert (biz["mini_app_id"], biz["audit_reason"]) == (isv.app_id, "再试一次")
    public, sign = merchant.alipay_public_key, last["sign"]
    assert is_signed(public, content_of(last).encode(), sign)
    assert not is_signed(public, content_of(last, ("sign", "sign_type")).encode(), sign)
    while {one["state"] for one in await told()} != {"done"}:
        await asyncio.sleep(0.01)


async def test_an_authorisation_is_told_as_trade_notices_are(
    merchant: Merchant, receiver: Receiver
) -> None:
    await merchant.admin("POST", f"platform/apps/{merchant.app_id}", {"messages_url": receiver.url})
    await merchant.admin("POST", "platform/authorise", {"isv_app_id": merchant.app_id})
    await until(lambda: bool(receiver.seen))
    fields = fields_of(receiver.seen[0][1])
    assert fields["notify_type"] == "open_app_auth_notify"
    content = content_of(fields, ("sign", "sign_type")).encode()
    assert is_signed(merchant.alipay_public_key, content, fields["sign"])


async def test_the_contract_is_signed_by_an_isv(merchant: Merchant) -> None:
    """Parts of S101, S105, S107, S108: an application for 当面付, Alipay's review, the merchant's
    word."""
    agent = "alipay.open.agent"
    contact = {"contact_name": "店长", "contact_email": "shop@example.com"}
    biz = {"account": "shop@example.com", "contact_info": contact}
    batch = (await merchant.call(f"{agent}.create", biz))["batch_no"]
    early = await merchant.call(f"{agent}.confirm", {"batch_no": batch})
    assert early["sub_code"] == "BATCH_STATUS_ERROR"
    sign = f"{agent}.facetoface.sign"
    assert (await merchant.call(sign, {}, batch_no=batch, shop_name="晨光"))["code"] == "10000"
    confirmed = await merchant.call(f"{agent}.confirm", {"batch_no": batch})
    app_path = f"platform/apps/{confirmed['auth_app_id']}"
    assert (await merchant.admin("GET", app_path))["facetoface"] is False
    steps = []
    for step in ("audited", "confirmed"):
        node = await merchant.call(f"{agent}.order.query", {"batch_no": batch})
        steps.append(node["order_status"])
        await merchant.admin("POST", "platform/agents", {"batch_no": batch, "step": step})
    assert steps == ["MERCHANT_AUDITING", "MERCHANT_CONFIRM"]
    node = await merchant.call(f"{agent}.order.query", {"batch_no": batch})
    assert node["order_status"] == "MERCHANT_CONFIRM_SUCCESS"
    assert (await merchant.admin("GET", app_path))["facetoface"] is True
    wrong = {"batch_no": batch, "step": "audited"}
    await merchant.admin("POST", "platform/agents", wrong, status=400)


async def test_a_kill_loses_nothing(
    start: Callable[[Path], Process],
    http: aiohttp.ClientSession,
    key: rsa.RSAPrivateKey,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    """Killed while a version is under review: the review ends by itself, and is told."""
    process = start(tmp_path)
    merchant = Merchant(http, process.base, key)
    await merchant.register()
    one = Isv(merchant, await authorised(merchant))
    path = f"platform/apps/{merchant.app_id}"
    await merchant.admin("POST", f"platform/apps/{one.app_id}", {"iot_enabled": True})
    await one.built("1.0.0")
    await merchant.admin("POST", path, {"messages_url": receiver.url})
    await merchant.admin("POST", "platform/timing", {"audit_s": 1, "audit": "passed"})
    await one.applied("1.0.0")
    process.kill()
    merchant.base = start(tmp_path).base
    await until(lambda: bool(receiver.seen))
    told = fields_of(receiver.seen[0][1])
    assert told["msg_method"] == "alipay.open.mini.version.audit.passed"
    assert await one.status("1.0.0") == "WAIT_RELEASE"
    assert (await merchant.admin("GET", "platform/timing"))["audit_s"] == 1


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("GET", "platform/apps/1", None, 404),
        ("GET", "platform/nothing", None, 404),
        ("POST", "platform/apps/abc", {}, 400),
        ("POST", "platform/apps/77", {"facetoface": "yes"}, 400),
        ("POST", "platform/apps/77", {"messages_url": "ftp://x"}, 400),
        ("POST", "platform/reviews", {"app_id": "1", "app_version": "1.0.0"}, 404),
        ("POST", "platform/timing", {"build_s": -1}, 400),
        ("POST", "platform/timing", {"audit": "maybe"}, 400),
        ("POST", "platform/clock", {"forward_s": "1"}, 400),
        ("POST", "platform/authorise", {"isv_app_id": "1"}, 404),
        ("GET", "platform/templates", None, 404),
        ("POST", "platform/agents", {"batch_no": "1"}, 404),
        ("POST", "buyers/pay", {"qr_code": "https://qr.alipay.com/none"}, 400),
        ("POST", "buyers/auth_code", {"app_id": "1"}, 404),
    ],
)
async def test_wrong_calls(
    merchant: Merchant, verb: str, path: str, body: Any, status: int
) -> None:
    assert "error" in await merchant.admin(verb, path, body, status=status)
