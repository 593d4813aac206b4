"""The HTTP side of every API: problems, request ids, access log, health, limits, guards.

All of it is pure ASGI, because each `BaseHTTPMiddleware` costs 225 µs a request (performance §2.1).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from inspect import signature
from time import perf_counter
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response, StreamingResponse
from fastapi.routing import APIRoute
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from shared import errors, serve, telemetry, tracing
from shared.contracts.principal import Principal
from shared.contracts.speakers import EDGE
from shared.keys.tokens import TokenVerifier

BODY_LIMIT = 64 * 1024
_ADDRESS_MAX = 64
_LONE_SURROGATE = re.compile(rb"(?i)\\ud[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..)\\ud[c-f]..")
_NOT_UTF_8 = [{"pointer": "/", "code": "json_invalid", "message": "not UTF-8, or with a BOM"}]
_SECRET_PLACES = frozenset({"code", "route", "token", "secret"})

Audience = Literal["device", "user", "pos", "service", "public"]
ModelT = TypeVar("ModelT", bound=BaseModel)

_requests = Counter("http_requests_total", "Requests answered", ["method", "status"])
_seconds = Histogram(
    "http_request_seconds", "Time until the answer is complete", ["method"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)  # fmt: skip
log = telemetry.get_logger("web")


async def parse(request: Request, model: type[ModelT]) -> ModelT:
    """The body as `model`, or InvalidBody with a pointer to each fault."""
    body = await request.body()
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = _surrogate_faults(model, body) or serve.faults(error)
        raise errors.InvalidBody(errors=faults) from None


def _surrogate_faults(model: type[BaseModel], body: bytes) -> list[dict[str, str]]:
    """The faults of a body that contains a lone surrogate. The JSON parser refuses such a body
    without naming the member. Here a NUL replaces the surrogate: no text field accepts a NUL, so
    the second validation names the member. A body without a lone surrogate is not parsed again."""
    whole, halves = _LONE_SURROGATE.subn(rb"\\u0000", body)
    try:
        if halves:
            model.model_validate_json(whole)
    except ValidationError as error:
        return serve.faults(error)
    return []


def principal(request: Request) -> Principal:
    """The caller, from the verified service token of this request."""
    found = request.scope.get("damselfly.principal")
    if isinstance(found, Principal):
        return found
    verifier: TokenVerifier | None = request.app.state.verifier
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if verifier is None or scheme.lower() != "bearer" or not token:
        raise errors.Unauthorized("a service token is required")
    verified = verifier.verify(token)
    request.scope["damselfly.principal"] = verified
    return verified


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """A route's declared audience and permission, and for a `service` route those of our processes
    that may call it; a `public` route is called by the edge only."""

    audience: Audience
    permission: str | None = None
    step_up: bool = False
    issuers: Collection[str] = ()

    async def __call__(self, request: Request) -> None:
        caller = principal(request)
        is_public = self.audience == "public"
        wanted, issuers = ("service", {EDGE}) if is_public else (self.audience, self.issuers)
        if caller.kind != wanted or (issuers and caller.issuer not in issuers):
            raise errors.Forbidden(f"this endpoint is for a {self.audience}")
        if self.permission is not None:
            caller.require(self.permission)
        if self.step_up:
            require_step_up(request)


def guard(
    audience: Audience, permission: str | None = None,
    *, step_up: bool = False, issuers: Collection[str] = (),
) -> Any:  # fmt: skip
    """`router.get(path, dependencies=[guard("user", "orders.read")])`: every route has one.
    `step_up` also asks for a password entered within the last minutes (ASVS 7.5.3). A route of
    another process of ours names it: `guard("service", issuers={EDGE})`."""
    return Depends(Guard(audience, permission, step_up=step_up, issuers=issuers))


def require_step_up(request: Request) -> None:
    """Raises StepUpNeeded; for a route where only some bodies need it."""
    verifier: TokenVerifier = request.app.state.verifier
    principal(request).require_step_up(verifier.clock.now())


StoresOf = Callable[[Request], Awaitable[Collection[UUID] | None]]


class StoreScope:
    """Limits a caller who is bound to certain stores to the objects of those stores. `stores_of`
    returns the stores of the requested object: none if it does not exist, None if it belongs to the
    whole merchant."""

    def __init__(self, stores_of: StoresOf) -> None:
        self.stores_of = stores_of

    async def __call__(self, request: Request) -> None:
        own = principal(request).store_ids
        if not own:
            return
        found = await self.stores_of(request)
        if found is None:
            raise errors.Forbidden("this account is for certain stores only")
        if not found or not own.issuperset(found):
            raise errors.NotFound


def within_stores(stores_of: StoresOf) -> Any:
    """For every route with an object of a store, after its guard (an architecture test checks
    it)."""
    return Depends(StoreScope(stores_of))


class Streamed(StreamingResponse):
    """A response that is sent while it is produced, as fast as the client reads it. Its source (an
    async generator of bytes) is closed in every case. If the source raises, the response breaks
    off. An event stream has no end of its own: it ends as a complete response when the process
    stops."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(cast(Any, self.body_iterator)) as source:
            if self.media_type == "text/event-stream":
                self.body_iterator = _until_stop(source, scope)
            await super().__call__(scope, receive, send)


async def _until_stop(source: AsyncIterator[bytes], scope: Scope) -> AsyncIterator[bytes]:
    stopping = asyncio.get_running_loop().create_future()
    scope[serve.ON_STOP] = stopping.cancel
    while not scope.get(serve.IS_STOPPING):
        coming = asyncio.ensure_future(anext(source, None))
        try:
            await asyncio.wait((coming, stopping), return_when=asyncio.FIRST_COMPLETED)
            part = coming.result() if coming.done() else None
        finally:
            coming.cancel()
            await asyncio.wait((coming,))
        if part is None:
            return
        yield part


class RequestLayer:
    """The outermost ASGI layer: request id, size limit, access line, metrics."""

    def __init__(self, app: ASGIApp, *, ready: serve.Ready, body_limit: int = BODY_LIMIT) -> None:
        self._app = app
        self._ready = ready
        self._body_limit = body_limit
        self._shortcuts: dict[tuple[str, str], ASGIApp] | None = None

    def _direct(self, scope: Scope) -> ASGIApp | None:
        """The shortcut of this route, if any: FastAPI's routing costs as much as a hot use case."""
        if self._shortcuts is None:
            self._shortcuts = dict(_shortcuts(scope["app"].routes))
        found = self._shortcuts.get((scope["method"], scope["path"]))
        if found is not None:
            scope[tracing.ROUTE] = scope["path"]
        return found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["path"] in serve.HEALTH:
            health = await serve.health_response(scope["path"], self._ready)
            return await health(scope, receive, send)
        headers = dict(scope["headers"])
        request_id = serve.clean_id(headers.get(b"x-request-id", b""))
        scope["damselfly.request_id"] = request_id
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        address = headers.get(b"x-client-address")
        if address is not None:
            # Set by the edge, which removes a caller's own header of that name.
            bind_contextvars(client_address=address.decode("latin-1")[:_ADDRESS_MAX])
        started = perf_counter()
        status, has_begun = 500, False
        id_header = (b"x-request-id", request_id.encode())

        async def sending(message: Message) -> None:
            nonlocal status, has_begun
            if message["type"] == "http.response.start":
                status, has_begun = message["status"], True
                message["headers"] = [*message["headers"], id_header]
            await send(message)

        try:
            declared = headers.get(b"content-length", b"0")
            if declared.isdigit() and int(declared) > self._body_limit:
                raise errors.TooLarge(f"at most {self._body_limit} bytes")
            app = self._direct(scope) or self._app
            await app(scope, _checked(receive, self._body_limit, scope, headers), sending)
        except Exception as error:
            # Raising it further would close a connection, also for the requests that follow on it,
            # and log the error twice. A response that has begun is cut off by the server.
            response = await _rendered(Request(scope), error)
            if not has_begun:
                await response(scope, receive, sending)
        finally:
            spent = perf_counter() - started
            _requests.labels(scope["method"], status).inc()
            _seconds.labels(scope["method"]).observe(spent)
            line = {"event": "http", "method": scope["method"], "path": _logged_path(scope)}
            took = {"status": status, "ms": round(spent * 1000, 2), "request_id": request_id}
            telemetry.access_line(line | took)


def _logged_path(scope: Scope) -> str:
    """The path for the log; parameters with secrets, known by their names, are masked."""
    path: str = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        if name in _SECRET_PLACES and value:
            path = path.replace(str(value), telemetry.MASK)
    return path


def _shortcuts(routes: Iterable[Any]) -> Iterator[tuple[tuple[str, str], ASGIApp]]:
    """Routes that need nothing of FastAPI: a fixed path, guards, `Request` in, `Response` out."""
    for route in routes:
        if not isinstance(route, APIRoute):
            continue
        guards = [dependency.dependency for dependency in route.dependencies]
        form = signature(route.endpoint)
        wants = [parameter.annotation for parameter in form.parameters.values()]
        is_plain = wants == [Request] and form.return_annotation is Response
        if "{" in route.path or not is_plain or not all(isinstance(g, Guard) for g in guards):
            continue
        for method in route.methods or ():
            yield (method, route.path), _shortcut(route.endpoint, guards)


def _shortcut(endpoint: Callable[..., Any], guards: list[Any]) -> ASGIApp:
    """Runs the guards and the endpoint; `RequestLayer` renders what they raise."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        for check in guards:
            await check(request)
        response = await endpoint(request)
        await response(scope, receive, send)

    return app


def _checked(receive: Receive, limit: int, scope: Scope, headers: dict[bytes, bytes]) -> Receive:
    """Limits the size of a body that did not declare its length, and refuses JSON that is not UTF-8
    or begins with a byte order mark (RFC 8259 §8.1): FastAPI would read it, as Python does. JSON in
    UTF-8 begins with an ASCII character and has no NUL; in UTF-16 and UTF-32 it has one. A body
    without a type counts as JSON where the route, which is known by then, has a body parameter."""
    total, kind = 0, headers.get(b"content-type", b"").lower()

    async def receiving() -> Message:
        nonlocal total
        message = await receive()
        part: bytes = message.get("body", b"")
        is_json = b"json" in kind if kind else getattr(scope.get("route"), "body_field", None)
        if is_json and (b"\0" in part or (not total and part >= b"\x80")):
            raise errors.InvalidBody(errors=_NOT_UTF_8)
        total += len(part)
        if total > limit:
            raise errors.TooLarge(f"at most {limit} bytes")
        return message

    return receiving


async def _rendered(request: Request, error: Exception) -> Response:
    found = _as_problem(error)
    if found.status >= 500:
        log.error("problem", code=found.code, detail=found.detail, exc_info=error)
    request_id = request.scope.get("damselfly.request_id", "")
    return serve.problem_response(found, instance=request.url.path, request_id=request_id)


def _as_problem(error: Exception) -> errors.Problem:
    # FastAPI wraps a problem that was raised while it read the body.
    found = error.__cause__ if isinstance(error, HTTPException) else error
    if isinstance(found, errors.Problem):
        return found
    if isinstance(error, RequestValidationError):
        return errors.InvalidBody(errors=serve.faults(error))
    if isinstance(error, HTTPException):
        known = {404: errors.NotFound, 405: errors.MethodNotAllowed}
        return known.get(error.status_code, errors.InvalidBody)()
    return errors.Problem()


def make_app(
    name: str,
    *, verifier: TokenVerifier | None,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    ready: serve.Ready, routers: Iterable[APIRouter] = (), body_limit: int = BODY_LIMIT,
) -> FastAPI:  # fmt: skip
    """A FastAPI app with everything of this module and the routes of `routers`. The routes are
    added as they are: `include_router` would build each of them again at the first request."""
    app = FastAPI(title=f"Damselfly {name}", version="1", lifespan=lifespan, openapi_url=None)
    for kind in (errors.Problem, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _rendered)
    app.state.verifier = verifier
    for router in routers:
        app.router.routes.extend(router.routes)
    app.add_middleware(RequestLayer, ready=ready, body_limit=body_limit)
    return app
