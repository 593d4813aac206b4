"""Asynchronous notifications: one form per event, sent again until the answer is `success`."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote_plus

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from deploy.sandbox.quick import rsa
from deploy.sandbox.quick.faults import Faults
from deploy.sandbox.quick.ledger import Ledger, Trade

BEIJING = timezone(timedelta(hours=8))
RESEND_AFTER_S = (240, 600, 600, 3600, 7200, 21600, 54000)
"""4 m, 10 m, 10 m, 1 h, 2 h, 6 h, 15 h after the one before; then it is given up."""
SENT_AT_ONCE = 32
ANSWER_WITHIN_S = 10.0
LOOK_AGAIN_S = 0.02
HEADERS = {
    # Malformed, as Alipay sends it.
    "Content-Type": "application/x-www-form-urlencoded; text/html; charset=utf-8",
    "User-Agent": "Mozilla/4.0",
}


class Notices:
    """The outgoing mail."""

    def __init__(
        self, ledger: Ledger, faults: Faults, key_of: Callable[[str], RSAPrivateKey]
    ) -> None:
        self._ledger = ledger
        self._faults = faults
        self._key_of = key_of
        self.scale = 1.0
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(SENT_AT_ONCE)
        self._under_way: set[str] = set()

    def announce(self, trade: Trade, extra: dict[str, str]) -> None:
        """Something happened to the trade; it is told to the notify_url of its payment."""
        if not trade["notify_url"]:
            return
        struck = self._faults.strike(trade["app_id"], "notify")
        if "notify_never" in struck:
            return
        late_ms = int(struck.get("notify_late", {}).get("ms", 0))
        copies = 2 if "notify_twice" in struck else 1
        doc = {
            "app_id": trade["app_id"],
            "url": trade["notify_url"],
            "attempt": 0,
            "copies": copies,
            "spoilt": "notify_bad_signature" in struck,
            "fields": self.fields(trade, extra),
        }
        notify_id = doc["fields"]["notify_id"]
        self._ledger.put_notice(notify_id, time.time() + late_ms / 1000, doc)
        self._wake.set()

    def fields(self, trade: Trade, extra: dict[str, str]) -> dict[str, str]:
        """All of a notice but its sending time and signature."""
        today = datetime.now(BEIJING).strftime("%Y%m%d")
        fields = {
            "notify_type": "trade_status_sync",
            "notify_id": f"{today}00222{self._ledger.number():021d}",
            "app_id": trade["app_id"],
            "auth_app_id": trade["app_id"],
            "charset": "utf-8",
            "version": "1.0",
            "sign_type": "RSA2",
            "trade_no": trade["trade_no"],
            "out_trade_no": trade["out_trade_no"],
            "buyer_open_id": trade["buyer_open_id"],
            "buyer_logon_id": trade["buyer_logon_id"],
            "seller_id": trade["seller_id"],
            "trade_status": trade["status"],
            "total_amount": trade["total_amount"],
            "subject": trade["subject"],
            "gmt_create": trade["gmt_create"],
        }
        if trade["passback_params"]:
            fields["passback_params"] = trade["passback_params"]
        return fields | extra

    def body(self, app_id: str, fields: dict[str, str], *, spoilt: bool = False) -> bytes:
        """The signed form: sign and sign_type are outside the signature in this family."""
        sent = fields | {"notify_time": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S")}
        content = rsa.content(sent, ("sign", "sign_type"), keep_empty=False)
        signature = rsa.sign(content.encode(), self._key_of(app_id))
        if spoilt:
            signature = ("A" if signature[0] != "A" else "B") + signature[1:]
        sent["sign"] = signature
        return "&".join(f"{quote_plus(n)}={quote_plus(v)}" for n, v in sent.items()).encode()

    async def run(self) -> None:
        """Sends what is due until cancelled."""
        connector = aiohttp.TCPConnector(limit=SENT_AT_ONCE)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as go:
            while True:
                now = time.time()
                for notify_id, (due_at, doc) in list(self._ledger.notices.items()):
                    if due_at <= now and notify_id not in self._under_way:
                        self._under_way.add(notify_id)
                        go.create_task(self._send(session, notify_id, doc))
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wake.wait(), LOOK_AGAIN_S)
                except TimeoutError:
                    continue

    async def _send(
        self, session: aiohttp.ClientSession, notify_id: str, doc: dict[str, Any]
    ) -> None:
        try:
            async with self._slots:
                await self._ledger.durable()
                done = True
                for _ in range(doc["copies"]):
                    done = await self.deliver(session, doc) and done
            if done or doc["attempt"] >= len(RESEND_AFTER_S):
                self._ledger.drop_notice(notify_id)
            else:
                pause = RESEND_AFTER_S[doc["attempt"]] / self.scale
                doc = {**doc, "attempt": doc["attempt"] + 1}
                self._ledger.put_notice(notify_id, time.time() + pause, doc)
            await self._ledger.durable()
        finally:
            self._under_way.discard(notify_id)

    async def deliver(self, session: aiohttp.ClientSession, doc: dict[str, Any]) -> bool:
        """One sending; whether it was answered with exactly `success`."""
        body = self.body(doc["app_id"], doc["fields"], spoilt=doc["spoilt"])
        limit = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        try:
            async with session.post(
                doc["url"], data=body, headers=HEADERS, timeout=limit, allow_redirects=False
            ) as answer:
                return answer.status == 200 and await answer.read() == b"success"
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def send_now(self, trade: Trade, url: str, variant: str, times: int) -> list[bool]:
        """The admin door's notice: "pay", "bad_signature", "other_amount" or "other_seller"."""
        fields = self.fields(trade, json.loads(trade.get("last_extra", "{}")))
        if trade.get("gmt_payment"):
            fields["gmt_payment"] = trade["gmt_payment"]
        if variant == "other_amount":
            fields["total_amount"] = "987654.32"
        if variant == "other_seller":
            fields["seller_id"] = "2088999999999999"
        doc = {"app_id": trade["app_id"], "url": url, "fields": fields,
               "spoilt": variant == "bad_signature"}  # fmt: skip
        await self._ledger.durable()
        async with aiohttp.ClientSession() as session:
            return [await self.deliver(session, doc) for _ in range(times)]
