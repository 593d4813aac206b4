"""Expensive (CPU-bound) work: argon2, RSA key pairs, reading a whole audit log.

Each kind has its own threads, so that one kind never waits for another: many step-ups do not delay
signing in. Each kind also has a small number of slots, and one caller may hold only some of them.
A request beyond that is refused before anything is read or changed. The threads run at a lower
priority than everything else on the machine, above all payments. The edge also limits the rate of
the same requests (gateway/limits.py).
"""

import asyncio
import os
import sys
from collections import Counter as Tally
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import get_native_id
from typing import Any, TypeVar

from fastapi import Depends, Request
from prometheus_client import Counter
from structlog.contextvars import get_contextvars

from shared.address import share_of
from shared.errors import TooMany, Unavailable
from shared.web import principal

ValueT = TypeVar("ValueT")

NICE_SIGN_IN, NICE_EXPENSIVE = 5, 15
"""The nice values, of 20 steps. Beside two busy cores, a hash at 15 runs at about a sixth of the
pace it has alone, and takes a twentieth of the time of the others. People wait while they sign in,
so that work has the better value."""
RETRY_AFTER_S = 2

_refused = Counter("binding_costly_refused_total", "Costly acts refused", ["kind", "why"])


class ExpensiveBusy(Unavailable):
    """All slots of this kind are taken; nothing was done."""

    code = "binding.busy"
    title = "此类操作繁忙，请稍后重试 Too many of these are under way; please try again."


class Threads:
    """The threads of one kind of work; each is started when it is first needed."""

    def __init__(self, kind: str, at_once: int, nice: int = NICE_EXPENSIVE) -> None:
        self._pool = ThreadPoolExecutor(at_once, f"binding-{kind}", _lower_priority, (nice,))

    async def run(self, work: Callable[..., ValueT], *args: Any) -> ValueT:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)


def _lower_priority(nice: int) -> None:
    """Lowers the priority of the current thread. Linux keeps it for each thread, and the lanes that
    argon2 starts inherit it. Other systems may refuse it or apply it to the whole process; there
    only the small number of threads limits the work."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), nice)


class Slots:
    """`with slots.held_by(caller):` holds a slot of this kind. Raises TooMany when the caller holds
    `each` slots already, and ExpensiveBusy when all are taken. Nobody waits for a slot."""

    def __init__(self, kind: str, *, in_all: int, each: int) -> None:
        self._kind = kind
        self._in_all = in_all
        self._each = each
        self._held: Tally[str] = Tally()

    @contextmanager
    def held_by(self, caller: str) -> Iterator[None]:
        held = self._held
        if held[caller] >= self._each:
            _refused.labels(self._kind, "own").inc()
            raise TooMany(retry_after_s=RETRY_AFTER_S)
        if held.total() >= self._in_all:
            _refused.labels(self._kind, "all").inc()
            raise ExpensiveBusy(retry_after_s=RETRY_AFTER_S)
        held[caller] += 1
        try:
            yield
        finally:
            held[caller] -= 1
            if not held[caller]:
                del held[caller]


@dataclass
class ExpensiveWork:
    """The slots by kind, and the threads of keys and of the audit log (those of passwords are in
    crypto/passwords.py).

    sign_in   2 threads do some 100 checks a second while nobody pays, and a sixth of that beside
              two busy cores. Then the last of 32 waits two seconds, which is acceptable in a
              browser. 16 from one address are the whole staff of a shop at nine o'clock.
    password  1 thread, 8 slots: few, because people who are signed in already can wait
    keys      a pair takes 30-300 ms, once in a merchant's life
    audit     each reads a whole log through its own connection, of 6: at most 2, one a tenant
    export    one a tenant, held until the file is taken. Each part is a short read, and its lines
              are made in the threads of `audit`, so many exports use no more CPU than two
    """

    slots: dict[str, Slots] = field(
        default_factory=lambda: {
            "sign_in": Slots("sign_in", in_all=32, each=16),
            "password": Slots("password", in_all=8, each=2),
            "keys": Slots("keys", in_all=8, each=2),
            "audit": Slots("audit", in_all=2, each=1),
            "export": Slots("export", in_all=16, each=1),
        }
    )
    keys: Threads = field(default_factory=lambda: Threads("keys", 1))
    audit: Threads = field(default_factory=lambda: Threads("audit", 2))


def expensive(kind: str) -> Any:
    """`dependencies=[guard(...), expensive("keys")]`: the request holds a slot until its response
    is sent. The holder is the person, for the audit log the tenant, and before the sign-in the
    client's address."""
    return Depends(ExpensiveRoute(kind))


class ExpensiveRoute:
    """The dependency of a route that does expensive work of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    async def __call__(self, request: Request) -> AsyncIterator[None]:
        with request.app.state.deps.expensive.slots[self.kind].held_by(self._holder(request)):
            yield

    def _holder(self, request: Request) -> str:
        caller = principal(request)
        if caller.kind == "service":
            return share_of(str(get_contextvars().get("client_address", "")))
        return str(caller.tenant) if self.kind in ("audit", "export") else caller.subject
