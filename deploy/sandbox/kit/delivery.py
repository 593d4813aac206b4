"""Sends notifies and sends them again until the receiver acknowledges them.

The schedule lives in the ledger, so a killed sandbox goes on where it was. Due times are on the
scaled clock; each send is signed anew, because its time may be under the signature.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from deploy.sandbox.kit.agenda import Agenda
from deploy.sandbox.kit.clock import ScaledClock
from deploy.sandbox.kit.faults import Faults, Triggered, milliseconds
from deploy.sandbox.kit.ledger import Ledger, Tx, save_setting
from deploy.sandbox.kit.post import Answer, Poster, Undelivered

SENDERS = 16
TIMEOUT_S = 10.0
CLOCK = "notify_clock"
FIND = "SELECT * FROM notifies WHERE notify_id = ? AND state = 'due'"
UNSENT = """
SELECT 1 FROM notifies WHERE app_id = ? AND out_trade_no = ? AND state = 'due' AND attempts = 0
  AND is_held = 0 LIMIT 1
"""
HOLDING = ("notify_never", "notify_late", "notify_out_of_order")
KINDS = {
    "notify_twice": "the first send of a notify is made twice",
    "notify_late": "the first send comes args.ms later (default 3000)",
    "notify_never": "the notify is never sent",
    "notify_out_of_order": "held until the trade's next notify was sent, args.ms (60000) at most",
    "notify_slow": "the second half of the notify's body comes args.ms (1000) later",
}
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
    content_type: str
    is_acknowledged: bool

    def shown(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "notify_id": self.notify_id,
            "content_type": self.content_type,
            "body": self.body,
            "status": self.status,
            "answer": self.answer,
            "acknowledged": self.is_acknowledged,
            "took_ms": self.took_ms,
        }


class Platform(Protocol):
    """What one payment platform decides about its notifies."""

    content_type: str
    user_agent: str
    resends_ms: tuple[int, ...]
    on_first: frozenset[str]
    """kinds of misbehaviour that a first send can meet"""
    on_resend: frozenset[str]

    def knows(self, app_id: str) -> bool: ...

    def body(self, row: sqlite3.Row, triggered: Triggered) -> bytes:
        """One send of a row of `notifies`, signed now."""
        ...

    def is_acknowledgement(self, answer: Answer) -> bool: ...


class Delivery:
    def __init__(self, ledger: Ledger, faults: Faults, platform: Platform) -> None:
        self._ledger = ledger
        self._faults = faults
        self._platform = platform
        self.clock = ScaledClock.restore(ledger.setting(CLOCK))
        self.clock_changed: Callable[[], None] = lambda: None
        self._agenda: Agenda[str] = Agenda(self.clock, self._hand_over)
        self._ready: asyncio.Queue[str] = asyncio.Queue(SENDERS * 4)
        headers = {"Content-Type": platform.content_type, "User-Agent": platform.user_agent}
        self._poster = Poster(headers, TIMEOUT_S)
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
            # The agenda may hold one notify twice; the ledger's due time is the valid one.
            if (
                rows
                and self._platform.knows(rows[0]["app_id"])
                and rows[0]["due"] <= self.clock.now()
            ):
                await self._deliver(rows[0])

    async def _deliver(self, row: sqlite3.Row) -> None:
        notify_id = row["notify_id"]
        is_first = row["attempts"] == 0 and not row["is_held"]
        kinds = self._platform.on_first if is_first else self._platform.on_resend
        triggered = self._faults.draw(kinds, row["app_id"], row["method"])
        if any(kind in triggered for kind in HOLDING):
            await self._hold(row, triggered)
            return
        slow = triggered.get("notify_slow")
        pause_s = 0.0 if slow is None else milliseconds(slow, 1000) / 1000
        for _ in range(2 if "notify_twice" in triggered else 1):
            body = self._platform.body(row, triggered)
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
        elif attempts >= len(self._platform.resends_ms):
            state = "gave_up"
        else:
            state, due = "due", due + self._platform.resends_ms[attempts]

        def record(tx: Tx) -> None:
            tx.execute(RECORD, state, due, sent.status, sent.answer, notify_id)

        await self._ledger.do(record)
        if state == "due":
            self._agenda.push(due, notify_id)
        self._moved.set()

    async def _hold(self, row: sqlite3.Row, triggered: Triggered) -> None:
        """Postpones a first send: for ever, for a while, or until the trade's next was sent."""
        notify_id, state, due = row["notify_id"], "due", self.clock.now()
        if "notify_never" in triggered:
            state = "never"
        elif "notify_late" in triggered:
            due += int(milliseconds(triggered["notify_late"], 3000) * self.clock.scale)
        else:
            limit_ms = milliseconds(triggered["notify_out_of_order"], 60_000)
            due += int(limit_ms * self.clock.scale)
            self._held[row["app_id"], row["out_trade_no"]] = notify_id
        await self._ledger.do(lambda tx: tx.execute(HOLD, state, due, notify_id))
        if state == "due":
            self._agenda.push(due, notify_id)
        self._moved.set()

    async def wait_until_sent(self, app_id: str, out_trade_no: str, limit_s: float) -> None:
        """Until every notify of the trade has been sent once, or the time limit has passed."""
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
        return Sent(
            url,
            notify_id,
            body.decode(),
            answer.status,
            answer.text,
            took_ms,
            self._platform.content_type,
            self._platform.is_acknowledgement(answer),
        )
