"""The misbehaviours that can be switched on, and which of them strike a given request."""

import random
from dataclasses import dataclass, field
from typing import Any

KINDS = {
    "delay": "answer after args.ms milliseconds",
    "drop_request": "close the connection without having done anything",
    "drop_answer": "do it, then close the connection without an answer",
    "http_500": "HTTP 500 and nothing done",
    "in_process": "pay answers 10003; paid after args.ms (never without it)",
    "refuse": "refuse with 40004 and args.sub_code",
    "system_error": "answer 20000; args.paid says whether it was done all the same",
    "bad_signature": "sign, then spoil the signature",
    "wrong_key": "sign with another key",
    "no_sign": "leave the signature out",
    "unsigned_error": "answer 40004 ACQ.SYSTEM_ERROR without a signature, having done it",
    "tamper": "change the node after signing it",
    "error_root": "put the answer under error_response",
    "spaces": "blanks inside the node",
    "nested_sign": "a member named sign inside the node",
    "gbk_sub_msg": "GBK bytes although utf-8 was asked for",
    "cancel_retry": "cancel answers retry_flag=Y and does nothing",
    "notify_never": "no notification at all",
    "notify_twice": "each notification is sent twice",
    "notify_late": "notifications leave args.ms later",
    "notify_bad_signature": "notifications carry a spoilt signature",
}


@dataclass
class Fault:
    """One switch."""

    fault: str
    app_id: str | None = None
    method: str | None = None
    times: int | None = None
    probability: float | None = None
    args: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        members = {
            "fault": self.fault, "app_id": self.app_id, "method": self.method,
            "times": self.times, "probability": self.probability, "args": self.args,
        }  # fmt: skip
        return {name: value for name, value in members.items() if value is not None}


class Faults:
    """All switches; the dice can be seeded so that a run repeats itself."""

    def __init__(self) -> None:
        self._on: list[Fault] = []
        self._dice = random.Random()  # noqa: S311 - chooses failures, guards nothing

    def seed(self, value: int) -> None:
        self._dice.seed(value)

    def add(self, document: dict[str, Any]) -> Fault:
        known = {"fault", "app_id", "method", "times", "probability", "args"}
        if document.get("fault") not in KINDS:
            raise ValueError(f"unknown fault: {document.get('fault')}; see GET /admin/faults/kinds")
        if unknown := set(document) - known - {"seed"}:
            raise ValueError(f"unknown member: {', '.join(sorted(unknown))}")
        if "seed" in document:
            self.seed(int(document["seed"]))
        fault = Fault(**{name: document[name] for name in known if name in document})
        self._on.append(fault)
        return fault

    def clear(self) -> None:
        self._on.clear()

    def documents(self) -> list[dict[str, Any]]:
        return [fault.document() for fault in self._on]

    def strike(self, app_id: str, method: str) -> dict[str, dict[str, Any]]:
        """The faults that hit this request: kind -> args. Uses up a `times`."""
        struck: dict[str, dict[str, Any]] = {}
        for fault in list(self._on):
            if fault.app_id not in (None, app_id) or fault.method not in (None, method):
                continue
            is_notice = fault.fault.startswith("notify_")
            if is_notice != (method == "notify"):
                continue
            if fault.fault == "cancel_retry" and method != "alipay.trade.cancel":
                continue
            if fault.fault == "in_process" and method != "alipay.trade.pay":
                continue
            if fault.probability is not None and self._dice.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._on.remove(fault)
            struck[fault.fault] = fault.args
        return struck
