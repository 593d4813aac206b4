"""Sends notifies and sends them again until somebody answers `success`.

The schedule lives in the ledger, so a killed sandbox goes on where it was. Due times are on the
scaled clock; each send is signed anew because `notify_time` is under the signature.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.alipay import faults, notices, variants
from deploy.sandbox.alipay.agenda import Agenda
from deploy.sandbox.alipay.apps import App, Apps
from deploy.sandbox.alipay.clock import ScaledClock
from deploy.sandbox.alipay.ledger import Ledger, Tx, save_setting
from deploy.sandbox.alipay.post import Answer, Poster, Undelivered
from deploy.sandbox.kit.faults import Faults, Fired, milliseconds

MINUTE_MS = 60_000
RESENDS_MS = tuple(minutes * MINUTE_MS for minutes in (4, 10, 10, 60, 120, 360, 900))
SENDERS = 16
TIMEOUT_S = 10.0
HEADERS = {"Content-Type": notices.CONTENT_TYPE, "User-Agent": "Mozilla/4.0"}
CLOCK = "notify_clock"
FIND = "SELECT * FROM notifies WHERE notify_id = ? AND state = 'due'"
UNSENT = """
SELECT 1 FROM notifies WHERE app_id = ? AND out_trade_no = ? AND state = 'due' AND attempts = 0
  AND is_held = 0 LIMIT 1
"""
HOLDING = ("notify_never", "notify_late", "notify_out_of_order")
ON_RESEND = frozenset({*variants.VARIANT_OF, "notify_variant", "notify_slow"})
DUE = "SELECT notify_id, due FROM notifies WHERE state = 'due'"
RECORD = """
UPDATE notifies SET state = ?, attempts = attempts + 1, due = ?, last_status = ?, last_answer = ?
WHERE notify_id = ?
"""
HOLD = "UPDATE notifies SET state = ?, due = ?, is_held = 1 WHERE notify_id = ?"


@dataclass(frozen=True, slots=True)
class Sent:
    """One send and what came back; status 0: no answer."""

    url: str
    notify_id: str
    body: str
    status: int
    answer: str
    took_ms: int

    @property
    def is_acknowledged(self) -> bool:
        return self.status == 200 and self.answer == "success"

    def shown(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "notify_id": self.notify_id,
            "content_type": notices.CONTENT_TYPE,
            "body": self.body,
            "status": self.status,
            "answer": self.answer,
            "acknowledged": self.is_acknowledged,
            "took_ms": self.took_ms,
        }


class Delivery:
    def __init__(self, ledger: Ledger, apps: Apps, faults_: Faults) -> None:
        self._ledger = ledger
        self._apps = apps
        self._faults = faults_
        self.clock = ScaledClock.restore(ledger.setting(CLOCK))
        self.clock_changed: Callable[[], None] = lambda: None
        self._agenda: Agenda[str] = Agenda(self.clock, self._hand_over)
        self._ready: asyncio.Queue[str] = asyncio.Queue(SENDERS * 4)
        self._poster = Poster(HEADERS, TIMEOUT_S)
        self._held: dict[tuple[str, str], str] = {}
        self._moved = asyncio.Event()
        for row in ledger.read(DUE):
            self._agenda.push(row["due"], row["notify_id"])

    def expect(self, notify_id: str) -> None:
        """A new notice, to be sent at once."""
        self._agenda.push(self.clock.now(), notify_id)

    async def set_scale(self, scale: float) -> None:
        self.clock.set_scale(scale)
        state = self.clock.state()
        await self._ledger.do(lambda tx: save_setting(tx, CLOCK, state))
        self._agenda.wake()
        self.clock_changed()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._agenda.run())
                for _ in range(SENDERS):
                    group.create_task(self._send_ready())
        finally:
            self._poster.close()

    async def _hand_over(self, notify_id: str) -> None:
        await self._ready.put(notify_id)

    async def _send_ready(self) -> None:
        while True:
            notify_id = await self._ready.get()
            rows = self._ledger.read(FIND, notify_id)
            app = self._apps.get(rows[0]["app_id"]) if rows else None
            # Of two appointments for one notify, the ledger knows which one counts.
            if rows and app is not None and rows[0]["due"] <= self.clock.now():
                await self._deliver(app, rows[0])

    async def _deliver(self, app: App, row: sqlite3.Row) -> None:
        notify_id = row["notify_id"]
        is_first = row["attempts"] == 0 and not row["is_held"]
        kinds = faults.ON_NOTIFY if is_first else ON_RESEND
        fired = self._faults.draw(kinds, app.app_id, row["method"])
        if any(kind in fired for kind in HOLDING):
            await self._hold(row, fired)
            return
        fields = json.loads(row["fields"])
        slow = fired.get("notify_slow")
        pause_s = 0.0 if slow is None else milliseconds(slow, 1000) / 1000
        for _ in range(2 if "notify_twice" in fired else 1):
            complete = notices.form(fields, notify_id)
            body = variants.body_under(app, self._apps, complete, fired)
            sent = await self.post(row["url"], notify_id, body, pause_s)
        await self._record(row, sent)
        overtaken = self._held.pop((row["app_id"], row["out_trade_no"]), None)
        if overtaken is not None and overtaken != notify_id:
            now = self.clock.now()
            await self._ledger.do(lambda tx: tx.execute(HOLD, "due", now, overtaken))
            self._agenda.push(now, overtaken)

    async def _record(self, row: sqlite3.Row, sent: Sent) -> None:
        attempts, notify_id = row["attempts"], row["notify_id"]
        due = self.clock.now()
        if sent.is_acknowledged:
            state = "done"
        elif attempts >= len(RESENDS_MS):
            state = "gave_up"
        else:
            state, due = "due", due + RESENDS_MS[attempts]

        def record(tx: Tx) -> None:
            tx.execute(RECORD, state, due, sent.status, sent.answer, notify_id)

        await self._ledger.do(record)
        if state == "due":
            self._agenda.push(due, notify_id)
        self._moved.set()

    async def _hold(self, row: sqlite3.Row, fired: Fired) -> None:
        """Not now: never, or later, or after the trade's next one."""
        notify_id, state, due = row["notify_id"], "due", self.clock.now()
        if "notify_never" in fired:
            state = "never"
        elif "notify_late" in fired:
            due += int(milliseconds(fired["notify_late"], 3000) * self.clock.scale)
        else:
            limit_ms = milliseconds(fired["notify_out_of_order"], 60_000)
            due += int(limit_ms * self.clock.scale)
            self._held[row["app_id"], row["out_trade_no"]] = notify_id
        await self._ledger.do(lambda tx: tx.execute(HOLD, state, due, notify_id))
        if state == "due":
            self._agenda.push(due, notify_id)
        self._moved.set()

    async def settled(self, app_id: str, out_trade_no: str, limit_s: float) -> None:
        """Until every notify of the trade has been sent once, or the time is over."""
        try:
            async with asyncio.timeout(limit_s):
                while self._ledger.read(UNSENT, app_id, out_trade_no):
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return

    async def post(self, url: str, notify_id: str, body: bytes, pause_s: float = 0.0) -> Sent:
        """No redirect is followed; only the first bytes of an answer are read."""
        started = time.monotonic()
        try:
            answer = await self._poster.post(url, body, pause_s)
        except Undelivered as error:
            answer = Answer(0, str(error))
        took_ms = int((time.monotonic() - started) * 1000)
        return Sent(url, notify_id, body.decode(), answer.status, answer.text, took_ms)
