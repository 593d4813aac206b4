"""Random id swaps against a running stack: python -m tests.conformance.swaps --count N.

Two new merchants with one of everything each: nobody else is at work there. A session of one asks
every merchant route, read from docs/openapi, for ids of the other: in the path, in the query, in
the body, of the right kind and of the wrong one. A leak is a success, an answer that holds anything
of the other that was not in the question, or a change of the other's things. Exit code 1 on any
leak (G7, §8 #20).
"""

import argparse
import asyncio
import json
import os
import random
import re
import secrets
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.world import PAYMENTS, device_headers, eventually, payment_body
from tests.fixtures.console import Console, choose_password

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/api/merchant/v1"
PASSWORD = "correct horse battery staple 9"
SETTLE_LOOKS = 120
PARALLEL = 8
STEP_UP_EVERY_S = 200.0
NOT_ASKED = {
    "/session", "/session/step-up", "/sessions", "/password", "/sign-ins", "/second-factor",
    "/second-factor/confirm", "/second-factor/recovery-codes",
}  # fmt: skip
"""One's own account only: there is no id to swap."""
BODIES: dict[str, dict[str, Any]] = {
    "POST /devices/codes": {"store_id": "$store_id"},
    "PATCH /stores/{store_id}": {"name": "swapped", "version": 1},
    "PATCH /staff/{user_id}": {"name": "swapped", "version": 1},
    "POST /staff/{user_id}/password-link": {},
    "POST /api-keys": {"name": "swapped", "store_id": "$store_id"},
    "POST /payments/{payment_id}/refunds": {"refund_request_id": "$new", "amount_fen": 1},
}
"""Bodies that would do something, if the id were one's own."""


@dataclass(frozen=True)
class Door:
    """One route of the merchant console."""

    method: str
    path: str
    params: tuple[str, ...]
    queries: tuple[str, ...]


@dataclass
class Side:
    """A merchant: its session, its things by kind, and words that only its answers may hold."""

    console: Console
    ids: dict[str, str] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    stepped_at: float = -STEP_UP_EVERY_S

    async def fresh(self) -> None:
        if time.monotonic() - self.stepped_at > STEP_UP_EVERY_S:
            self.stepped_at = time.monotonic()
            await self.console.step_up()

    async def things(self) -> dict[str, str]:
        """What the merchant itself sees of all it has, but when its keys and devices last signed:
        its own payments move that a few seconds afterwards."""
        paths = ("/stores", "/staff", "/api-keys", "/devices", "/orders", "/apps", "/merchant")
        found = {path: (await self.console.get(path)).text for path in paths}
        return {path: _LAST_SIGNED.sub("", text) for path, text in found.items()}

    async def settled(self) -> dict[str, str]:
        """The same, once the services have heard of each other what was just made."""
        before = await self.things()
        for _ in range(SETTLE_LOOKS):
            await asyncio.sleep(0.5)
            now = await self.things()
            if now == before and not any(map(_UNHEARD.search, now.values())):
                return now
            before = now
        raise TimeoutError("the merchant's things do not settle")


_UNHEARD = re.compile(r'"store_name":(?:null|"")')
_LAST_SIGNED = re.compile(r'"last_(?:used|seen)_at":(?:null|"[^"]*"),?')


@dataclass
class Report:
    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    doors: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)


def doors() -> Iterator[Door]:
    """Every merchant route that takes an id somewhere."""
    for document in sorted((ROOT / "docs/openapi").glob("*.json")):
        for path, methods in json.loads(document.read_text())["paths"].items():
            short = path.removeprefix(PREFIX)
            if not path.startswith(f"{PREFIX}/") or short in NOT_ASKED:
                continue
            for method, spec in methods.items():
                queries = tuple(
                    given["name"]
                    for given in spec.get("parameters", ())
                    if given["in"] == "query" and given["name"] not in {"page", "page_size"}
                )
                if short == "/orders":
                    queries = ("payment_id", "store_id", "device_id", "q", "order_no")
                params = tuple(re.findall(r"\{(\w+)\}", path))
                door = Door(method.upper(), short, params, queries)
                if params or (queries and door.method == "GET") or _key(door) in BODIES:
                    yield door


def _key(door: Door) -> str:
    return f"{door.method} {door.path}"


def question(door: Door, victim: Side, draw: random.Random) -> tuple[str, dict[str, str], Any]:
    """(path, query, body) with the victim's ids in it."""

    def an_id(kind: str) -> str:
        kinds = list(victim.ids)
        is_right = kind in victim.ids and draw.random() < 0.7
        return victim.ids[kind if is_right else draw.choice(kinds)]

    path = re.sub(r"\{(\w+)\}", lambda match: an_id(match.group(1)), door.path)
    least = 0 if door.params else min(1, len(door.queries))
    asked = draw.sample(door.queries, draw.randint(least, len(door.queries)))
    query = {name: an_id(name) for name in asked} if door.method == "GET" else {}
    body: Any = None
    if door.method in {"POST", "PUT", "PATCH"}:
        body = {
            name: secrets.token_hex(12)
            if value == "$new"
            else victim.ids[value[1:]]
            if isinstance(value, str) and value.startswith("$")
            else value
            for name, value in BODIES.get(_key(door), {}).items()
        }
    return path, query, body


def judge(door: Door, asked: str, answer: httpx.Response, victim: Side) -> str | None:
    """What leaked, if anything."""
    if answer.status_code >= 500:
        return f"{_key(door)} -> {answer.status_code}"
    if answer.status_code < 300 and (door.params or door.method != "GET"):
        return f"{_key(door)} succeeded: {answer.status_code}"
    told = answer.text
    if answer.status_code >= 400:
        told = told.replace(json.dumps(answer.json().get("instance", "")), "")
    shown = [word for word in victim.words if word in told and word not in asked]
    return f"{_key(door)} shows {shown}" if shown else None


async def swap(sides: tuple[Side, Side], count: int, seed: int) -> Report:
    """Asks `count` questions, half of them in each direction."""
    report, every = Report(), list(doors())
    before = [await side.settled() for side in sides]
    share = -(-count // PARALLEL)

    async def worker(number: int) -> None:
        draw = random.Random(f"{seed}:{number}")
        for _ in range(min(share, count - number * share)):
            attacker, victim = sides if draw.random() < 0.5 else sides[::-1]
            await attacker.fresh()
            door = draw.choice(every)
            path, query, body = question(door, victim, draw)
            answer = await attacker.console.ask(door.method, path, query, body)
            report.asked += 1
            report.statuses[answer.status_code] += 1
            report.doors[_key(door)] += 1
            leak = judge(door, f"{path}{query}{body}", answer, victim)
            if leak is not None:
                report.leaks.append(f"{leak} {path} {query}")

    await asyncio.gather(*(worker(number) for number in range(PARALLEL)))
    for side, was in zip(sides, before, strict=True):
        now = await side.things()
        report.leaks += [f"{path} has changed" for path in was if was[path] != now[path]]
    return report


async def bind(console: Console) -> str:
    """An app that the sandbox makes for a key pair of the platform's making; answers its AppID."""
    pair = (await console.post("/apps/key-pairs", {})).json()
    app = await console.post("/sandbox/apps", {"public_key": pair["app_public_key"]})
    app.raise_for_status()
    body = app.json() | {"key_pair_id": pair["key_pair_id"], "version": 0}
    (await console.put("/apps", body)).raise_for_status()

    async def counts() -> bool:
        shown = (await console.get(f"/apps/{body['app_id']}")).json()
        return bool(shown["live_check"]["state"] == "verified")

    await eventually(counts)
    return str(body["app_id"])


async def furnish(public: str, side: Side, name: str) -> None:
    """One of everything, a paid order among it."""
    console = side.console
    await side.fresh()
    tag = secrets.token_hex(5)
    store = (await console.post("/stores", {"name": f"{name}-{tag}"})).json()
    staff = await console.post(
        "/staff",
        {"username": f"till-{tag}", "name": f"till-{tag}", "role": "cashier"},
    )
    key = await console.post("/api-keys", {"name": f"key-{tag}"})
    device = await console.enrol(store["store_id"], f"SW{tag}")
    code = await console.post("/devices/codes", {"store_id": store["store_id"]})
    side.ids |= {
        "store_id": store["store_id"],
        "user_id": staff.json()["user_id"],
        "key_id": key.json()["key_id"],
        "device_id": device.device_id,
        "session_id": (await console.get("/sessions")).json()["items"][0]["session_id"],
        "merchant_id": device.merchant_id,
    }
    side.words |= {*side.ids.values(), tag, code.json()["code"]}
    side.ids["app_id"] = await bind(console)
    raw = json.dumps(payment_body(1, store_id=store["store_id"])).encode()
    async with httpx.AsyncClient(base_url=public, timeout=30) as http:

        async def pay() -> dict[str, Any] | None:
            headers = device_headers(device, "POST", PAYMENTS, raw)
            answer = await http.post(PAYMENTS, content=raw, headers=headers)
            # The payment service hears of the app by an event.
            return None if answer.status_code == 409 else answer.raise_for_status().json()

        paid = await eventually(pay)

    async def order() -> Any:
        found = await console.get("/orders", payment_id=paid["payment_id"])
        return found.json()["items"]

    (seen,) = await eventually(order)
    side.ids |= {"payment_id": paid["payment_id"], "order_no": seen["order_no"]}
    side.ids |= {"refund_request_id": secrets.token_hex(12)}
    side.words |= {paid["payment_id"], paid["out_trade_no"], seen["order_no"]}


@asynccontextmanager
async def merchant(public: str, operator: dict[str, str]) -> AsyncIterator[Console]:
    """The owner of a merchant that the operator makes."""
    tag = secrets.token_hex(4)
    login = f"swap-{tag}"
    async with Console(
        public, operator["login"], operator["password"], audience="operator"
    ) as console:
        made = await console.post("/merchants", {"name": f"换号商户 {tag}", "login": login})
        made.raise_for_status()
    await choose_password(public, made.json()["link"], PASSWORD)
    async with Console(public, login, PASSWORD) as owner:
        yield owner


async def run(stack: dict[str, Any], count: int, seed: int) -> Report:
    """The whole program against the stack of that stack.json."""
    public, operator = stack["gateway"]["public"], stack["demo"]["operator"]
    async with merchant(public, operator) as first, merchant(public, operator) as second:
        sides = Side(first), Side(second)
        await furnish(public, sides[0], "甲")
        await furnish(public, sides[1], "乙")
        return await swap(sides, count, seed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.swaps", description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    given = parser.parse_args()
    file = Path(os.environ.get("RUN_DIR", ".run")) / "stack.json"
    if not file.is_file():
        sys.stderr.write(f"{file}: no running stack; start one with `make run`\n")
        return 2
    started = time.monotonic()
    report = asyncio.run(run(json.loads(file.read_text()), given.count, given.seed))
    summary = {
        "seed": given.seed,
        "swaps": report.asked,
        "doors": len(report.doors),
        "statuses": dict(sorted(report.statuses.items())),
        "leaks": len(report.leaks),
        "seconds": round(time.monotonic() - started, 1),
    }
    sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    for leak in report.leaks[:20]:
        sys.stdout.write(f"LEAK {leak}\n")
    return 1 if report.leaks else 0


if __name__ == "__main__":
    raise SystemExit(main())
