"""The public edge: one raw ASGI app that routes, authenticates, limits and passes on.

    /api/...               → services, by the route table, under a token made for that service
    /alipay/notify/{route}, /alipay/messages/{route} → verified here, committed by payment, binding
    /api/public/v1/about   → what anybody may know of this installation
    /livez /readyz, and the console's files

An inner door on an address of its own has /metrics beside them (METRICS_LISTEN).

It holds no business rule: a request leaves it either refused or unchanged.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import VERSION
from gateway.alipay.inbound import messages, notify
from gateway.alipay.inbound.messages import Messages
from gateway.alipay.inbound.notify import Notices
from gateway.alipay.inbound.signed import SignedDoor
from gateway.alipay.keyring import KeyRing
from gateway.auth.device import DeviceAuth
from gateway.auth.internal import EDGE, Inward
from gateway.auth.merchant import Session, SessionAuth, refuse_foreign_site
from gateway.auth.pos import PosAuth
from gateway.config import EdgeConfig
from gateway.limits import (
    CALLS_MAX,
    IN_FLIGHT_MAX,
    SERVICE_WAIT_S,
    STREAMS,
    Admission,
    Patience,
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
    Answer,
    Asked,
    Door,
    Header,
    json_answer,
    running,
)
from gateway.server.forwarded import Proxies, networks
from gateway.server.static import CSP, StaticFiles
from gateway.tail import Tail
from shared.address import share_of
from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts.events import Event
from shared.errors import MethodNotAllowed, NotFound, Problem
from shared.kafka import broker
from shared.keys.sealed import LocalKeyProvider
from shared.keys.tokens import TokenSigner
from shared.serve import health_response

TOPICS = ("binding.events", "device.events")
HEALTH = ("/livez", "/readyz")
METRICS = "/metrics"
SIGNED = (notify.PREFIX, messages.PREFIX)
ABOUT = "/api/public/v1/about"
DEVICE_USES, KEY_USES = "/internal/device-uses", "/internal/api-key-uses"
NEEDED = ("binding", "device", "payment")
"""Without these nobody can pay; the others may be away."""

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
    """the sandbox's own page for a browser on this machine, in the sandbox only"""
    version: str


class Edge:
    """The edge's parts, put together once."""

    def __init__(self, config: EdgeConfig, clock: Clock) -> None:
        signer = TokenSigner.from_file(EDGE, config.service_key_file, clock)
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

        # Look-ups have pools of their own: a full proxy pool must not stop authentication.
        self._askers = {name: client(name) for name in NEEDED}
        self._rates = rate_limits(clock, config.quota_scale)
        self._console_rates = console_limits(clock, config.quota_scale)
        self._patience = Patience(clock, config.quota_scale)
        self._ring = KeyRing(self._askers["binding"], clock)
        self._seen: LastUsed[DeviceUse] = LastUsed(self._askers["device"], DEVICE_USES, clock)
        self._devices = DeviceAuth(
            self._askers["device"], clock, keks["device"], Strangers(clock),
            self._rates["device"], self._seen,
        )  # fmt: skip
        self._sessions = SessionAuth(self._askers["binding"], clock, Strangers(clock))
        self._used: LastUsed[ApiKeyUse] = LastUsed(self._askers["binding"], KEY_USES, clock)
        self._pos = PosAuth(
            self._askers["binding"],
            clock,
            keks["pos"],
            Strangers(clock),
            self._rates["pos"],
            self._used,
        )
        self._refusals = Refusals(self._askers["payment"], clock)
        door = (self._ring, clock, self._rates["notify"], Strangers(clock), self._refusals)
        self._signed = {
            notify.LABEL: SignedDoor(Notices(self._askers["payment"]), *door),
            messages.LABEL: SignedDoor(Messages(self._askers["binding"]), *door),
        }
        self._proxies = Proxies(networks(config.trusted_proxies))
        self._inward = Inward(signer)
        self._upstreams = Upstreams(urls, clock)
        self._static = StaticFiles()
        self._about = About(
            is_sandbox=config.alipay_is_sandbox,
            sandbox_page=config.shown_sandbox_page,
            version=VERSION,
        )
        self._rows = table()
        self._admission = Admission("edge", IN_FLIGHT_MAX)
        self._opening = Admission("edge_streams", STREAMS.places)
        self._tail = Tail(
            broker(config, EDGE), TOPICS, self.on_event, self.on_gap,
        )  # fmt: skip

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        return running(
            [self._tail.run, self._refusals.run, self._used.run, self._seen.run], self.aclose
        )

    async def aclose(self) -> None:
        await self._used.tell(is_last=True)
        await self._seen.tell(is_last=True)
        for asker in self._askers.values():
            await asker.aclose()
        await self._upstreams.aclose()

    def on_event(self, event: Event) -> None:
        """Whatever changed elsewhere is not remembered here any longer."""
        for cache in (self._ring, self._devices, self._sessions, self._pos):
            cache.on_event(event)
        self._upstreams.streams.on_event(event)

    def on_gap(self) -> None:
        """Events may have been missed: everything remembered is asked for again."""
        for cache in (self._ring, self._devices, self._sessions, self._pos):
            cache.on_gap()

    async def handle(self, asked: Asked) -> Answer:
        """One request: to a service, to a door for signed forms, or answered here."""
        asked.client = self._proxies.client_of(asked.client, asked.raw_headers)
        try:
            return await self._answered(asked)
        except Problem as problem:
            if problem.status < 500:
                await self._patience.hold(asked.client)
            raise

    def lost(self, asked: Asked) -> Answer | None:
        """The console's page for an address that is not held to plain characters."""
        return self._static.answer_lost(asked)

    async def _answered(self, asked: Asked) -> Answer:
        path = asked.path
        if path == ABOUT:
            asked.route = ABOUT
            if asked.method not in SAFE_METHODS:
                raise MethodNotAllowed(allow=sorted(SAFE_METHODS))
            return json_answer(self._about)
        if path.startswith("/api/"):
            route = match(self._rows, asked.method, path)
            if route is None:
                raise NotFound
            asked.route = route.prefix
            with self._opening if route.is_long else self._admission:
                answer = await self._authenticated(route, asked)
            headers = (*answer.headers, NO_STORE)
            return Answer(answer.status, answer.body, headers, stream=answer.stream)
        if path.startswith(SIGNED):
            asked.route = path[: path.index("/", len("/alipay/"))]
            if asked.method != "POST":
                raise MethodNotAllowed(allow=["POST"])
            with self._admission:
                return await self._signed[asked.route].take(asked)
        if path in HEALTH:
            asked.route = path
            return await self._health(path)
        if path == METRICS:
            raise NotFound
        asked.route = "static"
        return self._static.answer(asked)

    async def _authenticated(self, route: Route, asked: Asked) -> Answer:
        if route.rate:
            self._rates[route.rate].take(share_of(asked.client))
        if not route.upload_max:
            await asked.read_body(route.body_max)
        if route.audience == "device":
            device, nonce = await self._devices.check(asked)
            token = self._inward.for_device(route.service, asked.method, device, nonce)
            return await self._upstreams.forward(
                route, asked, token, device.device_id, device.tenant_id
            )
        if route.audience == "pos":
            key = await self._pos.check(asked)
            self._console_rates["merchant"].take(str(key.tenant_id))
            token = self._inward.for_key(route.service, key)
            return await self._upstreams.forward(route, asked, token, key.key_id, key.tenant_id)
        refuse_foreign_site(asked)
        if route.audience == "public":
            token = self._inward.for_nobody(route.service)
            answer = await self._upstreams.forward(route, asked, token, share_of(asked.client))
            self._expect(route, answer)
            return answer
        session = await self._sessions.check(asked, needs_csrf=route.needs_csrf(asked.method))
        self._take_console_rates(route, session)
        session = await self._sessions.as_meant(asked, session)
        token = self._inward.for_user(route.service, session, asked.path)
        answer = await self._upstreams.forward(
            route, asked, token, session.user_id, session.tenant_id, session.session_hash
        )
        self._expect(route, answer)
        if route.changes_session and asked.method not in SAFE_METHODS and answer.status < 300:
            self._sessions.forget(session)
        return answer

    def _take_console_rates(self, route: Route, session: Session) -> None:
        rates = self._console_rates
        rates["person"].take(session.user_id)
        rates["merchant"].take(str(session.tenant_id))
        if route.share in rates:
            rates[route.share].take(session.user_id)

    def _expect(self, route: Route, answer: Answer) -> None:
        if route.sets_cookie and answer.status < 300:
            for name, value in answer.headers:
                if name == b"set-cookie":
                    self._sessions.expect(value)

    async def _health(self, path: str) -> Answer:
        if path == "/livez":
            return json_answer({"status": "live"})
        checks = await self._ready()
        return json_answer({"checks": checks}, 200 if all(checks.values()) else 503)

    async def _ready(self) -> dict[str, bool]:
        return await self._upstreams.ready(NEEDED)

    async def inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The inner door, as an ASGI app of its own."""
        await (await health_response(scope["path"], self._ready))(scope, receive, send)


def security_headers(public_url: str) -> tuple[Header, ...]:
    """What every answer carries; HTTPS is promised only where the outside has it."""
    promised = (_HSTS,) if public_url.startswith("https://") else ()
    return (*_SECURITY, *promised)


def create_app(config: EdgeConfig, clock: Clock) -> tuple[Door, ASGIApp]:
    """The edge and its inner door, as ASGI apps."""
    edge = Edge(config, clock)
    door = Door(edge.handle, edge.lifespan, security_headers(config.public_url), edge.lost)
    return door, edge.inside
