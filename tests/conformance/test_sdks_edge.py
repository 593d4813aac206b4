"""The whole platform between the SDKs: what it sends verifies by each of them, and a notice signed
by any of them settles a payment over HTTP."""

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.conformance.sdk_drivers import NAMES, Drivers
from tests.conformance.test_sdks_notify import content_of, signed_by
from tests.e2e.world import World, bar_code
from tests.fixtures.console import Console, Enrolled
from tests.fixtures.keys import RsaPair
from tests.fixtures.postgres import in_thread
from tests.fixtures.processes import Stack

pytestmark = [pytest.mark.sdks, pytest.mark.asyncio]
FORM = "application/x-www-form-urlencoded; text/html; charset=utf-8"
BEIJING = timezone(timedelta(hours=8))


@pytest.fixture(scope="module")
def settled(stack: Stack) -> tuple[Enrolled, dict[str, str]]:
    """One device and one owner session for all: logging in costs an argon2 hash."""

    async def settle() -> tuple[Enrolled, dict[str, str]]:
        demo = stack.info["demo"]
        owner = demo["owner"]
        async with Console(stack.public, owner["login"], owner["password"]) as console:
            device = await console.enrol(demo["store_id"], f"SDK{secrets.token_hex(4)}")
            return device, console.headers

    found: tuple[Enrolled, dict[str, str]] = in_thread(lambda: asyncio.run(settle()))
    return found


@pytest_asyncio.fixture
async def world(stack: Stack, settled: tuple[Enrolled, dict[str, str]]) -> AsyncIterator[World]:
    device, headers = settled
    async with Console(stack.public, headers=headers) as owner:
        made = World(stack, device, owner)
        yield made
        await made.close()


@dataclass(frozen=True)
class Registered:
    """What the sandbox keeps about our app, read in its own ledger: no door shows its keys."""

    app_public_key: str
    alipay: RsaPair


@pytest.fixture(scope="module")
def registered(stack: Stack) -> Registered:
    folder = stack.run_dir / "sandbox-alipay"
    (ledger,) = [path for path in folder.iterdir() if path.suffix in {".db", ".sqlite"}]
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        public_key, pem = connection.execute(
            "SELECT public_key, alipay_private_key FROM apps WHERE app_id = ?",
            (stack.info["demo"]["app_id"],),
        ).fetchone()
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return Registered(public_key, RsaPair(key))


def _wire_fields(request: dict[str, Any]) -> dict[str, str]:
    """Query and body as they came over the wire, not as the sandbox understood them."""
    pairs = [
        *parse_qsl(request["raw_query"], keep_blank_values=True, strict_parsing=True),
        *parse_qsl(request["raw_body"], keep_blank_values=True, strict_parsing=True),
    ]
    assert len(dict(pairs)) == len(pairs), "no name is sent twice"
    return dict(pairs)


async def _every_kind_of_request(world: World) -> None:
    """A face, a code, a query, a refund and its query, a cancel."""
    await world.pay(1_01)
    paid = await world.pay(1_02, auth_code=bar_code(), subject="咖啡 + 100% 可可 😀")
    await world.owner.step_up(world.stack.info["demo"]["owner"]["password"])
    answer = await world.owner.post(
        f"/payments/{paid['payment_id']}/refunds",
        {"refund_request_id": secrets.token_hex(8), "amount_fen": 1, "reason": "退货 & 换货"},
    )
    assert answer.status_code < 300, answer.text
    async with world.fault("in_process", times=1, args={"ms": 60_000}):
        pending = await world.pay(1_03)
    answer = await world.call(
        "POST", f"/api/device/v1/payments/{pending['pay_request_id']}/cancel", {}
    )
    assert answer.status_code == 200, answer.text
    await world.final(pending["pay_request_id"])


async def test_our_requests_verify_by_every_sdk(
    world: World, drivers: Drivers, registered: Registered, other_keys: RsaPair
) -> None:
    await _every_kind_of_request(world)
    found = (await world.admin.get("/requests", params={"app_id": world.app_id})).json()["requests"]
    sent = [_wire_fields(request) for request in found]
    assert {fields["method"] for fields in sent} >= {
        "alipay.trade.pay", "alipay.trade.query", "alipay.trade.refund", "alipay.trade.cancel",
    }  # fmt: skip
    assert not [fields for fields in sent if "" in fields.values()], "nothing empty is sent"
    good, bad = [], []
    for fields in sent:
        bare = {name: value for name, value in fields.items() if name != "sign"}
        item = {"do": "verify_request", "params": fields, "content": content_of(bare)}
        good.append({**item, "public_key": registered.app_public_key})
        bad.append({**item, "public_key": other_keys.public_b64})
        late = {**fields, "timestamp": "2020-01-01 00:00:00"}
        changed = content_of({**bare, "timestamp": "2020-01-01 00:00:00"})
        bad.append(
            {**item, "params": late, "content": changed, "public_key": registered.app_public_key}
        )
    told = await asyncio.to_thread(drivers.everybody, dict.fromkeys(NAMES, good + bad))
    for sdk in NAMES:
        valid = [answer.get("valid", False) for answer in told[sdk]]
        assert valid == [True] * len(good) + [False] * len(bad), sdk


async def _pending(world: World, amount_fen: int) -> tuple[dict[str, Any], dict[str, str]]:
    """A payment whose buyer confirms: at Alipay it is paid, here nobody has said so yet."""
    async with (
        world.fault("notify_never", method=None),
        world.fault("in_process", times=1, args={"ms": 0}),
    ):
        pending = await world.pay(amount_fen)
    query = {"app_id": world.app_id, "method": "alipay.trade.pay"}
    found = (await world.admin.get("/requests", params=query)).json()["requests"]
    (request,) = [r for r in found if r["out_trade_no"] == pending["out_trade_no"]]
    return pending, _wire_fields(request)


@pytest.mark.parametrize("sdk", NAMES)
async def test_a_notice_signed_by_an_sdk_over_http(
    world: World, drivers: Drivers, registered: Registered, other_keys: RsaPair, sdk: str
) -> None:
    """F9, F15: answered `success` exactly when the right key signed, and the payment is paid."""
    paid, asked = await _pending(world, 2_01 + NAMES.index(sdk))
    trade = await world.trade(paid["out_trade_no"])
    assert trade is not None
    now = datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    fields = {
        "app_id": world.app_id, "auth_app_id": world.app_id, "charset": "utf-8", "version": "1.0",
        "notify_id": f"2026112600222{secrets.randbelow(10**21):021d}", "notify_time": now,
        "notify_type": "trade_status_sync", "out_trade_no": paid["out_trade_no"],
        "trade_no": trade["trade_no"], "trade_status": "TRADE_SUCCESS", "gmt_payment": now,
        "seller_id": trade["seller_id"], "subject": "咖啡 + 100% & 可可 = 😀",
        "total_amount": f"{trade['total_fen'] // 100}.{trade['total_fen'] % 100:02d}",
    }  # fmt: skip
    path = urlsplit(asked["notify_url"]).path
    answers = []
    for keys in (other_keys, registered.alipay):
        (form,) = await asyncio.to_thread(signed_by, drivers, sdk, keys, [fields], "pay")
        answer = await world.http.post(
            path, content=urlencode(form).encode(), headers={"Content-Type": FORM}
        )
        answers.append((answer.status_code, answer.text))
    assert answers[1] == (200, "success"), answers
    assert answers[0][1] != "success"
    assert (await world.final(paid["pay_request_id"]))["status"] == "paid"
