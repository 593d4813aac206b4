"""The onboarding map as it stands: what follows from the stored rows, and what one may be given.

A row's stored state is todo, running, done or failed; blocked and skipped follow from the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from services.binding.models import App, OnboardingRow
from services.binding.onboarding_rows import READY_STEPS, ROWS, Row, State
from shared.errors import InvalidBody

NOT_PERMITTED = "not_permitted"
SETTLED: frozenset[State] = frozenset({"done", "skipped"})


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it stands."""

    row: Row
    state: State
    remedy: str | None = None
    evidence: Mapping[str, Any] | None = None
    note: str | None = None
    at: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Map:
    """The whole map of one app."""

    app_id: str
    hosts: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def percent(self) -> int:
        done = sum(line.state in SETTLED for line in self.lines)
        return done * 100 // len(self.lines)

    @property
    def is_ready(self) -> bool:
        """Nothing but devices is left."""
        return all(line.state in SETTLED for line in self.lines if line.row.step in READY_STEPS)

    @property
    def next_row(self) -> str | None:
        return next((line.row.row for line in self.lines if line.state in ("todo", "failed")), None)


def map_of(app: App | None, known: Mapping[str, OnboardingRow], hosts: tuple[str, ...]) -> Map:
    """The map as it follows from what is stored."""
    states = {row.row: _own_state(row, known.get(row.row), app) for row in ROWS}
    lines = [_line(row, known.get(row.row), states) for row in ROWS]
    return Map(app.app_id if app else "", hosts, tuple(lines))


def _own_state(row: Row, stored: OnboardingRow | None, app: App | None) -> State:
    """The row's state as far as it does not hang on others."""
    if stored is not None and stored.state != "todo":
        return cast(State, stored.state)
    return "skipped" if app is not None and row.is_known_from_binding else "todo"


def _line(row: Row, stored: OnboardingRow | None, states: Mapping[str, State]) -> Line:
    state = states[row.row]
    if state == "todo" and any(states[need] not in SETTLED for need in row.needs):
        state = "blocked"
    if stored is None:
        return Line(row, state)
    return Line(row, state, stored.remedy, stored.evidence, stored.note, stored.at, stored.by)


def may_be_marked(line: Line) -> bool:
    """A person's word counts where nobody else can know (ADR 0014): for a manual row whose turn it
    is, and for an automatic one that the platform does not permit us to carry out."""
    if line.state in ("blocked", "running"):
        return False
    is_forbidden = line.row.kind == "auto" and line.remedy == NOT_PERMITTED
    return line.row.kind == "manual" or is_forbidden


def filled(row: Row, form: Mapping[str, Any]) -> dict[str, Any]:
    """The row's inputs, checked; InvalidBody names each that is missing, too short or unknown."""
    errors = [
        {"pointer": f"/form/{name}", "message": "不认识的字段 unknown field"}
        for name in form
        if name not in {field.name for field in row.form}
    ]
    given: dict[str, Any] = {}
    for field in row.form:
        text = str(form.get(field.name, "")).strip()
        if not text and not field.is_required:
            continue
        if not field.min <= len(text) <= field.max or (field.choices and text not in field.choices):
            wanted = " / ".join(field.choices) or f"{field.min}–{field.max} 个字 characters"
            errors.append({"pointer": f"/form/{field.name}", "message": wanted})
        given[field.name] = text.split() if field.kind == "serials" else text
    if errors:
        raise InvalidBody(errors=errors)
    return given
