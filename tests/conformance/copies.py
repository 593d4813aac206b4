"""Many copies of each notice, shuffled, 32 at a time: python -m tests.conformance.copies --help.

Waves of payments that the buyer has still to confirm; then COPIES deliveries of each one's genuine
notice (each signed anew, as Alipay's resends are), mixed with outdated "waiting" ones, in random
order, racing with the platform's own polling. Exactly one effect each: one event, one order, one
row of the inbox that counts its deliveries. Prints a JSON summary; exit 1 when anything is off.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from tests.conformance.notices import AlipayKey, Sender, Told, form, genuine
from tests.conformance.stands import arguments, enrolled, paid, standing
from tests.fixtures.console import Enrolled
from tests.fixtures.processes import Stack

WAYS = 32
WAVE = 40
CONFIRM_MS = 400
PAID_STATUS = ("TRADE_SUCCESS", "TRADE_FINISHED")
SETTLE_LIMIT_S = 60.0

PAID = "SELECT out_trade_no FROM payments WHERE state = 'SUCCESS' AND out_trade_no = ANY($1)"
SAID = (
    "SELECT p.out_trade_no FROM outbox o JOIN payments p ON p.payment_id::text = o.key"
    " WHERE o.type = 'payment.succeeded.v1' AND p.out_trade_no = ANY($1)"
)
HEARD = "SELECT out_trade_no, state, deliveries, detail FROM notify_inbox WHERE notify_id = ANY($1)"
ORDERS = "SELECT out_trade_no FROM orders WHERE out_trade_no = ANY($1)"


@dataclass
class Run:
    """Everything sent, and what came back."""

    rng: random.Random
    copies: int
    told: list[Told] = field(default_factory=list)
    outdated: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


async def wave(stack: Stack, admin: httpx.AsyncClient, till: Enrolled, run: Run, size: int) -> None:
    app_id = stack.info["demo"]["app_id"]
    key = AlipayKey.of(stack, app_id)
    fault = {"app_id": app_id, "method": "alipay.trade.pay"}
    made = []
    for name, args in (("in_process", {"ms": CONFIRM_MS}), ("notify_never", {})):
        body = {**fault, "fault": name, "probability": 1.0, "args": args}
        made.append((await admin.post("/faults", json=body)).raise_for_status().json()["fault_id"])
    numbers = await paid(stack.public, till, size, "pending")
    await asyncio.sleep(CONFIRM_MS / 1000 + 0.2)
    for fault_id in made:
        await admin.delete(f"/faults/{fault_id}")
    found = [await genuine(admin, app_id, number) for number in numbers]
    told = [one for one in found if one is not None and one.fields["trade_status"] in PAID_STATUS]
    run.told += told
    deliveries = []
    for one in told:
        for number in range(run.copies):
            fields = {
                **one.fields,
                "notify_time": f"2026-11-26 20:{number // 60:02d}:{number % 60:02d}",
            }
            deliveries.append((one.path, form(key.signed(fields))))
        early = {
            **one.fields,
            "trade_status": "WAIT_BUYER_PAY",
            "notify_id": "w" + one.fields["notify_id"],
        }
        deliveries.append((one.path, form(key.signed(early))))
        run.outdated[early["notify_id"]] += 1
    run.rng.shuffle(deliveries)
    started = time.perf_counter()
    await _post(stack.public, deliveries, run.answers)
    run.seconds += time.perf_counter() - started


async def _post(public: str, deliveries: list[tuple[str, bytes]], answers: Counter[str]) -> None:
    left = iter(deliveries)

    async def one_way(number: int) -> None:
        sender = Sender(public, number)
        for path, body in left:
            status, text = await sender.post(path, body)
            answers[text if status == 200 else str(status)] += 1
        sender.close()

    async with asyncio.TaskGroup() as group:
        for number in range(WAYS):
            group.create_task(one_way(number))


async def _rows(url: str, sql: str, names: list[str]) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(sql, names)
    finally:
        await connection.close()


async def _judge(stack: Stack, run: Run) -> dict[str, Any]:
    numbers = [one.fields["out_trade_no"] for one in run.told]
    ids = [one.fields["notify_id"] for one in run.told]
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while True:
        orders = Counter(r[0] for r in await _rows(stack.postgres("order"), ORDERS, numbers))
        said = Counter(r[0] for r in await _rows(stack.postgres("payment"), SAID, numbers))
        if (len(orders) == len(said) == len(numbers)) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.5)
    settled = await _rows(stack.postgres("payment"), PAID, numbers)
    heard = await _rows(stack.postgres("payment"), HEARD, ids)
    states = Counter(row["state"] for row in heard)
    return {
        "schema": 1,
        "payments": len(numbers),
        "copies": run.copies,
        "deliveries": sum(run.answers.values()),
        "answers": dict(run.answers),
        "seconds": round(run.seconds, 1),
        "per_s": round(sum(run.answers.values()) / run.seconds),
        "paid": len(settled),
        "events_doubled": sum(count - 1 for count in said.values()),
        "events_missing": len(numbers) - len(said),
        "orders_doubled": sum(count - 1 for count in orders.values()),
        "orders_missing": len(numbers) - len(orders),
        "inbox": dict(states),
        "inbox_rows_missing": len(numbers) - len(heard),
        "deliveries_uncounted": run.copies * len(numbers) - sum(r["deliveries"] for r in heard),
    }


def is_clean(summary: dict[str, Any]) -> bool:
    wrong = ("events_doubled", "events_missing", "orders_doubled", "orders_missing",
             "inbox_rows_missing", "deliveries_uncounted")  # fmt: skip
    return (
        not any(summary[name] for name in wrong)
        and set(summary["answers"]) == {"success"}
        and summary["paid"] == summary["payments"]
        and not set(summary["inbox"]) & {"MISMATCH", "RECEIVED"}
    )


async def run(
    stack: Stack, till: Enrolled, payments: int, copies: int, seed: int
) -> dict[str, Any]:
    """The summary of so many payments and copies against a running stack."""
    made = Run(random.Random(seed), copies)
    async with httpx.AsyncClient(base_url=stack.admin, timeout=20) as admin:
        for start in range(0, payments, WAVE):
            await wave(stack, admin, till, made, min(WAVE, payments - start))
    return await _judge(stack, made)


async def _alone(stack: Stack, words: Any) -> dict[str, Any]:
    return await run(stack, await enrolled(stack), words.payments, words.copies, words.seed)


def main() -> int:
    parser = arguments("tests.conformance.copies", __doc__)
    parser.add_argument("--payments", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=100)
    words = parser.parse_args()
    with standing(words.run_dir) as stack:
        summary = asyncio.run(_alone(stack, words))
    sys.stdout.write(json.dumps(summary, ensure_ascii=False, indent=1) + "\n")
    return 0 if is_clean(summary) else 1


if __name__ == "__main__":
    raise SystemExit(main())
