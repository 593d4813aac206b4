"""The throttle on guessing passwords: by login and place, never by login alone.

A place is a known browser (its cookie proves that this person signed in from it before) or an
address (an IPv6 /64 counts as one). So an attacker can throttle the own address, but not the
owner's browser. All unknown places together have one more, larger allowance for each login, so that
a thousand addresses are not a thousand times ten guesses (NIST 800-63B 3.2.2: at most 100).

A try is counted before its password is checked, so parallel guesses cannot get past the counter. A
try whose check still runs is not a failure yet: further tries wait for its result instead of being
refused, so right passwords that arrive at the same time are all accepted.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.binding.deps import Deps
from services.binding.sign_in import repo
from services.binding.sign_in.rules import FORGET_TRIES_AFTER, LoginThrottled, Tries
from services.binding.tenancy.rules import sha256_hex
from shared.address import share_of

FREE_TRIES = 10
FREE_TRIES_OF_STRANGERS = 100
FIRST_DELAY_S = 30
LONGEST_DELAY_S = 15 * 60
LOOK_MAX = timedelta(seconds=20)
"""A try that started longer ago is taken as lost with its process."""
WAIT_S = 8.0
WAIT_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter of the throttle, and how many failures it allows without a delay."""

    digest: str
    free: int = FREE_TRIES


def counters_of(login_digest: str, address: str, known_browser: str | None) -> tuple[Counter, ...]:
    """The counters of a sign-in. `known_browser`: the digest of the cookie of a known browser."""
    if known_browser is not None:
        return (Counter(sha256_hex(f"browser|{login_digest}|{known_browser}")),)
    return (
        Counter(sha256_hex(f"address|{login_digest}|{share_of(address)}")),
        Counter(sha256_hex(f"strangers|{login_digest}"), FREE_TRIES_OF_STRANGERS),
    )


def admitted(tries: Tries, free: int, now: datetime) -> Tries | None:
    """The counter with one more running try; None: earlier tries still run, so wait for them.
    Raises LoginThrottled while the delay runs.

    The delay starts after `free` failures and doubles up to LONGEST_DELAY_S. That allows some
    twenty guesses in the first hour.
    """
    tried_at = tries.tried_at
    if tried_at is not None and now - tried_at > FORGET_TRIES_AFTER:
        tries = Tries()
    running = tries.running if tried_at is not None and now - tried_at < LOOK_MAX else 0
    if tries.locked_until is not None and now < tries.locked_until:
        if running:
            return None
        wait = (tries.locked_until - now).total_seconds()
        raise LoginThrottled(retry_after_s=max(1, round(wait)))
    if running >= max(free - tries.failures, 1):
        return None
    return replace(tries, running=running + 1, tried_at=now)


def failed(tries: Tries, free: int, now: datetime) -> Tries:
    """The counter after a wrong password."""
    failures = tries.failures + 1
    over = failures - free
    locked_until = None
    if over >= 0:
        delay = min(FIRST_DELAY_S * 2 ** min(over, 10), LONGEST_DELAY_S)
        locked_until = now + timedelta(seconds=delay)
    return Tries(failures, max(tries.running - 1, 0), now, locked_until)


async def begin(deps: Deps, counters: Sequence[Counter]) -> None:
    """Counts a try at all of its counters. Raises LoginThrottled, and then counts it at none."""
    waited = 0.0
    while not await _try_begin(deps, counters):
        if waited >= WAIT_S:
            raise LoginThrottled(retry_after_s=1)
        await asyncio.sleep(WAIT_STEP_S)
        waited += WAIT_STEP_S


async def _try_begin(deps: Deps, counters: Sequence[Counter]) -> bool:
    now = deps.clock.now()
    async with deps.locks.of(counters[0].digest), deps.db.tx(None) as tx:
        charged = []
        for counter in sorted(counters, key=lambda counter: counter.digest):
            tries = admitted(await repo.tries(tx, counter.digest), counter.free, now)
            if tries is None:
                return False
            charged.append((counter, tries))
        for counter, tries in charged:
            await repo.put_tries(tx, counter.digest, tries)
    return True


async def end_wrong(deps: Deps, counters: Sequence[Counter]) -> int:
    """Records a wrong try; returns the number of failures at its place."""
    now = deps.clock.now()
    counts = {}
    async with deps.locks.of(counters[0].digest), deps.db.tx(None) as tx:
        for counter in sorted(counters, key=lambda counter: counter.digest):
            tries = failed(await repo.tries(tx, counter.digest), counter.free, now)
            await repo.put_tries(tx, counter.digest, tries)
            counts[counter.digest] = tries.failures
    return counts[counters[0].digest]


async def end_right(deps: Deps, counters: Sequence[Counter], *, is_whole: bool = True) -> None:
    """Records a right password. The counter of its place is reset, unless the second factor is
    still missing (`is_whole` is false). The counter of all unknown places keeps its failures."""
    async with deps.locks.of(counters[0].digest), deps.db.tx(None) as tx:
        for counter in sorted(counters, key=lambda counter: counter.digest):
            tries = await repo.tries(tx, counter.digest)
            running = max(tries.running - 1, 0)
            if is_whole and counter is counters[0]:
                tries = Tries(tried_at=tries.tried_at)
            await repo.put_tries(tx, counter.digest, replace(tries, running=running))
