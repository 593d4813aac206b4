"""How the next payment of an application ends, chosen by whoever rehearses a sale.

An outcome is nothing but a switch that fires once, for `alipay.trade.pay` of that application; a
later choice takes the place of one that no payment has met yet. Everybody else's switches stay.

Who names the payment by its code chooses for that one alone. It then meets no choice for "the next
payment" and leaves it to whoever made it: several may use one application at once.
"""

from typing import Any

from deploy.sandbox.alipay.misbehaviour.faults import PAY
from deploy.sandbox.kit.faults import BadFault, Faults

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
        self._chosen: dict[tuple[str, str | None], int] = {}
        """(app_id, the payment's code or None for the next one) -> the switch of the last choice"""

    def choose(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """BadFault for an outcome that there is not, or no application named."""
        app_id, outcome = wanted.get("app_id"), wanted.get("outcome")
        if not isinstance(app_id, str) or not app_id:
            raise BadFault("app_id is missing")
        if outcome not in OUTCOMES:
            raise BadFault(f"outcome must be one of {', '.join(OUTCOMES)}")
        code = wanted.get("auth_code")
        if code is not None and (not isinstance(code, str) or not code):
            raise BadFault("auth_code must be a payment's code")
        self._clear(app_id, code)
        if code is not None:
            self._faults.keep_apart(code)
        switch = OUTCOMES[str(outcome)]
        if switch is not None:
            once = {"app_id": app_id, "method": PAY, "times": 1, "auth_code": code}
            added = self._faults.add({**switch, **once})
            added.is_for_the_next = code is None
            self._chosen[app_id, code] = added.fault_id
        return {"app_id": app_id, "outcome": outcome}

    def forget(self, app_id: str, code: str) -> bool:
        """The payment of that code is like any other again; whether it was not before."""
        self._clear(app_id, code)
        return self._faults.put_back(code)

    def _clear(self, app_id: str, code: str | None) -> None:
        former = self._chosen.pop((app_id, code), None)
        if former is not None:
            self._faults.clear(fault_id=former)
