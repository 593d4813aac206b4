"""Puts the parts together and serves them on one port."""

import asyncio
import fcntl
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage

from deploy.sandbox.alipay import gateway
from deploy.sandbox.alipay.admin import endpoint, page
from deploy.sandbox.alipay.admin.open_platform import PlatformAdmin, bill_file
from deploy.sandbox.alipay.apps.registry import Apps
from deploy.sandbox.alipay.books import tables
from deploy.sandbox.alipay.misbehaviour.faults import CATALOGUE
from deploy.sandbox.alipay.notify.sending import Sending
from deploy.sandbox.alipay.platform.lifecycle import Lifecycle
from deploy.sandbox.alipay.trade import bills
from deploy.sandbox.alipay.trade.buyers import Buyers
from deploy.sandbox.alipay.wire.log_entry import Entry
from deploy.sandbox.kit import clock, local_admin
from deploy.sandbox.kit.delivery import Delivery
from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.ledger import Tx
from deploy.sandbox.kit.request_log import RequestLog

GRACE_S = 2.0
MAX_LINE = 64 * 1024  # some client libraries send everything in the query
MAX_BODY = 16 * 1024 * 1024  # with pictures


class CannotStart(Exception):
    """Why it does not start, in one line for the person who started it."""


@dataclass(frozen=True, slots=True)
class Options:
    host: str
    port: int
    data: Path
    seed: int = 0
    log_size: int = 10_000


class Sandbox:
    def __init__(self, options: Options) -> None:
        self.ledger = tables.opened(options.data)
        self.apps = Apps(self.ledger)
        self.faults = Faults(CATALOGUE, options.seed)
        self.log: RequestLog[Entry] = RequestLog(options.log_size)
        self.delivery = Delivery(self.ledger, self.faults, Sending(self.apps))
        self.buyers = Buyers(self.ledger)
        parts = (self.ledger, self.apps, self.faults, self.log, self.delivery, clock.Backdating())
        self._gateway = gateway.Gateway(*parts)
        self._admin = endpoint.Admin(*parts)
        self.lifecycle = Lifecycle(self.ledger, self.delivery.clock)
        self.delivery.clock_changed = self.lifecycle.wake
        self._admin.add(PlatformAdmin(self.ledger, self.delivery).routes())
        self.ledger.make_tx = self._make_tx
        self.ledger.after_commit = self._after_commit

    def _make_tx(self, connection: sqlite3.Connection) -> Tx:
        return Tx(connection, clock.now_ms(), self.delivery.clock.now())

    def _after_commit(self, tx: Tx) -> None:
        for notify_id in tx.notifies:
            self.delivery.expect(notify_id)
        for due, app_id, out_trade_no in tx.order_deadlines:
            self.buyers.expect(due, app_id, out_trade_no)
        for due in tx.alarms:
            self.lifecycle.expect(due)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path == gateway.PATH:
            return await self._gateway.handle(request)
        if path in page.FILES:
            if not local_admin.is_named_loopback(request):
                return web.Response(status=421)
            return page.serve(request)
        if path.startswith(local_admin.PREFIX + "/"):
            return await self._admin.handle(request)
        if path == bills.PATH:
            return await bill_file(self.ledger, request)
        return web.Response(status=404)


@asynccontextmanager
async def serving(options: Options) -> AsyncIterator[int]:
    """Runs the sandbox for the block's length; gives the port it listens on."""
    with _only_one(options.data):
        sandbox = Sandbox(options)
        server = web.Server(
            sandbox.handle,
            request_factory=_request,
            access_log=None,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
        )
        runner = web.ServerRunner(server, shutdown_timeout=GRACE_S)
        try:
            await _listen(runner, options)
            async with asyncio.TaskGroup() as group:
                parts = (sandbox.ledger, sandbox.delivery, sandbox.buyers, sandbox.lifecycle)
                tasks = [group.create_task(part.run()) for part in parts]
                yield runner.addresses[0][1]
                await runner.cleanup()
                for task in tasks:
                    task.cancel()
        finally:
            await runner.cleanup()
            sandbox.ledger.close()


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """As aiohttp makes them, but for the size of a body."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)


async def _listen(runner: web.ServerRunner, options: Options) -> None:
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port, backlog=1024, reuse_address=True)
    try:
        await site.start()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotStart(f"{options.host}:{options.port}: {reason}") from error


def _only_one(data: Path) -> IO[str]:
    """Locks the folder: each of two sandboxes on one ledger would miss the other's changes."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        raise CannotStart(f"{data}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise CannotStart(f"another sandbox is using {data}") from None
    return lock


async def serve(options: Options, ready: Callable[[int], None]) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(options) as port:
        ready(port)
        await stop.wait()
