"""An ISV acts for a merchant: codes, tokens, their end; and who a buyer is."""

from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.sandbox_alipay.conftest import Process, Receiver
from tests.unit.sandbox_alipay.merchant import Merchant, new_no
from tests.unit.sandbox_alipay.notify.test_notify import fields_of, is_genuine
from tests.unit.sandbox_kit.waiting import until

pytestmark = pytest.mark.asyncio

TOKEN = "alipay.open.auth.token.app"
BUYER = "alipay.system.oauth.token"


async def authorised(isv: Merchant, **more: object) -> dict[str, str]:
    """A merchant's authorisation, exchanged for a token."""
    issued = await isv.admin("POST", "platform/authorise", {"isv_app_id": isv.app_id, **more})
    code = {"grant_type": "authorization_code", "code": issued["app_auth_code"]}
    node = await isv.call(TOKEN, code)
    assert node["code"] == "10000", node
    assert node["tokens"][0]["app_auth_token"] == node["app_auth_token"]
    again = await isv.call(TOKEN, code)
    assert again["sub_code"] == "AUTH_CODE_NOT_VALID"
    return node


async def test_money_of_the_merchant(merchant: Merchant, receiver: Receiver) -> None:
    """The ISV signs, the merchant is paid, and notices name both."""
    token = await authorised(merchant)
    assert len(token["app_auth_token"]) == 40
    merchant.extra = {"app_auth_token": token["app_auth_token"]}
    no = new_no()
    await merchant.pay(no, notify_url=receiver.url)
    await until(lambda: bool(receiver.seen))
    fields = fields_of(receiver.seen[0][1])
    assert is_genuine(merchant, receiver.seen[0][1])
    assert (fields["app_id"], fields["auth_app_id"]) == (merchant.app_id, token["auth_app_id"])
    assert fields["seller_id"] == token["user_id"] != merchant.seller_id
    assert (await merchant.query(no))["trade_status"] == "TRADE_SUCCESS"
    trade = await merchant.admin("GET", f"trades/{no}?app_id={token['auth_app_id']}")
    assert (trade["isv_app_id"], len(trade["notifies"])) == (merchant.app_id, 1)
    assert (await merchant.refund(no, "0.01", "R1"))["fund_change"] == "Y"
    merchant.extra = {}
    assert (await merchant.query(no))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    await merchant.admin("POST", f"platform/apps/{token['auth_app_id']}", {"facetoface": False})
    merchant.extra = {"app_auth_token": token["app_auth_token"]}
    assert (await merchant.pay(new_no()))["sub_code"] == "aop.no-product-reg-by-partner"


async def test_tokens_that_do_not_fit(merchant: Merchant, key: rsa.RSAPrivateKey) -> None:
    other = Merchant(merchant.http, merchant.base, key)
    await other.register()
    token = await authorised(merchant, methods=["alipay.trade.query"])
    other.extra = merchant.extra = {"app_auth_token": token["app_auth_token"]}
    stolen = await other.query(new_no())
    assert (stolen["code"], stolen["sub_code"]) == ("20001", "aop.invalid-app-auth-token")
    assert (await merchant.query(new_no()))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert (await merchant.pay(new_no()))["sub_code"] == "aop.invalid-app-auth-token-no-api"
    merchant.extra = {}
    path = f"platform/authorise?isv_app_id={merchant.app_id}&auth_app_id={token['auth_app_id']}"
    assert (await merchant.admin("DELETE", path))["revoked"] == 1
    merchant.extra = {"app_auth_token": token["app_auth_token"]}
    assert (await merchant.query(new_no()))["sub_code"] == "aop.invalid-app-auth-token"
    for biz, sub_code in (
        ({"grant_type": "password"}, "GRANT_TYPE_INVALID"),
        ({"grant_type": "authorization_code", "code": "x"}, "AUTH_CODE_NOT_EXIST"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "REFRESH_TOKEN_NOT_EXIST"),
    ):
        merchant.extra = {}
        assert (await merchant.call(TOKEN, biz))["sub_code"] == sub_code


async def test_tokens_age(
    start: Callable[[Path], Process],
    http: aiohttp.ClientSession,
    key: rsa.RSAPrivateKey,
    tmp_path: Path,
) -> None:
    """On the scaled clock; a refresh gives a new pair, and both survive a kill."""
    process = start(tmp_path)
    isv = Merchant(http, process.base, key)
    await isv.register()
    token = await authorised(isv, auth_app_id="2021000000000009")
    process.kill()
    isv.base = start(tmp_path).base
    asked = {"app_auth_token": token["app_auth_token"]}
    query = await isv.call("alipay.open.auth.token.app.query", asked)
    assert (query["status"], query["auth_app_id"]) == ("valid", "2021000000000009")
    await isv.admin("POST", "platform/clock", {"forward_s": 366 * 86_400})
    assert (await isv.call("alipay.open.auth.token.app.query", asked))["status"] == "invalid"
    isv.extra = asked
    assert (await isv.query(new_no()))["sub_code"] == "aop.app-auth-token-time-out"
    isv.extra = {}
    refresh = {"grant_type": "refresh_token", "refresh_token": token["app_refresh_token"]}
    renewed = await isv.call(TOKEN, refresh)
    assert renewed["auth_app_id"] == "2021000000000009"
    assert (await isv.call(TOKEN, refresh))["sub_code"] == "REFRESH_TOKEN_NOT_EXIST"
    isv.extra = {"app_auth_token": renewed["app_auth_token"]}
    assert (await isv.query(new_no()))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    await isv.admin("POST", "platform/clock", {"forward_s": 373 * 86_400})
    isv.extra = {}
    late = {"grant_type": "refresh_token", "refresh_token": renewed["app_refresh_token"]}
    assert (await isv.call(TOKEN, late))["sub_code"] == "REFRESH_TOKEN_TIME_OUT"


async def test_who_the_buyer_is(merchant: Merchant) -> None:
    """Fields are parameters of their own; a code counts once (parts of S126)."""
    wanted = {"app_id": merchant.app_id, "buyer_id": "2088000000000077"}
    code = (await merchant.admin("POST", "buyers/auth_code", wanted))["auth_code"]
    fields = {"grant_type": "authorization_code", "code": code}
    node = await merchant.call(BUYER, {}, **fields)
    assert len(node["open_id"]) > 20
    assert "user_id" not in node
    assert (await merchant.call(BUYER, {}, **fields))["sub_code"] == "isv.code-invalid"
    again = {"grant_type": "refresh_token", "refresh_token": node["refresh_token"]}
    assert (await merchant.call(BUYER, {}, **again))["open_id"] == node["open_id"]
    assert (await merchant.call(BUYER, {}, **again))["sub_code"] == "isv.refresh-token-invalid"
    assert (await merchant.call(BUYER, {}))["sub_code"] == "isv.grant-type-invalid"
