"""The last requests as they were received; bounded by number and by bytes."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from deploy.sandbox.kit import clock

MAX_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Entry:
    """A request as it was received, with the fields that the log is searched by."""

    seq: int
    received_ms: int
    http_method: str
    target: str
    content_type: str
    raw_query: bytes
    body: bytes
    app_id: str
    method: str
    verdict: str = "received"
    out_trade_no: str | None = None
    size: int = field(default=0)

    def described(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """`fields`: what the platform reads out of query and body."""
        return {
            "seq": self.seq,
            "received_at": clock.iso(self.received_ms),
            "http_method": self.http_method,
            "target": self.target,
            "content_type": self.content_type,
            "raw_query": self.raw_query.decode("latin-1"),
            "raw_body": self.body.decode("latin-1"),
            "fields": fields,
            "app_id": self.app_id,
            "method": self.method,
            "out_trade_no": self.out_trade_no,
            "verdict": self.verdict,
        }


E = TypeVar("E", bound=Entry)


class RequestLog(Generic[E]):
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: deque[E] = deque()
        self._bytes = 0
        self.seen = 0

    def add(self, entry: E) -> E:
        self.seen += 1
        entry.seq = self.seen
        entry.size = len(entry.body) + len(entry.raw_query) + len(entry.target)
        self._bytes += entry.size
        self._entries.append(entry)
        while len(self._entries) > self._limit or self._bytes > MAX_BYTES:
            self._bytes -= self._entries.popleft().size
        return entry

    def find(
        self, app_id: str | None, method: str | None, out_trade_no: str | None, limit: int
    ) -> list[E]:
        """The newest `limit` of those that match, oldest of them first."""
        found = list(_first(self._matching(app_id, method, out_trade_no), limit))
        found.reverse()
        return found

    def _matching(
        self, app_id: str | None, method: str | None, out_trade_no: str | None
    ) -> Iterator[E]:
        for entry in reversed(self._entries):
            if (
                app_id in {None, entry.app_id}
                and method in {None, entry.method}
                and out_trade_no in {None, entry.out_trade_no}
            ):
                yield entry


def _first(entries: Iterator[E], limit: int) -> Iterator[E]:
    for number, entry in enumerate(entries):
        if number >= limit:
            return
        yield entry
