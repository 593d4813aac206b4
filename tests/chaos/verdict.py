"""What a chaos run found, and .run/chaos.json (interfaces §4)."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.batches import ENOUGH_ROWS, Batches

INVARIANTS = ("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8")
STUCK_LIMIT_S = 90.0
BATCHED_FROM_S = 10.0
"""A run that sells at least this long must have had bursts that met in batches."""


@dataclass
class Verdict:
    """Counts that must be zero, and counts of what happened."""

    seed: int
    payments: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    notices: dict[str, int] = field(default_factory=dict)
    """notices sent beside Alipay's own, by shape"""
    work: Counter[str] = field(default_factory=Counter)
    """sales by face and by code, draws, refunds by outcome"""
    lost: int = 0
    double: int = 0
    amount_difference_fen: int = 0
    stuck: int = 0
    stuck_after_s: float = 0.0
    events_missing: int = 0
    effects_doubled: int = 0
    invariants: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(INVARIANTS, False))
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    sold_s: float = 0.0
    """how long sales were started and processes killed"""
    burst_sales: int = 0
    """sales that began at once with others just before a kill"""
    batches: Batches = field(default_factory=Batches)
    evidence: list[str] = field(default_factory=list)
    """One line per violation, with the ids to search for in the logs."""

    @property
    def is_batched(self) -> bool:
        """Whether kills had a chance to meet payments in the middle of a batch. Devices that try
        again after an outage make batches too, so the bursts are counted for themselves."""
        has_batches = self.burst_sales > 0 and self.batches.rows_max_bucket > ENOUGH_ROWS
        return self.sold_s < BATCHED_FROM_S or has_batches

    @property
    def is_clean(self) -> bool:
        zeroes = (
            self.lost,
            self.double,
            self.amount_difference_fen,
            self.stuck,
            self.events_missing,
            self.effects_doubled,
        )
        return (
            not any(zeroes)
            and self.stuck_after_s <= STUCK_LIMIT_S
            and self.is_batched
            and all(self.invariants.values())
            and self.succeeded + self.failed + self.cancelled == self.payments
        )

    def document(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "seed": self.seed,
            "payments": self.payments,
            "kills": sum(self.kills.values()),
            "kills_by_process": dict(sorted(self.kills.items())),
            "faults": dict(sorted(self.faults.items())),
            "notices": dict(sorted(self.notices.items())),
            "work": dict(sorted(self.work.items())),
            "batches": self.batches.document() | {"burst_sales": self.burst_sales},
            "lost": self.lost,
            "double": self.double,
            "amount_difference_fen": self.amount_difference_fen,
            "stuck": self.stuck,
            "stuck_after_s": round(self.stuck_after_s, 1),
            "events_missing": self.events_missing,
            "effects_doubled": self.effects_doubled,
            "invariants": self.invariants,
            "outcomes": {
                "succeeded": self.succeeded,
                "failed": self.failed,
                "cancelled": self.cancelled,
            },
            "evidence": self.evidence[:50],
        }

    def table(self) -> str:
        """The verdict as a table for people."""
        document = self.document()
        lines = [f"seed {self.seed}: {self.payments} payments, {document['kills']} kills -9"]
        lines.append("  kills   " + _pairs(document["kills_by_process"]))
        lines.append("  faults  " + _pairs(document["faults"]))
        lines.append("  notices " + _pairs(document["notices"]))
        lines.append("  work    " + _pairs(document["work"]))
        lines.append("  batches " + _pairs(document["batches"]))
        lines.append("  ended   " + _pairs(document["outcomes"]))
        for name in (
            "lost",
            "double",
            "amount_difference_fen",
            "stuck",
            "stuck_after_s",
            "events_missing",
            "effects_doubled",
        ):
            lines.append(f"  {name:<24}{document[name]:>8}")
        lines.append("  invariants " + _pairs(self.invariants))
        if not self.is_batched:
            lines.append(f"  ! no burst, or no statement wrote more than {ENOUGH_ROWS} rows")
        lines += [f"  ! {line}" for line in self.evidence[:20]]
        lines.append("clean" if self.is_clean else "VIOLATED")
        return "\n".join(lines)


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "none"
