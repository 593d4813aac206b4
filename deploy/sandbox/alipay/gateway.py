"""/gateway.do: reads and verifies a request, runs its method, signs the answer, plays faults."""

import asyncio
from dataclasses import replace
from typing import Any

from aiohttp import web

from deploy.sandbox.alipay import checks, methods
from deploy.sandbox.alipay.apps import certificates
from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.apps.registry import App, Apps, Signer
from deploy.sandbox.alipay.misbehaviour import faults
from deploy.sandbox.alipay.misbehaviour.traps import TRAPS, AnswerBuilder
from deploy.sandbox.alipay.trade import races
from deploy.sandbox.alipay.wire import envelope, incoming, refusals
from deploy.sandbox.alipay.wire.envelope import Envelope, Node
from deploy.sandbox.alipay.wire.log_entry import Entry
from deploy.sandbox.alipay.wire.money import fen_of
from deploy.sandbox.kit import clock, transport
from deploy.sandbox.kit.delivery import Delivery
from deploy.sandbox.kit.faults import Faults, Triggered, milliseconds
from deploy.sandbox.kit.ledger import Ledger, Tx
from deploy.sandbox.kit.request_log import RequestLog

PATH = "/gateway.do"
COUNTERFEITS = {"cert_foreign": certificates.FOREIGN, "cert_expired": certificates.EXPIRED}
PAGE = b"<html><body><h1>500 Internal Server Error</h1></body></html>"


class Gateway:
    """Always HTTP 200 and text/html, except where a fault says otherwise."""

    def __init__(
        self,
        ledger: Ledger,
        apps: Apps,
        faults_: Faults,
        log: RequestLog[Entry],
        delivery: Delivery,
        backdating: clock.Backdating,
    ) -> None:
        self._ledger = ledger
        self._apps = apps
        self._faults = faults_
        self._log = log
        self._delivery = delivery
        self._backdating = backdating

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in {"GET", "POST"}:
            return web.Response(status=405)
        body = await request.read()
        target = request.raw_path
        raw_query = target.partition("?")[2].partition("#")[0].encode("utf-8", "surrogateescape")
        content_type = request.headers.get("Content-Type", "")
        received = incoming.read(raw_query, content_type, body)
        received.host = request.host
        params = received.params
        app_id, method = params.get("app_id", ""), params.get("method", "")
        entry = self._log.add(
            Entry(
                0, clock.now_ms(), request.method, target, content_type, raw_query, body,
                app_id, method,
            )
        )  # fmt: skip
        triggered = self._faults.draw(
            faults.ON_ANSWER, app_id, method, code_of=lambda: incoming.auth_code(params)
        )
        entry.faults = tuple(triggered)
        if "drop_request" in triggered or transport.is_before(triggered, "reset"):
            entry.verdict = "dropped"
            return transport.hang_up(request, with_reset="reset" in triggered)
        if not triggered:
            return await self._respond(received, triggered, entry)
        if transport.is_before(triggered, "delay"):
            await asyncio.sleep(milliseconds(triggered["delay"], 1000) / 1000)
        await self._prepare_signer(app_id, triggered)
        page = await self._respond(received, triggered, entry)
        if "notify_first" in triggered:
            limit_ms = milliseconds(triggered["notify_first"], 5000)
            await self._delivery.wait_until_sent(app_id, entry.out_trade_no or "", limit_ms / 1000)
        if "delay" in triggered and not transport.is_before(triggered, "delay"):
            await asyncio.sleep(milliseconds(triggered["delay"], 1000) / 1000)
        return await transport.sent(request, page, triggered)

    async def _respond(
        self, received: incoming.Received, triggered: Triggered, entry: Entry
    ) -> web.Response:
        root = envelope.root_of(received.params.get("method", ""))
        try:
            checked = checks.check(received, self._apps)
        except checks.RequestRejected as rejected:
            entry.verdict = rejected.sub_code
            return self._answer(rejected.app, root, rejected.node, received, triggered, entry)
        entry.verdict, entry.content_rule = "accepted", checked.content_rule
        biz = checked.biz
        entry.out_trade_no = biz["out_trade_no"] if _is_text(biz.get("out_trade_no")) else None
        drawn = self._faults.draw(
            faults.ON_CALL, checked.app.app_id, checked.method,
            fen_of(biz.get("total_amount")) or 0, lambda: str(biz.get("auth_code", "")),
        )  # fmt: skip
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
            return await self._instead(instead, call, root, received, triggered, entry)
        if "buyer_confirms" in drawn:
            await self._ledger.do(lambda tx: races.confirm(tx, call))
        node = await self._ledger.do(lambda tx: methods.perform(self._dated(tx, call), call))
        return self._answer(call.app, root, node, received, triggered, entry)

    def _dated(self, tx: Tx, call: Call) -> Tx:
        """The same transaction, at the time in the request where the app is backdated."""
        now = self._backdating.instant(call.app.app_id, call.params["timestamp"], tx.now_ms)
        return tx if now == tx.now_ms else replace(tx, now_ms=now)

    async def _instead(
        self,
        kind: str,
        call: Call,
        root: str,
        received: incoming.Received,
        triggered: Triggered,
        entry: Entry,
    ) -> web.Response:
        """Another answer than the true one; args decide whether the method runs all the same."""
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
            root = str(args.get("root", root))
            return self._answer(None, root, node, received, triggered, entry)
        if kind == "gbk_sub_msg":
            sent, signer = envelope.render(node, incoming.GBK), call.app.signer
            entry.code, entry.sub_code = node["code"], node["sub_code"]
            return _page(Envelope(root, sent, signer.sign(sent), signer.cert_sn).body(), received)
        return self._answer(call.app, root, node, received, triggered, entry)

    def _answer(
        self,
        app: App | None,
        root: str,
        node: Node,
        received: incoming.Received,
        triggered: Triggered,
        entry: Entry,
    ) -> web.Response:
        entry.code, entry.sub_code = node["code"], node.get("sub_code")
        codec = received.codec
        if app is None:
            return _page(Envelope(root, envelope.render(node, codec), None).body(), received)
        # A failure is never encrypted, even where the request asked for it.
        is_sealed = received.params.get("encrypt_type") and envelope.is_done(node)
        aes_key = app.aes_key if is_sealed else None
        signer = self._signer(app, triggered) if triggered else app.signer
        builder = AnswerBuilder(signer, self._apps.unrelated_key, root, node, codec, aes_key)
        trap = next((kind for kind in triggered if kind in TRAPS), None) if triggered else None
        body = builder.envelope().body() if trap is None else TRAPS[trap][0](builder)
        return _page(body, received)

    async def _prepare_signer(self, app_id: str, triggered: Triggered) -> None:
        """Makes the keys and certificates that the faults need, off the event loop."""
        if "rotate" in triggered:
            await self._apps.rotate(app_id)
        for fault, kind in COUNTERFEITS.items():
            if fault in triggered:
                await self._apps.prepare_counterfeit(kind, app_id)

    def _signer(self, app: App, triggered: Triggered) -> Signer:
        for fault, kind in COUNTERFEITS.items():
            if fault in triggered and app.certificates is not None:
                return self._apps.counterfeit(kind, app)
        return app.signer


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


def _page(body: bytes, received: incoming.Received) -> web.Response:
    charset = "GBK" if received.codec == incoming.GBK else "utf-8"
    return web.Response(
        body=body,
        headers={
            "Content-Type": f"text/html;charset={charset}",
            "trace_id": f"{clock.now_ms():x}{id(body) & 0xFFFFFF:06x}",
        },
    )
