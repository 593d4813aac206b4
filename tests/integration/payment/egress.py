"""An egress with a channel behind it, over real links: a ledger, and misbehaviour on demand."""

import asyncio
from collections import Counter, defaultdict, deque

from aiohttp import web

from tests.fixtures.links import LinkFront

PAY, QUERY, CANCEL = "alipay.trade.pay", "alipay.trade.query", "alipay.trade.cancel"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
PAID_AT = "2026-11-23T04:00:00Z"


def answer(outcome, *, code="10000", sub_code=None, **data):
    return {
        "outcome": outcome,
        "code": code,
        "sub_code": sub_code,
        "sub_msg": None,
        "key_version": 1,
        "data": data,
    }


UNKNOWN = answer("unknown", code=None, sent=True, reason="no_answer")
NOT_SENT = answer("unknown", code=None, sent=False, reason="not_sent")
NOT_FOUND = answer("not_found", code="40004", sub_code="ACQ.TRADE_NOT_EXIST")


class Held(asyncio.Event):
    """A step that is done at the channel at once, and answered when this is set."""


class Egress:
    """`egress.next(PAY, "lost_answer")` makes the next call misbehave; `egress.trades` is truth.

    lost_answer     done at the channel, no answer to us
    lost_request    never reached the channel, nobody knows
    not_sent        surely never left
    in_process      10003: the buyer has to confirm (`confirm` does)
    a dict          that answer; an int: an HTTP status; an Event: waits for it first
    a Held          done at once, but answered only when it is set
    a float         the usual answer, so many seconds late
    """

    def __init__(self):
        self.forget()
        self._runner = None
        self.port = 0

    def forget(self):
        """As if it had never been asked anything."""
        self.trades = {}
        self.calls = Counter()
        self.asked = []
        self.signed = []
        self._script = defaultdict(deque)
        self._always = {}
        self.signs_with = 1

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port=0):
        app = web.Application()
        app.router.add_post("/alipay/{method}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._front = LinkFront()
        self.port = await self._front.start(self._runner.addresses[0][1], port)

    async def stop(self):
        await self._front.stop()
        await self._runner.cleanup()

    def next(self, method, *steps):
        self._script[method].extend(steps)

    def always(self, method, step):
        self._always[method] = step

    def heal(self):
        self._always.clear()
        self._script.clear()

    def confirm(self, out_trade_no):
        self.trades[out_trade_no]["status"] = "TRADE_SUCCESS"

    def captured(self):
        """What buyers are out of, per trade."""
        return {
            number: trade["total_fen"] - sum(trade["refunds"].values())
            for number, trade in self.trades.items()
            if trade["status"] == "TRADE_SUCCESS"
        }

    async def _take(self, request):
        method = request.match_info["method"]
        body = await request.json()
        self.calls[method] += 1
        self.asked.append((method, body))
        script = self._script[method]
        step = script.popleft() if script else self._always.get(method)
        if isinstance(step, asyncio.Event) and not isinstance(step, Held):
            await step.wait()
            step = None
        if isinstance(step, float):
            await asyncio.sleep(step)
            step = None
        if isinstance(step, dict):
            return web.json_response(step)
        if isinstance(step, int):
            return web.json_response({"code": f"http_{step}", "status": step}, status=step)
        if step == "lost_request":
            return web.json_response(UNKNOWN)
        if step == "not_sent":
            return web.json_response(NOT_SENT)
        self.signed.append((method, body.get("key_version") or self.signs_with))
        act = {PAY: self._pay, QUERY: self._query, CANCEL: self._cancel}
        act |= {REFUND: self._refund, REFUND_QUERY: self._refund_query}
        said = act[method](body["params"], step)
        if isinstance(step, Held):
            await step.wait()
        if step == "hang_up":
            request.transport.close()
        said = UNKNOWN if step == "lost_answer" else said
        return web.json_response({**said, "key_version": self.signed[-1][1]})

    def _pay(self, params, step):
        number = params["out_trade_no"]
        status = "WAIT_BUYER_PAY" if step == "in_process" else "TRADE_SUCCESS"
        trade_no = f"2026{len(self.trades):024d}"
        self.trades.setdefault(
            number,
            {
                "status": status,
                "total_fen": params["total_fen"],
                "trade_no": trade_no,
                "refunds": {},
                "was_paid": status == "TRADE_SUCCESS",
            },
        )
        if step == "in_process":
            return answer("in_process", code="10003")
        return answer("success", **self._view(number))

    def _view(self, number):
        trade = self.trades[number]
        is_paid = trade["was_paid"] or trade["status"] == "TRADE_SUCCESS"
        return {
            "out_trade_no": number,
            "trade_no": trade["trade_no"],
            "trade_status": trade["status"],
            "total_fen": trade["total_fen"],
            "buyer_id": "2088buyer",
            "buyer_logon_id": "158****1562",
            "paid_at": PAID_AT if is_paid else None,
        }

    def _query(self, params, _step):
        if params["out_trade_no"] not in self.trades:
            return NOT_FOUND
        return answer("success", **self._view(params["out_trade_no"]))

    def _cancel(self, params, _step):
        trade = self.trades.get(params["out_trade_no"])
        if trade is None:
            return answer("success", action=None, retry=False, trade_no=None)
        action = "refund" if trade["status"] == "TRADE_SUCCESS" else "close"
        if action == "refund":
            trade["was_paid"] = True
            trade["refunds"]["cancel"] = trade["total_fen"]
        trade["status"] = "TRADE_CLOSED"
        return answer("success", action=action, retry=False, trade_no=trade["trade_no"])

    def _refund(self, params, _step):
        trade = self.trades.get(params["out_trade_no"])
        if trade is None:
            return NOT_FOUND
        number, refund_fen = params["out_request_no"], params["refund_fen"]
        is_new = number not in trade["refunds"]
        if is_new:
            if sum(trade["refunds"].values()) + refund_fen > trade["total_fen"]:
                return answer("refused", code="40004", sub_code="ACQ.REASON_TRADE_REFUND_FEE_ERR")
            trade["refunds"][number] = refund_fen
        total_fen = sum(trade["refunds"].values())
        return answer("success", fund_change=is_new, refund_total_fen=total_fen)

    def _refund_query(self, params, _step):
        refunds = self.trades.get(params["out_trade_no"], {"refunds": {}})["refunds"]
        refund_fen = refunds.get(params["out_request_no"])
        return answer("success", refunded=refund_fen is not None, refund_fen=refund_fen or 0)
