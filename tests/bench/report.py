"""From raw rounds to .run/bench.json (interfaces §3), a table for people, and what falls short."""

import os
import platform
from dataclasses import dataclass
from statistics import median
from typing import Any

BUILD_FIGURES = ("payments_per_s", "p50_ms", "p99_ms", "cpu_us_per_payment")
_FLOAT_DIGITS = 3

Round = dict[str, Any]


@dataclass(frozen=True)
class Bar:
    """What a figure must reach: ratios of one run, and the event lag at half load."""

    figure: str
    says: str
    least: float | None = None
    most: float | None = None

    def is_met_by(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    @property
    def text(self) -> str:
        sign, value = (">=", self.least) if self.least is not None else ("<=", self.most)
        return f"must be {sign} {value:g}   {self.says}"


BARS = (
    Bar("vs_control_cpu", "own CPU a payment, the control's over ours", least=7.0),
    Bar("vs_control", "throughput, ours over the control's", least=4.5),
    Bar("flat_64_over_16", "throughput with 64 devices over 16", least=0.9),
    Bar("event_lag_p99_ms", "from an event's commit to its effect", most=100.0),
)
QUICK_BARS = (
    Bar("vs_control_cpu", "own CPU a payment, the control's over ours", least=4.0),
    Bar("vs_control", "throughput, ours over the control's", least=3.0),
    Bar("event_lag_p99_ms", "from an event's commit to its effect", most=300.0),
)
"""For one short round on a shared machine: a regression is visible, noise is not."""
INFORMATION = (
    ("T_over_R", "depends on the processor: 13 where R is 970 us, 18 where it is 240"),
    ("control_flat_64_over_16", "the control's, for comparison"),
    ("slow_192_over_128", "Alipay takes 200 ms; a starved pool is far below 1"),
    ("half_load_p99_over_p50", "tail at half load"),
)


def _median(values: list[float]) -> float | None:
    return round(median(values), _FLOAT_DIGITS) if values else None


def _merged(parts: list[dict[str, float]]) -> dict[str, float]:
    """Medians by name over the rounds that have the name."""
    names = sorted({name for part in parts for name in part})
    return {name: round(median(p[name] for p in parts if name in p), 1) for name in names}


def _build(rounds: list[Round]) -> dict[str, Any]:
    figures: dict[str, Any] = {
        name: _median([one[name] for one in rounds]) for name in BUILD_FIGURES
    }
    figures["by_process"] = _merged([one["by_process"] for one in rounds])
    return figures


def _ratio(rounds: list[Round], above: str, below: str) -> float | None:
    return _median([one[above] / one[below] for one in rounds if one.get(above) and one.get(below)])


def _paired(product: list[Round], control: list[Round], name: str, *, less_is_better: bool) -> Any:
    """The median of the ratios of rounds that ran next to each other."""
    pairs = zip(product, control, strict=False)
    if less_is_better:
        return _median([other[name] / ours[name] for ours, other in pairs if ours[name]])
    return _median([ours[name] / other[name] for ours, other in pairs if other[name]])


def build(rounds: list[Round]) -> dict[str, Any]:
    """The document; what was not measured is absent, never 0."""
    product = [one for one in rounds if one["build"] == "product"]
    control = [one for one in rounds if one["build"] == "control"]
    document: dict[str, Any] = {
        "schema": 1,
        "R_us": _median([one["R_us"] for one in rounds]),
        "rounds": rounds,
        "product": _build(product),
        "T_over_R": _median([one["cpu_us_per_payment"] / one["R_us"] for one in product]),
        "flat_64_over_16": _ratio(product, "payments_per_s_64", "payments_per_s_16"),
        "slow_192_over_128": _ratio(product, "slow_per_s_192", "slow_per_s_128"),
        "event_lag_p99_ms": _median(
            [one["event_lag_p99_ms"] for one in product if "event_lag_p99_ms" in one]
        ),
        "half_load_p99_over_p50": _ratio(product, "half_p99_ms", "half_p50_ms"),
        "rss_mb": _merged([one["rss_mb"] for one in product]),
        "start_s": {
            name: round(value, 2)
            for name, value in _merged_exact([one.get("start_s", {}) for one in product]).items()
        },
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
    }
    if control:
        document["control"] = _build(control)
        document["vs_control"] = _paired(product, control, "payments_per_s", less_is_better=False)
        document["vs_control_cpu"] = _paired(
            product, control, "cpu_us_per_payment", less_is_better=True
        )
        document["control_flat_64_over_16"] = _ratio(
            control, "payments_per_s_64", "payments_per_s_16"
        )
    return {name: value for name, value in document.items() if value is not None}


def _merged_exact(parts: list[dict[str, float]]) -> dict[str, float]:
    names = sorted({name for part in parts for name in part})
    return {name: median(part[name] for part in parts if name in part) for name in names}


def table(document: dict[str, Any], bars: tuple[Bar, ...] = BARS) -> str:
    """The document as a table for people."""
    lines = [
        f"R (1 sign + 2 verifies)   {document['R_us']:8.0f} us CPU, this machine, this run",
        "",
    ]
    builds = [name for name in ("product", "control") if name in document]
    lines.append(f"{'32 devices, closed loop':<26}" + "".join(f"{name:>12}" for name in builds))
    for figure in BUILD_FIGURES:
        cells = "".join(f"{document[name][figure]:12.1f}" for name in builds)
        lines.append(f"  {figure:<24}{cells}")
    lines.append("  CPU us per payment by process")
    for name in builds:
        for process, used in sorted(
            document[name]["by_process"].items(), key=lambda item: -item[1]
        ):
            lines.append(f"    {name + ' ' + process:<34}{used:9.0f}")
    lines.append("")
    for bar in bars:
        if bar.figure in document:
            value = document[bar.figure]
            short = "" if bar.is_met_by(value) else "   FALLS SHORT"
            lines.append(f"  {bar.figure:<26}{value:10.2f}   {bar.text}{short}")
    for name, says in INFORMATION:
        if name in document:
            lines.append(f"  {name:<26}{document[name]:10.2f}   {says}")
    total = sum(v for name, v in document["rss_mb"].items() if name != "postgres")
    lines.append(f"  RSS without PostgreSQL    {total:10.0f}   MB")
    if document["start_s"]:
        slowest = max(document["start_s"].items(), key=lambda item: item[1])
        lines.append(f"  slowest start             {slowest[1]:10.2f}   s ({slowest[0]})")
    return "\n".join(lines)


def shortfalls(document: dict[str, Any], bars: tuple[Bar, ...]) -> list[str]:
    """A line for each bar that the figures do not reach; a missing figure reaches no bar."""
    short = []
    for bar in bars:
        value = document.get(bar.figure)
        if value is None:
            short.append(f"{bar.figure} was not measured ({bar.text})")
        elif not bar.is_met_by(value):
            short.append(f"{bar.figure} is {value:g}: {bar.text}")
    return short
