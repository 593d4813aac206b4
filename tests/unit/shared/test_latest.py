"""Which of several events about one row counts, and in which order the rows are written."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from shared.contracts.events.base import latest
from shared.contracts.events.binding import StoreCreated, StoreRenamed

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def created(store: int, minute: int, name: str, event: int = 0) -> StoreCreated:
    return StoreCreated(
        event_id=UUID(int=event), tenant_id=UUID(int=1), store_id=UUID(int=store), name=name,
        occurred_at=NOON + timedelta(minutes=minute),
    )  # fmt: skip


def renamed(store: int, minute: int, name: str, event: int = 0) -> StoreRenamed:
    return StoreRenamed(**created(store, minute, name, event).model_dump())


def test_the_latest_by_its_own_time_counts_in_one_order() -> None:
    events = [created(2, 0, "a"), renamed(2, 2, "c"), renamed(2, 1, "b"), created(1, 3, "d")]
    for order in permutations(events):
        assert [event.name for event in latest(order, "tenant_id", "store_id")] == ["d", "c"]


@pytest.mark.parametrize("ids", [(1, 2), (2, 1)])
def test_of_two_at_one_instant_the_later_to_arrive_counts(ids: tuple[int, int]) -> None:
    """As the tables decide between two batches. The ids of one millisecond are random."""
    events = [created(1, 0, "older", event=ids[0]), renamed(1, 0, "newer", event=ids[1])]
    assert [event.name for event in latest(events, "store_id")] == ["newer"]


def test_no_event_no_row() -> None:
    assert latest([], "tenant_id") == []
