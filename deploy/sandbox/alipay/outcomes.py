"""How the next payment of an application ends, chosen by whoever rehearses a sale.

An outcome is nothing but a switch that fires once, for `alipay.trade.pay` of that application; a
later choice takes the place of one that no payment has met yet. Everybody else's switches stay.
"""

from typing import Any

from deploy.sandbox.alipay.faults import PAY, BadFault, Faults

CONFIRM_AFTER_MS = 5000
OUTCOMES: dict[str, dict[str, Any] | None] = {
    "paid": None,
    "refused": {"fault": "refuse", "args": {"sub_code": "ACQ.BUYER_BALANCE_NOT_ENOUGH"}},
    "buyer_confirms": {"fault": "in_process", "args": {"ms": CONFIRM_AFTER_MS}},
    "unknown": {"fault": "drop_answer", "args": {}},
}
"""None: as an ordinary payment, which is paid at once. Whoever confirms does so after some
seconds; an unknown one was paid, and its answer was lost."""


class Outcomes:
    """In memory, as the switches are."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._chosen: dict[str, int] = {}
        """app_id -> the switch of the last choice"""

    def choose(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """BadFault for an outcome that there is not, or no application named."""
        app_id, outcome = wanted.get("app_id"), wanted.get("outcome")
        if not isinstance(app_id, str) or not app_id:
            raise BadFault("app_id is missing")
        if outcome not in OUTCOMES:
            raise BadFault(f"outcome must be one of {', '.join(OUTCOMES)}")
        former = self._chosen.pop(app_id, None)
        if former is not None:
            self._faults.clear(fault_id=former)
        switch = OUTCOMES[str(outcome)]
        if switch is not None:
            added = self._faults.add({**switch, "app_id": app_id, "method": PAY, "times": 1})
            self._chosen[app_id] = added.fault_id
        return {"app_id": app_id, "outcome": outcome}
