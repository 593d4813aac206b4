"""Signed reads that were answered already: each is answered once (SECURITY.md).

Whoever asks a lot forgets its own reads first: no number of other callers makes the edge forget
those of one that asks little, and memory has a bound all the same.
"""

from heapq import heapify, heapreplace

from gateway.limits import CLOCK_WINDOW_S
from shared.clock import Clock

KEEP_S = 3 * CLOCK_WINDOW_S
"""A signature dated ahead counts for twice the window; the third is for clocks and waiting."""
KEPT = 262_144
"""Of all callers together, in both generations: up to half an hour of 145 reads a second. At about
100 bytes."""
ROOM = KEPT // 16


class SeenNonces:
    """Nonces by who made them, in two generations: the older one goes when the newer has stood for
    longer than a signature counts, and where room is short that of whoever holds the most."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newer: dict[str, set[int]] = {}
        self._older: dict[str, set[int]] = {}
        self._since = clock.monotonic()
        self.held = 0
        """nonces, of all callers"""

    def is_new(self, name: str, nonce: str) -> bool:
        """Whether this is the caller's first of its kind here; from now on it is not."""
        now = self._clock.monotonic()
        if now - self._since > KEEP_S:
            self.held -= sum(map(len, self._older.values()))
            self._older, self._newer, self._since = self._newer, {}, now
        # Salted by the process: nobody outside can make two that collide.
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
        """Some at once, so that whoever holds the most is seldom looked for."""
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
