"""What a chaos run reports of G1 to G8 is what was found: each can fail, and alone (F16, F17)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos import aftermath, books, judge
from tests.chaos.batches import Batches
from tests.chaos.verdict import INVARIANTS, Verdict

pytestmark = pytest.mark.asyncio


def trade(**changed: Any) -> dict[str, Any]:
    """A sale of 5 fen as Alipay's ledger shows it."""
    usual = {"status": "TRADE_SUCCESS", "total_fen": 5, "refunded_fen": 0,
             "requests": {judge.PAY: 1}}  # fmt: skip
    return usual | changed


def row(**changed: Any) -> dict[str, Any]:
    """The same sale in our books."""
    usual = {"state": "SUCCESS", "channel": "alipay", "payable_fen": 5, "refunded_fen": 0,
             "device_id": "d", "pay_request_id": "r"}  # fmt: skip
    return usual | changed


async def judged(monkeypatch: pytest.MonkeyPatch, **found: Any) -> dict[str, bool]:
    """The invariants as a run would report them that found this; nothing given: all was well."""

    def answers(where: Any, name: str, value: Any) -> None:
        async def ask(*_: Any) -> Any:
            return value

        monkeypatch.setattr(where, name, ask)

    answers(books, "violated", found.get("violated", {}))
    answers(books, "count_unfinished", found.get("unfinished", 0))
    answers(books, "leaks", found.get("leaks", []))
    answers(aftermath, "judge_draws", found.get("is_draw_kept", True))
    answers(aftermath, "judge_audit", found.get("is_audit_intact", True))
    ledger, kept = found.get("ledger", {"n": trade()}), found.get("kept", {"n": row()})
    verdict = Verdict(seed=7, events_missing=found.get("events_missing", 0))
    judge._compare_ledger(verdict, ledger, kept)
    judge._count_captures(verdict, ledger, kept)
    shop = cast(judge.Shop, SimpleNamespace(journal=[]))
    await judge.Judge(cast(books.Stack, None), shop)._invariants(verdict, ledger)
    return verdict.invariants


async def test_all_hold_where_all_was_well(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await judged(monkeypatch) == dict.fromkeys(INVARIANTS, True)


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        ("G1", {"kept": {"n": row(payable_fen=4)}}),
        ("G1", {"ledger": {}}),
        ("G2", {"ledger": {"n": trade(requests={judge.PAY: 2})}}),
        ("G2", {"ledger": {"n": trade(), "m": trade()}, "kept": {"n": row(), "m": row()}}),
        ("G3", {"unfinished": 1}),
        ("G4", {"ledger": {"n": trade(status="TRADE_CLOSED", refunded_fen=6)},
                "kept": {"n": row(state="CLOSED")}}),
        ("G5", {"is_draw_kept": False}),
        ("G6", {"events_missing": 1}),
        ("G7", {"leaks": ["order.orders"]}),
        ("G8", {"is_audit_intact": False}),
        *((name, {"violated": {name: ["a row"]}}) for name in INVARIANTS),
    ],
)  # fmt: skip
async def test_each_fails_by_itself(
    monkeypatch: pytest.MonkeyPatch, broken: str, found: dict[str, Any]
) -> None:
    told = await judged(monkeypatch, **found)
    assert [name for name in INVARIANTS if not told[name]] == [broken]


def metrics(started: float, **sizes: int) -> str:
    """What an API shows that wrote batches of these sizes: statement -> rows of its only batch."""
    lines = [f"process_start_time_seconds {started}"]
    for statement, rows in sizes.items():
        lines += [
            f'payment_batch_rows_bucket{{le="{bound}",statement="{statement}"}} {rows <= bound:d}.0'
            for bound in (1.0, 2.0, 4.0, 8.0)
        ]
        lines.append(f'payment_batch_rows_bucket{{le="+Inf",statement="{statement}"}} 1.0')
        lines.append(f'payment_batch_rows_count{{statement="{statement}"}} 1.0')
        lines.append(f'payment_batch_rows_sum{{statement="{statement}"}} {rows}.0')
    return "\n".join(lines)


async def test_batches_are_counted_across_restarts() -> None:
    """The newest counters of each process, also of one that has ended."""
    batches = Batches()
    assert batches.document() == {"rows_max_bucket": 0, "rows_mean": 0.0, "statements": 0,
                                  "rows": 0}  # fmt: skip
    batches.take("payment-api", metrics(1.5, payment_submit=2))
    assert batches.rows_max_bucket == 2
    batches.take("payment-api", metrics(1.5, payment_submit=2, payment_move=3))
    batches.take("payment-api", metrics(2.5, payment_submit=1))
    assert batches.document() == {"rows_max_bucket": 4, "rows_mean": 2.0, "statements": 3,
                                  "rows": 6}  # fmt: skip
    batches.take("payment-api.2", metrics(2.5, payment_submit=9))
    assert batches.rows_max_bucket == 16


async def test_a_run_whose_bursts_met_in_no_batch_is_not_clean() -> None:
    verdict = Verdict(seed=7, payments=1, succeeded=1, sold_s=10.0, burst_sales=9)
    verdict.invariants = dict.fromkeys(INVARIANTS, True)
    verdict.batches.take("payment-api", metrics(1.5, payment_submit=2))
    assert not verdict.is_clean
    assert "no statement wrote more than 2 rows" in verdict.table()
    verdict.sold_s = 9.0
    assert verdict.is_clean
    verdict.sold_s = 60.0
    verdict.batches.take("payment-api", metrics(2.5, payment_submit=3))
    assert verdict.is_clean
    verdict.burst_sales = 0
    assert not verdict.is_clean
