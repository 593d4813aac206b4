"""Lets a group's members begin in any order, as at a real broker.

The leader of a group sends what each member is to read with its request to sync. The mock broker
ends the sync as soon as it has that request. It refuses the members whose own request comes later,
although it counts them as synced; their client gives up with an error, joins again, and on a busy
machine is late again, without end. A real broker tells such a member its assignment. So the
leader's request is read here on its way, and the refusal is replaced by the assignment.
"""

import struct
from typing import NamedTuple

SYNC = 14
VERSIONS = (1, 2, 3)
"""The versions that are laid out as this module reads them: the third names an instance, too."""
REFUSED = 42
"""INVALID_REQUEST: no sync is under way. An old generation is refused with another number."""
_RESPONSE = struct.Struct(">iiih")
"""of a response: its length, its request's number, the throttle time, the error"""


class Sync(NamedTuple):
    """Who syncs: a group in one generation, and a member of it."""

    group: bytes
    generation: int
    member: bytes


class Assignments:
    """What the leader of each group assigned in its newest generation."""

    def __init__(self) -> None:
        self._of: dict[bytes, tuple[int, dict[bytes, bytes]]] = {}

    def requested(self, frame: bytes, version: int, at: int) -> Sync | None:
        """Whose request to sync it is; the leader's is kept. `at` is where its group stands."""
        if version not in VERSIONS:
            return None
        group, at = _bytes(frame, at, ">h")
        (generation,) = struct.unpack_from(">i", frame, at)
        member, at = _bytes(frame, at + 4, ">h")
        if version == VERSIONS[-1]:
            _, at = _bytes(frame, at, ">h")
        (number,) = struct.unpack_from(">i", frame, at)
        at += 4
        assigned: dict[bytes, bytes] = {}
        for _ in range(number):
            name, at = _bytes(frame, at, ">h")
            assigned[name], at = _bytes(frame, at, ">i")
        if assigned and generation >= self._of.get(group, (generation,))[0]:
            self._of[group] = generation, assigned
        return Sync(group, generation, member)

    def responded(self, sync: Sync, response: bytes) -> bytes:
        """The response to a request to sync; a late member's says what is assigned to it."""
        _, number, throttled, error = _RESPONSE.unpack_from(response)
        generation, assigned = self._of.get(sync.group, (None, {}))
        if error != REFUSED or generation != sync.generation or sync.member not in assigned:
            return response
        assignment = assigned[sync.member]
        # Its own four bytes do not count, but those of the assignment's length do.
        head = _RESPONSE.pack(_RESPONSE.size + len(assignment), number, throttled, 0)
        return head + struct.pack(">i", len(assignment)) + assignment


def _bytes(frame: bytes, at: int, length_as: str) -> tuple[bytes, int]:
    """Bytes with their length in front (-1: none), and where they end."""
    (length,) = struct.unpack_from(length_as, frame, at)
    start = at + struct.calcsize(length_as)
    end = start + max(length, 0)
    return frame[start:end], end
