"""The request log is bounded, by number and by bytes."""

import pytest

from deploy.sandbox.kit import request_log
from deploy.sandbox.kit.request_log import Entry, RequestLog


def _entry(number: int, size: int) -> Entry:
    return Entry(0, number, "POST", "/gateway.do", "", b"", b"x" * size, "1", "m")


def test_the_log_is_bounded_by_number() -> None:
    log = RequestLog(10)
    for number in range(25):
        log.add(_entry(number, 1))
    assert [entry.seq for entry in log.find(None, None, None, 100)] == list(range(16, 26))
    assert [entry.seq for entry in log.find("1", "m", None, 2)] == [24, 25]
    assert log.find("2", None, None, 100) == []
    assert log.seen == 25


def test_the_log_is_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "MAX_BYTES", 1000)
    log = RequestLog(10_000)
    for number in range(50):
        log.add(_entry(number, 100))
    assert 0 < len(log.find(None, None, None, 100)) < 10
