"""Shapes of JSON documents, as plain data: what a script may rely on (interfaces §2-§4).

A shape is a type, a tuple of alternatives, a list with one shape (each item), a dict of member
shapes, or `each(shape)` for a mapping with free keys. A member whose name ends in "?" may be
absent. Documents may hold more than their shape: the doors grow, they never shrink.
"""

from collections.abc import Callable, Iterator
from typing import Any

NUMBER = (int, float)


class each:
    """A mapping with any keys, whose values have one shape."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


def misfits(document: Any, shape: Any, at: str = "$") -> Iterator[str]:
    """Where the document does not have the shape, one line each."""
    match shape:
        case each():
            if not isinstance(document, dict):
                yield f"{at} is not an object"
                return
            for name, value in document.items():
                yield from misfits(value, shape.shape, f"{at}.{name}")
        case dict():
            yield from _members(document, shape, at)
        case list():
            if not isinstance(document, list):
                yield f"{at} is not a list"
                return
            for index, item in enumerate(document):
                yield from misfits(item, shape[0], f"{at}[{index}]")
        case type() | tuple():
            kinds = shape if isinstance(shape, tuple) else (shape,)
            # bool is an int in Python; in JSON it is not a number.
            if not isinstance(document, kinds) or (
                isinstance(document, bool) and bool not in kinds
            ):
                yield f"{at} is {document!r}"
        case _ if callable(shape):
            test: Callable[[Any], bool] = shape
            if not test(document):
                yield f"{at} is {document!r}"
        case _:
            if document != shape:
                yield f"{at} is {document!r}, not {shape!r}"


def _members(document: Any, shape: dict[str, Any], at: str) -> Iterator[str]:
    if not isinstance(document, dict):
        yield f"{at} is not an object"
        return
    for name, inner in shape.items():
        plain = name.removesuffix("?")
        if plain in document:
            yield from misfits(document[plain], inner, f"{at}.{plain}")
        elif plain == name:
            yield f"{at}.{plain} is missing"


SERVICES = ("binding", "device", "payment", "campaign", "order")


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


STACK = {
    "schema": 1,
    "ready_at": lambda value: isinstance(value, str) and value.endswith("Z"),
    "seconds_to_ready": NUMBER,
    "gateway": {"public": _is_url, "egress": _is_url},
    "metrics": each(_is_url),
    "services": dict.fromkeys(SERVICES, _is_url),
    "sandbox": {
        "alipay": {"gateway": _is_url, "admin": _is_url},
        "dragonfly?": {"page": _is_url},
    },
    "postgres": {
        name: lambda value: isinstance(value, str) and value.startswith("postgresql://")
        for name in SERVICES
    },
    "kafka": {"bootstrap": str, "kind": lambda value: value in {"embedded", "external"}},
    "demo": {
        "operator": {"login": str, "password": str},
        "owner": {"login": str, "password": str},
        "merchant_id": str,
        "store_id": str,
        "app_id": str,
        "device": {"device_id": str, "sn": str, "key_file": str},
    },
    "processes": each([int]),
    "first_payment": {
        "order_no": lambda value: isinstance(value, str) and value[0] == "D" and len(value) == 15,
        "out_trade_no": str,
        "amount_fen": int,
        "status": "paid",
    },
}

_BUILD = {
    "payments_per_s": NUMBER,
    "p50_ms": NUMBER,
    "p99_ms": NUMBER,
    "cpu_us_per_payment": NUMBER,
    "by_process": each(NUMBER),
}

BENCH = {
    "schema": 1,
    "R_us": NUMBER,
    "rounds": [{}],
    "product": _BUILD,
    "control?": _BUILD,
    "T_over_R": NUMBER,
    "vs_control?": NUMBER,
    "flat_64_over_16?": NUMBER,
    "slow_192_over_128?": NUMBER,
    "event_lag_p99_ms?": NUMBER,
    "rss_mb": each(NUMBER),
    "start_s": each(NUMBER),
    "machine": {"cores": int, "python": str},
}

INVARIANTS = ("G1", "G2", "G3", "G4", "G5", "G6")

CHAOS = {
    "schema": 1,
    "seed": int,
    "payments": int,
    "kills": int,
    "kills_by_process": each(int),
    "faults": each(int),
    "batches": {
        "rows_max_bucket": int,
        "rows_mean": NUMBER,
        "statements": int,
        "rows": int,
        "burst_sales": int,
    },
    "lost": int,
    "double": int,
    "amount_difference_fen": int,
    "stuck_after_s": NUMBER,
    "events_missing": int,
    "effects_doubled": int,
    "invariants": dict.fromkeys(INVARIANTS, bool),
    "outcomes": {"succeeded": int, "failed": int, "cancelled": int},
}

MUTANTS = {
    "schema": 1,
    "mutants": int,
    "killed": int,
    "survivors": [{"file": str, "line": int, "what": str}],
}

_HELD = {"rate_ratio": NUMBER, "p99_ratio": NUMBER}

HOLD = {
    "schema": 1,
    "scenarios": {
        "silent_sockets": _HELD,
        "slow_heads": _HELD,
        "slow_bodies": _HELD,
        "malformed_device": _HELD,
        "costly_acts": _HELD,
        "random_cookies": _HELD,
    },
}
