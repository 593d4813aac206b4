"""The admin door (loopback only): apps, ledger, request log, faults, notices, clock."""

import ipaddress
import json
from typing import Any

from aiohttp import web

from deploy.sandbox.quick.faults import KINDS
from deploy.sandbox.quick.ledger import Trade
from deploy.sandbox.quick.server import Dropped, Sandbox

SHOWN = ("app_id", "out_trade_no", "trade_no", "status", "total_fen", "refunded_fen",
         "buyer_open_id", "subject", "scene", "gmt_create", "requests")  # fmt: skip
TIMES_MAX = 1000


def shown(trade: Trade) -> dict[str, Any]:
    """A trade as the door shows it."""
    captured = trade.get("gmt_payment") is not None
    return {name: trade[name] for name in SHOWN} | {
        "captured": captured,
        "cancel_action": trade.get("cancel_action"),
        "refunds": trade["refunds"],
    }


def _trouble(message: str, status: int = 400) -> web.Response:
    return web.json_response({"error": message}, status=status)


class AdminDoor:
    """Handlers over one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/admin/health", self.health),
            web.post("/admin/apps", self.apps),
            web.get("/admin/trades", self.trades),
            web.get("/admin/trades/{number}", self.trade),
            web.get("/admin/requests", self.requests),
            web.post("/admin/faults", self.add_fault),
            web.get("/admin/faults", self.list_faults),
            web.delete("/admin/faults", self.clear_faults),
            web.get("/admin/faults/kinds", self.kinds),
            web.post("/admin/notify/{number}", self.notify),
            web.post("/admin/clock", self.clock),
        ]

    async def _body(self, request: web.Request) -> dict[str, Any]:
        raw = await request.read()
        body = json.loads(raw) if raw else {}
        if not isinstance(body, dict):
            raise TypeError("an object is expected")
        return body

    async def health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ready"})

    async def apps(self, request: web.Request) -> web.Response:
        answer = self._sandbox.register(await self._body(request))
        await self._sandbox.ledger.durable()
        return web.json_response(answer)

    async def trades(self, request: web.Request) -> web.Response:
        found = self._sandbox.ledger.trades(request.query.get("app_id"))
        return web.json_response({"trades": [shown(trade) for trade in found]})

    async def trade(self, request: web.Request) -> web.Response:
        trade = self._find(request)
        return web.json_response(shown(trade)) if trade else _trouble("no such trade", 404)

    def _find(self, request: web.Request) -> Trade | None:
        number, app_id = request.match_info["number"], request.query.get("app_id")
        found = self._sandbox.ledger.trades(app_id)
        return next((trade for trade in found if trade["out_trade_no"] == number), None)

    async def requests(self, request: web.Request) -> web.Response:
        app_id, method = request.query.get("app_id"), request.query.get("method")
        kept = [
            entry
            for entry in self._sandbox.requests
            if app_id in (None, entry.get("params", {}).get("app_id"))
            and method in (None, entry.get("params", {}).get("method"))
        ]
        return web.json_response({"requests": kept})

    async def add_fault(self, request: web.Request) -> web.Response:
        fault = self._sandbox.faults.add(await self._body(request))
        return web.json_response(fault.document())

    async def list_faults(self, _request: web.Request) -> web.Response:
        return web.json_response({"faults": self._sandbox.faults.documents()})

    async def clear_faults(self, _request: web.Request) -> web.Response:
        self._sandbox.faults.clear()
        return web.json_response({"faults": []})

    async def kinds(self, _request: web.Request) -> web.Response:
        return web.json_response({"kinds": KINDS})

    async def notify(self, request: web.Request) -> web.Response:
        trade = self._find(request)
        if trade is None:
            return _trouble("no such trade", 404)
        body = await self._body(request)
        url = body.get("url") or trade["notify_url"]
        if not url:
            return _trouble("the trade has no notify_url; give url")
        times = min(int(body.get("times", 1)), TIMES_MAX)
        variant = str(body.get("variant", "pay"))
        sent = await self._sandbox.notices.send_now(trade, url, variant, times)
        return web.json_response({"sent": len(sent), "success": sum(sent)})

    async def clock(self, request: web.Request) -> web.Response:
        scale = float((await self._body(request)).get("scale", 1))
        if scale <= 0:
            return _trouble("scale must be positive")
        self._sandbox.notices.scale = scale
        return web.json_response({"scale": scale})


@web.middleware
async def doors(request: web.Request, handler: Any) -> web.StreamResponse:
    """Admin for loopback only; a dropped answer closes the connection."""
    if request.path.startswith("/admin"):
        if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104
            return _trouble("loopback only", 403)
        try:
            return await handler(request)  # type: ignore[no-any-return]
        except (ValueError, TypeError, KeyError) as error:
            return _trouble(str(error))
    try:
        return await handler(request)  # type: ignore[no-any-return]
    except Dropped:
        if request.transport is not None:
            request.transport.close()
        return web.Response(status=500)


def make_app(sandbox: Sandbox) -> web.Application:
    app = web.Application(middlewares=[doors], client_max_size=1024 * 1024)
    app.add_routes(AdminDoor(sandbox).routes())
    app.router.add_route("*", "/gateway.do", sandbox.gateway)
    return app
