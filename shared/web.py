"""The HTTP door of every process: problems, request ids, access log, health, limits, guards.

All of it is pure ASGI: each `BaseHTTPMiddleware` costs 225 µs a request (performance §2.1).
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import perf_counter
from typing import Any, Literal, TypeVar

import orjson
import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from shared import telemetry
from shared.config import BaseConfig
from shared.errors import (
    Forbidden,
    InvalidBody,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
    Unauthorized,
)
from shared.ids import random_token
from shared.tokens import Principal, TokenVerifier

BODY_LIMIT = 64 * 1024
KEEP_ALIVE_S = 75
STOP_WITHIN_S = 8
BACKLOG = 512
_HEALTH = frozenset({"/livez", "/readyz", "/metrics"})
_ID_MAX = 64

Ready = Callable[[], Awaitable[Mapping[str, bool]]]
Audience = Literal["device", "user", "service", "public"]
ModelT = TypeVar("ModelT", bound=BaseModel)

_requests = Counter("http_requests_total", "Requests answered", ["method", "status"])
_seconds = Histogram(
    "http_request_seconds",
    "Time to the last byte of the answer",
    ["method"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)
log = telemetry.get_logger("web")


def problem_response(problem: Problem, *, instance: str = "", request_id: str = "") -> Response:
    """The problem as application/problem+json."""
    headers = {}
    retry_after = problem.extensions.get("retry_after_s")
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Response(
        orjson.dumps(problem.body(instance=instance, request_id=request_id), default=str),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=headers,
    )


def json_response(data: Any, status: int = 200) -> Response:
    """JSON by orjson; bytes are taken as already encoded."""
    content = data if isinstance(data, bytes) else orjson.dumps(data, default=str)
    return Response(content, status_code=status, media_type="application/json")


def faults(error: ValidationError | RequestValidationError) -> list[dict[str, str]]:
    """Where a body is wrong and why; the values themselves are never repeated."""
    return [
        {
            "pointer": "/" + "/".join(str(part) for part in fault["loc"] if part != "body"),
            "message": str(fault["msg"]),
        }
        for fault in error.errors()
    ]


async def parse(request: Request, model: type[ModelT]) -> ModelT:
    """The body as `model`, or InvalidBody with a pointer to each fault."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise InvalidBody(errors=faults(error)) from None


def principal(request: Request) -> Principal:
    """Who is asking: the verified service token of this request."""
    found = request.scope.get("damselfly.principal")
    if isinstance(found, Principal):
        return found
    verifier: TokenVerifier | None = request.app.state.verifier
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if verifier is None or scheme.lower() != "bearer" or not token:
        raise Unauthorized("a service token is required")
    verified = verifier.verify(token)
    request.scope["damselfly.principal"] = verified
    return verified


class Guard:
    """A route's declared audience and permission; `public` still means: through the edge."""

    def __init__(self, audience: Audience, permission: str | None) -> None:
        self.audience = audience
        self.permission = permission

    async def __call__(self, request: Request) -> None:
        caller = principal(request)
        wanted = "service" if self.audience == "public" else self.audience
        if caller.kind != wanted:
            raise Forbidden(f"this door is for a {self.audience}")
        if self.permission is not None:
            caller.require(self.permission)


def guard(audience: Audience, permission: str | None = None) -> Any:
    """`router.get(path, dependencies=[guard("user", "orders.read")])`: every route has one."""
    return Depends(Guard(audience, permission))


class Entry:
    """Around every request: id, size limit, access line, metrics."""

    def __init__(self, app: ASGIApp, *, ready: Ready, body_limit: int = BODY_LIMIT) -> None:
        self._app = app
        self._ready = ready
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["path"] in _HEALTH:
            return await (await health_answer(scope["path"], self._ready))(scope, receive, send)
        headers = dict(scope["headers"])
        request_id = clean_id(headers.get(b"x-request-id", b""))
        scope["damselfly.request_id"] = request_id
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        started = perf_counter()
        status = 500
        id_header = (b"x-request-id", request_id.encode())

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], id_header]
            await send(message)

        try:
            declared = headers.get(b"content-length", b"0")
            if declared.isdigit() and int(declared) > self._body_limit:
                refusal = TooLarge(f"at most {self._body_limit} bytes")
                answer = problem_response(refusal, request_id=request_id)
                await answer(scope, receive, sending)
            else:
                await self._app(scope, limited(receive, self._body_limit), sending)
        finally:
            spent = perf_counter() - started
            _requests.labels(scope["method"], status).inc()
            _seconds.labels(scope["method"]).observe(spent)
            line = {"event": "http", "method": scope["method"], "path": scope["path"]}
            took = {"status": status, "ms": round(spent * 1000, 2), "request_id": request_id}
            telemetry.access_line(line | took)


async def health_answer(path: str, ready: Ready) -> Response:
    """/livez, /readyz and /metrics; they ask for no token and say nothing of anybody."""
    if path == "/livez":
        return json_response({"status": "live"})
    if path == "/readyz":
        checks = dict(await ready())
        return json_response({"checks": checks}, 200 if all(checks.values()) else 503)
    if path == "/metrics":
        return Response(telemetry.metrics_page(), media_type="text/plain; version=0.0.4")
    return problem_response(NotFound(), instance=path)


def clean_id(given: bytes) -> str:
    """The caller's request id when it is harmless in a log, else a new one."""
    text = given.decode("latin-1")
    if 0 < len(text) <= _ID_MAX and text.replace("-", "").isalnum() and text.isascii():
        return text
    return random_token(12)


def limited(receive: Receive, limit: int) -> Receive:
    """Counts a body that did not declare its length."""
    total = 0

    async def receiving() -> Message:
        nonlocal total
        message = await receive()
        if message["type"] == "http.request":
            total += len(message.get("body", b""))
            if total > limit:
                raise TooLarge(f"at most {limit} bytes")
        return message

    return receiving


def _problem_handlers(app: FastAPI) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        found = _as_problem(error)
        if found.status >= 500:
            log.error("problem", code=found.code, detail=found.detail, exc_info=error)
        request_id = request.scope.get("damselfly.request_id", "")
        return problem_response(found, instance=request.url.path, request_id=request_id)

    for kind in (Problem, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return InvalidBody(errors=faults(error))
    if isinstance(error, HTTPException):
        kinds: dict[int, type[Problem]] = {404: NotFound, 405: MethodNotAllowed}
        return kinds.get(error.status_code, InvalidBody)()
    return Problem()


def make_app(
    name: str,
    *,
    verifier: TokenVerifier | None,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    ready: Ready,
    body_limit: int = BODY_LIMIT,
) -> FastAPI:
    """A FastAPI app with everything this module owns; the caller adds its routers."""
    app = FastAPI(title=f"Damselfly {name}", version="1", lifespan=lifespan, openapi_url=None)
    app.state.verifier = verifier
    _problem_handlers(app)
    app.add_middleware(Entry, ready=ready, body_limit=body_limit)
    return app


def _server(app: ASGIApp, *, lifespan: Literal["on", "off"]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan=lifespan,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            backlog=BACKLOG,
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
    )


def listen(config: BaseConfig) -> socket.socket:
    """A bound socket, or one clear line and exit 2 when the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock.bind(config.listen_at)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {config.listen} (LISTEN): {error.strerror}\n")
        raise SystemExit(2) from None
    return sock


def run_api(name: str, app: ASGIApp, config: BaseConfig) -> None:
    """Serves `app` on LISTEN until SIGTERM, then lets running requests finish."""
    telemetry.configure(name, config.log_level)
    _server(app, lifespan="on").run(sockets=[listen(config)])


@asynccontextmanager
async def health_server(config: BaseConfig, ready: Ready) -> AsyncIterator[uvicorn.Server]:
    """A worker's own small door: health and metrics only, inside the running loop."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (await health_answer(scope["path"], ready))(scope, receive, send)

    server = _server(app, lifespan="off")
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(sockets=[listen(config)]))
        try:
            yield server
        finally:
            server.should_exit = True
            await serving
