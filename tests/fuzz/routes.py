"""`python -m tests.fuzz.routes --requests N [--seed N]`: fuzzes every route of a stack of its own.

Signed where a signature is needed: the console's with a session, CSRF token and fresh step-up, the
device's and the POS's by HMAC, the internal ones with tokens of the gateway, notices and messages
by the sandbox over odd content. Prints what was answered; exit 1 on a 5xx or a dropped connection.
"""

import argparse
import asyncio
import json
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.fixtures.processes import Stack, new_stack, remove_stack
from tests.fuzz.callers import Answer, Callers, Dropped
from tests.fuzz.odd_requests import Made, Maker, Route, Spot, all_routes, all_spots

WORKERS = 6
SANDBOX_SHARE = 0.03
SPOT_SHARE = 0.6
"""One bad value at one member, in turn, until all have had all; the rest is chance."""
PAUSE_S = 0.4
"""After a 429: it says nothing about the route, so the request does not count."""
SHOWN = 20
RARELY = {
    "DELETE /api/merchant/v1/session", "DELETE /api/operator/v1/session",
    "POST /api/merchant/v1/session", "POST /api/operator/v1/session",
    "POST /api/operator/v1/first-run",
    "POST /api/merchant/v1/password", "POST /api/operator/v1/password",
    "POST /api/public/v1/password", "POST /api/public/v1/password-link",
    "POST /api/merchant/v1/session/step-up", "POST /api/operator/v1/session/step-up",
    "DELETE /api/merchant/v1/sessions", "DELETE /api/operator/v1/sessions",
}  # fmt: skip
"""Each ends a session or counts as a try to sign in, of which there may be one in two seconds."""
RARE_SHARE = 0.01


class Fuzz:
    """One run against one stack."""

    def __init__(self, stack: Stack, wanted: int, seed: int) -> None:
        self.callers = Callers(stack)
        self.wanted, self.seed = wanted, seed
        self.answered: Counter[int] = Counter()
        self.routes: Counter[str] = Counter()
        self.limited = 0
        self.bad: list[str] = []
        self._spots: Iterator[Spot] = iter(())

    async def run(self) -> None:
        await self.callers.settle()
        routes = [route for route in all_routes(self.callers.app_id) if route.name not in RARELY]
        self._spots = all_spots(random.Random(self.seed), routes)
        try:
            await asyncio.gather(*(self._work(number) for number in range(WORKERS)))
        finally:
            await self.callers.aclose()

    def _maker(self, number: int) -> Maker:
        known = self.callers.known()
        return Maker(self.seed * WORKERS + number, known, self.callers.kept_out())

    async def _work(self, number: int) -> None:
        maker = self._maker(number)
        routes = all_routes(self.callers.app_id)
        often = [route for route in routes if route.name not in RARELY]
        rare = [route for route in routes if route.name in RARELY]
        order: list[Route] = []
        while self.answered.total() < self.wanted:
            if maker.rng.random() < SANDBOX_SHARE:
                await self._by_the_sandbox(maker)
                continue
            spot = next(self._spots, None) if maker.rng.random() < SPOT_SHARE else None
            if spot is not None:
                await self._one(maker, maker.make_bad_at(spot))
                continue
            if not order:
                order = maker.rng.sample(often, len(often))
            is_rare = maker.rng.random() < RARE_SHARE
            await self._one(maker, maker.make(maker.rng.choice(rare) if is_rare else order.pop()))

    async def _one(self, maker: Maker, made: Made) -> None:
        try:
            answer = await self.callers.send(made, maker.rng)
        except Dropped as error:
            self._is_bad(made, f"dropped: {error}")
            return
        if answer.status == 429:
            self.limited += 1
            await asyncio.sleep(PAUSE_S)
            return
        self.answered[answer.status] += 1
        self.routes[made.route.name] += 1
        if answer.status >= 500:
            self._is_bad(made, f"{answer.status} {answer.body[:300]!r}")
        elif answer.status < 300 and made.route.method != "DELETE":
            maker.learn(_document(answer))
        if self.answered.total() % 1000 == 0:
            sys.stdout.write(f"{self.answered.total()} answered, {len(self.bad)} bad\n")
            sys.stdout.flush()

    def _is_bad(self, made: Made, what: str) -> None:
        shown = f"{made.route.method} {made.path}?{made.query} {made.headers} {made.body[:600]!r}"
        self.bad.append(f"{made.route.name}: {what}\n    {shown[:1500]}")

    async def _by_the_sandbox(self, maker: Maker) -> None:
        for name, status in await self.callers.by_the_sandbox(maker.rng):
            self.answered[status] += 1
            self.routes[name] += 1
            if status >= 500:
                self.bad.append(f"{name}: {status}")


def _document(answer: Answer) -> object:
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def report(fuzz: Fuzz, seconds: float) -> list[str]:
    """What came of it, line by line."""
    missed = {route.name for route in all_routes()} - set(fuzz.routes)
    lines = [f"seed {fuzz.seed}: {fuzz.answered.total()} requests in {seconds:.0f} s, "
             f"{len(fuzz.routes)} routes, {fuzz.limited} more were 429"]  # fmt: skip
    lines += [f"  {status}: {count}" for status, count in sorted(fuzz.answered.items())]
    lines += [f"  never answered: {name}" for name in sorted(missed)]
    lines += [f"bad: {one}" for one in fuzz.bad[:SHOWN]]
    lines.append(f"{len(fuzz.bad)} bad answers")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.routes", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    options = parser.parse_args()
    stack = new_stack(QUOTA_SCALE="100")  # or most answers would be 429
    try:
        stack.up()
        fuzz, started = Fuzz(stack, options.requests, options.seed), time.monotonic()
        asyncio.run(fuzz.run())
        ended = stack.ended()
    finally:
        remove_stack(stack)
    lines = report(fuzz, time.monotonic() - started) + [f"bad: {line}" for line in ended]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if fuzz.bad or ended else 0


if __name__ == "__main__":
    sys.exit(main())
