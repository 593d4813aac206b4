"""Every limit of the gateway, named, and the two mechanisms that hold them.

Refusing early is part of the promise: a full gateway answers 503 at once instead of letting every
caller time out (performance §0.9). State is per process and bounded.
"""

from collections import OrderedDict
from typing import ClassVar

from prometheus_client import Counter, Gauge

from shared.clock import Clock
from shared.errors import Problem, TooMany, Unavailable

BODY_BYTES_MAX = 64 * 1024
LOGIN_BODY_BYTES_MAX = 4 * 1024
HEADER_BYTES_MAX = 16 * 1024
HEADERS_MAX = 64
TARGET_BYTES_MAX = 4 * 1024
BODY_WAIT_S = 10.0

IN_FLIGHT_MAX = 1024
"""Requests that one process works on; each held payment costs about 20 KB while it waits."""
ALIPAY_CALLS_MAX = 384
CALLS_MAX = {"payment": 512, "device": 64, "binding": 64, "campaign": 128, "order": 64}
"""Per destination: a slow one must not take the others' connections."""

PAYMENT_WAIT_S = 25.0
SERVICE_WAIT_S = 10.0
PLATFORM_WAIT_S = 45.0
"""Rows of onboarding ask Alipay up to a few times in a row."""
PROBE_WAIT_S = 0.8
PROBE_EVERY_S = 1.0

KEYS_KEPT = 2048
KEYS_FRESH_S = 120.0
KEYS_STALE_S = 600.0
KEYS_REFETCH_EVERY_S = 5.0
CREDENTIALS_KEPT = 16_384
CREDENTIALS_FRESH_S = 60.0
CREDENTIALS_STALE_S = 300.0
SESSIONS_KEPT = 8192
SESSIONS_FRESH_S = 15.0
API_KEYS_KEPT = 4096
API_KEYS_FRESH_S = 5.0
"""How long a revoked key may still be believed by an edge that missed the event."""
MISSING_FRESH_S = 2.0

CLOCK_WINDOW_S = 300

BUCKETS_KEPT = 16_384
RETRY_AFTER_S = 1

_refused = Counter("gateway_limited_total", "Requests refused by a limit", ["limit"])
_in_flight = Gauge("gateway_in_flight", "Requests being worked on", ["where"])


class Busy(Unavailable):
    """The admission limit is reached: nothing was done, come back in a second."""

    code = "gateway.busy"
    title = "系统繁忙，请稍后重试 The gateway is at its limit; please try again."


class HeadersTooLarge(Problem):
    """More header bytes or a longer target than any client of ours sends."""

    status: ClassVar[int] = 431
    code: ClassVar[str] = "headers.too_large"
    title: ClassVar[str] = "请求头过大 The request's headers or target are too large."


class Admission:
    """`with admission:` counts what is in flight and refuses beyond the limit, without a queue."""

    def __init__(self, where: str, limit: int) -> None:
        self._where = where
        self._limit = limit
        self._now = 0
        _in_flight.labels(where).set_function(lambda: self._now)

    def __enter__(self) -> None:
        if self._now >= self._limit:
            _refused.labels(f"admission_{self._where}").inc()
            raise Busy(f"{self._where}: {self._limit} in flight", retry_after_s=RETRY_AFTER_S)
        self._now += 1

    def __exit__(self, *_: object) -> None:
        self._now -= 1


class Buckets:
    """Token buckets by name (an address, a device), the least recently used forgotten first."""

    def __init__(self, limit: str, clock: Clock, *, burst: float, per_s: float) -> None:
        self._limit = limit
        self._clock = clock
        self._burst = burst
        self._per_s = per_s
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """One token, or TooMany saying when the next one comes."""
        if not self.has(name, spend=True):
            _refused.labels(self._limit).inc()
            raise TooMany(retry_after_s=max(1, round(1 / self._per_s)))

    def has(self, name: str, *, spend: bool = False) -> bool:
        """Whether a token is there; `spend` takes it."""
        now = self._clock.monotonic()
        held = self._held
        tokens, since = held.get(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._per_s)
        enough = tokens >= 1
        if spend and enough:
            tokens -= 1
        held[name] = (tokens, now)
        held.move_to_end(name)
        if len(held) > BUCKETS_KEPT:
            held.popitem(last=False)
        return enough


def rate_limits(clock: Clock) -> dict[str, Buckets]:
    """The buckets by the name that a route or a door gives.

    A device code has 64 bits, so `enrol` only has to keep a flood away from the database and a
    shop may still enrol a delivery of terminals at once. One device is one till, but a store's
    own till server may speak for many, hence the generous `device`. A POS reads lists: `pos`.
    """
    return {
        "enrol": Buckets("enrol", clock, burst=300, per_s=5),
        "login": Buckets("login", clock, burst=20, per_s=0.5),
        "device": Buckets("device", clock, burst=2000, per_s=1000),
        "pos": Buckets("pos", clock, burst=100, per_s=20),
        "stranger": Buckets("stranger", clock, burst=300, per_s=20),
        "notify": Buckets("notify", clock, burst=1000, per_s=100),
    }
