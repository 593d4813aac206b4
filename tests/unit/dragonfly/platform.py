"""A platform that says what the test tells it to, and remembers what it was asked."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

PAID: dict[str, Any] = {
    "payment_id": "p1",
    "pay_request_id": "r1",
    "out_trade_no": "t1",
    "status": "paid",
    "amount_fen": 1,
}
PENDING = {**PAID, "status": "pending", "retry_after_ms": 10}
DROP = object()
"""Close the connection instead of answering."""


class Platform:
    """Answers each request with the next of `script`, the last one for ever."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.asked: list[tuple[str, str, dict[str, Any] | None]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.asked.append((request.method, request.path, json.loads(raw) if raw else None))
        self.headers.append(dict(request.headers))
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if callable(step):
            step = step(request)
        if step is DROP:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        status, body = step if isinstance(step, tuple) else (200, step)
        return web.json_response(body, status=status)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Platform"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()
