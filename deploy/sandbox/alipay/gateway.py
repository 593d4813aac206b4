"""/gateway.do: reads, verifies, lets the books answer, signs, and misbehaves where told to."""

import asyncio
from typing import Any

from aiohttp import web

from deploy.sandbox.alipay import checks, clock, envelope, faults, methods, refusals, wire
from deploy.sandbox.alipay.apps import App, Apps
from deploy.sandbox.alipay.calls import Call
from deploy.sandbox.alipay.envelope import Envelope, Node
from deploy.sandbox.alipay.faults import Faults, Fired
from deploy.sandbox.alipay.ledger import Ledger
from deploy.sandbox.alipay.money import fen_of
from deploy.sandbox.alipay.requestlog import Entry, RequestLog
from deploy.sandbox.alipay.traps import TRAPS, Bending

PATH = "/gateway.do"
PAGE = b"<html><body><h1>500 Internal Server Error</h1></body></html>"


class Gateway:
    """Always HTTP 200 and text/html, except where a fault says otherwise."""

    def __init__(self, ledger: Ledger, apps: Apps, faults_: Faults, log: RequestLog) -> None:
        self._ledger = ledger
        self._apps = apps
        self._faults = faults_
        self._log = log

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in {"GET", "POST"}:
            return web.Response(status=405)
        body = await request.read()
        target = request.raw_path
        raw_query = target.partition("?")[2].partition("#")[0].encode("utf-8", "surrogateescape")
        content_type = request.headers.get("Content-Type", "")
        received = wire.read(raw_query, content_type, body)
        received.host = request.host
        params = received.params
        app_id, method = params.get("app_id", ""), params.get("method", "")
        entry = self._log.add(
            Entry(
                0, clock.now_ms(), request.method, target, content_type, raw_query, body,
                app_id, method,
            )
        )  # fmt: skip
        fired = self._faults.draw(faults.ON_ANSWER, app_id, method)
        entry.faults = tuple(fired)
        if "drop_request" in fired:
            entry.verdict = "dropped"
            return _hang_up(request)
        delay = fired.get("delay")
        if delay is not None and delay.get("when") == "before":
            await asyncio.sleep(faults.milliseconds(delay, 1000) / 1000)
        response = await self._respond(received, fired, entry)
        if delay is not None and delay.get("when") != "before":
            await asyncio.sleep(faults.milliseconds(delay, 1000) / 1000)
        return _hang_up(request) if "drop_answer" in fired else response

    async def _respond(
        self, received: wire.Received, fired: Fired, entry: Entry
    ) -> web.StreamResponse:
        root = envelope.root_of(received.params.get("method", ""))
        try:
            checked = checks.check(received, self._apps)
        except checks.Turned as turned:
            entry.verdict = turned.sub_code
            return self._answer(turned.app, root, turned.node, received, fired, entry)
        entry.verdict, entry.content_rule = "accepted", checked.content_rule
        biz = checked.biz
        entry.out_trade_no = biz["out_trade_no"] if _is_text(biz.get("out_trade_no")) else None
        drawn = self._faults.draw(
            faults.ON_CALL, checked.app.app_id, checked.method, fen_of(biz.get("total_amount")) or 0
        )
        entry.faults += tuple(drawn)
        call = Call(
            checked.app,
            checked.method,
            biz,
            received.params.get("notify_url") or checked.app.notify_url,
            drawn,
            received.params,
            received.host,
        )
        instead = next((kind for kind in drawn if kind in faults.INSTEAD), None)
        if instead is not None:
            return await self._instead(instead, call, root, received, fired, entry)
        node = await self._ledger.do(lambda tx: methods.perform(tx, call))
        return self._answer(call.app, root, node, received, fired, entry)

    async def _instead(
        self,
        kind: str,
        call: Call,
        root: str,
        received: wire.Received,
        fired: Fired,
        entry: Entry,
    ) -> web.StreamResponse:
        """Another answer than the true one; the business may have been done all the same."""
        args = call.faults[kind]
        if args.get("done") or args.get("paid"):
            await self._ledger.do(lambda tx: methods.perform(tx, call))
        else:
            await self._ledger.do(lambda tx: methods.count(tx, call))
        if kind == "http_500":
            entry.code = str(args.get("status", 500))
            return web.Response(
                status=int(args.get("status", 500)), body=PAGE, content_type="text/html"
            )
        node = _instead_node(kind, call, args)
        if kind == "unsigned_error":
            return self._answer(None, root, node, received, fired, entry)
        if kind == "gbk_sub_msg":
            sent = envelope.render(node, wire.GBK)
            entry.code, entry.sub_code = node["code"], node["sub_code"]
            return _page(Envelope(root, sent, call.app.sign(sent)).body(), received)
        return self._answer(call.app, root, node, received, fired, entry)

    def _answer(
        self,
        app: App | None,
        root: str,
        node: Node,
        received: wire.Received,
        fired: Fired,
        entry: Entry,
    ) -> web.StreamResponse:
        entry.code, entry.sub_code = node["code"], node.get("sub_code")
        trap = next((kind for kind in fired if kind in TRAPS), None) if fired else None
        if app is None:
            body = Envelope(root, envelope.render(node, received.codec), None).body()
        elif trap is not None:
            bending = Bending(app, self._apps.stranger, root, node, received.codec)
            body = TRAPS[trap][0](bending)
        else:
            sent = envelope.render(node, received.codec)
            body = Envelope(root, sent, app.sign(sent)).body()
        return _page(body, received)


def _instead_node(kind: str, call: Call, args: dict[str, Any]) -> Node:
    out_trade_no = call.biz.get("out_trade_no")
    if kind == "gbk_sub_msg":
        return refusals.refusal("aop.unknow-error", "20000")
    sub_code = args.get("sub_code")
    if kind == "system_error" and sub_code is None:
        return refusals.refusal("isp.unknow-error", str(args.get("code", "20000")))
    return refusals.business_refusal(
        call.method,
        out_trade_no,
        str(sub_code or "ACQ.PAYMENT_FAIL"),
        code=str(args.get("code", "40004")),
        detail=str(args.get("sub_msg", "")),
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _page(body: bytes, received: wire.Received) -> web.Response:
    charset = "GBK" if received.codec == wire.GBK else "utf-8"
    return web.Response(
        body=body,
        headers={
            "Content-Type": f"text/html;charset={charset}",
            "trace_id": f"{clock.now_ms():x}{id(body) & 0xFFFFFF:06x}",
        },
    )


def _hang_up(request: web.BaseRequest) -> web.Response:
    """The connection breaks; what is returned here reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
