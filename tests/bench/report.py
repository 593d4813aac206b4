"""From raw rounds to .run/bench.json (interfaces §3) and a table for people."""

import os
import platform
from statistics import median
from typing import Any

BUILD_FIGURES = ("payments_per_s", "p50_ms", "p99_ms", "cpu_us_per_payment")
_FLOAT_DIGITS = 3

Round = dict[str, Any]


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


def table(document: dict[str, Any]) -> str:
    """The same for people."""
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
    for name, goal in (
        ("T_over_R", "must <= 12"),
        ("vs_control", "must >= 4 (throughput)"),
        ("vs_control_cpu", "own CPU, control over product"),
        ("flat_64_over_16", "must >= 0.90"),
        ("control_flat_64_over_16", "for comparison"),
        ("slow_192_over_128", "must >= 0.90"),
        ("event_lag_p99_ms", "must <= 100"),
        ("half_load_p99_over_p50", "must <= 4"),
    ):
        if name in document:
            lines.append(f"  {name:<26}{document[name]:10.2f}   {goal}")
    total = sum(v for name, v in document["rss_mb"].items() if name != "postgres")
    lines.append(f"  RSS without PostgreSQL    {total:10.0f}   MB, must <= 800")
    if document["start_s"]:
        slowest = max(document["start_s"].items(), key=lambda item: item[1])
        lines.append(
            f"  slowest start             {slowest[1]:10.2f}   s ({slowest[0]}), must <= 1.5"
        )
    return "\n".join(lines)
