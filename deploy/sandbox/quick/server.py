"""The HTTP doors: gateway.do for clients, /admin for whoever plays with the sandbox."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from deploy.sandbox.quick import rsa, wire
from deploy.sandbox.quick.faults import Faults
from deploy.sandbox.quick.ledger import Ledger
from deploy.sandbox.quick.notices import Notices
from deploy.sandbox.quick.trades import Trades
from deploy.sandbox.quick.wire import Ambiguous, Answer, Refused

LOG_MAX = 10_000
REQUIRED = ("method", "sign", "sign_type", "timestamp", "version")
RIPEN_EVERY_S = 0.05
BENDS = frozenset(
    {"bad_signature", "wrong_key", "no_sign", "unsigned_error", "tamper", "error_root"}
    | {"spaces", "nested_sign", "gbk_sub_msg"}
)


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Sandbox:
    """Everything behind the doors."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder)
        self.faults = Faults()
        self._private: dict[str, RSAPrivateKey] = {}
        self._public: dict[str, RSAPublicKey] = {}
        self.notices = Notices(self.ledger, self.faults, self.private_key)
        self.trades = Trades(self.ledger, lambda: datetime.now(UTC), self.notices.announce)
        self.requests: deque[dict[str, Any]] = deque(maxlen=LOG_MAX)

    def private_key(self, app_id: str) -> RSAPrivateKey:
        """The Alipay key of an app, parsed once."""
        if app_id not in self._private:
            self._private[app_id] = rsa.load_private(self.ledger.apps[app_id]["alipay_key"])
        return self._private[app_id]

    def public_key(self, app_id: str) -> RSAPublicKey:
        """The key that the app registered, parsed once."""
        if app_id not in self._public:
            self._public[app_id] = rsa.read_public(self.ledger.apps[app_id]["public_key"])
        return self._public[app_id]

    def register(self, body: dict[str, Any]) -> dict[str, Any]:
        """Registers an app or changes its key; Alipay's own key and the seller stay."""
        if body.get("mode", "key") != "key":
            raise ValueError('mode: only "key" is played as yet')
        key = rsa.read_public(str(body.get("public_key", "")))
        app_id = str(body.get("app_id") or f"2021{self.ledger.number():012d}")
        known = self.ledger.apps.get(app_id, {})
        doc = {
            "app_id": app_id,
            "mode": "key",
            "seller_id": known.get("seller_id") or f"2088{self.ledger.number():012d}",
            "alipay_key": known.get("alipay_key") or rsa.private_pem(rsa.new_key()),
            "public_key": rsa.public_text(key),
            "notify_url": body.get("notify_url", ""),
        }
        self.ledger.put_app(app_id, doc)
        self._public[app_id] = key
        return {
            "app_id": app_id,
            "seller_id": doc["seller_id"],
            "alipay_public_key": rsa.public_text(self.private_key(app_id).public_key()),
        }

    async def gateway(self, request: web.Request) -> web.Response:
        """One call of a client."""
        body = await request.read()
        entry: dict[str, Any] = {"at": time.time(), "raw_query": request.query_string}
        entry["raw_body"] = body.decode("latin-1")
        self.requests.append(entry)
        method, app_id, codec, struck = "unknown", "", "utf-8", {}
        try:
            params, codec = wire.merged(request.raw_path.partition("?")[2], body)
            entry["params"] = params
            app_id, method = params.get("app_id", ""), params.get("method", "") or "unknown"
            biz = self._checked(params, codec, entry)
            struck = self.faults.strike(app_id, method)
            answer = await self._do(app_id, method, biz, params, struck)
            self._count(app_id, biz, method)
        except Ambiguous as error:
            answer = Answer("40002", "isv.invalid-parameter", f"参数重复：{error}", signed=False)
        except Refused as error:
            entry["verdict"] = error.sub_code
            answer = Answer(error.code, error.sub_code, error.sub_msg, signed=error.signed)
        return await self._answered(answer, method, app_id, codec, struck)

    def _checked(self, params: dict[str, str], codec: str, entry: dict[str, Any]) -> dict[str, Any]:
        """In the gateway's own order: app, required, sign type, signature, content."""
        if params.get("app_id", "") not in self.ledger.apps:
            raise Refused("40002", "isv.invalid-app-id", "无效的AppID参数", signed=False)
        for name in REQUIRED:
            if not params.get(name):
                missing = {"sign": "signature", "sign_type": "signature-type"}.get(name, name)
                raise Refused("40001", f"isv.missing-{missing}", f"缺少{name}参数")
        if params["sign_type"] != "RSA2":
            raise Refused("40002", "isv.invalid-signature-type", "无效的签名类型")
        rule = wire.check_signature(params, codec, self.public_key(params["app_id"]))
        entry["verdict"] = f"verified:{rule}"
        try:
            biz = json.loads(params.get("biz_content", "") or "{}")
        except ValueError:
            raise Refused("40002", "isv.illegal-json", "JSON格式错误") from None
        if not isinstance(biz, dict):
            raise Refused("40002", "isv.illegal-json", "JSON格式错误")
        return biz

    async def _do(
        self,
        app_id: str,
        method: str,
        biz: dict[str, Any],
        params: dict[str, str],
        struck: dict[str, dict[str, Any]],
    ) -> Answer:
        if "drop_request" in struck:
            raise Dropped
        if "http_500" in struck:
            raise web.HTTPInternalServerError(text="<html>500</html>")
        if "refuse" in struck:
            sub_code = str(struck["refuse"].get("sub_code", "ACQ.PAYMENT_FAIL"))
            named = {n: str(biz[n]) for n in ("out_trade_no",) if n in biz}
            return Answer("40004", sub_code, "沙箱按设定拒绝", named)
        broken = struck.get("system_error")
        if broken is not None and not broken.get("paid"):
            return Answer("20000", "isp.unknow-error", "系统繁忙")
        waits: int | str | None = "now"
        if "in_process" in struck:
            waits = struck["in_process"].get("ms")
        trades = self.trades
        methods: dict[str, Callable[[], Answer]] = {
            "alipay.trade.pay": lambda: trades.pay(
                app_id, biz, params.get("notify_url", ""), waits
            ),
            "alipay.trade.query": lambda: trades.query(app_id, biz),
            "alipay.trade.cancel": lambda: trades.cancel(
                app_id, biz, try_again="cancel_retry" in struck
            ),
            "alipay.trade.refund": lambda: trades.refund(app_id, biz),
            "alipay.trade.fastpay.refund.query": lambda: trades.refund_query(app_id, biz),
        }
        if method not in methods:
            raise Refused("40002", "isv.invalid-method", "不存在的方法名")
        answer = methods[method]()
        await self.ledger.durable()
        if broken is not None:
            return Answer("20000", "isp.unknow-error", "系统繁忙")
        if "unsigned_error" in struck:
            return Answer("40004", "ACQ.SYSTEM_ERROR", "系统错误")
        if "gbk_sub_msg" in struck:
            answer.sub_msg = answer.sub_msg or "中文"
        return answer

    def _count(self, app_id: str, biz: dict[str, Any], method: str) -> None:
        trade = self.ledger.trade(app_id, str(biz.get("out_trade_no", "")))
        if trade is not None:
            trade["requests"][method] = trade["requests"].get(method, 0) + 1

    async def _answered(
        self,
        answer: Answer,
        method: str,
        app_id: str,
        codec: str,
        struck: dict[str, dict[str, Any]],
    ) -> web.Response:
        if "delay" in struck:
            await asyncio.sleep(float(struck["delay"].get("ms", 1000)) / 1000)
        if "drop_answer" in struck:
            raise Dropped
        if app_id in self.ledger.apps:
            bends = BENDS & struck.keys()
            raw = wire.render(answer, method, codec, self.private_key(app_id), bends)
        else:
            name = (
                method.replace(".", "_") + "_response" if method != "unknown" else "error_response"
            )
            raw = json.dumps({name: answer.node()}, ensure_ascii=False).encode()
        headers = {"Content-Type": "text/html;charset=utf-8", "trace_id": f"{time.time_ns():x}"}
        return web.Response(body=raw, headers=headers)

    async def ripen(self) -> None:
        """Buyers of waiting trades confirm on time, asked or not."""
        while True:
            self.trades.ripen_all()
            await self.ledger.durable()
            await asyncio.sleep(RIPEN_EVERY_S)
