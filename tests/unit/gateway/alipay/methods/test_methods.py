"""The method table: one row each, strings only out, one attempt, a closed list of refusals, and
how an answer is tied to its question (issue 5 item 3)."""

import base64
import itertools
import json
from email import policy
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import ValidationError

from gateway.alipay.methods.row import CallResult, judge
from gateway.alipay.methods.table import METHODS
from gateway.alipay.protocol.canonical import request_content
from gateway.alipay.protocol.envelope import AlipayResponse
from gateway.alipay.protocol.rsa2 import verify
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import answer_body
from tests.unit.gateway.test_egress import ORDER, answers, call, sent

SALE: dict[str, Any] = {"out_trade_no": ORDER, "total_fen": 1207, "subject": "咖啡"}
VERSION = {"app_version": "1.0.2", "bundle_id": "com.alipay.iot.xpaas"}
DEVICE = {"device_id_type": "SN", "supplier_id": "201901", "device_sn": "QCF4TEST0001"}
APP = "2021000000000007"
BY_VERSION = (
    "version.build.query", "version.detail.query", "version.audit.cancel",
    "version.audited.cancel", "version.gray.cancel", "version.online", "version.offline",
    "version.rollback", "version.delete", "experience.create", "experience.query",
    "experience.cancel",
)  # fmt: skip
CALLS: dict[str, dict[str, Any]] = {
    "alipay.trade.pay": {**SALE, "scene": "code", "auth_code": "283012345678901234"},
    "alipay.trade.precreate": SALE,
    "alipay.trade.create": {**SALE, "buyer_open_id": "074a1CcTG1"},
    "alipay.trade.query": {"out_trade_no": ORDER},
    "alipay.trade.cancel": {"out_trade_no": ORDER},
    "alipay.trade.close": {"out_trade_no": ORDER},
    "alipay.trade.refund": {"out_trade_no": ORDER, "out_request_no": "R1", "refund_fen": 1},
    "alipay.trade.fastpay.refund.query": {"out_trade_no": ORDER, "out_request_no": "R1"},
    "alipay.data.dataservice.bill.downloadurl.query": {
        "bill_type": "trade", "bill_date": "2026-11-22"},
    "alipay.system.oauth.token": {"code": "4b203fe6c11548bcabd8da5bb087a83b"},
    "alipay.open.auth.token.app": {"grant_type": "authorization_code", "code": "C1"},
    "alipay.open.auth.token.app.query": {"app_auth_token": "202611BB"},
    "alipay.open.app.members.create": {"logon_id": "dev@tea.test", "role": "EXPERIENCER"},
    "alipay.open.app.members.delete": {"logon_id": "dev@tea.test", "role": "EXPERIENCER"},
    "alipay.open.app.members.query": {"role": "EXPERIENCER"},
    **{f"alipay.open.mini.{name}": VERSION for name in BY_VERSION},
    "alipay.open.mini.version.upload": {
        **VERSION, "template_id": APP, "ext": '{"extEnable":true,"ext":{"m":"1"}}'},
    "alipay.open.mini.version.list.query": {},
    "alipay.open.mini.version.audit.apply": {**VERSION, "version_desc": "刷脸收银台" * 6},
    "alipay.open.mini.version.gray.online": {**VERSION, "gray_strategy": "p30"},
    "alipay.open.mini.templatelist.query": {},
    "alipay.open.mini.template.usage.query": {"template_id": APP},
    "alipay.open.mini.safedomain.create": {"safe_domain": "api.tea.test"},
    "alipay.open.mini.safedomain.delete": {"safe_domain": "api.tea.test"},
    "alipay.open.mini.baseinfo.query": {},
    "alipay.open.mini.baseinfo.modify": {"app_name": "豆娘茶舍"},
    "alipay.open.mini.baseinfo.name.check": {"app_name": "豆娘茶舍"},
    "alipay.merchant.iot.device.bind": {**DEVICE, "pid": "2088000000000001"},
    "alipay.merchant.iot.device.query": DEVICE,
    "alipay.merchant.iot.device.verify": DEVICE,
    "alipay.open.iot.device.bind": {**DEVICE, "merchant_id": "2088", "mini_app_id": APP},
    "alipay.open.iot.device.unbind": {**DEVICE, "merchant_id": "2088", "mini_app_id": APP},
    "alipay.open.iot.device.query": DEVICE,
    "alipay.commerce.iot.device.bind": {**DEVICE, "application_id": APP},
    "alipay.commerce.iot.device.unbind": {**DEVICE, "application_id": APP},
    "alipay.commerce.iot.device.bind.query": {"device_id_type": "ID", "biz_tid": "B1"},
    "alipay.commerce.iot.device.baseinfo.query": {"supplier_id": "1", "sn": "2"},
    "alipay.commerce.iot.mdeviceprod.device.query": {"device_sn": "QCF4TEST0001"},
    "alipay.commerce.iot.mdeviceprod.device.bind": {
        "supplier_id": "1", "device_sn": "2", "principal": [{"id": "2088", "type": "PID"}]},
    "alipay.commerce.iot.mdeviceprod.device.unbind": {"supplier_id": "1", "device_sn": "2"},
    "alipay.commerce.iot.device.upgradeapp.create": {
        "sn": ["QCF4TEST0001"], "target_app_id": APP, "target_app_version": "1.0.2"},
}  # fmt: skip
MONEY = ("pay", "precreate", "create", "cancel", "close", "refund")


def judged(method: str, node: dict[str, Any], asked: dict[str, Any] | None = None) -> CallResult:
    row = METHODS[method]
    answer = AlipayResponse(
        reason="ok", code=node.get("code", ""), sub_code=node.get("sub_code", ""), members=node
    )
    return judge(row, answer, row.params.model_validate(CALLS[method] if asked is None else asked))


def strings_only(value: Any) -> bool:
    if isinstance(value, dict):
        return all(strings_only(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(strings_only(inner) for inner in value)
    return isinstance(value, str) and value != ""


def test_every_row_is_called_here() -> None:
    assert set(CALLS) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_only_strings_that_say_something_go_out(method: str) -> None:
    """sdk-compat §1b: every other type is written differently by every client."""
    content = METHODS[method].params.model_validate(CALLS[method]).biz_content()
    assert strings_only(content)
    assert "total_fen" not in content


@pytest.mark.parametrize("method", METHODS)
def test_rows_are_strict(method: str) -> None:
    model = METHODS[method].params
    for changed in ({"surprise": "1"}, {"notify_url": "https://evil.test"}):
        with pytest.raises(ValidationError):
            model.model_validate({**CALLS[method], **changed})
    for name, value in CALLS[method].items():
        for odd in (7.5, None if name in model.model_fields else 0, "", {"a": 1}):
            if odd is None and not model.model_fields[name].is_required():
                continue
            with pytest.raises(ValidationError):
                model.model_validate({**CALLS[method], name: odd})
        assert value is not None


@pytest.mark.parametrize("method", METHODS)
def test_what_the_list_does_not_hold_is_unknown(method: str) -> None:
    """F14 for every row: a new or missing sub_code never means failed."""
    for sub_code in ("", "ACQ.SYSTEM_ERROR", "SYSTEM_ERROR", "SOMETHING_NEW", "isv.something-new"):
        node = {"code": "40004", "sub_code": sub_code, "out_trade_no": ORDER}
        assert judged(method, node) == CallResult("unknown", reason="sub_code")
    for code in ("20000", "40005", "10003", "99999"):
        if code == "10003" and method == "alipay.trade.pay":
            continue
        assert judged(method, {"code": code, "out_trade_no": ORDER}).outcome == "unknown"


@pytest.mark.parametrize("method", METHODS)
def test_every_listed_refusal_is_one(method: str) -> None:
    row = METHODS[method]
    for sub_code, outcome in itertools.chain(
        ((word, "refused") for word in row.refusals - row.missing),
        ((word, "not_found") for word in row.missing),
    ):
        node = {"code": "40004", "sub_code": sub_code, "out_trade_no": ORDER}
        assert judged(method, node).outcome == outcome
    assert not {word for word in row.refusals if "SYSTEM_ERROR" in word or "UNKNOW" in word}


def test_what_moves_money_is_tied_to_its_order_and_never_free_to_repeat() -> None:
    for name in MONEY:
        row = METHODS[f"alipay.trade.{name}"]
        assert row.echoes == ("out_trade_no",)
        assert row.retry != "free"
        assert row.is_payment == (name in ("pay", "precreate", "create"))
    assert {row.name for row in METHODS.values() if row.may_be_in_process} == {"alipay.trade.pay"}
    assert METHODS["alipay.trade.pay"].retry == "never"
    assert all(1 <= row.timeout_s <= 15 for row in METHODS.values())


def test_precreate_create_close() -> None:
    base = {"code": "10000", "out_trade_no": ORDER}
    qr = judged("alipay.trade.precreate", {**base, "qr_code": "https://qr.alipay.com/bax1"})
    assert (qr.outcome, qr.data["qr_code"]) == ("success", "https://qr.alipay.com/bax1")
    for method in ("alipay.trade.create", "alipay.trade.close"):
        assert judged(method, {**base, "trade_no": "2026"}).data["trade_no"] == "2026"
        assert judged(method, base).reason == "incomplete"
    assert judged("alipay.trade.precreate", base).reason == "incomplete"
    for method in ("alipay.trade.precreate", "alipay.trade.create", "alipay.trade.close"):
        assert judged(method, {**base, "out_trade_no": "X"}).reason == "other_order"


@pytest.mark.parametrize(
    "changed",
    [
        {"buyer_open_id": ...}, {"buyer_id": "2088000000000002"}, {"buyer_id": "12"},
        {"product_code": "JSAPI_PAY"}, {"product_code": "QR_CODE_OFFLINE"},
    ],
)  # fmt: skip
def test_create_is_for_one_buyer(changed: dict[str, Any]) -> None:
    asked = {**CALLS["alipay.trade.create"], **changed}
    with pytest.raises(ValidationError):
        METHODS["alipay.trade.create"].params.model_validate(
            {name: value for name, value in asked.items() if value is not ...}
        )


def test_a_buyers_code_becomes_an_id_and_no_token_is_told() -> None:
    """The one success without a code; a bad code is a refusal, under the gateway's own code."""
    method = "alipay.system.oauth.token"
    told = judged(
        method, {"user_id": "2088000000000002", "access_token": "secret", "expires_in": 1}
    )
    assert told == CallResult("success", {"user_id": "2088000000000002", "open_id": None})
    assert judged(method, {"access_token": "secret"}).reason == "incomplete"
    assert judged(method, {"code": "40002", "sub_code": "isv.code-invalid"}).outcome == "refused"
    assert judged(method, {"code": "40002", "sub_code": "isv.invalid-app-id"}).outcome == (
        "config_error"
    )
    row = METHODS[method]
    unsigned = AlipayResponse("no_sign", code="40002", sub_code="isv.code-invalid")
    asked = row.params.model_validate(CALLS[method])
    assert judge(row, unsigned, asked).outcome == "config_error", "unsigned, so not believed"


def test_a_grant_is_read_from_either_place() -> None:
    method = "alipay.open.auth.token.app"
    grant = {"app_auth_token": "T", "app_refresh_token": "R", "auth_app_id": APP, "expires_in": 9}
    for node in ({**grant, "tokens": [grant]}, {"tokens": [grant]}):
        data = judged(method, {"code": "10000", **node}).data
        assert (data["app_auth_token"], data["expires_in"]) == ("T", "9")
    for odd in ({}, {"tokens": []}, {"tokens": [grant, grant]}, {"tokens": ["x"]}):
        assert judged(method, {"code": "10000", **odd}).outcome == "unknown"
    model = METHODS[method].params
    by_code = {"grant_type": "authorization_code"}
    by_refresh = {"grant_type": "refresh_token"}
    for wrong in (
        {**by_refresh, "code": "C"}, by_refresh, {**by_code, "code": "C", "refresh_token": "R"},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            model.model_validate(wrong)


def test_versions_are_told_in_types() -> None:
    build = judged("alipay.open.mini.version.upload", {"code": "10000", "create_status": 1,
                   "need_rotation": True, "version_created": "false"})  # fmt: skip
    assert build.data["create_status"] == "1"
    assert (build.data["need_rotation"], build.data["version_created"]) == ("true", "false")
    infos = [{"app_version": "1.0.2", "version_status": "AUDITING", "new_member": 1}]
    listed = judged("alipay.open.mini.version.list.query",
                    {"code": "10000", "app_version_infos": infos})  # fmt: skip
    assert listed.data["app_version_infos"][0]["version_status"] == "AUDITING"
    odd = {"code": "10000", "app_version_infos": "none"}
    assert judged("alipay.open.mini.version.list.query", odd).reason == "shape"


@pytest.mark.parametrize(
    ("method", "changed"),
    [
        ("alipay.open.mini.version.gray.online", {"gray_strategy": "p20"}),
        ("alipay.open.mini.version.upload", {"app_version": "1.0"}),
        ("alipay.open.mini.safedomain.create", {"safe_domain": "https://api.tea.test"}),
        ("alipay.open.mini.safedomain.create", {"safe_domain": "127.0.0.1"}),
        ("alipay.open.mini.version.audit.apply", {"version_desc": "too short"}),
        ("alipay.commerce.iot.device.upgradeapp.create", {"sn": []}),
        ("alipay.commerce.iot.device.bind", {"device_id_type": "ID"}),
        ("alipay.merchant.iot.device.query", {"device_sn": "a b"}),
        ("alipay.data.dataservice.bill.downloadurl.query", {"bill_date": "2026-13-01"}),
    ],
)
def test_parameters_the_platform_would_refuse(method: str, changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        METHODS[method].params.model_validate({**CALLS[method], **changed})


@pytest.mark.asyncio
async def test_flat_parameters_stand_beside_biz_content(town: Town, alipay_keys: RsaPair) -> None:
    method = "alipay.system.oauth.token"
    answers(town, answer_body(method, {"user_id": "2088000000000002"}, alipay_keys.private))
    assert (await call(town, CALLS[method], method=method)).json()["outcome"] == "success"
    params = sent(town.alipay.seen[0])
    assert (params["grant_type"], params["code"]) == (
        "authorization_code", CALLS[method]["code"],
    )  # fmt: skip
    assert "biz_content" not in params
    assert CALLS[method]["code"] not in town.alipay.seen[0].target, "a code is a secret in a log"


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300


@pytest.mark.asyncio
async def test_pictures_travel_beside_the_signed_texts(
    town: Town, app_keys: RsaPair, alipay_keys: RsaPair
) -> None:
    """Protocol §1.2 rule 1: files are left out of the signature, everything else is in it."""
    method = "alipay.open.mini.version.audit.apply"
    answers(town, answer_body(method, {"code": "10000"}, alipay_keys.private))
    logo = {"file_name": "logo.png", "content_b64": base64.b64encode(PNG).decode()}
    asked = {**CALLS[method], "memo": "设备：F4 & Plus", "app_logo": logo}
    assert (await call(town, asked, method=method)).json()["outcome"] == "success"
    seen = town.alipay.seen[0]
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    parts = list(BytesParser(policy=policy.HTTP).parsebytes(head + seen.body).iter_parts())
    named = {part.get_param("name", header="content-disposition"): part for part in parts}
    assert named["app_logo"].get_payload(decode=True) == PNG
    assert named["app_logo"].get_filename() == "logo.png"
    texts = {
        str(name): part.get_payload(decode=True).decode()
        for name, part in named.items()
        if part.get_filename() is None
    }
    assert texts["memo"] == "设备：F4 & Plus"
    query = dict(parse_qsl(seen.target.partition("?")[2]))
    signed = request_content({**query, **texts})
    assert verify(signed.encode(), query["sign"], app_keys.public)


@pytest.mark.parametrize(
    "odd",
    [
        {"file_name": "../x.png"}, {"file_name": 'a".png'}, {"content_b64": "???"},
        {"content_b64": base64.b64encode(b"<svg>").decode()}, {"file_name": "x.exe"},
    ],
)  # fmt: skip
def test_only_pictures_are_pictures(odd: dict[str, str]) -> None:
    good = {"file_name": "logo.png", "content_b64": base64.b64encode(PNG).decode()}
    params = METHODS["alipay.open.mini.baseinfo.modify"].params
    assert params.model_validate({"app_logo": good}).biz_content() == {}
    for wrong in ({"app_logo": {**good, **odd}}, {}):
        with pytest.raises(ValidationError):
            params.model_validate(wrong)


@pytest.mark.asyncio
@pytest.mark.parametrize("method", METHODS)
async def test_every_method_is_asked_for_once(
    town: Town, alipay_keys: RsaPair, method: str
) -> None:
    """One attempt whatever comes back, by the same door."""
    answers(town, answer_body(method, {"code": "20000", "msg": "x"}, alipay_keys.private))
    told = (await call(town, CALLS[method], method=method)).json()
    assert (told["outcome"], told["data"]["retry"]) == ("unknown", METHODS[method].retry)
    assert len(town.alipay.seen) == 1
    params = sent(town.alipay.seen[0])
    assert params["method"] == method
    assert strings_only(json.loads(params.get("biz_content", '{"a":"b"}')))
