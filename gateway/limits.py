"""Every limit of the gateway by name, and the mechanisms that enforce them.

Refusing early is a requirement: a full gateway answers 503 at once instead of letting every caller
time out (performance §0.9). State is per process and bounded.

Kept beside the library `limits`, whose state in memory has no bound: 0.6 µs for a request against
2.1 (`python -m tests.bench.libraries`). aiolimiter lets callers wait, and here nobody is to.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar, NamedTuple

from prometheus_client import Counter, Gauge

from shared.address import share_of
from shared.clock import Clock
from shared.errors import Problem, TooMany, Unavailable

BODY_BYTES_MAX = 64 * 1024
LOGIN_BODY_BYTES_MAX = 4 * 1024
UPLOAD_BYTES_MAX = 12 * 1024 * 1024
"""For the few methods that carry pictures, in base64; to the egress only."""
UPLOADS_BYTES_MAX = 8 * UPLOAD_BYTES_MAX
"""For all incomplete uploads over HTTP together; what comes over links is not counted."""
HEADER_BYTES_MAX = 16 * 1024
HEADERS_MAX = 64
TARGET_BYTES_MAX = 4 * 1024
HEAD_WAIT_S = 10.0
"""From the first byte of a request, or from the connection, to the end of its head."""
BODY_WAIT_S = 10.0
"""From the head to the last byte of the body."""
RESPONSE_WAIT_S = 30.0
RESPONSE_BYTES_PER_S = 16 * 1024
"""How fast a client must read its response, after RESPONSE_WAIT_S of grace."""
UNSENT_BYTES_MAX = 128 * 1024 * 1024
UNSENT_SHARE = 8
"""For all responses together that clients have not read yet. One address has 1 / UNSENT_SHARE of
it, which is two of the largest responses."""
UNSENT_BYTES_FREE = 16 * 1024
"""Per connection, not counted: with CONNECTIONS_MAX connections this is the same sum again."""
LINGER_S = 2.0
LINGER_BYTES_MAX = 256 * 1024
"""After a refusal, what still arrives is dropped for this long, so that the refusal is read."""
PIPELINE_MAX = 16
"""Complete requests that wait on one connection for the one before them."""
PIPELINE_BYTES_MAX = 16 * 1024
"""For their bodies; a client with longer ones must wait for the response (RFC 9112 §9.3.2)."""

CONNECTIONS_MAX = 8192
ADDRESS_CONNECTIONS_MAX = 1024
"""A shop's till server, a mall behind one address, or a benchmark on this machine needs some
hundreds; IPv6 counts by /64, and a trusted proxy is not counted."""
FILES_KEPT_BACK = 1536
"""File descriptors kept for everything but clients, mainly streams inside and calls to Alipay."""
UNFINISHED_BYTES_MAX = 32 * 1024 * 1024
UNFINISHED_SHARE = 8
"""One address has 1 / UNFINISHED_SHARE of it."""
UNFINISHED_BYTES_FREE = 4 * 1024
"""UNFINISHED_BYTES_MAX is for all incomplete requests together. The first UNFINISHED_BYTES_FREE
bytes of each are not counted, so that a payment still fits when the rest is used up."""

IN_FLIGHT_MAX = 1024
"""Requests that one process works on; each held payment costs about 20 KB while it waits."""
ALIPAY_CALLS_MAX = 384
CALLS_MAX = {"payment": 512, "device": 64, "binding": 96, "campaign": 128, "order": 64}
"""Calls at a time, per destination: a slow one does not take the others' places."""


class Quota(NamedTuple):
    """Slots for calls of one class, and how many of them one caller and one merchant may hold."""

    slots: int
    per_caller: int
    per_merchant: int


CLASS_QUOTAS = {
    "sign_in": Quota(slots=24, per_caller=16, per_merchant=24),
    "costly": Quota(slots=8, per_caller=2, per_merchant=4),
    "platform": Quota(slots=8, per_caller=4, per_merchant=6),
}
"""Classes with their own slots among binding's, separate from the ordinary ones.

sign_in   two checks run at a time and take 20 ms each on an idle machine; 16 for one address
          serve a shop's whole staff at nine o'clock
costly    expensive work: argon2, RSA key pairs, the audit log; one runs, one waits, as in binding
          (binding/expensive.py); the class's name is also a metric label
platform  onboarding steps that wait for Alipay, up to PLATFORM_WAIT_S each
"""
STREAMS = Quota(slots=256, per_caller=6, per_merchant=128)
"""Streamed responses and uploads of all services together. They have their own slots and
connections, so that a listener never takes a payment's. A browser opens up to six."""
STREAM_IDLE_S = 30.0
"""How long a service may be silent within a response, or take nothing of an upload; event streams
are exempt."""
STREAM_LIFE_S = 600.0
"""After this an event stream ends and its listener reconnects: it is authenticated anew, and may
reach another edge."""
HEARTBEAT_S = 15.0
"""A silent event stream sends a comment this often: proxies close idle ones, often after 60 s."""
RECONNECT_MS = (1_000, 4_000)
"""When the listener of an ended event stream reconnects; a range, so that not all do at once."""
REFUSAL_BYTES_MAX = 64 * 1024
"""For the body of an error response, which is never streamed."""
UPLOAD_BYTES_PER_S = 16 * 1024
"""The average speed an upload must have, after BODY_WAIT_S of grace. Time in which the service does
not read it is not counted."""
DEVICE_SHARE, CALLER_SHARE, MERCHANT_SHARE = 8, 4, 2
"""Of a destination's ordinary slots one device may hold an eighth (64 payments at once can only be
a till server's), a person, an API key or an address a quarter, and a merchant half. When a
destination is slow, none of them can fill it alone."""


def quota_of(service: str, share: int) -> Quota:
    """The ordinary slots of a destination; one caller may hold 1 / `share` of them."""
    total = CALLS_MAX[service]
    if service == "binding":
        total -= sum(quota.slots for quota in CLASS_QUOTAS.values())
    return Quota(total, total // share, total // MERCHANT_SHARE)


PAYMENT_WAIT_S = 25.0
SERVICE_WAIT_S = 10.0
PLATFORM_WAIT_S = 45.0
"""An onboarding step may call Alipay several times in a row."""
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
"""How long an edge that missed the event may still accept a revoked key."""
MISSING_FRESH_S = 2.0

BUCKETS_KEPT = 16_384
RETRY_AFTER_S = 1
STRANGERS_AT_ONCE = 16
"""Half of a look-up client's calls (CALLS_MAX // 2); the other half is for known callers."""
STRANGERS_WAITING_MAX = 192
"""Per kind: those being looked up and those waiting. The four kinds together leave a quarter of the
edge's places free, even if a service does not answer at all."""
EXPECTED_KEPT = 1024
MISSING_KEPT = 2048

REFUSALS_FREE, REFUSALS_FREE_PER_S = 40, 5
REFUSAL_DELAY_S = 2.0
GOLDEN_RATIO = 0.618034
"""The fractional parts of its multiples are spread evenly between 0 and 1."""
DELAYED_MAX = 512

_refused = Counter("gateway_limited_total", "Requests refused by a limit", ["limit"])
_in_flight = Gauge("gateway_in_flight", "Requests being worked on", ["where"])


class Busy(Unavailable):
    """The admission limit is reached. Nothing was done; the caller may retry in a second."""

    code = "gateway.busy"
    title = "系统繁忙，请稍后重试 The gateway is at its limit; please try again."


class Malformed(Problem):
    """Not HTTP/1.1, or not unambiguously: processes along the way could read it differently."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "request.malformed"
    title: ClassVar[str] = "请求格式错误 The request is not well-formed HTTP."


class RequestLate(Problem):
    """The request did not arrive in time; nothing was done."""

    status: ClassVar[int] = 408
    code: ClassVar[str] = "request.late"
    title: ClassVar[str] = "请求接收超时 The request took too long to arrive."


class HeadersTooLarge(Problem):
    """More header bytes or a longer target than any of our clients sends."""

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


class Slots:
    """The slots for calls of one class to one destination, and who holds how many of them."""

    def __init__(self, where: str, limit: int) -> None:
        self._where = where
        self._limit = limit
        self._now = 0
        self._held: dict[object, int] = {}
        _in_flight.labels(where).set_function(lambda: self._now)

    def enter(self, caller: object, merchant: object, quota: Quota) -> None:
        """Takes a slot. Raises TooMany when the caller or its merchant has its full share, Busy
        when all slots are taken. None as a name is not counted."""
        held = self._held
        if held.get(caller, 0) >= quota.per_caller or held.get(merchant, 0) >= quota.per_merchant:
            _refused.labels(f"share_{self._where}").inc()
            raise TooMany(
                f"{self._where}: too many of yours are under way", retry_after_s=RETRY_AFTER_S
            )
        if self._now >= self._limit:
            _refused.labels(f"admission_{self._where}").inc()
            raise Busy(f"{self._where}: {self._limit} in flight", retry_after_s=RETRY_AFTER_S)
        self._now += 1
        for name in (caller, merchant):
            if name is not None:
                held[name] = held.get(name, 0) + 1

    def leave(self, caller: object, merchant: object) -> None:
        """Returns the slot that `enter` took under the same names."""
        self._now -= 1
        held = self._held
        for name in (caller, merchant):
            if name is not None:
                if held[name] == 1:
                    del held[name]
                else:
                    held[name] -= 1


class Buckets:
    """Token buckets by name (an address, a device). The least recently used is dropped first."""

    def __init__(self, limit: str, clock: Clock, *, burst: float, per_s: float) -> None:
        self._limit = limit
        self._clock = clock
        self._burst = burst
        self._per_s = per_s
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """Takes one token, or raises TooMany with the time until the next one."""
        if not self.has(name, spend=True):
            _refused.labels(self._limit).inc()
            raise TooMany(retry_after_s=max(1, round(1 / self._per_s)))

    def has(self, name: str, *, spend: bool = False) -> bool:
        """Whether there is a token; `spend` takes it."""
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


class Strangers(Buckets):
    """Limits the look-ups that unknown callers cause: per address, in all, and at the same time.
    A known caller needs no look-up, so that no number of strangers slows it down. After a start
    nobody is known: a thousand are looked up at once, and 200 more each second (a look-up costs a
    service about 2 ms of a core)."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("stranger", clock, burst=300, per_s=20)
        self._all = Buckets("strangers", clock, burst=1000, per_s=200)
        self._at_once = asyncio.Semaphore(STRANGERS_AT_ONCE)
        self._now = 0

    def charge(self, client: str) -> None:
        """Takes a token of the address."""
        self.take(share_of(client))

    @asynccontextmanager
    async def lookup(self, client: str) -> AsyncIterator[None]:
        """`async with strangers.lookup(client): look up`; raises TooMany or Busy. Only a few may
        wait for one of the concurrent look-ups, because each one waiting holds a place of the
        edge."""
        self.charge(client)
        if self._now >= STRANGERS_WAITING_MAX or not self._all.has("", spend=True):
            _refused.labels("strangers").inc()
            raise Busy("too many unknown callers", retry_after_s=RETRY_AFTER_S)
        self._now += 1
        try:
            async with self._at_once:
                yield
        finally:
            self._now -= 1


class RefusalDelay:
    """Delays refusals to an address that keeps sending refused requests. A refusal costs this
    process a tenth of a payment: a closed loop of 70 connections would take half of a core.

    The delays differ, from one to two times `base_s`: callers that were refused together would
    otherwise return together, and 70 at once hold up every payment for some 20 ms."""

    def __init__(self, clock: Clock, scale: int) -> None:
        self._free = Buckets(
            "refusals", clock, burst=REFUSALS_FREE * scale, per_s=REFUSALS_FREE_PER_S * scale
        )
        self._now = 0
        self._spread = 0.0
        self.base_s = REFUSAL_DELAY_S

    def delay_s(self, client: str) -> float:
        """How long to delay a refusal to this address. Each call counts as one refusal."""
        if self._free.has(share_of(client), spend=True):
            return 0.0
        self._spread = (self._spread + GOLDEN_RATIO) % 1
        return self.base_s * (1 + self._spread)

    async def wait(self, client: str) -> None:
        """Waits for the delay of a refusal, if there is one. No slot is held meanwhile."""
        delay_s = self.delay_s(client)
        if not delay_s or self._now >= DELAYED_MAX:
            return
        self._now += 1
        try:
            await asyncio.sleep(delay_s)
        finally:
            self._now -= 1


def rate_limits(clock: Clock, scale: int = 1) -> dict[str, Buckets]:
    """The buckets by the name that a route or an endpoint uses; `scale` is QUOTA_SCALE.

    `enrol`: a device code has 64 bits, so the limit only keeps a flood away from the database; a
    shop may still enrol a delivery of terminals at once. `device`: a till sells once in two seconds
    and polls a few times a second, and a store's till server may carry twenty tills; this is a
    fifth of what one edge process passes on. `pos`: a POS reads lists. `login`: password guesses,
    which do not scale with the machine.
    """
    return {
        "enrol": Buckets("enrol", clock, burst=300 * scale, per_s=5 * scale),
        "login": Buckets("login", clock, burst=20, per_s=0.5),
        "device": Buckets("device", clock, burst=500 * scale, per_s=100 * scale),
        "pos": Buckets("pos", clock, burst=100 * scale, per_s=20 * scale),
        "first_run": Buckets("first_run", clock, burst=300 * scale, per_s=20 * scale),
        "notify": Buckets("notify", clock, burst=1000 * scale, per_s=100 * scale),
    }


def console_limits(clock: Clock, scale: int = 1) -> dict[str, Buckets]:
    """How many requests a second a merchant's people and programs may send.

    `person`: a page sends ten requests at once, and a person opens a page every second or two.
    `merchant`: a service answers some 200 such reads per second and core; all people and API keys
    of a merchant together get half of that. `costly`: expensive work takes up to 0.1 s of a core
    (an RSA key pair); one every two seconds, after the thirty that setting up a shop needs, is a
    twentieth of a core, at a lower priority than payments. `platform`: the setup wizard's steps.
    """
    return {
        "person": Buckets("person", clock, burst=300 * scale, per_s=50 * scale),
        "merchant": Buckets("merchant", clock, burst=600 * scale, per_s=100 * scale),
        "costly": Buckets("costly", clock, burst=30 * scale, per_s=0.5 * scale),
        "platform": Buckets("platform", clock, burst=60 * scale, per_s=1 * scale),
    }
