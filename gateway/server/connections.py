"""The table of open connections, and which one is closed when the limit is reached.

One address may hold some hundreds, all addresses together some thousands. Beyond that, the oldest
connection that never sent a complete request is closed for the new one, also if both come from one
address: a connection that is used stays, one that only occupies a place is closed. If all have sent
a request, an idle one is closed, of the address that holds the most among those with an idle one.
"""

import asyncio
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Counter, Gauge

from gateway.limits import (
    ADDRESS_CONNECTIONS_MAX,
    CONNECTIONS_MAX,
    FILES_KEPT_BACK,
    UNFINISHED_BYTES_MAX,
    UNFINISHED_SHARE,
    UNSENT_BYTES_MAX,
    UNSENT_SHARE,
)
from shared.address import share_of
from shared.telemetry import get_logger

SWEEP_EVERY_S = 0.5
SWEEP_PART = 256
"""Connections checked in one go: checking 5,000 took 10 ms, and every payment waited for it."""

log = get_logger("connections")

_ended = Counter("gateway_connections_ended_total", "Connections ended by a limit", ["limit"])
_open = Gauge("gateway_connections", "Connections that clients hold open, without links")
_unfinished = Gauge("gateway_unfinished_bytes", "Held of requests that are not whole yet")
_unsent = Gauge("gateway_unsent_bytes", "Held of answers that their clients have not taken yet")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a process allows its callers to hold."""

    body_bytes: int
    unfinished_bytes: int = UNFINISHED_BYTES_MAX
    """of all incomplete requests together; one address has a share of it"""
    unsent_bytes: int = UNSENT_BYTES_MAX
    """of all responses together that clients have not read yet; one address has a share of it"""
    connections: int = CONNECTIONS_MAX
    per_address: int = ADDRESS_CONNECTIONS_MAX
    is_trusted: Callable[[str], bool] = lambda _address: False
    """proxies and others that carry many callers: not limited by `per_address`"""


class Connection(Protocol):
    """What the table needs to know of a connection."""

    address: str
    """empty: a connection to the inner listener, which is never refused"""
    is_known: bool

    @property
    def is_idle(self) -> bool: ...

    def abort(self) -> None: ...
    def enforce_deadline(self, now: float) -> None: ...


class _AddressEntry:
    __slots__ = ("count", "known", "strangers", "unfinished", "unsent")

    def __init__(self) -> None:
        self.count = 0
        self.unfinished = 0
        self.unsent = 0
        self.strangers: dict[Connection, None] = {}
        self.known: dict[Connection, None] = {}


class ConnectionTable:
    """All connections of one process. `delay_s` gives how long a refusal to an address is
    delayed."""

    def __init__(
        self, limits: ConnectionLimits, delay_s: Callable[[str], float] = lambda _address: 0.0
    ) -> None:
        self.limits = limits
        self.unfinished = 0
        self._unfinished: dict[Connection, int] = {}
        self._unsent: dict[Connection, int] = {}
        self._unsent_sum = 0
        self._delay_s = delay_s
        self._all: dict[Connection, str] = {}
        self._strangers: dict[Connection, None] = {}
        self._addresses: dict[str, _AddressEntry] = {}
        self._ranked: list[str] | None = None
        self._unchecked: dict[str, Iterator[Connection]] = {}
        self._is_watched = False
        self._sweep_left: list[Connection] = []
        """connections still to be checked in this sweep"""
        self._pause_s = SWEEP_EVERY_S
        _open.set_function(lambda: len(self._all))
        _unfinished.set_function(lambda: self.unfinished)
        _unsent.set_function(lambda: self._unsent_sum)

    def enter(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> bool:
        """Adds a connection, closing another one if needed; False when there is no room."""
        name = "" if self.limits.is_trusted(connection.address) else share_of(connection.address)
        if (
            connection.address
            and len(self._all) >= self.limits.connections
            and not self._end_oldest(self._strangers, "all")
            and not self._end_idle(self._held(name))
        ):
            return False
        if name:
            entry = self._addresses.get(name)
            if entry is not None and entry.count >= self.limits.per_address:
                if not self._end_oldest(entry.strangers, "address"):
                    return False
                entry = self._addresses.get(name)
            if entry is None:
                entry = self._addresses[name] = _AddressEntry()
            entry.count += 1
            entry.strangers[connection] = None
        self._all[connection] = name
        self._strangers[connection] = None
        if not self._is_watched:
            self._is_watched = True
            loop.call_later(SWEEP_EVERY_S, self._sweep, loop)
        return True

    def mark_known(self, connection: Connection) -> None:
        """It has sent a complete request."""
        connection.is_known = True
        self._strangers.pop(connection, None)
        entry = self._addresses.get(self._all.get(connection, ""))
        if entry is not None and entry.strangers.pop(connection, self) is None:
            entry.known[connection] = None

    def delay_s(self, connection: Connection) -> float:
        """How long the refusal of an unreadable request is delayed: as long as any other refusal to
        that address. Trusted proxies and our own processes are not delayed."""
        return self._delay_s(connection.address) if self._all.get(connection) else 0.0

    def keep_unfinished(self, connection: Connection, size: int) -> bool:
        """Records that `size` bytes of its incomplete request are held. False when that exceeds the
        limit of all addresses together or the share of its address."""
        more = size - self._unfinished.pop(connection, 0)
        if size:
            self._unfinished[connection] = size
        self.unfinished += more
        limit = self.limits.unfinished_bytes
        entry = self._addresses.get(self._all.get(connection, ""))
        if entry is None:
            return self.unfinished <= limit
        entry.unfinished += more
        return self.unfinished <= limit and entry.unfinished <= limit // UNFINISHED_SHARE

    def keep_unsent(self, connection: Connection, size: int) -> bool:
        """Whether `size` bytes of its response, which the client has not read yet, may be kept."""
        if connection not in self._all:
            return False
        entry = self._addresses.get(self._all[connection])
        limit = self.limits.unsent_bytes
        owed = size + (entry.unsent if entry is not None else 0)
        if entry is not None and owed > limit // UNSENT_SHARE:
            _ended.labels("unsent").inc()
            return False
        while self._unsent_sum + size > limit:
            if not self._end_unsent(owed):
                _ended.labels("unsent").inc()
                return False
        self._unsent[connection] = self._unsent.get(connection, 0) + size
        self._unsent_sum += size
        if entry is not None:
            entry.unsent += size
        return True

    def forget_unsent(self, connection: Connection) -> None:
        """The client has read them, or the connection is closed."""
        size = self._unsent.pop(connection, 0)
        self._unsent_sum -= size
        entry = self._addresses.get(self._all.get(connection, ""))
        if entry is not None:
            entry.unsent -= size

    def leave(self, connection: Connection) -> None:
        self.forget_unsent(connection)
        self.keep_unfinished(connection, 0)
        name = self._all.pop(connection, None)
        if name is None:
            return
        self._strangers.pop(connection, None)
        entry = self._addresses.get(name)
        if entry is not None:
            entry.count -= 1
            entry.strangers.pop(connection, None)
            entry.known.pop(connection, None)
            if not entry.count:
                del self._addresses[name]

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._all))

    def _end_oldest(self, strangers: dict[Connection, None], limit: str) -> bool:
        """Closes the oldest of them, if there is one."""
        oldest = next(iter(strangers), None)
        if oldest is None:
            return False
        self._end(oldest, limit)
        return True

    def _end_idle(self, held: int) -> bool:
        """Closes the idle connection that has been known longest, of the address that holds the
        most among those with an idle one. `held` is what the newcomer's address holds: an address
        gives way only to one that holds fewer. Between two sweeps the addresses are ranked once and
        each connection is checked once, however many arrive: one that was busy counts as busy until
        the next sweep."""
        if self._ranked is None:
            self._ranked = sorted(self._addresses, key=self._held)
            self._unchecked = {}
        while self._ranked:
            name = self._ranked[-1]
            entry = self._addresses.get(name)
            if entry is not None and entry.count <= held:
                return False
            if name not in self._unchecked:
                self._unchecked[name] = iter(list(entry.known) if entry is not None else ())
            for connection in self._unchecked[name]:
                if connection in self._all and connection.is_idle:
                    self._end(connection, "resting")
                    return True
            self._ranked.pop()
        return False

    def _end_unsent(self, owed: int) -> bool:
        """Closes the oldest unread response of the address with the most unread bytes, if it has
        more than `owed`: a slow console must not suffer for clients that read nothing."""
        fullest = max(self._addresses, key=lambda name: self._addresses[name].unsent, default="")
        if fullest not in self._addresses or self._addresses[fullest].unsent <= owed:
            return False
        self._end(
            next(connection for connection in self._unsent if self._all[connection] == fullest),
            "unsent",
        )
        return True

    def _held(self, name: str) -> int:
        entry = self._addresses.get(name)
        return entry.count if entry is not None else 0

    def _end(self, connection: Connection, limit: str) -> None:
        _ended.labels(limit).inc()
        self.leave(connection)
        connection.abort()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all connections: a timer per request would cost too much. A sweep checks
        all of them in parts, spread over SWEEP_EVERY_S."""
        now = loop.time()
        if not self._sweep_left:
            self._sweep_left = list(self)
            self._ranked = None
            self._pause_s = SWEEP_EVERY_S / max(1, -(-len(self._sweep_left) // SWEEP_PART))
        part = self._sweep_left[-SWEEP_PART:]
        del self._sweep_left[-SWEEP_PART:]
        for connection in part:
            if connection in self._all:
                self._check(connection, now)
        self._is_watched = bool(self._all)
        if self._is_watched:
            loop.call_later(self._pause_s, self._sweep, loop)

    def _check(self, connection: Connection, now: float) -> None:
        try:
            connection.enforce_deadline(now)
        except Exception:
            # An error in one connection must not stop the deadlines of all others.
            log.exception("connection.look")
            connection.abort()


def affordable_connections() -> int:
    """How many connections the process may hold: its limit on open files, raised as far as allowed,
    less what links, streams and calls to Alipay need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_KEPT_BACK
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return min(CONNECTIONS_MAX, max(soft - FILES_KEPT_BACK, soft // 2))
