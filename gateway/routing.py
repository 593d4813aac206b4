"""The route table: which path prefix belongs to which service, for whom, within which limits.

Every API prefix has four segments, so a route is one dictionary look-up, or two for the few paths
that are listed whole because they differ from their prefix. A path that is not listed does not
exist at the edge: no service's `/internal/...` can be reached from outside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.limits import (
    BODY_BYTES_MAX,
    LOGIN_BODY_BYTES_MAX,
    PAYMENT_WAIT_S,
    PLATFORM_WAIT_S,
    SERVICE_WAIT_S,
)
from shared.errors import MethodNotAllowed

Audience = Literal["device", "user", "pos", "public"]
"""`device`: HMAC; `user`: console cookie, and a CSRF token for state changes; `pos`: HMAC with an
API key; `public`: no authentication"""

SAFE_METHODS = frozenset({"GET", "HEAD"})
_SEGMENTS = 5  # "", "api", audience, "v1", resource


@dataclass(frozen=True, slots=True)
class Route:
    """Some methods under one prefix."""

    methods: str
    prefix: str
    service: str
    audience: Audience
    body_max: int = BODY_BYTES_MAX
    wait_s: float = SERVICE_WAIT_S
    rate: str = ""
    """bucket by caller's address (limits.rate_limits)"""
    share: Literal["", "sign_in", "costly", "platform"] = ""
    """a class with its own slots (limits.CLASS_QUOTAS), for requests that cause much more work than
    others; `costly` and `platform` also have a rate per person. A route that streams has only the
    rate: it takes a slot for streams"""
    sets_cookie: bool = False
    changes_session: bool = False
    """after a success the edge looks the session up again"""
    streams: bool = False
    """a success is passed on as it is made, without limits on size and time (limits.STREAMS)"""
    upload_max: int = 0
    """limit in bytes for a body that is passed on as it arrives; replaces `body_max`. For people
    only: a signature can be checked only once the body is complete"""

    @property
    def is_long(self) -> bool:
        """Whether its calls use the slots for streams."""
        return self.streams or self.upload_max > 0

    def needs_csrf(self, method: str) -> bool:
        return self.audience == "user" and method not in SAFE_METHODS


_DEVICE, _MERCHANT, _OPERATOR = "/api/device/v1", "/api/merchant/v1", "/api/operator/v1"
_POS = "/api/pos/v1"
_PUBLIC = "/api/public/v1"

MERCHANT_CONSOLE = f"{_MERCHANT}/"

ROUTES = (
    Route("POST", f"{_DEVICE}/enrol", "device", "public",
          body_max=LOGIN_BODY_BYTES_MAX, rate="enrol"),
    Route("GET", f"{_DEVICE}/me", "device", "device"),
    Route("GET POST", f"{_DEVICE}/payments", "payment", "device", wait_s=PAYMENT_WAIT_S),
    Route("GET POST", f"{_DEVICE}/rewards", "campaign", "device"),
    Route("GET POST PATCH", f"{_MERCHANT}/stores", "binding", "user"),
    Route("GET", f"{_MERCHANT}/apps", "binding", "user", wait_s=PLATFORM_WAIT_S),
    Route("PUT POST", f"{_MERCHANT}/apps", "binding", "user",
          wait_s=PLATFORM_WAIT_S, share="platform"),
    Route("GET", f"{_MERCHANT}/apps/key-pairs", "binding", "user"),
    Route("POST", f"{_MERCHANT}/apps/key-pairs", "binding", "user", share="costly"),
    Route("POST", f"{_MERCHANT}/apps/key-check", "binding", "user", share="costly"),
    Route("GET", f"{_MERCHANT}/onboarding", "binding", "user", wait_s=PLATFORM_WAIT_S),
    Route("POST", f"{_MERCHANT}/onboarding", "binding", "user",
          wait_s=PLATFORM_WAIT_S, share="platform"),
    Route("POST", f"{_MERCHANT}/sandbox", "binding", "user",
          wait_s=PLATFORM_WAIT_S, share="platform"),
    Route("PUT", f"{_MERCHANT}/onboarding", "binding", "user"),
    Route("GET PATCH", f"{_MERCHANT}/merchant", "binding", "user"),
    Route("GET POST DELETE", f"{_MERCHANT}/acting", "binding", "user"),
    Route("GET POST DELETE", f"{_MERCHANT}/api-keys", "binding", "user"),
    Route("GET POST PATCH DELETE", f"{_MERCHANT}/devices", "device", "user"),
    Route("GET POST", f"{_MERCHANT}/payments", "payment", "user", wait_s=PAYMENT_WAIT_S),
    Route("GET", f"{_MERCHANT}/refunds", "payment", "user"),
    Route("GET", f"{_MERCHANT}/orders", "order", "user"),
    Route("GET", f"{_POS}/orders", "order", "pos"),
    Route("GET", f"{_MERCHANT}/dashboard", "order", "user"),
    Route("GET PUT", f"{_MERCHANT}/campaign", "campaign", "user"),
    Route("GET", f"{_OPERATOR}/first-run", "binding", "public", rate="first_run"),
    Route("POST", f"{_OPERATOR}/first-run", "binding", "public",
          body_max=LOGIN_BODY_BYTES_MAX, rate="login", share="sign_in"),
    Route("POST", f"{_PUBLIC}/password-link", "binding", "public",
          body_max=LOGIN_BODY_BYTES_MAX, rate="login"),
    Route("POST", f"{_PUBLIC}/password", "binding", "public",
          body_max=LOGIN_BODY_BYTES_MAX, rate="login", share="sign_in", sets_cookie=True),
    Route("GET POST PATCH", f"{_OPERATOR}/merchants", "binding", "user"),
    Route("GET", f"{_OPERATOR}/figures", "order", "user"),
    Route("GET", f"{_OPERATOR}/devices", "device", "user"),
    Route("GET", f"{_OPERATOR}/acting", "binding", "user"),
    Route("POST DELETE", f"{_OPERATOR}/acting", "binding", "user", changes_session=True),
    Route("GET POST", f"{_OPERATOR}/notices", "payment", "user"),
    *(
        route
        for base in (_MERCHANT, _OPERATOR)
        for route in (
            Route("POST", f"{base}/session", "binding", "public",
                  body_max=LOGIN_BODY_BYTES_MAX, rate="login", share="sign_in", sets_cookie=True),
            Route("GET DELETE", f"{base}/session", "binding", "user",
                  sets_cookie=True, changes_session=True),
            Route("POST", f"{base}/session/step-up", "binding", "user",
                  body_max=LOGIN_BODY_BYTES_MAX, share="costly", sets_cookie=True,
                  changes_session=True),
            Route("GET POST DELETE", f"{base}/passkeys", "binding", "user", changes_session=True),
            Route("GET DELETE", f"{base}/sessions", "binding", "user", changes_session=True),
            Route("POST", f"{base}/password", "binding", "user",
                  body_max=LOGIN_BODY_BYTES_MAX, share="costly", sets_cookie=True,
                  changes_session=True),
            Route("GET POST DELETE", f"{base}/second-factor", "binding", "user",
                  body_max=LOGIN_BODY_BYTES_MAX, changes_session=True),
            Route("GET", f"{base}/sign-ins", "binding", "user"),
            Route("GET POST PATCH", f"{base}/staff", "binding", "user"),
            Route("GET", f"{base}/roles", "binding", "user"),
            Route("GET", f"{base}/audit", "binding", "user"),
            Route("POST", f"{base}/audit", "binding", "user", share="costly"),
            Route("GET", f"{base}/audit/export", "binding", "user", share="costly", streams=True),
        )
    ),
)  # fmt: skip


def table(routes: tuple[Route, ...] = ROUTES) -> Mapping[str, Mapping[str, Route]]:
    """prefix -> method -> route."""
    found: dict[str, dict[str, Route]] = {}
    for route in routes:
        for method in route.methods.split():
            if found.setdefault(route.prefix, {}).setdefault(method, route) is not route:
                raise ValueError(f"{method} {route.prefix} is listed twice")
        if route.upload_max and route.audience != "user":
            raise ValueError(f"{route.prefix}: only people's uploads are passed on as they come")
    return found


def uploads(routes: tuple[Route, ...] = ROUTES) -> Callable[[Mapping[str, Any]], bool] | None:
    """A function that tells by a request's scope whether its body is passed on as it arrives; None
    if no route does that."""
    found = {(method, r.prefix) for r in routes if r.upload_max for method in r.methods.split()}

    def is_upload(scope: Mapping[str, Any]) -> bool:
        path = str(scope["path"])
        head = "/".join(path.split("/", _SEGMENTS)[:_SEGMENTS])
        return (scope["method"], path) in found or (scope["method"], head) in found

    return is_upload if found else None


def match(rows: Mapping[str, Mapping[str, Route]], method: str, path: str) -> Route | None:
    """The route of a request; None for an unknown path, MethodNotAllowed for a known one."""
    by_method = rows.get(path) or rows.get("/".join(path.split("/", _SEGMENTS)[:_SEGMENTS]))
    if by_method is None:
        return None
    route = by_method.get(method)
    if route is None:
        raise MethodNotAllowed(allow=sorted(by_method))
    return route
