"""stack.json, bench.json and chaos.json keep the members that scripts read (interfaces §2-§4)."""

import json
import re

import pytest

from tests.bench import hold, load, report
from tests.chaos import verdict
from tests.contract.shapes import BENCH, CHAOS, HOLD, MUTANTS, STACK, misfits
from tests.fixtures.processes import ROOT, Stack
from tests.mutants import __main__ as mutants
from tests.mutants.patch import Patch
from tests.mutants.run import Outcome


def _round(build: str, rate: float, cpu: float) -> dict[str, object]:
    return {
        "build": build,
        "R_us": 400.0,
        "payments": 100,
        "bad": 0,
        "payments_per_s": rate,
        "p50_ms": 60.0,
        "p99_ms": 110.0,
        "cpu_us_per_payment": cpu,
        "by_process": {"gateway-edge": cpu / 2, "payment-api": cpu / 2},
        "rss_mb": {"gateway-edge": 70.0, "postgres": 90.0},
        "payments_per_s_16": rate,
        "payments_per_s_64": rate * 0.95,
    }


def test_shapes_find_what_is_wrong() -> None:
    """The reader above everything else here: it must not pass what it should refuse."""
    assert not list(misfits({"a": 1, "more": 2}, {"a": int, "b?": str}))
    assert list(misfits({"a": "1"}, {"a": int})) == ["$.a is '1'"]
    assert list(misfits({"a": True}, {"a": int})) == ["$.a is True"]
    assert list(misfits({}, {"a": int})) == ["$.a is missing"]
    assert list(misfits({"schema": 2}, {"schema": 1})) == ["$.schema is 2, not 1"]
    assert list(misfits([{"x": 1}, 3], [{"x": int}])) == ["$[1] is not an object"]


def test_bench_json_has_its_members() -> None:
    rounds = [_round("product", 300 + n, 3000 - n) for n in range(3)]
    rounds += [_round("control", 60 + n, 19000 + n) for n in range(3)]
    document = json.loads(json.dumps(report.build(rounds)))
    assert not list(misfits(document, BENCH))
    assert document["product"]["payments_per_s"] == 301
    assert document["vs_control"] > 4.9
    assert document["flat_64_over_16"] == 0.95
    assert len(document["rounds"]) == 6
    assert "own CPU" in report.table(document)


def test_bench_json_leaves_out_what_was_not_measured() -> None:
    """Absent, never 0: a zero would read as a figure."""
    one = _round("product", 300, 3000)
    del one["payments_per_s_16"], one["payments_per_s_64"]
    document = report.build([one])
    assert not list(misfits(document, BENCH))
    for absent in ("control", "vs_control", "flat_64_over_16", "slow_192_over_128"):
        assert absent not in document
    assert "event_lag_p99_ms" not in document


def test_a_figure_below_its_bar_is_said() -> None:
    """`make bench` gates on ratios to the control build, never on this machine's speed."""
    rounds = [_round("product", 300, 3000), _round("control", 60, 21_100)]
    rounds[0] |= {"event_lag_p99_ms": 99.0}
    document = report.build(rounds)
    assert report.shortfalls(document, report.BARS) == []
    for figure, value in (
        ("vs_control_cpu", 6.9),
        ("vs_control", 4.4),
        ("flat_64_over_16", 0.89),
        ("event_lag_p99_ms", 101.0),
    ):
        (line,) = report.shortfalls(document | {figure: value}, report.BARS)
        assert line.startswith(f"{figure} is {value:g}")
        assert "FALLS SHORT" in report.table(document | {figure: value})
        unmeasured = {name: found for name, found in document.items() if name != figure}
        assert report.shortfalls(unmeasured, report.BARS)
    assert report.shortfalls(document | {"T_over_R": 99.0}, report.BARS) == []
    slow = document | {"vs_control_cpu": 2.5, "vs_control": 1.5, "event_lag_p99_ms": 900.0}
    assert len(report.shortfalls(slow, report.QUICK_BARS)) == 3


def test_chaos_json_has_its_members() -> None:
    document = json.loads(json.dumps(verdict.Verdict(seed=7).document()))
    assert not list(misfits(document, CHAOS))


def test_chaos_passes_only_when_nothing_is_wrong() -> None:
    clean = verdict.Verdict(seed=7, payments=3, succeeded=3)
    clean.invariants = dict.fromkeys(clean.invariants, True)
    assert clean.is_clean
    for wrong in ("lost", "double", "amount_difference_fen", "events_missing", "effects_doubled"):
        spoiled = verdict.Verdict(seed=7, payments=3, succeeded=3)
        spoiled.invariants = dict.fromkeys(spoiled.invariants, True)
        setattr(spoiled, wrong, 1)
        assert not spoiled.is_clean, wrong
    clean.invariants["G4"] = False
    assert not clean.is_clean


def _window(payments: int, worst_ms: float) -> load.Result:
    return load.Result(payments, [], 4.0, [5.0] * (payments - 10) + [worst_ms] * 10)


def test_hold_json_has_its_members_and_a_bar_on_both_ratios() -> None:
    calm = [_window(100, worst) for worst in (10.0, 9.0, 90.0)]
    kinds = {kind: hold.Sides(calm, list(calm), 7) for kind in hold.KINDS}
    document = json.loads(json.dumps(hold.document(kinds)))
    assert not list(misfits(document, HOLD))
    assert set(document["scenarios"]) == set(HOLD["scenarios"])
    assert not hold.shortfalls(document)
    kinds["slow_heads"] = hold.Sides(calm, [_window(89, 10.0)] * 3)
    kinds["slow_bodies"] = hold.Sides(calm, [_window(100, 11.2)] * 3)
    # One stall is an accident of the machine, two of three windows are not.
    kinds["silent_sockets"] = hold.Sides(calm, [_window(100, worst) for worst in (90.0, 90.0, 9.0)])
    kinds["costly_acts"] = hold.Sides(calm, [load.Result(seconds=4.0)] * 3)
    found = hold.document(kinds)
    assert hold.shortfalls(found) == [
        "silent_sockets p99_ratio 0.111 < 0.9",
        "slow_heads rate_ratio 0.89 < 0.9",
        "slow_bodies p99_ratio 0.893 < 0.9",
        "costly_acts rate_ratio 0.0 < 0.9",
        "costly_acts p99_ratio 0.0 < 0.9",
    ]


@pytest.mark.parametrize("words", [["--only", "nothing"], ["--rounds", "0"], ["--x"]])
def test_hold_refuses_misuse_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        hold.main(words)
    assert caught.value.code == 2


def test_stack_json_has_its_members(stack: Stack) -> None:
    info = stack.info
    assert not list(misfits(info, STACK))
    assert (stack.run_dir / "stack.json").stat().st_mode & 0o777 == 0o600
    expected = {"postgres", "broker", "gateway-edge", "gateway-egress"}
    for service in ("binding", "device", "payment", "campaign", "order"):
        expected |= {f"{service}-api", f"{service}-worker"}
    assert expected <= set(info["processes"]) | {"broker"}
    assert list((stack.run_dir / "logs").glob("*.log"))


def test_mutants_json_has_its_members() -> None:
    patch = Patch("a.py", "a rule is gone", "if x:", "if False:", ("tests/unit",))
    document = json.loads(
        json.dumps(mutants.document([Outcome(patch, 7, is_killed) for is_killed in (True, False)]))
    )
    assert not list(misfits(document, MUTANTS))
    assert (document["mutants"], document["killed"]) == (2, 1)
    assert document["survivors"] == [{"file": "a.py", "line": 7, "what": "a rule is gone"}]


def test_the_survivors_that_are_accepted_are_told() -> None:
    """docs/mutants.md names those of the list, with their reasons, and no others."""
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", _mutants_page(), re.MULTILINE)
    listed = [(one.file, one.what, one.accepted) for one in mutants.PATCHES if one.accepted]
    assert sorted(rows) == sorted(listed)


def _mutants_page() -> str:
    return (ROOT / "docs" / "mutants.md").read_text()
