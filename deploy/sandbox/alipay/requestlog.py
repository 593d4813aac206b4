"""The last requests as they came, for whoever wants to look; bounded by number and by bytes."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.alipay import clock, wire

MAX_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Entry:
    """Fields are parsed again when somebody reads the log: nobody pays for them before."""

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
    content_rule: str | None = None
    out_trade_no: str | None = None
    code: str | None = None
    sub_code: str | None = None
    faults: tuple[str, ...] = ()
    size: int = field(default=0)

    def shown(self) -> dict[str, Any]:
        received = wire.read(self.raw_query, self.content_type, self.body)
        return {
            "seq": self.seq,
            "received_at": clock.iso(self.received_ms),
            "http_method": self.http_method,
            "target": self.target,
            "content_type": self.content_type,
            "raw_query": self.raw_query.decode("latin-1"),
            "raw_body": self.body.decode("latin-1"),
            "fields": received.params,
            "app_id": self.app_id,
            "method": self.method,
            "out_trade_no": self.out_trade_no,
            "verdict": self.verdict,
            "content_rule": self.content_rule,
            "code": self.code,
            "sub_code": self.sub_code,
            "faults": list(self.faults),
        }


class RequestLog:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self.seen = 0

    def add(self, entry: Entry) -> Entry:
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
    ) -> list[Entry]:
        """The newest `limit` of those that match, oldest of them first."""
        found = list(_first(self._matching(app_id, method, out_trade_no), limit))
        found.reverse()
        return found

    def _matching(
        self, app_id: str | None, method: str | None, out_trade_no: str | None
    ) -> Iterator[Entry]:
        for entry in reversed(self._entries):
            if (
                app_id in {None, entry.app_id}
                and method in {None, entry.method}
                and out_trade_no in {None, entry.out_trade_no}
            ):
                yield entry


def _first(entries: Iterator[Entry], limit: int) -> Iterator[Entry]:
    for number, entry in enumerate(entries):
        if number >= limit:
            return
        yield entry
