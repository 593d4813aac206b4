"""Requests at random for the routes that the OpenAPI documents list: good ones, and ones that are
bad in one place or in many. What the platform answers tells ids that later requests use.
"""

import json
import random
import secrets
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from services.order.schemas import OrderFilters
from services.payment.notices.schemas import NoticesBody

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("binding", "campaign", "device", "order", "payment")
READ_BY_HAND: dict[tuple[str, str], Any] = {
    ("POST", "/internal/notify"): NoticesBody,
}
"""Bodies that a route reads itself: their OpenAPI has no schemas that are named apart."""
UNLISTED = {
    "edge": (
        "GET /{page}",
        "GET /console/{page}",
        "GET /assets/{page}",
        "GET /{page}/{page}",
        "POST /alipay/notify/{route}",
        "POST /alipay/messages/{app_id}",
        "PATCH /api/{page}/v1/{page}",
    ),
    "egress": ("POST /alipay/{method}", "POST /bill-file"),
}
"""Doors of the gateway itself."""
CALL = {
    "type": "object",
    "required": ["app_id", "params"],
    "properties": {
        "app_id": {"$ref": "App"}, "key_version": {"type": "integer"},
        "app_auth_token": {"type": "string"},
        "params": {"type": "object", "properties": {
            name: {"type": "string"} for name in (
                "out_trade_no", "trade_no", "total_amount", "subject", "auth_code", "refund_amount",
                "bill_type", "bill_date", "out_request_no", "scene",
            )
        }},
    },
}  # fmt: skip
FILTERED = ("/api/pos/v1/orders", "/api/merchant/v1/orders")

ODD_TEXT = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\r\n", "\x1b[2J", "\x7f", "\u2028", "\u202e",
    "\ufeff", "\uffff", "e\u0301" * 40, "👨\u200d👩", "١٢٣", "１２", "%00", "%", "..", "../..", "'",
    '";--', "{}", "[]", "null", "NaN", "-1", "1e999", "9" * 400, "x" * 5000, "长" * 3000, "a" * 65,
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", "24:00",
    "0000-00-00", "2026-07-04T00:00:00", "1970-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "urn:uuid:x",
    "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMHxu", "====", "2088" + "0" * 12, "2021" + "9" * 12,
)  # fmt: skip
WORST = (
    "a\0b", "\0", "\ud800", "a\udfffb", "a\u2028b", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMHxu", "9" * 20, 2**31, 2**63,
)  # fmt: skip
"""What stores and calendars break at, for one member where all others are good."""
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**63, 2**63 - 1, -(2**63) - 1, 10**400, [], {},
    [[]], [None], {"": ""}, {"\ud800": 1}, {"a": {"b": [1, 2]}}, float("nan"), float("inf"),
)  # fmt: skip
RAW_BODIES = (
    b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"[" * 20_000,
    b'{"a":' * 9_000, b'{"a":1,"a":2}', b"{}" * 2, b"\0", b"a=1&b=2", b"{" + b" " * 60_000 + b"}",
    b'{"x":' + b"9" * 6000 + b"}", b'{"\\ud800":"\\udc00\\ud800"}', b"\x80" * 64, b"-",
)  # fmt: skip
RAW_TAILS = (
    "%00", "%ff", "%ed%a0%80", "%c0%80", "%u0000", "%", "%2f", "%2e%2e%2f", "%0d%0a", "x" * 3000,
    "%f0%9f%98%80", "+", ";", "~", "%e2%80%a8", "..", ".", "%7f",
)  # fmt: skip
ODD_HEADERS: tuple[tuple[str, bytes], ...] = (
    ("X-Request-Id", b"\xff\xfe"), ("X-Request-Id", b"x" * 300), ("X-Request-Id", b"a b;c"),
    ("Idempotency-Key", b"\x80\x00".replace(b"\0", b"")), ("Idempotency-Key", b"9" * 4000),
    ("Content-Type", b"text/plain"), ("Content-Type", b"application/json; charset=utf-7"),
    ("Content-Type", b"multipart/form-data; boundary=x"), ("Content-Type", b"\xe9"),
    ("Accept", b"*/*;q=2"), ("Accept-Encoding", b"br"), ("User-Agent", b"\xff" * 700),
    ("User-Agent", "长".encode()), ("X-Client-Address", b"::1"), ("X-Forwarded-For", b"\xff"),
    ("X-Forwarded-For", b"1.2.3.4, x"), ("Forwarded", b"for=\"[::1\""), ("Cookie", b"a=b; =; \xff"),
    ("Range", b"bytes=0-99999999999999999999"), ("If-None-Match", b"\xff"),
    ("X-HTTP-Method-Override", b"DELETE"), ("traceparent", b"00-zz"),
    ("Authorization", b"Bearer x"), ("X-CSRF-Token", b"\xff"), ("X-CSRF-Token", b""),
    ("X-DF-Device", b"\xff"), ("X-DF-Key", "键".encode()), ("X-DF-Signature", b"0" * 64),
    ("X-DF-Timestamp", b"9" * 30), ("X-DF-Nonce", b"\xe9" * 32),
    ("Cookie", b"__Host-damselfly=\xff"), ("Cookie", b"__Host-damselfly=" + b"A" * 3000),
)  # fmt: skip
KEPT_IDS = 60


@dataclass(frozen=True)
class Route:
    """One door, as its document describes it."""

    service: str
    method: str
    path: str
    query: dict[str, Any]
    body: dict[str, Any] | None
    defs: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Made:
    """A request before it is signed."""

    route: Route
    path: str
    query: str
    body: bytes
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def all_routes(app_id: str = "") -> list[Route]:
    """Every route of every service, and the gateway's own; calls to Alipay are for `app_id`."""
    found = []
    for service in SERVICES:
        document = json.loads((ROOT / f"docs/openapi/{service}.json").read_text())
        defs = document.get("components", {}).get("schemas", {})
        for path, methods in document["paths"].items():
            for method, said in methods.items():
                key = (method.upper(), path)
                query = {
                    one["name"]: one["schema"]
                    for one in said.get("parameters", ())
                    if one["in"] == "query"
                }
                content = said.get("requestBody", {}).get("content", {})
                body = content.get("application/json", {}).get("schema")
                named = defs
                if key in READ_BY_HAND:
                    body = READ_BY_HAND[key].model_json_schema()
                    named = body.get("$defs", {})
                if path in FILTERED and method == "get":
                    filters = OrderFilters.model_json_schema(by_alias=True)
                    query, named = filters["properties"], filters.get("$defs", {})
                found.append(Route(service, *key, query, body, named))
    for service, doors in UNLISTED.items():
        body = CALL if service == "egress" else None
        named = {"App": {"enum": [app_id, "2021000000009999"]}}
        found += [Route(service, *door.split(" "), {}, body, named) for door in doors]
    return found


@dataclass(frozen=True)
class Spot:
    """One member of one route's body or query, and the bad value that stands there."""

    route: Route
    is_query: bool
    name: str
    worst: Any


def all_spots(rng: random.Random, routes: list[Route]) -> Iterator[Spot]:
    """Each bad value at each member of each route, the worst value everywhere first."""
    for worst in WORST:
        found = []
        for route in routes:
            body = route.body or {}
            body = route.defs.get(body.get("$ref", "").rpartition("/")[2], body)
            found += [Spot(route, True, name, worst) for name in route.query]
            found += [Spot(route, False, name, worst) for name in body.get("properties", {})]
        rng.shuffle(found)
        yield from found


class Maker:
    """Makes requests out of one seed."""

    def __init__(self, seed: int, known: dict[str, list[str]], kept_out: set[str]) -> None:
        """`known`: good values by member name; `kept_out`: what must never be hit."""
        self.rng = random.Random(seed)
        self._known = known
        self._kept_out = kept_out
        self._seen: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=KEPT_IDS))

    def learn(self, document: Any) -> None:
        """Ids and names out of an answer, for later requests."""
        if isinstance(document, list):
            for one in document[:20]:
                self.learn(one)
        elif isinstance(document, dict):
            for name, value in document.items():
                is_name = name.endswith(("_id", "_no", "cursor", "next")) or name in (
                    "code",
                    "login",
                    "token",
                )
                if is_name and isinstance(value, str) and value not in self._kept_out:
                    self._seen["cursor" if name == "next" else name].append(value)
                elif isinstance(value, dict | list):
                    self.learn(value)

    def make(self, route: Route) -> Made:
        """A request to that route: two in five of them good, as far as a schema can tell."""
        rng = self.rng
        badness = rng.choice((0.0, 0.0, 0.15, 0.4, 1.0))
        path = "/".join(self._part(part, badness) for part in route.path.split("/"))
        made = Made(route, path, self._query(route, badness), self._body(route, badness))
        if made.body:
            made.headers.append(("Content-Type", b"application/json"))
        while badness and rng.random() < 0.3:
            made.headers.append(rng.choice(ODD_HEADERS))
        return made

    def make_bad_at(self, spot: Spot) -> Made:
        """A request that is good but for that member."""
        route = spot.route
        made = Made(
            route, "/".join(self._part(part, 0.0) for part in route.path.split("/")), "", b""
        )
        if spot.is_query:
            worst = str(spot.worst).encode("utf-8", "surrogatepass")
            made.query = f"{spot.name}={quote(worst, safe='')}"
        else:
            document = self._value("", route.body or {}, route.defs, 0.0)
            made.body = json.dumps({**document, spot.name: spot.worst}).encode()
            made.headers.append(("Content-Type", b"application/json"))
        return made

    def _part(self, part: str, badness: float) -> str:
        if not part.startswith("{"):
            return part
        if self.rng.random() < badness:
            return self._odd_text()
        return quote(str(self._good(part[1:-1], {"type": "string", "format": "uuid"})), safe="")

    def _odd_text(self) -> str:
        if self.rng.random() < 0.5:
            return self.rng.choice(RAW_TAILS)
        return quote(self.rng.choice(ODD_TEXT).encode("utf-8", "surrogatepass"), safe="")[:3500]

    def _query(self, route: Route, badness: float) -> str:
        rng, pairs = self.rng, []
        for name, schema in route.query.items():
            if rng.random() < 0.4:
                good = quote(str(self._value(name, schema, route.defs, 0.0)), safe="")
                pairs.append(f"{name}={self._odd_text() if rng.random() < badness else good}")
        if badness and rng.random() < 0.2:
            pairs.append(
                rng.choice(("x=1", "=", "&&", "%ff=%ff", "%00=1", "page=1&page=2", "q[]=1"))
            )
        return "&".join(pairs)[:3500]

    def _body(self, route: Route, badness: float) -> bytes:
        rng = self.rng
        if route.body is None:
            return rng.choice(RAW_BODIES) if badness and rng.random() < 0.1 else b""
        if badness and rng.random() < 0.1:
            return rng.choice(RAW_BODIES)
        document = self._value("", route.body, route.defs, badness)
        if badness and rng.random() < 0.1 and isinstance(document, dict):
            document[rng.choice(ODD_TEXT)] = rng.choice(ODD_VALUES)
        raw = json.dumps(document).encode()
        if badness and rng.random() < 0.1:
            at = rng.randrange(len(raw) + 1)
            raw = raw[:at] + rng.randbytes(rng.randrange(4)) + raw[at + rng.randrange(3) :]
        return raw[:70_000]

    def _value(self, name: str, schema: dict[str, Any], defs: dict[str, Any], bad: float) -> Any:
        rng = self.rng
        if name and rng.random() < bad:
            return rng.choice(ODD_TEXT) if rng.random() < 0.6 else self._odd_value()
        if "$ref" in schema:
            schema = defs[schema["$ref"].rpartition("/")[2]]
        if "anyOf" in schema:
            return self._value(name, rng.choice(schema["anyOf"]), defs, bad)
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type")
        if kind == "object":
            needed = schema.get("required", ())
            members = schema.get("properties", {})
            return {
                member: self._value(member, inner, defs, bad)
                for member, inner in members.items()
                if (member in needed and rng.random() > bad / 4) or rng.random() < 0.6
            } or ({"x": "y"} if not members else {})
        if kind == "array":
            return [self._value(name, schema["items"], defs, bad) for _ in range(rng.randrange(4))]
        return self._good(name, schema)

    def _odd_value(self) -> Any:
        if self.rng.random() < 0.1:
            deep: Any = 1
            for _ in range(self.rng.choice((50, 300))):
                deep = [deep]
            return deep
        return self.rng.choice(ODD_VALUES)

    def _good(self, name: str, schema: dict[str, Any]) -> Any:
        rng = self.rng
        known = [*self._known.get(name, ()), *self._seen.get(name, ())]
        if known and rng.random() < 0.9:
            return rng.choice(known)
        kind = schema.get("type")
        if kind == "integer":
            low = schema.get("minimum", 0)
            return rng.choice((low, 1, 2, 3, min(schema.get("maximum", 1000), 1000)))
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "null":
            return None
        if schema.get("format") == "uuid":
            return f"01a20000-0000-7000-8000-{rng.getrandbits(48):012x}"
        if schema.get("format") == "date-time":
            return rng.choice(("2026-07-04T12:00:00Z", "2026-11-23T00:00:00+08:00"))
        return rng.choice(("咖啡", "Tea house", "a", secrets.token_hex(8)))
