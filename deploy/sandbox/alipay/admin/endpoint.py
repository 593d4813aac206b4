"""Admin interface, first part: apps, trades, requests, faults, notifies, clock."""

import asyncio
import json
from typing import Any

from aiohttp import web

from deploy.sandbox.alipay.admin import books
from deploy.sandbox.alipay.apps.registry import App, Apps, BadRegistration
from deploy.sandbox.alipay.books import trade_row
from deploy.sandbox.alipay.misbehaviour import faults
from deploy.sandbox.alipay.misbehaviour.outcomes import Outcomes
from deploy.sandbox.alipay.notify import app_messages, notices, variants
from deploy.sandbox.alipay.wire.log_entry import Entry
from deploy.sandbox.kit import clock, local_admin
from deploy.sandbox.kit.delivery import Delivery
from deploy.sandbox.kit.faults import BadFault, Faults
from deploy.sandbox.kit.ledger import Ledger
from deploy.sandbox.kit.local_admin import AdminError, Handler, read_body, whole
from deploy.sandbox.kit.request_log import RequestLog

MAX_SENDS = 1000
MESSAGES = """
SELECT * FROM notifies WHERE out_trade_no = '' AND (?1 IS NULL OR app_id = ?1)
ORDER BY created_ms, notify_id
"""


class Admin:
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
        self._outcomes = Outcomes(faults_)
        self._log = log
        self._delivery = delivery
        self._backdating = backdating
        self._calls: dict[tuple[str, str], Handler] = {
            ("GET", "health"): self._health,
            ("GET", "apps"): self._list_apps,
            ("POST", "apps"): self._register,
            ("GET", "trades"): self._trades,
            ("GET", "requests"): self._requests,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "outcomes"): self._choose_outcome,
            ("DELETE", "outcomes"): self._forget_outcome,
            ("GET", "notify"): self._list_variants,
            ("POST", "notify"): self._notify,
            ("GET", "messages"): self._list_messages,
            ("POST", "messages"): self._message,
            ("GET", "clock"): self._show_clock,
            ("POST", "clock"): self._set_clock,
            ("POST", "backdating"): self._backdate,
        }

    def add(self, calls: dict[tuple[str, str], Handler]) -> None:
        """Adds handlers of another module under the same prefix."""
        self._calls.update(calls)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        return await local_admin.answer(request, self._calls, mistakes=(BadRegistration, BadFault))

    async def _health(self, request: web.BaseRequest, rest: str) -> Any:
        return {
            "schema": 1,
            "status": "ready",
            "apps": len(self._apps.all()),
            "requests": self._log.seen,
        }

    async def _list_apps(self, request: web.BaseRequest, rest: str) -> Any:
        return {"schema": 1, "apps": [app.shown() for app in self._apps.all()]}

    async def _register(self, request: web.BaseRequest, rest: str) -> Any:
        if rest:
            return await self._rotate(rest)
        app = await self._apps.register(await read_body(request))
        return {"schema": 1, **app.shown()}

    async def _rotate(self, rest: str) -> Any:
        """POST apps/{app_id}/rotate: a new Alipay key, and certificate."""
        app_id, _, what = rest.partition("/")
        app = await self._apps.rotate(app_id) if what == "rotate" else None
        if app is None:
            raise AdminError(404, f"no app {app_id}, or nothing but rotate to do with it")
        return {"schema": 1, **app.shown()}

    async def _trades(self, request: web.BaseRequest, rest: str) -> Any:
        app_id = request.query.get("app_id")
        if not rest:
            found = await asyncio.to_thread(books.all_trades, self._ledger, app_id)
            return {"schema": 1, "trades": found}
        trade = books.one_trade(self._ledger, app_id, rest)
        if trade is None:
            counts = books.request_counts(self._ledger, app_id, rest)
            raise AdminError(404, f"no trade {rest}", requests=counts)
        return {"schema": 1, **trade}

    async def _requests(self, request: web.BaseRequest, rest: str) -> Any:
        query = request.query
        found = self._log.find(
            query.get("app_id"),
            query.get("method"),
            query.get("out_trade_no"),
            whole(query.get("limit"), "limit", 1000),
        )
        return {"schema": 1, "requests": [entry.shown() for entry in found]}

    async def _list_faults(self, request: web.BaseRequest, rest: str) -> Any:
        if rest == "kinds":
            kinds = [{"fault": name, "does": line} for name, line in faults.KINDS.items()]
            return {"schema": 1, "kinds": kinds}
        return {"schema": 1, "faults": [fault.shown() for fault in self._faults.all()]}

    async def _add_fault(self, request: web.BaseRequest, rest: str) -> Any:
        return {"schema": 1, **self._faults.add(await read_body(request)).shown()}

    async def _clear_faults(self, request: web.BaseRequest, rest: str) -> Any:
        fault_id = whole(rest, "fault_id", 0) if rest else None
        return {
            "schema": 1,
            "deleted": self._faults.clear(request.query.get("app_id"), fault_id),
        }

    async def _choose_outcome(self, request: web.BaseRequest, rest: str) -> Any:
        return {"schema": 1, **self._outcomes.choose(await read_body(request))}

    async def _forget_outcome(self, request: web.BaseRequest, rest: str) -> Any:
        query = request.query
        is_gone = self._outcomes.forget(query.get("app_id", ""), query.get("auth_code", ""))
        return {"schema": 1, "forgotten": is_gone}

    async def _notify(self, request: web.BaseRequest, rest: str) -> Any:
        """Sends now, outside the schedule; answers what was sent and what came back."""
        wanted = await read_body(request)
        found = books.find(self._ledger, request.query.get("app_id"), rest)
        if found is None:
            raise AdminError(404, f"no trade {rest}")
        trade = trade_row.from_row(found)
        app = self._apps.get(notices.notified_app_id(trade))
        url = wanted.get("url") or trade.notify_url
        if app is None or not isinstance(url, str):
            raise AdminError(409, "the trade has no notify_url; give a url")
        notify_id, fields = books.latest_notice(self._ledger, trade)
        return await self._send_now(app, url, notify_id, fields, wanted)

    async def _send_now(
        self, app: App, url: str, notify_id: str, fields: notices.Fields, wanted: dict[str, Any]
    ) -> Any:
        variant, times = wanted.get("variant") or variants.GENUINE, wanted.get("times", 1)
        if variant not in variants.VARIANTS:
            raise AdminError(400, f"variant must be one of {', '.join(variants.VARIANTS)}")
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MAX_SENDS:
            raise AdminError(400, f"times must be a whole number from 1 to {MAX_SENDS}")
        sent = []
        for _ in range(times):
            complete = notices.form(fields, notify_id)
            body = variants.vary(variant, app, self._apps, complete)
            sent.append(await self._delivery.post(url, notify_id, body))
        return {"schema": 1, "variant": variant, "sent": [one.shown() for one in sent]}

    async def _list_variants(self, request: web.BaseRequest, rest: str) -> Any:
        if rest != "variants":
            raise AdminError(404, f"no GET {request.path}")
        shown = [{"variant": name, "does": line} for name, line in variants.VARIANTS.items()]
        return {"schema": 1, "variants": shown}

    async def _message(self, request: web.BaseRequest, rest: str) -> Any:
        """To the app's own gateway: on the schedule, or now and in the given variant."""
        wanted = await read_body(request)
        app = self._apps.get(str(wanted.get("app_id")))
        if app is None:
            raise AdminError(404, f"no app {wanted.get('app_id')}")
        name, biz, url = (wanted.get(key) for key in ("msg_method", "biz_content", "url"))
        if not isinstance(name, str) or not name.isascii() or not name:
            raise AdminError(
                400, "msg_method is missing: which message, or which older notify_type"
            )
        text = biz if isinstance(biz, str) else json.dumps(biz or {}, ensure_ascii=False)
        url = url or app.messages_url
        if not isinstance(url, str):
            raise AdminError(409, "the app has no messages_url; give a url")
        if {"url", "variant", "times"} & wanted.keys():
            now_ms = clock.now_ms()
            fields = app_messages.fields_of(app.app_id, name, text, now_ms)
            return await self._send_now(app, url, notices.new_notify_id(now_ms), fields, wanted)
        notify_id = await self._ledger.do(lambda tx: app_messages.enqueue(tx, app, name, text))
        return {"schema": 1, "notify_id": notify_id}

    async def _list_messages(self, request: web.BaseRequest, rest: str) -> Any:
        rows = self._ledger.read(MESSAGES, request.query.get("app_id"))
        names = ("notify_id", "app_id", "method", "url", "state", "attempts", "last_answer")
        return {"schema": 1, "messages": [{name: row[name] for name in names} for row in rows]}

    async def _show_clock(self, request: web.BaseRequest, rest: str) -> Any:
        return {"schema": 1, "scale": self._delivery.clock.scale}

    async def _set_clock(self, request: web.BaseRequest, rest: str) -> Any:
        scale = (await read_body(request)).get("scale")
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale <= 1e6:
            raise AdminError(400, "scale must be a number above 0, at most 1000000")
        await self._delivery.set_scale(float(scale))
        return {"schema": 1, "scale": self._delivery.clock.scale}

    async def _backdate(self, request: web.BaseRequest, rest: str) -> Any:
        wanted = await read_body(request)
        app_id, is_on = wanted.get("app_id"), wanted.get("on")
        if not isinstance(app_id, str) or not isinstance(is_on, bool):
            raise AdminError(400, "app_id, and on: true or false")
        (self._backdating.apps.add if is_on else self._backdating.apps.discard)(app_id)
        return {"schema": 1, "app_ids": sorted(self._backdating.apps)}
