"""Faults on request: those that are switched on, when each is triggered, and how often it was."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LIMIT = 1000

Triggered = dict[str, dict[str, Any]]


class BadFault(ValueError):
    """The admin call is not acceptable; the message says why."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The misbehaviours that one platform can play."""

    kinds: Mapping[str, str]
    """name -> what it does, in one line"""
    only_for: Mapping[str, frozenset[str]]
    """kinds that apply to these methods only"""
    above_fen: Mapping[str, int]
    """kinds that apply to larger totals only -> the total, unless args.above_fen sets another"""
    check_args: Callable[[dict[str, Any]], None]
    """BadFault for arguments that the platform cannot play"""


@dataclass(slots=True)
class Fault:
    """One switched-on misbehaviour; it stays listed after its last time."""

    fault_id: int
    kind: str
    app_id: str | None
    method: str | None
    times: int | None
    probability: float | None
    args: dict[str, Any]
    dice: random.Random = field(repr=False)
    auth_code: str | None = None
    """the code of the only payment that it applies to; None: any"""
    hits: int = 0
    is_for_the_next: bool = False
    """meant for the next payment, whoever makes it, but not for one with a reserved code"""
    only_for: frozenset[str] | None = field(default=None, repr=False)
    """the methods that the kind applies to; None: all"""

    def trigger(self, app_id: str, method: str, auth_code: str, *, is_reserved: bool) -> bool:
        if self.app_id not in {None, app_id} or self.method not in {None, method}:
            return False
        if self.auth_code not in {None, auth_code} or (self.is_for_the_next and is_reserved):
            return False
        if self.only_for is not None and method not in self.only_for:
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
    """In memory: a restart switches all of them off."""

    def __init__(self, catalogue: Catalogue, seed: int = 0) -> None:
        self._catalogue = catalogue
        self._seed = seed
        self._made = 0
        self._faults: list[Fault] = []
        self._reserved: set[str] = set()
        """codes of payments that have an outcome of their own"""

    def add(self, wanted: dict[str, Any]) -> Fault:
        kind = wanted.get("fault")
        kinds = self._catalogue.kinds
        if kind not in kinds:
            raise BadFault(f"fault must be one of {', '.join(kinds)}")
        if len(self._faults) >= LIMIT:
            raise BadFault(f"more than {LIMIT} faults; DELETE /admin/faults first")
        args = wanted.get("args") or {}
        if not isinstance(args, dict):
            raise BadFault("args must be an object")
        _check_numbers(args)
        self._catalogue.check_args(args)
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
            only_for=self._catalogue.only_for.get(str(kind)),
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

    def reserve(self, auth_code: str) -> None:
        """From now on no fault meant for "the next payment" applies to the one with that code."""
        if len(self._reserved) >= LIMIT:
            raise BadFault(f"more than {LIMIT} payments with an ending of their own")
        self._reserved.add(auth_code)

    def release_code(self, auth_code: str) -> bool:
        was_reserved = auth_code in self._reserved
        self._reserved.discard(auth_code)
        return was_reserved

    def draw(
        self,
        kinds: Iterable[str],
        app_id: str,
        method: str,
        total_fen: int = 0,
        code_of: Callable[[], str] = str,
    ) -> Triggered:
        """The faults triggered by this request or notify, with their arguments.

        `code_of` reads the buyer's code of a payment; it is called only if any fault is on.
        """
        triggered: Triggered = {}
        if not self._faults:
            return triggered
        auth_code = code_of()
        is_reserved = auth_code in self._reserved
        for fault in self._faults:
            if fault.kind not in kinds or fault.kind in triggered:
                continue
            least = self._catalogue.above_fen.get(fault.kind)
            if least is not None and total_fen <= int(fault.args.get("above_fen", least)):
                continue
            if fault.trigger(app_id, method, auth_code, is_reserved=is_reserved):
                triggered[fault.kind] = fault.args
        return triggered


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
