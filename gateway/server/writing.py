"""What is written to a connection: small responses as one packet, problems before any app."""

import asyncio
from http import HTTPStatus
from typing import Any

import orjson

from shared.errors import Problem
from shared.ids import random_token


class CoalescingTransport:
    """A transport that sends a response's head and body as one packet. uvicorn writes them one
    after the other and uvloop would send each at once, but a packet costs both ends more than a
    route. Data that is followed by no other write in the same loop iteration is sent alone."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._held:
            self._held += data
            self._release()
        else:
            self._held = data
            self._loop.call_soon(self._release)

    def _release(self) -> None:
        data, self._held = self._held, b""
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def write_eof(self) -> None:
        self._release()
        self._transport.write_eof()

    def close(self) -> None:
        self._release()
        self._transport.close()


def whole_response(problem: Problem) -> bytes:
    """The problem as an HTTP/1.1 response that ends its connection."""
    request_id = random_token(12)
    body = orjson.dumps(problem.body(request_id=request_id))
    retry = problem.extensions.get("retry_after_s")
    lines = [
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
        "content-type: application/problem+json",
        "cache-control: no-store",
        f"content-length: {len(body)}",
        "connection: close",
        f"x-request-id: {request_id}",
        *([f"retry-after: {retry}"] if retry is not None else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
