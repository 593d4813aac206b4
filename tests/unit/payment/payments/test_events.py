"""What every event about a payment says of it."""

from services.payment.payments.settlement import common_members
from shared.contracts.events import Event
from shared.contracts.events.payment import PaymentFact
from tests.unit.payment.samples import payment


def test_an_event_has_all_that_events_of_payments_share() -> None:
    """Members with a default would be left out unseen."""
    shared = PaymentFact.model_fields.keys() - Event.model_fields.keys()
    apart = shared ^ common_members(payment()).keys()
    assert not apart, f"in PaymentFact or in common_members alone: {apart}"
