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
from deploy.sandbox.alipay.faults import Faults
from deploy.sandbox.alipay.ledger import Ledger, Tx, save_setting
from deploy.sandbox.alipay.post import Answer, Poster, Undelivered

MINUTE_MS = 60_000
RESENDS_MS = tuple(minutes * MINUTE_MS for minutes in (4, 10, 10, 60, 120, 360, 900))
SENDERS = 16
TIMEOUT_S = 10.0
HEADERS = {"Content-Type": notices.CONTENT_TYPE, "User-Agent": "Mozilla/4.0"}
CLOCK = "notify_clock"
FIND = "SELECT * FROM notifies WHERE notify_id = ? AND state = 'due'"
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
            if rows and app is not None:
                await self._deliver(app, rows[0])

    async def _deliver(self, app: App, row: sqlite3.Row) -> None:
        notify_id = row["notify_id"]
        is_first = row["attempts"] == 0 and not row["is_held"]
        kinds = faults.ON_NOTIFY if is_first else variants.VARIANT_OF.keys()
        fired = self._faults.draw(kinds, app.app_id, row["method"])
        if "notify_never" in fired:
            await self._hold(notify_id, "never", row["due"])
            return
        if "notify_late" in fired:
            late = faults.milliseconds(fired["notify_late"], 3000) * self.clock.scale
            await self._hold(notify_id, "due", self.clock.now() + int(late))
            return
        fields = json.loads(row["fields"])
        for _ in range(2 if "notify_twice" in fired else 1):
            complete = notices.form(fields, notify_id)
            sent = await self.post(
                row["url"], notify_id, variants.body_under(app, self._apps, complete, fired)
            )
        await self._record(row, sent)

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

    async def _hold(self, notify_id: str, state: str, due: int) -> None:
        await self._ledger.do(lambda tx: tx.execute(HOLD, state, due, notify_id))
        if state == "due":
            self._agenda.push(due, notify_id)

    async def post(self, url: str, notify_id: str, body: bytes) -> Sent:
        """No redirect is followed; only the first bytes of an answer are read."""
        started = time.monotonic()
        try:
            answer = await self._poster.post(url, body)
        except Undelivered as error:
            answer = Answer(0, str(error))
        took_ms = int((time.monotonic() - started) * 1000)
        return Sent(url, notify_id, body.decode(), answer.status, answer.text, took_ms)
