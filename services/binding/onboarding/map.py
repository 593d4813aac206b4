"""Derives the onboarding map from the stored rows, the app's keys and the devices, and checks the
forms of rows.

A row's stored state is todo, running, done or failed. Blocked and skipped are derived.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from services.binding.models import App, AppKey
from services.binding.onboarding.models import KnownDevice, OnboardingRow
from services.binding.onboarding.rows import ROWS, SERIALS_MAX, Field, Row, State
from shared.errors import InvalidBody

NOT_PERMITTED = "not_permitted"
SILENT = "platform_silent"
PUSH_UNKNOWN = "push_unknown"
SWITCHED_OFF = "app_switched_off"
SETTLED: frozenset[State] = frozenset({"done", "skipped"})
OF_THE_VERSION = frozenset({"4.1", "4.2"})
"""Rows about one uploaded version; a newer version resets them."""
FACE_TO_FACE, UPLOADED, PUSHED = "0.1", "3.3", "5.1"
NOT_YET_ALL = 99
"""The highest percentage that is shown before a device can take a payment."""
PROVEN_BY_UPLOAD = frozenset({"1.3", "2.4", "3.1", "3.2"})
"""Rows that are shown to be done, or not needed, by a version that was uploaded."""
PROVEN_BY_DEVICE = frozenset({"1.3", "2.1", "2.4", "3.1", "3.2", "3.3", "4.1", "4.2", "5.1"})
"""Rows that are shown to be done, or not needed, by an enrolled device: it runs the program."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts from which the map is derived."""

    app: App | None
    keys: Sequence[AppKey]
    """of the app, newest first"""
    known: Mapping[str, OnboardingRow]
    has_store: bool
    device: KnownDevice | None
    """one that can take payments now"""
    now: datetime
    is_suspended: bool = False

    @property
    def sells(self) -> bool:
        """Whether the app is switched on and has usable keys, and the merchant is not suspended."""
        is_on = self.app is not None and self.app.is_enabled and not self.is_suspended
        return is_on and self.has_keys

    @property
    def has_keys(self) -> bool:
        return any(
            key.verified_at is not None and (key.not_after is None or self.now < key.not_after)
            for key in self.keys
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One row with its present state."""

    row: Row
    state: State
    remedy: str | None = None
    evidence: Mapping[str, Any] | None = None
    note: str | None = None
    at: datetime | None = None
    by: str | None = None
    kept: str = "todo"
    """the stored state that this was derived from"""
    is_anew: bool = False
    """whether the stored state is about an earlier version, and no longer applies"""
    is_answered: bool = False
    """whether the stored state is the device service's answer to the newest request"""
    is_awaited: bool = False
    """whether that answer has not come yet"""


@dataclass(frozen=True, slots=True)
class Map:
    """The whole map of one app."""

    app_id: str
    hosts: tuple[str, ...]
    lines: tuple[Line, ...]
    is_ready: bool = False
    """a device of the merchant could take a payment with this app now"""
    takes_payments: bool = False
    """with this app or another one"""
    drafts: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    """the last texts of the rows' forms"""
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """the names of the actors"""

    @property
    def percent(self) -> int:
        """100 exactly when it is ready."""
        if self.is_ready:
            return 100
        needed = [line for line in self.lines if not line.row.is_optional]
        done = sum(line.state in SETTLED for line in needed)
        return min(done * 100 // len(needed), NOT_YET_ALL)

    @property
    def next_row(self) -> str | None:
        """The first row that is to do or failed and is not blocked; a failed row does not hold up
        later ones that can be done."""
        open_rows = (line for line in self.lines if not line.row.is_optional)
        return next((line.row.row for line in open_rows if line.state in ("todo", "failed")), None)

    def line(self, row: str) -> Line:
        return next(line for line in self.lines if line.row.row == row)


def map_of(facts: Facts, hosts: tuple[str, ...]) -> Map:
    """The map that is derived from the facts."""
    states = {row.row: _own_state(row, facts) for row in ROWS}
    for row in ROWS:
        is_open = states[row.row] == "todo" or _is_unknown(row, facts)
        if is_open and _is_proven(row, facts, states):
            states[row.row] = "skipped"
    lines = tuple(_line(row, facts, states) for row in ROWS)
    app_id = facts.app.app_id if facts.app is not None else ""
    is_ready = facts.sells and facts.device is not None and states[FACE_TO_FACE] in SETTLED
    return Map(app_id, hosts, lines, is_ready)


def _own_state(row: Row, facts: Facts) -> State:
    """The row's state, apart from what depends on other rows."""
    match row.row:
        case "2.2" | "2.3":
            return _keys_state(row.row, facts)
        case "5.0":
            return "done" if facts.has_store else "todo"
        case "5.2":
            return "done" if facts.device is not None else "todo"
    return _stored_state(row, facts)


def _stored_state(row: Row, facts: Facts) -> State:
    stored = facts.known.get(row.row)
    if stored is not None and _is_outdated(row, facts):
        return "todo"
    if stored is not None and stored.state != "todo":
        return cast(State, stored.state)
    if facts.app is not None and row.is_known_from_binding:
        return "done" if row.row == "1.2" else "skipped"
    # Its first check is due soon, so there is nothing for a person to do yet.
    is_at_hand = stored is not None and stored.next_check_at is not None and not stored.remedy
    return "running" if is_at_hand and not row.form else "todo"


def _keys_state(row: str, facts: Facts) -> State:
    """The state of the rows about the binding and its keys, from the result of the live check."""
    if not facts.keys or facts.app is None:
        return "todo"
    newest = facts.keys[0]
    if newest.is_pending:
        if row == "2.3":
            return "todo"
        has_failed = newest.check_remedy not in (None, SILENT) or newest.next_check_at is None
        return "failed" if has_failed else "running"
    stored = facts.known.get(row)
    if stored is not None and stored.state == "failed":
        return "failed"
    return "done" if row == "2.2" or facts.app.is_enabled else "todo"


def _is_outdated(row: Row, facts: Facts) -> bool:
    """Whether the stored state is about an earlier version than the uploaded one."""
    uploaded = facts.known.get(UPLOADED)
    if row.row not in OF_THE_VERSION or uploaded is None:
        return False
    version = uploaded.evidence.get("app_version")
    about = facts.known[row.row].evidence.get("app_version")
    return bool(version and about and version != about)


def _is_unknown(row: Row, facts: Facts) -> bool:
    """Whether it is not known that the row failed: Alipay may have the push."""
    stored = facts.known.get(row.row)
    return stored is not None and stored.remedy == PUSH_UNKNOWN


def _is_proven(row: Row, facts: Facts, states: Mapping[str, State]) -> bool:
    if row.row in PROVEN_BY_UPLOAD and states[UPLOADED] in ("running", "done"):
        return True
    if row.row in facts.known and _is_outdated(row, facts):
        return False
    return row.row in PROVEN_BY_DEVICE and facts.has_keys and facts.device is not None


def _line(row: Row, facts: Facts, states: Mapping[str, State]) -> Line:
    state, stored = states[row.row], facts.known.get(row.row)
    if state == "todo" and any(states[need] not in SETTLED for need in row.needs):
        state = "blocked"
    if row.row in ("2.2", "2.3") and facts.keys and (stored is None or facts.keys[0].is_pending):
        newest = facts.keys[0]
        remedy = newest.check_remedy if row.row == "2.2" else None
        kept = stored.state if stored is not None else "todo"
        remedy = remedy or _switch(row, facts)
        return Line(row, state, remedy, at=newest.verified_at, by="platform", kept=kept)
    if row.row == "5.2":
        device = facts.device
        if device is None:
            return Line(row, state)
        return Line(row, state, evidence={"sn": device.sn}, at=device.enrolled_at, by="platform")
    if stored is None:
        return Line(row, state)
    if _is_outdated(row, facts):
        is_answered = stored.answer is not None
        return Line(row, state, kept=stored.state, is_anew=True, is_answered=is_answered)
    remedy = stored.remedy or _switch(row, facts)
    details = (remedy, stored.evidence, stored.note, stored.at, stored.by)
    is_answered = stored.answer is not None
    is_awaited = stored.request_id is not None and not is_answered
    return Line(
        row, state, *details, kept=stored.state, is_answered=is_answered, is_awaited=is_awaited
    )


def _switch(row: Row, facts: Facts) -> str | None:
    is_off = facts.app is not None and not facts.app.is_enabled
    return SWITCHED_OFF if row.row == "2.3" and is_off else None


def may_be_marked(line: Line) -> bool:
    """Whether a person may mark the row as done (ADR 0014): a manual row that is not blocked, or an
    automatic one that the platform does not permit us to carry out."""
    if line.state in ("blocked", "running"):
        return False
    is_forbidden = line.row.kind == "auto" and line.remedy == NOT_PERMITTED
    return line.row.kind == "manual" or is_forbidden


def may_be_reopened(line: Line, found: Map) -> bool:
    """Whether the console offers to open the row again: a manual row that is done, or a push that
    Alipay took and no device has installed, which nothing else would end."""
    if line.row.row == PUSHED:
        is_running = line.state == "running" and not line.is_awaited
        return is_running and not is_installed(found)
    return line.row.kind == "manual" and line.state == "done"


def is_installed(found: Map) -> bool:
    """Whether an enrolled device shows that the push has arrived."""
    return found.line("5.2").state == "done"


def filled(row: Row, form: Mapping[str, Any]) -> dict[str, Any]:
    """The row's checked inputs. InvalidBody names each that is missing, unknown or does not fit."""
    errors = unknown_fields(row, form)
    given: dict[str, Any] = {}
    for field in row.form:
        text = str(form.get(field.name, "")).strip()
        if not text and not field.is_required:
            continue
        if not _fits(field, text):
            errors.append({"pointer": f"/form/{field.name}", "message": _wanted(field)})
        given[field.name] = text.split() if field.kind == "serials" else text
    if errors:
        raise InvalidBody(errors=errors)
    return given


def _fits(field: Field, text: str) -> bool:
    if not field.min <= len(text) <= field.max or (field.choices and text not in field.choices):
        return False
    parts = text.split() if field.kind == "serials" else [text]
    looks_right = all(re.fullmatch(field.pattern, part) for part in parts if field.pattern)
    return looks_right and len(parts) <= SERIALS_MAX


def _wanted(field: Field) -> str:
    if field.hint is not None:
        return f"{field.hint.zh} {field.hint.en}."
    lengths = f"{field.min}–{field.max}"
    return " / ".join(field.choices) or f"{lengths} 个字符 Must have {lengths} characters."


def unknown_fields(row: Row, form: Mapping[str, Any]) -> list[dict[str, str]]:
    names = {field.name for field in row.form}
    return [
        {"pointer": f"/form/{name}", "message": "不认识的字段 unknown field"}
        for name in form
        if name not in names
    ]


def proposed(row: Row, name: str, given: str, found: Map) -> str:
    """The initial value of a form field: the text that was typed last; for a version the next
    higher one; for a rollout the next larger share."""
    evidence = found.line(row.row).evidence or {}
    if name == "app_version":
        known = evidence.get("newest") or evidence.get("app_version")
        return _after(str(known)) if known else given
    if name == "share":
        return {"p10": "p30", "p30": "p50"}.get(str(evidence.get("share")), given)
    typed = found.drafts.get(row.row, {}).get(name)
    return "\n".join(typed) if isinstance(typed, list) else str(typed or given)


def _after(version: str) -> str:
    head, _, last = version.rpartition(".")
    is_plain = last.isascii() and last.isdigit()
    return f"{head}.{int(last) + 1}" if head and is_plain else version
