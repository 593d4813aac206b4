"""How long builds, reviews and installations take, on the scaled clock."""

import json
from typing import Any

from deploy.sandbox.kit.ledger import Tx, save_setting

SETTING = "platform_timing"
DEFAULTS: dict[str, Any] = {"build_s": 6, "audit_s": 30, "audit": "passed", "install_s": 10}
AUDITS = ("passed", "rejected", "base_passed", "by_hand")
LONGEST_S = 30 * 86_400


class BadTiming(ValueError):
    """The admin call is not acceptable; the message says why."""


def read(tx: Tx) -> dict[str, Any]:
    row = tx.one("SELECT value FROM settings WHERE name = ?", SETTING)
    return {**DEFAULTS, **(json.loads(row[0]) if row is not None else {})}


def due(tx: Tx, name: str) -> int:
    """The scaled time (ms) at which what starts now ends; schedules the platform for then."""
    at = tx.notify_now + int(read(tx)[name] * 1000)
    tx.alarms.append(at)
    return at


def write(tx: Tx, wanted: dict[str, Any]) -> dict[str, Any]:
    kept = read(tx)
    for name in ("build_s", "audit_s", "install_s"):
        value = wanted.get(name, kept[name])
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadTiming(f"{name} must be a number of seconds")
        if not 0 <= value <= LONGEST_S:
            raise BadTiming(f"{name} must be from 0 to {LONGEST_S}")
        kept[name] = value
    kept["audit"] = wanted.get("audit", kept["audit"])
    if kept["audit"] not in AUDITS:
        raise BadTiming(f"audit must be one of {', '.join(AUDITS)}")
    save_setting(tx, SETTING, json.dumps(kept))
    return kept
