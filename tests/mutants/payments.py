"""The payment's state machine and books."""

from tests.mutants.patch import Patch

DOMAIN = "services/payment/domain.py"
RULES = ("tests/unit/payment/test_domain.py", "tests/unit/payment/test_machine.py")

PATCHES = (
    Patch(
        DOMAIN,
        "another amount than ours is booked as paid",
        "case Paid() if fact.total_fen == payment.payable_fen:",
        "case Paid():",
        RULES,
    ),
    Patch(
        DOMAIN,
        "no clear answer after the pay call counts as failed",
        "decision = Decision(still, poll_s=0.0 if is_new_doubt else",
        "decision = _failed('doubt', '') if is_new_doubt else Decision(still, poll_s=",
        RULES,
    ),
    Patch(
        DOMAIN,
        "a trade that the channel has shown may fail as never sent",
        "case NotSent() if payment.state is not S.PAYING:",
        "case NotSent():",
        RULES,
    ),
    Patch(
        DOMAIN,
        "nothing to cancel is believed while the pay call may be on its way",
        "if is_on_its_way\n",
        "if not is_on_its_way\n",
        RULES,
    ),
    Patch(
        DOMAIN,
        "a cancel that gave money back counts as closed",
        'case Cancelled(action="refund") | TradeClosed(was_paid=True):',
        "case TradeClosed(was_paid=True):",
        RULES,
    ),
    Patch(
        DOMAIN,
        "late money of another amount is booked as ours",
        "if paid.total_fen != payment.payable_fen:\n        return None",
        "if paid.total_fen < 0:\n        return None",
        RULES,
    ),
    Patch(
        DOMAIN,
        "a reversed payment may be refunded",
        "S.REVERSED: frozenset(),",
        "S.REVERSED: frozenset({S.REFUNDED}),",
        RULES,
    ),
    Patch(
        DOMAIN,
        "a move outside the table goes through",
        "if new not in TRANSITIONS[old]:",
        "if new not in TRANSITIONS:",
        RULES,
    ),
    Patch(
        DOMAIN,
        "a cancel is given up at once",
        "if (at - since).total_seconds() >= schedule.give_up_s",
        "if (at - since).total_seconds() >= 0",
        RULES,
    ),
    Patch(
        DOMAIN,
        "an unsolved payment is shown as failed",
        'S.MANUAL: "pending",',
        'S.MANUAL: "failed",',
        ("tests/unit/payment/test_domain.py", "tests/integration/payment/test_start.py"),
    ),
)
