"""Nonces of signed reads: each signed read is answered once (SECURITY.md).

Memory is bounded. When it is full, the nonces of the caller with the most are dropped first, so
that busy callers cannot displace those of a quiet one.
"""

from heapq import heapify, heapreplace

from shared.clock import Clock
from shared.contracts.signatures import NONCE_KEPT_S

KEPT = 262_144
"""Nonces of all callers in both generations: half an hour of 145 reads a second, at about 100 bytes
each."""
ROOM = KEPT // 16


class SeenNonces:
    """Nonces by caller, in two generations. The older one is dropped once the newer has lasted
    longer than a signature is valid, or, for the caller with the most, when memory is full."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newer: dict[str, set[int]] = {}
        self._older: dict[str, set[int]] = {}
        self._since = clock.monotonic()
        self.held = 0
        """number of nonces, of all callers"""

    def is_new(self, name: str, nonce: str) -> bool:
        """Whether this nonce is new for the caller; records it."""
        now = self._clock.monotonic()
        if now - self._since > NONCE_KEPT_S:
            self.held -= sum(map(len, self._older.values()))
            self._older, self._newer, self._since = self._newer, {}, now
        # The hash is salted per process, so that nobody outside can make two nonces collide.
        mark = hash(nonce)
        nonces = self._newer.get(name)
        if (nonces and mark in nonces) or mark in self._older.get(name, ()):
            return False
        if self.held >= KEPT:
            self._make_room()
        self._newer.setdefault(name, set()).add(mark)
        self.held += 1
        return True

    def _make_room(self) -> None:
        """Frees ROOM nonces at once, so that this search runs rarely."""
        names = self._newer.keys() | self._older.keys()
        most = [(-self._of(name), name) for name in names]
        heapify(most)
        while self.held > KEPT - ROOM:
            _, name = most[0]
            self.held -= len(self._older.pop(name, ()))
            if name in self._newer:
                self._older[name] = self._newer.pop(name)
            heapreplace(most, (-self._of(name), name))

    def _of(self, name: str) -> int:
        return len(self._newer.get(name, ())) + len(self._older.get(name, ()))
