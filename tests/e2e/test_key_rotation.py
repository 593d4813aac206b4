"""F37: an app's keys are changed again and again while its devices pay.

In certificate mode Alipay keeps a replaced certificate for a while, as here: a new version counts
after its live check, the one before it goes on until then, and nobody at the counter notices. The
key that Alipay signs with is changed, too: what it says under the new one is believed once that is
bound, and what it had said under the old one still is.

In key mode Alipay knows one key of an app at a time. Between the new one's arrival there and its
live check here nothing can be signed: a sale waits for a moment, and is refused by name, charged to
nobody, when that takes longer.
"""

import asyncio
import secrets
import sys
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.test_notify import FORM
from tests.e2e.test_tenants import _second
from tests.e2e.world import PAYMENTS, World, eventually, payment_body
from tests.fixtures.console import Console, Enrolled
from tests.fixtures.keys import RsaPair, new_rsa_pair

pytestmark = pytest.mark.asyncio
ROTATIONS, DEVICES = {"cert": 10, "key": 5}, 8
SALES_BETWEEN = 8
ALIPAYS = {
    "cert": {"app_cert": "app_cert", "alipay_cert": "alipay_cert", "alipay_root_cert": "root_cert"},
    "key": {"alipay_public_key": "alipay_public_key"},
}
"""What Alipay gives for each mode, by what we call it."""


class Merchant:
    """A merchant with one app."""

    def __init__(self, world: World, owner: Console, mode: str) -> None:
        self._world, self._owner, self.mode = world, owner, mode
        self.app_id = ""
        self.version = 0
        self.changes = 0
        """odd: from before a rotation until sales are signed with what it brought"""

    async def rotate(self, pair: RsaPair, *, is_alipays_too: bool = False) -> None:
        """A new pair; its public half, or in certificate mode a certificate for it, is Alipay's to
        know; then it is bound here."""
        wanted: dict[str, Any] = {"public_key": pair.public_b64, "mode": self.mode}
        wanted |= {"app_id": self.app_id} if self.app_id else {}
        registered = await self._world.admin.post("/apps", json=wanted)
        assert registered.status_code == 200, registered.text
        app = registered.json()
        self.app_id = app["app_id"]
        if is_alipays_too:
            app = (await self._world.admin.post(f"/apps/{self.app_id}/rotate")).json()
        body = {name: app[theirs] for name, theirs in ALIPAYS[self.mode].items()}
        answer = await self._owner.put("/apps", body | {
            "app_id": self.app_id, "seller_id": app["seller_id"], "version": self.version,
            "app_private_key": pair.private_b64,
        })  # fmt: skip
        assert answer.status_code == 200, answer.text
        self.version = answer.json()["version"]

    async def until_signing(self, number: int) -> None:
        """Until a sale was signed with that version: the egress has heard of it."""
        query = (
            "SELECT 1 FROM payments WHERE app_id = $1 AND key_version = $2 AND state = 'SUCCESS'"
        )

        async def there() -> bool:
            return bool(await self._world.rows("payment", query, self.app_id, number))

        await eventually(there, limit_s=30.0)

    async def in_use(self) -> int:
        """The newest key version that counts; those that wait for their check do not."""
        shown = (await self._owner.get(f"/apps/{self.app_id}")).json()
        is_used = shown["live_check"]["state"] == "verified"
        return int(shown["key"]["key_version"]) if is_used else 0

    async def until_used(self, number: int) -> None:
        async def there() -> bool:
            return await self.in_use() == number

        await eventually(there, limit_s=30.0)


class Till:
    """A device that sells without a pause."""

    def __init__(
        self, world: World, merchant: Merchant, device: Enrolled, sold: list[dict[str, Any]]
    ) -> None:
        self._world, self._merchant, self._device, self._sold = world, merchant, device, sold
        self.pending: list[str] = []
        self.undisturbed: list[str] = []
        """sales that no rotation met"""

    async def run(self, over: asyncio.Event) -> None:
        while not over.is_set():
            changes = self._merchant.changes
            answer = await self._world.call("POST", PAYMENTS, payment_body(1), device=self._device)
            assert answer.status_code == 200, answer.text
            one = answer.json()
            self._sold.append(one)
            if changes % 2 == 0 and changes == self._merchant.changes:
                self.undisturbed.append(one["pay_request_id"])
            if one["status"] == "pending":
                self.pending.append(one["pay_request_id"])

    async def final(self, pay_request_id: str) -> dict[str, Any]:
        async def there() -> dict[str, Any] | None:
            answer = await self._world.call(
                "GET", f"{PAYMENTS}/{pay_request_id}", device=self._device
            )
            found: dict[str, Any] = answer.json()
            return found if found["status"] != "pending" else None

        return await eventually(there, limit_s=60.0)


async def _sent(world: World, app_id: str, out_trade_no: str) -> dict[str, Any]:
    """A genuine notice of that sale, signed now: how it was sent, and what we answered."""
    answer = await world.admin.post(
        f"/notify/{out_trade_no}", params={"app_id": app_id}, json={"times": 1}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["sent"][0]
    return found


async def _believed(world: World, app_id: str, sale: dict[str, Any]) -> bool:
    """Whether the edge, which hears of new keys by an event, believes what is signed now."""
    return bool((await _sent(world, app_id, sale["out_trade_no"]))["acknowledged"])


async def _again(world: World, notice: dict[str, Any]) -> str:
    """The very same bytes once more: Alipay's repeat of what it had signed before."""
    answer = await world.http.post(
        urlsplit(notice["url"]).path, content=notice["body"].encode(),
        headers={"Content-Type": FORM},
    )  # fmt: skip
    return answer.text


async def _tills(
    world: World,
    merchant: Merchant,
    owner: Console,
    at: tuple[str, Enrolled],
    sold: list[dict[str, Any]],
) -> list[Till]:
    """As many devices as shall pay; the first has sold already, so payment knows the app."""

    store_id, first = at

    async def sells() -> bool:
        answer = await world.call("POST", PAYMENTS, payment_body(1), device=first)
        if answer.status_code == 200:
            sold.append(answer.json())
        return answer.status_code == 200

    await eventually(sells)
    more = [await owner.enrol(store_id, f"ROT{secrets.token_hex(4)}") for _ in range(DEVICES - 1)]
    return [Till(world, merchant, device, sold) for device in (first, *more)]


async def _rotate_on(world: World, merchant: Merchant, sold: list[dict[str, Any]]) -> None:
    """New keys, in certificate mode every third time a new one of Alipay's, too; between them
    sales are made, and a notice from before each is repeated after it."""
    for number in range(2, ROTATIONS[merchant.mode] + 2):
        goal = len(sold) + SALES_BETWEEN

        async def enough(goal: int = goal) -> bool:
            return len(sold) >= goal

        await eventually(enough, limit_s=30.0)
        paid = next(one for one in reversed(sold) if one["status"] == "paid")
        before = await _sent(world, merchant.app_id, paid["out_trade_no"])
        assert before["acknowledged"], before
        merchant.changes += 1
        is_alipays_too = merchant.mode == "cert" and number % 3 == 0
        await merchant.rotate(new_rsa_pair(), is_alipays_too=is_alipays_too)
        await merchant.until_used(number)
        if merchant.mode == "key":
            await merchant.until_signing(number)
        merchant.changes += 1
        assert await _again(world, before) == "success", number
        await eventually(lambda sale=paid: _believed(world, merchant.app_id, sale))


@pytest.mark.parametrize("mode", ALIPAYS)
async def test_keys_are_rotated_while_devices_pay(world: World, mode: str) -> None:
    """None stays unknown, and whoever paid is charged once. No sale fails, but in key mode for one
    that met a rotation: then it says why. Notices signed before and after each are believed."""
    sold: list[dict[str, Any]] = []
    async with _second(world) as (owner, store_id, first):
        merchant, over = Merchant(world, owner, mode), asyncio.Event()
        await merchant.rotate(new_rsa_pair())
        await merchant.until_used(1)
        tills = await _tills(world, merchant, owner, (store_id, first), sold)
        selling = [asyncio.ensure_future(till.run(over)) for till in tills]
        try:
            await _rotate_on(world, merchant, sold)
        finally:
            over.set()
            ended = await asyncio.gather(*selling, return_exceptions=True)
        assert ended == [None] * DEVICES
        finals = [one for one in sold if one["status"] != "pending"]
        for till in tills:
            finals += [await till.final(name) for name in till.pending]
    refused = [one for one in finals if one["status"] != "paid"]
    undisturbed = {name for till in tills for name in till.undisturbed}
    told = {(one["status"], (one.get("reason") or {}).get("code")) for one in refused}
    sys.stdout.write(f"F37 {mode}: {Counter(one['status'] for one in finals)}\n")
    assert len(finals) == len(sold)
    assert told <= ({("failed", "payment.channel_config")} if mode == "key" else set()), refused[:3]
    assert not undisturbed & {one["pay_request_id"] for one in refused}
    assert len(undisturbed) > ROTATIONS[mode]
    await _charged_once(world, merchant, finals)


async def _charged_once(world: World, merchant: Merchant, finals: list[dict[str, Any]]) -> None:
    """At Alipay: whoever was told paid, and nobody else; by many versions of the keys. Where no
    sale had to wait for a key each was asked for once."""
    trades = (await world.admin.get("/trades", params={"app_id": merchant.app_id})).json()
    captured = {
        trade["out_trade_no"]: trade["requests"]["alipay.trade.pay"]
        for trade in trades["trades"]
        if trade["status"] == "TRADE_SUCCESS"
    }
    assert captured.keys() == {one["out_trade_no"] for one in finals if one["status"] == "paid"}
    assert merchant.mode == "key" or set(captured.values()) == {1}
    used = await world.rows(
        "payment",
        "SELECT DISTINCT key_version FROM payments WHERE app_id = $1 AND key_version IS NOT NULL",
        merchant.app_id,
    )
    assert len(used) > ROTATIONS[merchant.mode] / 2, "sales were made between the rotations"
