"""The public edge: one raw ASGI app that routes, authenticates, limits and passes on.

    /api/...               → services, by the route table, under a token made for that service
    /alipay/notify/{route}, /alipay/messages/{route} → verified here, committed by payment, device
    /api/public/v1/about   → public facts about this installation
    /livez /readyz, and the console's files

An inner listener with its own address also serves /metrics (METRICS_LISTEN).

The edge holds no business rule: it either refuses a request or forwards it unchanged.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import VERSION
from gateway.alipay.inbound import messages, notify
from gateway.alipay.inbound.messages import Messages
from gateway.alipay.inbound.notify import Notices
from gateway.alipay.inbound.signed import SignedEndpoint
from gateway.alipay.keyring import KeyRing
from gateway.auth.device import DeviceAuth
from gateway.auth.internal import ServiceTokens
from gateway.auth.merchant import Session, SessionAuth, refuse_foreign_site
from gateway.auth.pos import PosAuth
from gateway.config import EdgeConfig
from gateway.limits import (
    CALLS_MAX,
    IN_FLIGHT_MAX,
    SERVICE_WAIT_S,
    STREAMS,
    Admission,
    RefusalDelay,
    Strangers,
    console_limits,
    rate_limits,
)
from gateway.proxy import Upstreams
from gateway.reports.refusals import Refusals
from gateway.reports.usage import ApiKeyUse, DeviceUse, LastUsed
from gateway.routing import SAFE_METHODS, Route, match, table
from gateway.server.asgi import (
    CSP_NAME,
    NO_STORE,
    Header,
    HttpApp,
    Request,
    Response,
    json_response,
    running,
)
from gateway.server.forwarded import Proxies, networks
from gateway.server.static import CSP, StaticFiles
from gateway.server.streaming import OldHttp
from gateway.tail import Tail
from shared.address import share_of
from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts.events import Event
from shared.contracts.speakers import EDGE
from shared.errors import MethodNotAllowed, NotFound, Problem
from shared.kafka import broker
from shared.keys.sealed import LocalKeyProvider
from shared.keys.tokens import TokenSigner
from shared.serve import health_response

TOPICS = ("binding.events", "device.events")
HEALTH = ("/livez", "/readyz")
METRICS = "/metrics"
SIGNED_PREFIXES = (notify.PREFIX, messages.PREFIX)
ABOUT = "/api/public/v1/about"
DEVICE_USES, KEY_USES = "/internal/device-uses", "/internal/api-key-uses"
REQUIRED = ("binding", "device", "payment")
"""Without these nobody can pay; the others may be unavailable."""

_SECURITY: tuple[Header, ...] = (
    (CSP_NAME, CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_HSTS: Header = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


@dataclass(frozen=True, slots=True)
class About:
    """What anybody may know of this installation."""

    is_sandbox: bool
    sandbox_page: str | None
    """the sandbox's own page, for a browser on this machine; in the sandbox only"""
    version: str


class Edge:
    """The edge's parts, put together once."""

    def __init__(self, config: EdgeConfig, clock: Clock) -> None:
        signer = TokenSigner.from_config(EDGE, config, clock)
        keks = {
            "device": LocalKeyProvider(config.kek_file_device),
            "pos": LocalKeyProvider(config.kek_file_pos),
        }
        urls = config.service_urls

        def client(service: str) -> ServiceClient:
            return ServiceClient(
                urls[service], audience=service, signer=signer,
                pool=CALLS_MAX[service] // 2, timeout_s=SERVICE_WAIT_S,
            )  # fmt: skip

        # Look-ups have clients of their own: when all calls of the proxy are in use, they go on.
        self._lookups = {name: client(name) for name in REQUIRED}
        self._rates = rate_limits(clock, config.quota_scale)
        self._console_rates = console_limits(clock, config.quota_scale)
        self._refusal_delay = RefusalDelay(clock, config.quota_scale)
        self._keyring = KeyRing(self._lookups["binding"], clock)
        self._device_uses: LastUsed[DeviceUse] = LastUsed(
            self._lookups["device"], DEVICE_USES, clock
        )
        self._devices = DeviceAuth(
            self._lookups["device"], clock, keks["device"], Strangers(clock),
            self._rates["device"], self._device_uses,
        )  # fmt: skip
        self._sessions = SessionAuth(self._lookups["binding"], clock, Strangers(clock))
        self._key_uses: LastUsed[ApiKeyUse] = LastUsed(self._lookups["binding"], KEY_USES, clock)
        self._pos = PosAuth(
            self._lookups["binding"],
            clock,
            keks["pos"],
            Strangers(clock),
            self._rates["pos"],
            self._key_uses,
        )
        self._refusals = Refusals(self._lookups["payment"], clock)
        common = (self._keyring, clock, self._rates["notify"], Strangers(clock), self._refusals)
        self._signed = {
            notify.LABEL: SignedEndpoint(Notices(self._lookups["payment"]), *common),
            messages.LABEL: SignedEndpoint(Messages(self._lookups["device"]), *common),
        }
        self._proxies = Proxies(networks(config.trusted_proxies))
        self._service_tokens = ServiceTokens(signer)
        self._upstreams = Upstreams(urls, clock)
        self._static = StaticFiles()
        self._about = About(
            is_sandbox=config.alipay_is_sandbox,
            sandbox_page=config.shown_sandbox_page,
            version=VERSION,
        )
        self._routes = table()
        self._admission = Admission("edge", IN_FLIGHT_MAX)
        self._stream_admission = Admission("edge_streams", STREAMS.slots)
        self._tail = Tail(
            broker(config, EDGE), TOPICS, self.on_event, self.on_gap,
        )  # fmt: skip

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        return running(
            [self._tail.run, self._refusals.run, self._key_uses.run, self._device_uses.run],
            self.aclose,
        )

    async def aclose(self) -> None:
        await self._key_uses.report(is_last=True)
        await self._device_uses.report(is_last=True)
        for client in self._lookups.values():
            await client.aclose()
        await self._upstreams.aclose()

    def on_event(self, event: Event) -> None:
        """Drops what is cached of whatever changed in another service."""
        for cache in (self._keyring, self._devices, self._sessions, self._pos):
            cache.on_event(event)
        self._upstreams.streams.on_event(event)

    def on_gap(self) -> None:
        """Events may have been missed: everything cached has to be looked up again."""
        for cache in (self._keyring, self._devices, self._sessions, self._pos):
            cache.on_gap()

    async def handle(self, request: Request) -> Response:
        """Handles one request: by a service, by an endpoint for signed forms, or here."""
        request.client = self._proxies.client_of(request.client, request.raw_headers)
        try:
            return await self._respond(request)
        except Problem as problem:
            if problem.status < 500:
                await self._refusal_delay.wait(request.client)
            raise

    def page_for_unreadable_path(self, request: Request) -> Response | None:
        """The console's page for an address with characters that our paths never have."""
        return self._static.page_for_unreadable_path(request)

    async def _respond(self, request: Request) -> Response:
        path = request.path
        if path == ABOUT:
            request.route = ABOUT
            if request.method not in SAFE_METHODS:
                raise MethodNotAllowed(allow=sorted(SAFE_METHODS))
            return json_response(self._about)
        if path.startswith("/api/"):
            route = match(self._routes, request.method, path)
            if route is None:
                raise NotFound
            request.route = route.prefix
            if route.streams and request.http_version == "1.0":
                raise OldHttp  # before the service has made, and recorded, anything
            with self._stream_admission if route.is_long else self._admission:
                response = await self._call_service(route, request)
            headers = (*response.headers, NO_STORE)
            return Response(response.status, response.body, headers, stream=response.stream)
        if path.startswith(SIGNED_PREFIXES):
            request.route = "/".join(path.split("/", 3)[:3])
            if request.method != "POST":
                raise MethodNotAllowed(allow=["POST"])
            with self._admission:
                return await self._signed[request.route].take(request)
        if path in HEALTH:
            request.route = path
            return await self._health(path)
        if path == METRICS:
            raise NotFound
        request.route = "static"
        return self._static.respond(request)

    async def _call_service(self, route: Route, request: Request) -> Response:
        if route.rate:
            self._rates[route.rate].take(share_of(request.client))
        if not route.upload_max:
            await request.read_body(route.body_max)
        if route.audience == "device":
            device, nonce = await self._devices.check(request)
            token = self._service_tokens.for_device(route.service, request.method, device, nonce)
            return await self._upstreams.forward(
                route, request, token, device.device_id, device.tenant_id
            )
        if route.audience == "pos":
            key = await self._pos.check(request)
            self._console_rates["merchant"].take(str(key.tenant_id))
            token = self._service_tokens.for_key(route.service, key)
            return await self._upstreams.forward(route, request, token, key.key_id, key.tenant_id)
        refuse_foreign_site(request)
        if route.audience == "public":
            token = self._service_tokens.for_nobody(route.service)
            response = await self._upstreams.forward(
                route, request, token, share_of(request.client)
            )
            self._expect(route, response)
            return response
        session = await self._sessions.check(request, needs_csrf=route.needs_csrf(request.method))
        self._take_console_rates(route, session)
        session = await self._sessions.require_merchant(request, session)
        token = self._service_tokens.for_user(route.service, session, request.path)
        response = await self._upstreams.forward(
            route, request, token, session.user_id, session.tenant_id, session.session_hash
        )
        self._expect(route, response)
        if route.changes_session and request.method not in SAFE_METHODS and response.status < 300:
            self._sessions.forget(session)
        return response

    def _take_console_rates(self, route: Route, session: Session) -> None:
        rates = self._console_rates
        rates["person"].take(session.user_id)
        rates["merchant"].take(str(session.tenant_id))
        if route.share in rates:
            rates[route.share].take(session.user_id)

    def _expect(self, route: Route, response: Response) -> None:
        if route.sets_cookie and response.status < 300:
            for name, value in response.headers:
                if name == b"set-cookie":
                    self._sessions.expect(value)

    async def _health(self, path: str) -> Response:
        if path == "/livez":
            return json_response({"status": "live"})
        checks = await self._ready()
        return json_response({"checks": checks}, 200 if all(checks.values()) else 503)

    async def _ready(self) -> dict[str, bool]:
        return await self._upstreams.ready(REQUIRED)

    async def inner_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app of the inner listener."""
        await (await health_response(scope["path"], self._ready))(scope, receive, send)


def security_headers(public_url: str) -> tuple[Header, ...]:
    """Headers of every response. HSTS is sent only if the public URL uses HTTPS."""
    promised = (_HSTS,) if public_url.startswith("https://") else ()
    return (*_SECURITY, *promised)


def create_app(config: EdgeConfig, clock: Clock) -> tuple[HttpApp, ASGIApp]:
    """The ASGI apps of the edge: public, and for the inner listener."""
    edge = Edge(config, clock)
    app = HttpApp(
        edge.handle,
        edge.lifespan,
        security_headers(config.public_url),
        edge.page_for_unreadable_path,
    )
    return app, edge.inner_app
