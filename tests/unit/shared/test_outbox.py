"""The relay's pauses: they grow with what it sent, and no event is late for them."""

from itertools import pairwise

import pytest

from shared.outbox import BATCH_MAX, pause_after

LAG_MAX_S = 0.1
"""the bar of `python -m tests.bench` for 99 of 100 events"""
CONSUMER_S = 0.05
"""for the rest of an event's way: the broker, and the consumer's transaction"""


def test_few_events_wait_about_30_ms() -> None:
    assert 0.03 <= pause_after(1) <= 0.035


def test_a_larger_batch_is_followed_by_a_longer_pause() -> None:
    pauses = [pause_after(sent) for sent in (1, 2, 3, 4)]
    assert all(shorter < longer for shorter, longer in pairwise(pauses))


@pytest.mark.parametrize("sent", [6, 100, BATCH_MAX])
def test_no_pause_makes_an_event_late(sent: int) -> None:
    assert pause_after(sent) == pytest.approx(LAG_MAX_S - CONSUMER_S)


@pytest.mark.parametrize("per_s", [20, 60, 150, 300])
def test_a_steady_load_finds_a_steady_pause(per_s: int) -> None:
    """A pause gathers events, and their number sets the next pause: that must settle."""
    pauses = [pause_after(1)]
    for _ in range(100):
        pauses.append(pause_after(round(per_s * pauses[-1])))
    assert pauses[-1] == pytest.approx(pauses[-2])
    assert (pauses[-1] >= 0.048) == (per_s >= 150)
    assert (pauses[-1] <= 0.045) == (per_s <= 60)
