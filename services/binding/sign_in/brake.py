"""The brake on guessing passwords: by login and place, never by login alone.

A place is a known browser (its cookie proves that this person signed in from it before) or an
address (an IPv6 /64 is one). A stranger can therefore brake his own address, not the owner's
browser. All strange places together have one more, wider allowance for each login, so that a
thousand addresses are not a thousand times ten guesses (NIST 800-63B 3.2.2: at most 100).

A try is counted before its password is looked at: parallel guesses cannot outrun the counter. A try
that is still being looked at is not a failure yet: others wait for its outcome instead of being
refused, so right passwords that come at once are all accepted.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.binding.deps import Deps
from services.binding.sign_in import repo
from services.binding.sign_in.rules import FORGET_TRIES_AFTER, LoginBraked, Tries
from services.binding.tenancy.rules import sha256_hex
from shared.address import share_of

FREE_TRIES = 10
FREE_TRIES_OF_STRANGERS = 100
FIRST_DELAY_S = 30
LONGEST_DELAY_S = 15 * 60
LOOK_MAX = timedelta(seconds=20)
"""A try that was begun longer ago was lost with its process."""
WAIT_S = 8.0
WAIT_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class Key:
    """One counter of the brake, and how many failures it forgives."""

    digest: str
    free: int = FREE_TRIES


def keys_of(login_digest: str, address: str, known_browser: str | None) -> tuple[Key, ...]:
    """The counters of a sign-in; `known_browser` is the digest of its cookie, when it is known."""
    if known_browser is not None:
        return (Key(sha256_hex(f"browser|{login_digest}|{known_browser}")),)
    return (
        Key(sha256_hex(f"address|{login_digest}|{share_of(address)}")),
        Key(sha256_hex(f"strangers|{login_digest}"), FREE_TRIES_OF_STRANGERS),
    )


def admitted(tries: Tries, free: int, now: datetime) -> Tries | None:
    """The counter with one more try begun; None: wait for those that were begun before. Raises
    LoginBraked while the delay runs.

    The delay starts after `free` failures and doubles to LONGEST_DELAY_S: some twenty guesses in
    the first hour.
    """
    tried_at = tries.tried_at
    if tried_at is not None and now - tried_at > FORGET_TRIES_AFTER:
        tries = Tries()
    begun = tries.begun if tried_at is not None and now - tried_at < LOOK_MAX else 0
    if tries.locked_until is not None and now < tries.locked_until:
        if begun:
            return None
        wait = (tries.locked_until - now).total_seconds()
        raise LoginBraked(retry_after_s=max(1, round(wait)))
    if begun >= max(free - tries.failures, 1):
        return None
    return replace(tries, begun=begun + 1, tried_at=now)


def failed(tries: Tries, free: int, now: datetime) -> Tries:
    """The counter after a wrong password."""
    failures = tries.failures + 1
    over = failures - free
    locked_until = None
    if over >= 0:
        delay = min(FIRST_DELAY_S * 2 ** min(over, 10), LONGEST_DELAY_S)
        locked_until = now + timedelta(seconds=delay)
    return Tries(failures, max(tries.begun - 1, 0), now, locked_until)


async def begin(deps: Deps, keys: Sequence[Key]) -> None:
    """Counts a try at all of its counters, or raises LoginBraked and counts it at none."""
    waited = 0.0
    while not await _begun(deps, keys):
        if waited >= WAIT_S:
            raise LoginBraked(retry_after_s=1)
        await asyncio.sleep(WAIT_STEP_S)
        waited += WAIT_STEP_S


async def _begun(deps: Deps, keys: Sequence[Key]) -> bool:
    now = deps.clock.now()
    async with deps.turns.of(keys[0].digest), deps.db.tx(None) as tx:
        charged = []
        for key in sorted(keys, key=lambda key: key.digest):
            tries = admitted(await repo.tries(tx, key.digest), key.free, now)
            if tries is None:
                return False
            charged.append((key, tries))
        for key, tries in charged:
            await repo.put_tries(tx, key.digest, tries)
    return True


async def end_wrong(deps: Deps, keys: Sequence[Key]) -> int:
    """The try was wrong; how many there were at its place."""
    now = deps.clock.now()
    counts = {}
    async with deps.turns.of(keys[0].digest), deps.db.tx(None) as tx:
        for key in sorted(keys, key=lambda key: key.digest):
            tries = failed(await repo.tries(tx, key.digest), key.free, now)
            await repo.put_tries(tx, key.digest, tries)
            counts[key.digest] = tries.failures
    return counts[keys[0].digest]


async def end_right(deps: Deps, keys: Sequence[Key], *, is_whole: bool = True) -> None:
    """The password was right: its place starts anew, unless a code is still missing. What other
    strangers tried stays counted."""
    async with deps.turns.of(keys[0].digest), deps.db.tx(None) as tx:
        for key in sorted(keys, key=lambda key: key.digest):
            tries = await repo.tries(tx, key.digest)
            begun = max(tries.begun - 1, 0)
            if is_whole and key is keys[0]:
                tries = Tries(tried_at=tries.tried_at)
            await repo.put_tries(tx, key.digest, replace(tries, begun=begun))
