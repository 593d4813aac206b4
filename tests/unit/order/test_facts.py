"""What an order keeps of a payment's facts (S95), before any database."""

import pytest

from services.order.domain import Outcome, sub_type
from services.order.schemas import OrderFilters
from shared.contracts.events.payment import PaymentFact
from tests.fixtures.events import sample


@pytest.mark.parametrize(
    ("channel", "scene", "expected"),
    [
        ("alipay", "face", "alipay_face"),
        ("alipay", "code", "alipay_code"),
        ("wechat", "code", "normal"),
        ("none", "none", "normal"),
    ],
)
def test_sub_types(channel: str, scene: str, expected: str) -> None:
    assert sub_type(channel, scene) == expected


def test_the_strongest_outcome_has_the_largest_number() -> None:
    """The database keeps the greatest: the generated columns know these numbers."""
    assert [(outcome.name, outcome.value) for outcome in Outcome] == [
        ("UNKNOWN", 0),
        ("CANCELLED", 1),
        ("PAID", 2),
        ("LATE", 3),
        ("REVERSED", 4),
    ]


def test_every_payment_fact_is_projected() -> None:
    """A new event type of a payment must find its place in the order list."""
    from services.order.consumers import handlers
    from services.order.service import _order_fact

    facts = PaymentFact.__subclasses__()
    assert facts
    for fact in facts:
        assert fact.type in handlers.by_type
        assert _order_fact(sample(fact)).payment_id is not None


def test_filters_keep_only_what_was_asked() -> None:
    asked = OrderFilters.model_validate(
        {"pay_state": "paid", "from": "2026-11-23T00:00:00+08:00", "page": "2", "q": "D26"}
    )
    wanted = asked.wanted()
    assert wanted.exact == {"pay_state": "paid"}
    assert wanted.since is not None
    assert wanted.since.utcoffset() is not None
    assert (wanted.until, wanted.number) == (None, "D26")
    assert (asked.page, asked.page_size) == (2, 20)
