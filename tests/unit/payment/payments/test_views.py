"""What a device is told of a payment beside its status."""

import pytest

from services.payment.payments.schemas import device_view
from services.payment.snapshot import State
from tests.unit.payment.samples import payment

PENDING = {
    State.SUBMITTED: "channel",
    State.PAYING: "buyer",
    State.UNKNOWN: "outcome",
    State.CANCELLING: "cancel",
    State.MANUAL: "person",
}


@pytest.mark.parametrize("state", State)
def test_a_pending_payment_says_what_it_waits_for(state: State) -> None:
    """So that a screen need not read it out of our Chinese words."""
    told = device_view(payment(state))
    assert told.get("waiting_for") == PENDING.get(state)
    assert (told["status"] == "pending") == (state in PENDING)
