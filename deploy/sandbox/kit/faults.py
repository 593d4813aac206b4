"""Misbehaviour on request: which switches are on, when one fires, how often it did."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LIMIT = 1000

Fired = dict[str, dict[str, Any]]


class BadFault(ValueError):
    """The admin call is not acceptable; the message says why."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The misbehaviours that one platform can play."""

    kinds: Mapping[str, str]
    """name -> what it does, in one line"""
    only_for: Mapping[str, frozenset[str]]
    """kinds that mean something for these methods alone"""
    above_fen: Mapping[str, int]
    """kinds for larger totals alone -> the total where args.above_fen does not say it"""
    check_args: Callable[[dict[str, Any]], None]
    """BadFault for arguments that the platform cannot play"""


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
    only_for: frozenset[str] | None = field(default=None, repr=False)
    """methods that the kind means anything for; None: all"""

    def fires(self, app_id: str, method: str, auth_code: str, *, is_apart: bool) -> bool:
        if self.app_id not in {None, app_id} or self.method not in {None, method}:
            return False
        if self.auth_code not in {None, auth_code} or (self.is_for_the_next and is_apart):
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
    """In memory: a restarted sandbox behaves well again."""

    def __init__(self, catalogue: Catalogue, seed: int = 0) -> None:
        self._catalogue = catalogue
        self._seed = seed
        self._made = 0
        self._faults: list[Fault] = []
        self._apart: set[str] = set()
        """codes of payments whose ending was chosen for them alone"""

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
            least = self._catalogue.above_fen.get(fault.kind)
            if least is not None and total_fen <= int(fault.args.get("above_fen", least)):
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
