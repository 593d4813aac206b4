"""Misbehaviour on request: which kinds there are, when one fires, how often it did."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.alipay.traps import TRAPS
from deploy.sandbox.alipay.variants import GENUINE, VARIANTS

PAY = "alipay.trade.pay"
CANCEL = "alipay.trade.cancel"
REFUND = "alipay.trade.refund"
LIMIT = 1000

TRANSPORT = {
    "delay": "answers args.ms later (args.when=before: the request itself is late); default 1000",
    "drop_request": "the connection breaks before anything is done",
    "drop_answer": "everything is done, then the connection breaks without an answer",
    "break_answer": "everything is done, then the connection breaks in the middle of the answer",
    "reset": "everything is done (args.when=before: nothing), then the connection is reset (RST)",
    "http_status": "the good answer, but under HTTP args.status (500)",
    "content_type": "the good answer, but announced as args.value (application/json)",
    "notify_first": "the answer waits for the reply to the trade's notify, args.ms (5000) at most",
}
SIGNERS = {
    "rotate": "before this answer the app gets a new Alipay key, in certificate mode a new SN, too",
    "cert_foreign": "signed by a certificate that no root of ours has issued; it can be downloaded",
    "cert_expired": "signed by a certificate that has ended; it can be downloaded",
}
INSTEAD = {
    "http_500": "HTTP args.status (500) with an HTML page; nothing is done unless args.done",
    "unsigned_error": "unsigned refusal args.code/args.sub_code (40004 ACQ.PAYMENT_FAIL), under"
    " args.root; nothing is done unless args.done",
    "refuse": "signed refusal args.sub_code (ACQ.PAYMENT_FAIL), args.code 40004; nothing is done",
    "system_error": "signed 20000, or 40004 with args.sub_code; done all the same if args.paid",
    "gbk_sub_msg": "signed 20000 aop.unknow-error whose sub_msg is GBK bytes; done if args.done",
}
RACES = {
    "buyer_confirms": "a waiting order is paid by its buyer just before this call is done",
}
OUTCOMES = {
    "in_process": "10003; paid args.ms later (default 3000, null: never); args.then closed: closed",
    "password": "as in_process, for totals above args.above_fen (default 200000) only",
    "cancel_retry": "retry_flag=Y, nothing cancelled",
    "fund_change_n": "the refund is done, the answer says fund_change=N",
    "full_refund_only": "partial refunds are refused with ACQ.NOT_ALLOW_PARTIAL_REFUND",
}
NOTIFY = {
    "notify_twice": "the first send of a notify is made twice",
    "notify_late": "the first send comes args.ms later (default 3000)",
    "notify_never": "the notify is never sent",
    "notify_out_of_order": "held until the trade's next notify was sent, args.ms (60000) at most",
    "notify_slow": "the second half of the notify's body comes args.ms (1000) later",
    "notify_bad_signature": "one send is signed over other bytes; its resend is good",
    "notify_wrong_key": "one send is signed with a stranger's key",
    "notify_tamper": "one send has its amount changed after signing",
    "notify_extra_field": "one send carries a field nobody knows, under the signature",
    "notify_variant": "one send in the shape args.variant, as POST /admin/notify sends them",
}
_ONLY_FOR = {
    "in_process": frozenset({PAY}),
    "password": frozenset({PAY}),
    "cancel_retry": frozenset({CANCEL}),
    "fund_change_n": frozenset({REFUND}),
    "full_refund_only": frozenset({REFUND}),
}
KINDS: dict[str, str] = {
    **TRANSPORT,
    **SIGNERS,
    **INSTEAD,
    **{name: line for name, (_, line) in TRAPS.items()},
    **RACES,
    **OUTCOMES,
    **NOTIFY,
}
ON_ANSWER = frozenset({*TRANSPORT, *SIGNERS, *TRAPS})
ON_CALL = frozenset({*INSTEAD, *RACES, *OUTCOMES})
ON_NOTIFY = frozenset(NOTIFY)

Fired = dict[str, dict[str, Any]]


class BadFault(ValueError):
    """The admin call is not acceptable; the message says why."""


@dataclass(slots=True)
class Fault:
    """One switched-on misbehaviour; it stays listed with its hits after its last one."""

    fault_id: int
    kind: str
    app_id: str | None
    method: str | None
    times: int | None
    probability: float | None
    args: dict[str, Any]
    dice: random.Random = field(repr=False)
    auth_code: str | None = None
    """the only payment that it is for; None: any"""
    hits: int = 0
    is_for_the_next: bool = False
    """chosen for the next payment, of whoever it is: not for one that is kept apart"""

    def fires(self, app_id: str, method: str, auth_code: str, *, is_apart: bool) -> bool:
        if self.app_id not in {None, app_id} or self.method not in {None, method}:
            return False
        if self.auth_code not in {None, auth_code} or (self.is_for_the_next and is_apart):
            return False
        only_for = _ONLY_FOR.get(self.kind)
        if only_for is not None and method not in only_for:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.probability is not None and self.dice.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def shown(self) -> dict[str, Any]:
        return {
            "fault_id": self.fault_id,
            "fault": self.kind,
            "app_id": self.app_id,
            "method": self.method,
            "times": self.times,
            "probability": self.probability,
            "args": self.args,
            "hits": self.hits,
            "left": None if self.times is None else self.times - self.hits,
        }


class Faults:
    """In memory: a restarted sandbox behaves well again."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._made = 0
        self._faults: list[Fault] = []
        self._apart: set[str] = set()
        """codes of payments whose ending was chosen for them alone"""

    def add(self, wanted: dict[str, Any]) -> Fault:
        kind = wanted.get("fault")
        if kind not in KINDS:
            raise BadFault(f"fault must be one of {', '.join(KINDS)}")
        if len(self._faults) >= LIMIT:
            raise BadFault(f"more than {LIMIT} faults; DELETE /admin/faults first")
        args = wanted.get("args") or {}
        if not isinstance(args, dict):
            raise BadFault("args must be an object")
        _check_numbers(args)
        if args.get("variant", GENUINE) not in VARIANTS:
            raise BadFault(f"args.variant must be one of {', '.join(VARIANTS)}")
        self._made += 1
        seed = wanted.get("seed", self._seed * 100_003 + self._made)
        fault = Fault(
            fault_id=self._made,
            kind=str(kind),
            app_id=_text(wanted, "app_id"),
            method=_text(wanted, "method"),
            times=_times(wanted),
            probability=_probability(wanted),
            args=args,
            auth_code=_text(wanted, "auth_code"),
            dice=random.Random(str(seed)),  # noqa: S311 - repeatable on purpose
        )
        self._faults.append(fault)
        return fault

    def all(self) -> list[Fault]:
        return list(self._faults)

    def clear(self, app_id: str | None = None, fault_id: int | None = None) -> int:
        kept = [
            fault
            for fault in self._faults
            if (app_id is not None and fault.app_id != app_id)
            or (fault_id is not None and fault.fault_id != fault_id)
        ]
        gone = len(self._faults) - len(kept)
        self._faults = kept
        return gone

    def keep_apart(self, auth_code: str) -> None:
        """No choice for "the next payment" meets the one with that code."""
        if len(self._apart) >= LIMIT:
            raise BadFault(f"more than {LIMIT} payments with an ending of their own")
        self._apart.add(auth_code)

    def put_back(self, auth_code: str) -> bool:
        was_apart = auth_code in self._apart
        self._apart.discard(auth_code)
        return was_apart

    def draw(
        self,
        kinds: Iterable[str],
        app_id: str,
        method: str,
        total_fen: int = 0,
        code_of: Callable[[], str] = str,
    ) -> Fired:
        """The misbehaviours for this occasion, with their arguments. `code_of`: the buyer's code of
        a payment, looked for only where there is any misbehaviour."""
        fired: Fired = {}
        if not self._faults:
            return fired
        auth_code = code_of()
        is_apart = auth_code in self._apart
        for fault in self._faults:
            if fault.kind not in kinds or fault.kind in fired:
                continue
            if fault.kind == "password" and total_fen <= int(fault.args.get("above_fen", 200_000)):
                continue
            if fault.fires(app_id, method, auth_code, is_apart=is_apart):
                fired[fault.kind] = fault.args
        return fired


def milliseconds(args: dict[str, Any], default: int) -> int:
    value = args.get("ms")
    return default if value is None else int(value)


def _text(wanted: dict[str, Any], name: str) -> str | None:
    value = wanted.get(name)
    if value is not None and not isinstance(value, str):
        raise BadFault(f"{name} must be a text")
    return value


def _times(wanted: dict[str, Any]) -> int | None:
    times = wanted.get("times")
    if times is None:
        return None
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise BadFault("times must be a whole number from 1")
    return times


def _probability(wanted: dict[str, Any]) -> float | None:
    value = wanted.get("probability")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadFault("probability must be between 0 and 1")
    return float(value)


def _check_numbers(args: dict[str, Any]) -> None:
    for name in ("ms", "above_fen", "status"):
        value = args.get(name)
        if value is None and name == "ms":
            continue  # in_process: never
        if name in args and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise BadFault(f"args.{name} must be a whole number from 0")
