"""Forwards requests to services: an allow-list of headers each way, one attempt, problems
unchanged.

What a caller claims about itself (Authorization, Cookie, X-Forwarded-*, X-Tenant-*, anything not
listed) is not forwarded; only the token tells the service who the caller is. Where people sign in,
the service also receives the digests of the browser's two cookies.
"""

from collections.abc import Mapping
from uuid import UUID

from gateway.auth.merchant import cookie_hashes
from gateway.limits import (
    CALLER_SHARE,
    CALLS_MAX,
    CLASS_QUOTAS,
    DEVICE_SHARE,
    PROBE_EVERY_S,
    PROBE_WAIT_S,
    RETRY_AFTER_S,
    Quota,
    Slots,
    quota_of,
)
from gateway.routing import SAFE_METHODS, Route
from gateway.server.asgi import Header, Request, Response
from gateway.streams import Caller, ServiceRequest, Streams
from shared import tracing
from shared.client import LinkClient, Reply
from shared.clock import Clock
from shared.errors import NoAnswer, NotSent, Problem, Unavailable

_REQUEST_HEADERS = (
    (b"content-type", "Content-Type"),
    (b"accept", "Accept"),
    (b"accept-language", "Accept-Language"),
    (b"user-agent", "User-Agent"),
    (b"traceparent", "traceparent"),
)
_UNBUFFERED: tuple[Header, ...] = ((b"x-accel-buffering", b"no"),)
"""Tells a proxy before the edge to pass parts on at once, instead of buffering the response."""
_RESPONSE_HEADERS = (
    ("content-type", b"content-type"),
    ("content-disposition", b"content-disposition"),
    ("retry-after", b"retry-after"),
    ("link", b"link"),
)
_VALUE_MAX = 512
_BYTES_AS_TEXT = "utf-8", "surrogateescape"
"""Headers are passed on byte for byte; this is the text of any bytes for the client."""


class ServiceAway(Unavailable):
    """The service did not receive the request."""

    code = "upstream.unavailable"
    title = "服务暂不可用，请稍后重试 The service is not available; please try again."


class ServiceSilent(Problem):
    """The service may have received the request but did not answer: repeat it with the same id."""

    status = 504
    code = "upstream.no_answer"
    title = "服务未应答，请用同一编号重试 No answer; repeat with the same id to learn the outcome."


class Upstreams:
    """The services behind the edge, each with a bound on calls under way and an admission limit."""

    def __init__(self, urls: Mapping[str, str], clock: Clock) -> None:
        self._clients = {
            name: LinkClient(url, name=name, pool=CALLS_MAX[name]) for name, url in urls.items()
        }
        self._quotas: dict[str, tuple[Quota, Quota]] = {
            name: (quota_of(name, CALLER_SHARE), quota_of(name, DEVICE_SHARE)) for name in urls
        } | {name: (quota, quota) for name, quota in CLASS_QUOTAS.items()}
        """class -> quota for a caller, quota for a device"""
        self._admissions = {
            name: Slots(name, quota.slots) for name, (quota, _) in self._quotas.items()
        }
        self.streams = Streams(urls)
        self._clock = clock
        self._probed: tuple[float, dict[str, bool]] = (-PROBE_EVERY_S, {})

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        await self.streams.aclose()

    async def forward(
        self,
        route: Route,
        request: Request,
        token: str,
        caller: object,
        merchant: UUID | None = None,
        session_hash: str = "",
    ) -> Response:
        """One attempt; returns the service's response unchanged, whatever its status. Raises
        TooMany when `caller` (a person, device, key or address) or its merchant holds its full
        share of the slots."""
        headers = {"Authorization": f"Bearer {token}", "X-Request-Id": request.request_id}
        if route.audience != "device" and request.client:
            # Evidence for the audit log; an address that the caller claims is not forwarded.
            headers["X-Client-Address"] = request.client
        for name, spelled in _REQUEST_HEADERS:
            value = request.headers.get(name)
            if value is not None and len(value) <= _VALUE_MAX:
                headers[spelled] = value.decode(*_BYTES_AS_TEXT)
        if route.sets_cookie:
            headers |= cookie_hashes(request)
        target = f"{request.path}?{request.query}" if request.query else request.path
        try:
            if route.is_long:
                owner = Caller(caller, merchant, session_hash)
                return await self._forward_streamed(route, request, target, headers, owner)
            return await self._forward_whole(route, request, target, headers, caller, merchant)
        except NotSent as error:
            raise ServiceAway(str(error), retry_after_s=RETRY_AFTER_S) from error
        except NoAnswer as error:
            if request.method in SAFE_METHODS:
                raise ServiceAway(str(error), retry_after_s=RETRY_AFTER_S) from error
            raise ServiceSilent(str(error)) from error

    async def _forward_whole(
        self,
        route: Route,
        request: Request,
        target: str,
        headers: dict[str, str],
        caller: object,
        merchant: UUID | None,
    ) -> Response:
        call_class = route.share or route.service
        slots = self._admissions[call_class]
        slots.enter(caller, merchant, self._quotas[call_class][route.audience == "device"])
        try:
            reply = await self._clients[route.service].request(
                request.method,
                target,
                content=request.body or None,
                headers=headers,
                timeout_s=route.wait_s,
            )
        finally:
            slots.leave(caller, merchant)
        return Response(reply.status, reply.content, _response_headers(route, reply))

    async def _forward_streamed(
        self, route: Route, request: Request, target: str, headers: dict[str, str], caller: Caller
    ) -> Response:
        """Forwards an upload or a streamed response piece by piece."""
        headers |= tracing.carried()  # the client does that for whole responses only
        last_event = request.headers.get(b"last-event-id", b"")
        if route.streams and 0 < len(last_event) <= _VALUE_MAX:
            headers["Last-Event-ID"] = last_event.decode(*_BYTES_AS_TEXT)
        upload = request.upload(route.upload_max) if route.upload_max else None
        if upload is not None and upload.length is not None:
            headers["Content-Length"] = str(upload.length)
        content = request.body or None if upload is None else upload
        try:
            reply, stream = await self.streams.open(
                route, ServiceRequest(request.method, target, headers, content), caller
            )
        except (NotSent, NoAnswer):
            if upload is not None and upload.failed is not None:
                raise upload.failed from None
            raise
        headers_out = _response_headers(route, reply)
        if stream is None:
            return Response(reply.status, reply.content, headers_out)
        return Response(reply.status, headers=(*headers_out, *_UNBUFFERED), stream=stream)

    async def ready(self, names: tuple[str, ...]) -> dict[str, bool]:
        """Which of the named services are alive; probed at most once a second."""
        now = self._clock.monotonic()
        if now - self._probed[0] >= PROBE_EVERY_S:
            # The old result is valid until the new one is complete: one caller probes at a time.
            self._probed = (now, self._probed[1])
            self._probed = (now, {name: await self._is_alive(name) for name in names})
        return self._probed[1] or dict.fromkeys(names, False)

    async def _is_alive(self, name: str) -> bool:
        try:
            reply = await self._clients[name].request("GET", "/livez", timeout_s=PROBE_WAIT_S)
        except (NotSent, NoAnswer, Unavailable):
            return False
        return reply.status == 200


def _response_headers(route: Route, reply: Reply) -> tuple[Header, ...]:
    headers = [
        (spelled, reply.headers[name].encode(*_BYTES_AS_TEXT))
        for name, spelled in _RESPONSE_HEADERS
        if name in reply.headers
    ]
    if route.sets_cookie:
        headers += [
            (b"set-cookie", reply.headers[name].encode(*_BYTES_AS_TEXT))
            for name in ("set-cookie", "x-set-browser-cookie")
            if name in reply.headers
        ]
    return tuple(headers)
