"""The demo merchant's days of sales, made behind a ready stack through everybody's doors: also when
the stack is stopped in the middle, each sale is made once."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from deploy.local.demo.merchant import APP_ID
from tests.fixtures.console import Console
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.postgres import in_thread
from tests.fixtures.processes import SLOW_POLLING, Stack, new_stack, remove_stack

DAYS = 2
CHOICE = {"app_id": APP_ID, "outcome": "refused"}
DONE_WITHIN_S = 240.0
"""A minute of it may pass until the sale that the stop met is settled."""
pytestmark = pytest.mark.timeout(2 * DONE_WITHIN_S + 60)


@pytest.fixture(scope="module")
def lively() -> Iterator[Stack]:
    """A stack that was stopped while its demo data was being made, and started again; then somebody
    chose at the console how the next sale of the same app ends."""
    # A broker of its own also where the suite has a real one: there the shared stack is at work.
    stack = new_stack(**SLOW_POLLING, DEMO_DAYS=str(DAYS), KAFKA_BOOTSTRAP="")
    try:
        stack.up()
        wait(stack, lambda: len(orders(stack)) > 4)
        stack.down()
        stack.up()
        with httpx.Client(base_url=stack.admin, verify=NO_TLS) as admin:
            admin.post("/outcomes", json=CHOICE).raise_for_status()
        wait(
            stack,
            lambda: json.loads((stack.run_dir / "demo.json").read_text())["lively"]["is_done"],
        )
        yield stack
    finally:
        remove_stack(stack)


def wait(stack: Stack, is_so: Any) -> None:
    deadline = time.monotonic() + DONE_WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, stack.logs()
        time.sleep(0.2)


def asked(stack: Stack, path: str, **query: str) -> Any:
    async def ask() -> Any:
        owner = stack.info["demo"]["owner"]
        async with Console(stack.public, owner["login"], owner["password"]) as console:
            answer = await console.get(path, **query)
            assert answer.status_code == 200, answer.text
            return answer.json()

    return in_thread(lambda: asyncio.run(ask()))


def orders(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked(stack, "/orders", page_size="100")["items"]
    return found


def test_each_sale_was_made_once_on_its_own_day(lively: Stack) -> None:
    found = orders(lively)
    numbers = Counter(order["out_trade_no"] for order in found)
    assert set(numbers.values()) == {1}
    days = Counter(
        (datetime.fromisoformat(order["ordered_at"]) + timedelta(hours=8)).date() for order in found
    )
    today = (datetime.now(UTC) + timedelta(hours=8)).date()
    assert min(days) == today - timedelta(days=DAYS)
    assert len(days) >= DAYS
    assert len({order["store_id"] for order in found}) == 3
    # The sandbox's books know the same sales, at the same times, and nothing else.
    with httpx.Client(base_url=lively.admin, verify=NO_TLS) as admin:
        trades = {one["out_trade_no"]: one for one in admin.get("/trades").json()["trades"]}
    paid = {order["out_trade_no"]: order for order in found if order["paid_at"]}
    assert trades.keys() == paid.keys()
    for number, trade in trades.items():
        order = paid[number]
        assert (trade["total_fen"], trade["refunded_fen"]) == (
            order["payable_fen"], order["refunded_fen"],
        )  # fmt: skip
        at = datetime.fromisoformat(order["ordered_at"])
        assert abs(datetime.fromisoformat(trade["created_at"]) - at) < timedelta(seconds=5)
    assert any(order["refunded_fen"] for order in found)


def test_a_device_was_seen_when_it_last_paid(lively: Stack) -> None:
    """To the minute, which is as often as it is written."""
    paid: dict[str, datetime] = {}
    for order in orders(lively):
        at = datetime.fromisoformat(order["ordered_at"])
        paid[order["device_id"]] = max(at, paid.get(order["device_id"], at))
    devices = asked(lively, "/devices")["items"]
    assert len(devices) == 4
    for device in devices:
        seen = datetime.fromisoformat(device["last_seen_at"])
        assert seen >= paid[device["device_id"]] - timedelta(minutes=1), device["sn"]


def test_nothing_of_the_making_stays(lively: Stack) -> None:
    """No session in the owner's list, no switch at the sandbox, no app in another time. What the
    person chose is still there: no sale of the demo's met it or cleared it."""
    agents = {one["user_agent"] for one in asked(lively, "/sessions")["items"]}
    assert {agent.partition("/")[0] for agent in agents} <= {"python-httpx", ""}
    with httpx.Client(base_url=lively.admin, verify=NO_TLS) as admin:
        left = [one for one in admin.get("/faults").json()["faults"] if one["left"]]
        assert [(one["fault"], one["app_id"]) for one in left] == [("refuse", APP_ID)]
        off = {"app_id": "none", "on": False}
        assert admin.post("/backdating", json=off).json()["app_ids"] == []


def test_the_wizards_steps_are_done(lively: Stack) -> None:
    found = asked(lively, "/onboarding")
    assert found["is_ready"]
    rows = [row for step in found["steps"] for row in step["rows"]]
    assert [row["row"] for row in rows if row["state"] not in {"done", "skipped"}] == []


def test_the_merchant_is_called_demo(lively: Stack) -> None:
    assert asked(lively, "/merchant")["handle"] == "demo"


def test_reset_forgets_all_of_it(lively: Stack) -> None:
    """The last of this file: afterwards nothing that the stack has written is left."""
    (lively.run_dir / "bench.json").write_text("{}")
    done = lively.command("reset", limit_s=60.0)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in lively.run_dir.iterdir()] == ["bench.json"]
