"""How the next payment of an application ends, chosen by whoever rehearses a sale.

An outcome is a fault that is triggered once, by `alipay.trade.pay` of that application; a later
choice replaces one that no payment has met yet. All other faults stay switched on.

A choice that names the code of a payment applies to that payment only, and reserves it: a choice
for "the next payment" waits for another one. So several people can use one application at once.
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
    """In memory, as the faults are."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._chosen: dict[tuple[str, str | None], int] = {}
        """(app_id, the payment's code or None for the next one) -> the fault of the last choice"""

    def choose(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """BadFault for an unknown outcome, or without an application."""
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
            self._faults.reserve(code)
        switch = OUTCOMES[str(outcome)]
        if switch is not None:
            once = {"app_id": app_id, "method": PAY, "times": 1, "auth_code": code}
            added = self._faults.add({**switch, **once})
            added.is_for_the_next = code is None
            self._chosen[app_id, code] = added.fault_id
        return {"app_id": app_id, "outcome": outcome}

    def forget(self, app_id: str, code: str) -> bool:
        """Ends the reservation of that code; True if there was one."""
        self._clear(app_id, code)
        return self._faults.release_code(code)

    def _clear(self, app_id: str, code: str | None) -> None:
        former = self._chosen.pop((app_id, code), None)
        if former is not None:
            self._faults.clear(fault_id=former)
