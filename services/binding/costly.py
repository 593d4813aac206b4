"""Acts that cost far more than their request: argon2, RSA pairs, the audit log as a whole.

Each kind has threads of its own, so that work of one kind never waits behind another (a storm of
step-ups leaves signing in alone), and few places, of which one caller has a part: who asks beyond
that is refused before anything was read or changed. The threads step back behind everything else
on the machine, payments first of all; the edge brakes the same acts by time (gateway/limits.py).
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

NICE_SIGN_IN, NICE_COSTLY = 5, 15
"""Of 20 steps. Beside two busy cores, 15 leaves a hash about a sixth of the pace it has alone, and
takes a twentieth from the others; people who sign in wait on it, so they stand nearer."""
RETRY_AFTER_S = 2

_refused = Counter("binding_costly_refused_total", "Costly acts refused", ["kind", "why"])


class CostlyBusy(Unavailable):
    """All places of this kind are taken: nothing was done."""

    code = "binding.busy"
    title = "此类操作繁忙，请稍后重试 Too many of these are under way; please try again."


class Threads:
    """Threads of one kind of work, made when the first comes."""

    def __init__(self, kind: str, at_once: int, nice: int = NICE_COSTLY) -> None:
        self._pool = ThreadPoolExecutor(at_once, f"binding-{kind}", _step_back, (nice,))

    async def run(self, work: Callable[..., ValueT], *args: Any) -> ValueT:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)


def _step_back(nice: int) -> None:
    """Linux keeps this by thread, and the lanes that argon2 starts inherit it. Elsewhere it may be
    refused or mean the process: there the small number of threads has to do."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), nice)


class Places:
    """`with places.one(who):` holds a place of this kind; TooMany when the caller's own part is
    taken, CostlyBusy when all are. Nobody waits for one."""

    def __init__(self, kind: str, *, in_all: int, each: int) -> None:
        self._kind = kind
        self._in_all = in_all
        self._each = each
        self._held: Tally[str] = Tally()

    @contextmanager
    def one(self, who: str) -> Iterator[None]:
        held = self._held
        if held[who] >= self._each:
            _refused.labels(self._kind, "own").inc()
            raise TooMany(retry_after_s=RETRY_AFTER_S)
        if held.total() >= self._in_all:
            _refused.labels(self._kind, "all").inc()
            raise CostlyBusy(retry_after_s=RETRY_AFTER_S)
        held[who] += 1
        try:
            yield
        finally:
            held[who] -= 1
            if not held[who]:
                del held[who]


@dataclass
class Costly:
    """The places by kind, and the threads for what is no password (those: crypto/passwords.py).

    sign_in   2 threads give some 100 checks a second where nobody pays, and a sixth of it beside
              two busy cores: then the last of 32 waits two seconds, which a browser bears; 16 of
              one address are a shop's whole staff at nine o'clock
    password  1 thread, 8 places: few, because whoever is in can wait
    keys      a pair takes 30-300 ms, once in a merchant's life
    audit     each reads a whole log through a connection of its own, of 6: at most 2, one a tenant
    """

    places: dict[str, Places] = field(
        default_factory=lambda: {
            "sign_in": Places("sign_in", in_all=32, each=16),
            "password": Places("password", in_all=8, each=2),
            "keys": Places("keys", in_all=8, each=2),
            "audit": Places("audit", in_all=2, each=1),
        }
    )
    keys: Threads = field(default_factory=lambda: Threads("keys", 1))
    audit: Threads = field(default_factory=lambda: Threads("audit", 2))


def costly(kind: str) -> Any:
    """`dependencies=[guard(...), costly("keys")]`: the request holds a place until it is answered.
    A place is a person's, the audit log's a tenant's; who is nobody yet is an address."""
    return Depends(Costs(kind))


class Costs:
    """A route's declared kind of cost."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    async def __call__(self, request: Request) -> AsyncIterator[None]:
        with request.app.state.deps.costly.places[self.kind].one(self._who(request)):
            yield

    def _who(self, request: Request) -> str:
        caller = principal(request)
        if caller.kind == "service":
            return share_of(str(get_contextvars().get("client_address", "")))
        return str(caller.tenant) if self.kind == "audit" else caller.subject
