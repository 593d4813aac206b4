"""Faults of the connection and of HTTP, whatever the content is."""

import asyncio
import os
import socket
import struct

from aiohttp import web

from deploy.sandbox.kit.faults import Triggered

KINDS = {
    "delay": "answers args.ms later (args.when=before: the request itself is late); default 1000",
    "drop_request": "the connection breaks before anything is done",
    "drop_answer": "everything is done, then the connection breaks without an answer",
    "break_answer": "everything is done, then the connection breaks in the middle of the answer",
    "reset": "everything is done (args.when=before: nothing), then the connection is reset (RST)",
    "http_status": "the good answer, but under HTTP args.status (500)",
    "content_type": "the good answer, but announced as args.value (application/json)",
    "notify_first": "the answer waits for the reply to the trade's notify, args.ms (5000) at most",
}


def is_before(triggered: Triggered, kind: str) -> bool:
    return kind in triggered and triggered[kind].get("when") == "before"


async def sent(
    request: web.BaseRequest, page: web.Response, triggered: Triggered
) -> web.StreamResponse:
    """Sends the answer with the triggered faults of the connection."""
    if "drop_answer" in triggered or "reset" in triggered:
        return hang_up(request, with_reset="reset" in triggered)
    if "http_status" in triggered:
        page.set_status(int(triggered["http_status"].get("status", 500)))
    if "content_type" in triggered:
        page.headers["Content-Type"] = str(
            triggered["content_type"].get("value", "application/json")
        )
    if "break_answer" in triggered:
        return await _break_off(request, page)
    return page


async def _break_off(request: web.BaseRequest, page: web.Response) -> web.StreamResponse:
    body = page.body if isinstance(page.body, bytes) else b""
    half = web.StreamResponse(headers={**page.headers, "Content-Length": str(len(body))})
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    await asyncio.sleep(0.01)  # lets the half be sent first
    hang_up(request)
    return half


def hang_up(request: web.BaseRequest, *, with_reset: bool = False) -> web.Response:
    """The connection breaks; the response returned here is never sent."""
    if request.transport is not None:
        if with_reset:
            _reset_on_close(request.transport)
        request.transport.abort()
    return web.Response()


def _reset_on_close(transport: asyncio.Transport) -> None:
    """Closing it then discards what was not sent, and sends RST instead of FIN."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with socket.socket(fileno=os.dup(connection.fileno())) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
