"""The admin interface: JSON over loopback, for tests, benchmarks and people."""

import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

PREFIX = "/admin"
Handler = Callable[[web.BaseRequest, str], Awaitable[Any]]


class AdminError(Exception):
    """A mistake of the caller: the HTTP status and one line of text."""

    def __init__(self, status: int, error: str, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.document = {"schema": 1, "error": error, **more}


async def answer(
    request: web.BaseRequest,
    handlers: Mapping[tuple[str, str], Handler],
    mistakes: tuple[type[Exception], ...],
) -> web.StreamResponse:
    """Dispatches by verb and first word of the path.

    The text of an error of `mistakes` goes to the caller, as a 400.
    """
    name, _, rest = request.path[len(PREFIX) :].strip("/").partition("/")
    try:
        if not _is_loopback(request):
            raise AdminError(403, "the admin door is for this machine only")
        if not is_named_loopback(request):
            raise AdminError(421, "the admin door answers to 127.0.0.1, localhost and [::1] only")
        if request.method not in {"GET", "HEAD"}:
            _require_no_foreign_page(request)
        handler = handlers.get((request.method, name))
        if handler is None:
            raise AdminError(404, f"no {request.method} {request.path}")
        document = await handler(request, rest)
        status = 200
    except mistakes as error:
        status, document = 400, {"schema": 1, "error": str(error)}
    except AdminError as error:
        status, document = error.status, error.document
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
    return web.Response(status=status, body=body, content_type="application/json")


def _is_loopback(request: web.BaseRequest) -> bool:
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def is_named_loopback(request: web.BaseRequest) -> bool:
    """Whether the caller meant this machine. A page from elsewhere whose name was made to point
    here (DNS rebinding) also comes by loopback, but its Host is the name that it was loaded under.
    """
    host = request.headers.get("Host", "")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _require_no_foreign_page(request: web.BaseRequest) -> None:
    """A page of any site can send a form or plain text to this machine without permission, but the
    browser names its origin. JSON would need a preflight request, which is never granted here.
    Tools send no such headers and are let through."""
    headers = request.headers
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    own = f"http://{headers.get('Host', '')}".lower()
    is_own = site in {None, "same-origin", "none"} and (origin is None or origin.lower() == own)
    if not is_own:
        raise AdminError(403, "the admin door takes nothing from a page of another origin")
    is_browser = (
        origin is not None or site is not None or "Mozilla/" in headers.get("User-Agent", "")
    )
    if is_browser and request.can_read_body and request.content_type != "application/json":
        raise AdminError(415, "a browser's request is application/json here")


async def read_body(request: web.BaseRequest) -> dict[str, Any]:
    raw = await request.read()
    try:
        document = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise AdminError(400, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise AdminError(400, "the body must be a JSON object")
    return document


def whole(text: str | None, name: str, default: int) -> int:
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise AdminError(400, f"{name} must be a whole number")
    return int(text)
