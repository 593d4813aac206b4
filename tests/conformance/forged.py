"""Forged notices in bulk, over HTTP and the real chain: python -m tests.conformance.forged --help.

Starts a stack, pays, delivers each genuine notice once, then posts COUNT forgeries of every kind
and compares the books before and after. Prints a JSON summary; exit 1 when anything was believed,
changed, or answered with a 5xx.
"""

import argparse
import asyncio
import json
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from tests.conformance.mutations import Delivery, Forger, Notices
from tests.conformance.notices import AlipayKey, Sender, form, genuine
from tests.conformance.stands import arguments, paid, standing
from tests.fixtures.console import Console, Enrolled, choose_password
from tests.fixtures.keys import new_rsa_pair
from tests.fixtures.processes import Stack

WAYS = 16
TRADES = 12
QUIET_S = 1.5

BOOKS = {
    "payments": "SELECT out_trade_no, state, trade_no, paid_at, payable_fen, refunded_fen,"
    " refund_reserved_fen FROM payments WHERE out_trade_no = ANY($1) ORDER BY 1",
    "refunds": "SELECT refund_id, state FROM refunds WHERE tenant_id IN (MINE) ORDER BY 1",
    "cases": "SELECT payment_id, kind FROM payment_cases WHERE tenant_id IN (MINE) ORDER BY 1, 2",
    "notices": "SELECT tenant_id, app_id, notify_id, state, detail FROM notify_inbox"
    " WHERE tenant_id IN (MINE) ORDER BY 3",
    "events": "SELECT event_id FROM outbox WHERE tenant_id IN (MINE)"
    " AND type <> 'payment.closed.v1' ORDER BY 1",
}
MINE = "SELECT tenant_id FROM payments WHERE out_trade_no = ANY($1)"
"""Of the merchants that were made for this: others of the stack go on selling."""


@dataclass
class Tally:
    """What came of the deliveries."""

    count: int = 0
    accepted: list[str] = field(default_factory=list)
    server_errors: int = 0
    unanswered: int = 0
    acknowledged_replays: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def judge(self, delivery: Delivery, status: int, text: str) -> None:
        self.count += 1
        self.by_kind[delivery.kind] += 1
        self.server_errors += status >= 500
        if text.strip() != "success":
            return
        if delivery.is_replay:
            self.acknowledged_replays += 1
        else:
            self.accepted.append(f"{delivery.kind} {delivery.path} {delivery.body[:300]!r}")


async def post_all(public: str, forger: Forger, count: int, limit_s: float) -> Tally:
    """`count` deliveries, WAYS at a time; fewer when the time is up before."""
    tally = Tally()
    left = iter(range(count))
    started = time.perf_counter()

    async def one_way(number: int) -> None:
        sender = Sender(public, number)
        for _ in left:
            if time.perf_counter() - started > limit_s:
                break
            delivery = forger.forge()
            try:
                status, text = await sender.post(
                    delivery.path, delivery.body, delivery.content_type
                )
            except (ConnectionError, TimeoutError):
                tally.unanswered += 1
                sender.close()
                continue
            tally.judge(delivery, status, text)
        sender.close()

    async with asyncio.TaskGroup() as group:
        for number in range(WAYS):
            group.create_task(one_way(number))
    tally.seconds = time.perf_counter() - started
    return tally


@dataclass(frozen=True)
class Shop:
    """A merchant's app and till."""

    app_id: str
    device: Enrolled


async def new_shop(stack: Stack, admin: httpx.AsyncClient) -> Shop:
    """A merchant with an app of its own, made at the operator's console."""
    demo = stack.info["demo"]["operator"]
    login, password = f"{secrets.token_hex(6)}@other", secrets.token_urlsafe(18)
    async with Console(
        stack.public, demo["login"], demo["password"], audience="operator"
    ) as operator:
        made = await operator.post("/merchants", {"name": "另一商户", "login": login})
        made.raise_for_status()
    await choose_password(stack.public, made.json()["link"], password)
    pair = new_rsa_pair()
    wanted = {"public_key": pair.public_b64, "mode": "key"}
    app = (await admin.post("/apps", json=wanted)).json()
    async with Console(stack.public, login, password) as owner:
        await owner.step_up()
        store = await owner.post("/stores", {"name": "一店"})
        bound = {
            "app_id": app["app_id"], "seller_id": app["seller_id"], "enabled": True, "version": 0,
            "app_private_key": pair.private_b64, "alipay_public_key": app["alipay_public_key"],
        }  # fmt: skip
        (await owner.put("/apps", bound)).raise_for_status()
        device = await owner.enrol(store.json()["store_id"], f"OTHER{secrets.token_hex(4)}")
    return Shop(str(app["app_id"]), device)


async def material(stack: Stack, admin: httpx.AsyncClient) -> Notices:
    """Genuine notices of two merchants, each delivered once."""
    own, other = [await new_shop(stack, admin) for _ in range(2)]
    sender = Sender(stack.public, 90)
    found: dict[str, list[Any]] = {}
    for shop in (own, other):
        key = AlipayKey.of(stack, shop.app_id)
        for out_trade_no in await paid(stack.public, shop.device, TRADES):
            told = await genuine(admin, shop.app_id, out_trade_no)
            if told is None:
                continue
            signed = key.signed(told.fields)
            status, text = await sender.post(told.path, form(signed))
            assert (status, text) == (200, "success"), (status, text)
            found.setdefault(shop.app_id, []).append((told, signed))
    sender.close()
    mine = found.pop(own.app_id)
    (theirs,) = found.values()
    return Notices(mine, theirs, AlipayKey.of(stack, own.app_id), new_rsa_pair().private)


async def books(stack: Stack, numbers: list[str]) -> dict[str, list[tuple[Any, ...]]]:
    """All that a notice could change."""
    connection = await asyncpg.connect(stack.postgres("payment"))
    try:
        return {
            name: [tuple(row) for row in await connection.fetch(sql.replace("MINE", MINE), numbers)]
            for name, sql in BOOKS.items()
        }
    finally:
        await connection.close()


def changes(
    before: dict[str, list[tuple[Any, ...]]], after: dict[str, list[tuple[Any, ...]]]
) -> list[str]:
    """Rows that are new, gone or different."""
    return [
        f"{name}: {row}"
        for name in before
        for row in sorted(set(before[name]) ^ set(after[name]), key=str)
    ]


async def run(stack: Stack, count: int, seed: int, limit_s: float = 3600.0) -> dict[str, Any]:
    """The summary of `count` deliveries against a running stack."""
    async with httpx.AsyncClient(base_url=stack.admin, timeout=20) as admin:
        notices = await material(stack, admin)
        numbers = [fields["out_trade_no"] for _, fields in (*notices.own, *notices.other)]
        await asyncio.sleep(QUIET_S)
        before = await books(stack, numbers)
        refused = await _refusals(stack)
        tally = await post_all(stack.public, Forger(notices, seed), count, limit_s)
        await asyncio.sleep(QUIET_S)
        changed = changes(before, await books(stack, numbers))
        by_reason = await _refusals(stack)
        by_reason.subtract(refused)
    return {
        "schema": 1,
        "seed": seed,
        "count": tally.count,
        "seconds": round(tally.seconds, 1),
        "per_s": round(tally.count / tally.seconds),
        "accepted": len(tally.accepted),
        "state_changes": len(changed),
        "server_errors": tally.server_errors,
        "unanswered": tally.unanswered,
        "acknowledged_replays": tally.acknowledged_replays,
        "by_kind": dict(sorted(tally.by_kind.items())),
        "refused_by_reason": {n: v for n, v in sorted(by_reason.items()) if v},
        "examples": (tally.accepted + changed)[:5],
    }


async def _refusals(stack: Stack) -> Counter[str]:
    """The edge's own counters, of both signed doors."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(stack.info["metrics"]["gateway-edge"])).text
    found: Counter[str] = Counter()
    for line in text.splitlines():
        name, _, value = line.partition("} ")
        if name.startswith(("alipay_notify_total{", "alipay_messages_total{")) and "fail" in name:
            found[name.partition('reason="')[2].partition('"')[0]] += int(float(value))
    return found


def is_clean(summary: dict[str, Any]) -> bool:
    return not any(
        summary[name] for name in ("accepted", "state_changes", "server_errors", "unanswered")
    )


async def _alone(stack: Stack, words: argparse.Namespace) -> dict[str, Any]:
    return await run(stack, words.count, words.seed, words.seconds)


def main() -> int:
    parser = arguments("tests.conformance.forged", __doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop after so long")
    words = parser.parse_args()
    with standing(words.run_dir) as stack:
        summary = asyncio.run(_alone(stack, words))
    sys.stdout.write(json.dumps(summary, ensure_ascii=False, indent=1) + "\n")
    return 0 if is_clean(summary) else 1


if __name__ == "__main__":
    raise SystemExit(main())
