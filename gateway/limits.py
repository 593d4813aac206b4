"""Every limit of the gateway, named, and the two mechanisms that hold them.

Refusing early is part of the promise: a full gateway answers 503 at once instead of letting every
caller time out (performance §0.9). State is per process and bounded.
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
"""Of the few methods that carry pictures, in base64; to the egress only."""
UPLOADS_BYTES_MAX = 8 * UPLOAD_BYTES_MAX
"""Of all uploads together that are not whole yet."""
HEADER_BYTES_MAX = 16 * 1024
HEADERS_MAX = 64
TARGET_BYTES_MAX = 4 * 1024
HEAD_WAIT_S = 10.0
"""From the first byte of a request, or from the connection, to the end of its head."""
BODY_WAIT_S = 10.0
"""From the head to the last byte of the body."""
RESPONSE_WAIT_S = 30.0
RESPONSE_BYTES_PER_S = 16 * 1024
"""What a client must take of its answer, after so many seconds of grace."""
UNSENT_BYTES_MAX = 128 * 1024 * 1024
UNSENT_SHARE = 8
"""Of all answers together that wait for their clients, and of which one address has 1 / so many:
two of the largest."""
UNSENT_BYTES_FREE = 16 * 1024
"""Of each connection, not counted: with CONNECTIONS_MAX the same sum again."""
LINGER_S = 2.0
LINGER_BYTES_MAX = 256 * 1024
"""For how long what still comes is dropped behind a refusal, so that the refusal is read."""
PIPELINE_MAX = 16
"""Whole requests that wait on one connection for the one before them."""
PIPELINE_BYTES_MAX = 16 * 1024
"""Of their bodies; who sends longer ones waits for the answer first (RFC 9112 §9.3.2)."""

CONNECTIONS_MAX = 8192
ADDRESS_CONNECTIONS_MAX = 1024
"""A shop's till server, a mall behind one address, or a benchmark on this machine needs some
hundreds; IPv6 counts by /64, and a trusted proxy is not counted."""
FILES_KEPT_BACK = 1536
"""File descriptors for everything that is no client: the services' pools above all."""
UNFINISHED_BYTES_MAX = 32 * 1024 * 1024
UNFINISHED_SHARE = 8
"""One address has 1 / so many of it."""
UNFINISHED_BYTES_FREE = 4 * 1024
"""Of all requests together that are not whole yet; each one's first bytes are not counted, so
that whoever fills this up stops nobody's payment."""

IN_FLIGHT_MAX = 1024
"""Requests that one process works on; each held payment costs about 20 KB while it waits."""
ALIPAY_CALLS_MAX = 384
CALLS_MAX = {"payment": 512, "device": 64, "binding": 96, "campaign": 128, "order": 64}
"""Per destination: a slow one must not take the others' connections."""


class Quota(NamedTuple):
    """Places for calls of one class, and how many of them one caller and one merchant may hold."""

    slots: int
    per_caller: int
    per_merchant: int


CLASS_QUOTAS = {
    "sign_in": Quota(slots=24, per_caller=16, per_merchant=24),
    "costly": Quota(slots=8, per_caller=2, per_merchant=4),
    "platform": Quota(slots=8, per_caller=4, per_merchant=6),
}
"""Classes of their own among binding's places, which neither take from the others nor give.

sign_in   two checks at a time take 20 ms each beside nothing else; 16 of one address are a shop's
          whole staff at nine o'clock
costly    argon2, RSA pairs, the audit log: one runs, one waits; binding holds the same (costly.py)
platform  rows of onboarding, which wait for Alipay, up to PLATFORM_WAIT_S each
"""
STREAMS = Quota(slots=256, per_caller=6, per_merchant=128)
"""Answers that are streamed, and uploads, to all services together: a class and connections of
their own, so that whoever listens takes no place of a payment. Six are what a browser opens."""
STREAM_IDLE_S = 30.0
"""For how long a service may be silent within an answer, an event stream apart."""
STREAM_LIFE_S = 600.0
"""After which an event stream ends and its listener, told so, comes back: with a new look at who it
is, and at another edge, if there is one by then."""
HEARTBEAT_S = 15.0
"""A silent event stream says so often that it lives: proxies end what is idle, often after 60 s."""
RECONNECT_MS = (1_000, 4_000)
"""When the listener of an ended event stream comes back: not all of them at once."""
REFUSAL_BYTES_MAX = 64 * 1024
"""Of an answer that is no success, which is whole also where a stream was asked for."""
UPLOAD_BYTES_PER_S = 16 * 1024
"""What an upload that is passed on as it comes must bring on the whole, after BODY_WAIT_S of grace;
the time in which nobody takes it does not count."""
DEVICE_SHARE, CALLER_SHARE, MERCHANT_SHARE = 8, 4, 2
"""Of a destination's other places one device may hold an eighth (64 payments at once are a till
server's, no till's), a person, an API key or an address a quarter, a merchant half: when
a destination is slow, one of them alone cannot fill it."""


def quota_of(service: str, share: int) -> Quota:
    """The ordinary places of a destination, of which one caller has 1 / `share`."""
    total = CALLS_MAX[service]
    if service == "binding":
        total -= sum(quota.slots for quota in CLASS_QUOTAS.values())
    return Quota(total, total // share, total // MERCHANT_SHARE)


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
STRANGERS_AT_ONCE = 16
"""Half of a pool of look-ups (CALLS_MAX // 2): the other half is for who is known already."""
STRANGERS_WAITING_MAX = 192
"""Of one kind, those being looked up and those who wait for it. There are four kinds: together they
leave a quarter of the places, also where a service does not answer at all."""
EXPECTED_KEPT = 1024
MISSING_KEPT = 2048

REFUSALS_FREE, REFUSALS_FREE_PER_S = 40, 5
REFUSAL_DELAY_S = 2.0
GOLDEN_RATIO = 0.618034
"""Its multiples, less their whole parts, lie evenly between 0 and 1, however many there are."""
DELAYED_MAX = 512

_refused = Counter("gateway_limited_total", "Requests refused by a limit", ["limit"])
_in_flight = Gauge("gateway_in_flight", "Requests being worked on", ["where"])


class Busy(Unavailable):
    """The admission limit is reached: nothing was done, come back in a second."""

    code = "gateway.busy"
    title = "系统繁忙，请稍后重试 The gateway is at its limit; please try again."


class Malformed(Problem):
    """No HTTP/1.1, or none that every process along the way would read alike."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "request.malformed"
    title: ClassVar[str] = "请求格式错误 The request is not well-formed HTTP."


class RequestLate(Problem):
    """The request did not arrive in time; nothing was done."""

    status: ClassVar[int] = 408
    code: ClassVar[str] = "request.late"
    title: ClassVar[str] = "请求接收超时 The request took too long to arrive."


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


class Slots:
    """The calls of one class to one destination, and who holds how many of them."""

    def __init__(self, where: str, limit: int) -> None:
        self._where = where
        self._limit = limit
        self._now = 0
        self._held: dict[object, int] = {}
        _in_flight.labels(where).set_function(lambda: self._now)

    def enter(self, caller: object, merchant: object, quota: Quota) -> None:
        """Takes a place, or TooMany for the caller's own part, or Busy; None is nobody's part."""
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
        """Gives back what `enter` took under the same names."""
        self._now -= 1
        held = self._held
        for name in (caller, merchant):
            if name is not None:
                if held[name] == 1:
                    del held[name]
                else:
                    held[name] -= 1


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


class Strangers(Buckets):
    """Look-ups elsewhere that somebody unknown causes: bounded by address, in all, and at once.
    Who is known already costs none, so that no number of strangers slows them down. After a start
    nobody is known: a thousand come in at once, and 200 more each second (a look-up takes a service
    about 2 ms of a core)."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("stranger", clock, burst=300, per_s=20)
        self._all = Buckets("strangers", clock, burst=1000, per_s=200)
        self._at_once = asyncio.Semaphore(STRANGERS_AT_ONCE)
        self._now = 0

    def charge(self, client: str) -> None:
        """Counts against the address."""
        self.take(share_of(client))

    @asynccontextmanager
    async def lookup(self, client: str) -> AsyncIterator[None]:
        """`async with strangers.lookup(client): look up`; TooMany or Busy when not. Few wait for
        one of the few look-ups at once: whoever waits holds a place of the edge."""
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
    """Refusals come late to an address that goes on regardless. A refusal costs this process a
    tenth of a payment: in a closed loop of 70 connections that alone would be half of a core.

    Each waits another while, one to two times `base_s`: callers that were refused together would
    come back together, and 70 at once hold up every payment for some 20 ms."""

    def __init__(self, clock: Clock, scale: int) -> None:
        self._free = Buckets(
            "refusals", clock, burst=REFUSALS_FREE * scale, per_s=REFUSALS_FREE_PER_S * scale
        )
        self._now = 0
        self._spread = 0.0
        self.base_s = REFUSAL_DELAY_S

    def delay_s(self, client: str) -> float:
        """How long a refusal to this address is to wait, which is counted by asking."""
        if self._free.has(share_of(client), spend=True):
            return 0.0
        self._spread = (self._spread + GOLDEN_RATIO) % 1
        return self.base_s * (1 + self._spread)

    async def wait(self, client: str) -> None:
        """Waits before a refusal, at times; it holds no place of anybody meanwhile."""
        delay_s = self.delay_s(client)
        if not delay_s or self._now >= DELAYED_MAX:
            return
        self._now += 1
        try:
            await asyncio.sleep(delay_s)
        finally:
            self._now -= 1


def rate_limits(clock: Clock, scale: int = 1) -> dict[str, Buckets]:
    """The buckets by the name that a route or a door gives; `scale` is QUOTA_SCALE.

    A device code has 64 bits, so `enrol` only has to keep a flood away from the database and a
    shop may still enrol a delivery of terminals at once. A till sells once in two seconds and asks
    a few times a second how it stands; a store's own till server may speak for twenty of them:
    `device`, a fifth of what one edge process passes on. A POS reads lists: `pos`. Guesses of
    passwords (`login`) do not grow with the machine.
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
    """What people and programs of a merchant may ask a second.

    A page asks for ten things at once and a person opens one in a second or two: `person`. A
    service answers some 200 such reads a second and core, so all of a merchant's people and API
    keys together get half of that: `merchant`. `costly`: 0.1 s of a core at the worst (a
    pair of RSA keys), every two seconds, after the thirty that a person setting up a shop does in a
    row; a twentieth of a core, and behind payments at that. `platform`: a wizard's rows.
    """
    return {
        "person": Buckets("person", clock, burst=300 * scale, per_s=50 * scale),
        "merchant": Buckets("merchant", clock, burst=600 * scale, per_s=100 * scale),
        "costly": Buckets("costly", clock, burst=30 * scale, per_s=0.5 * scale),
        "platform": Buckets("platform", clock, burst=60 * scale, per_s=1 * scale),
    }
