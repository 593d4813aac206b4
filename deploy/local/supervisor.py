"""Brings the stack up in order, keeps it up, and takes it down in reverse order."""

import asyncio
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import asyncpg

from deploy.local import console, leftovers, postgres, processes, secrets
from deploy.local.children import Child, answers, trim
from deploy.local.demo import merchant
from deploy.local.layout import ROOT, SERVICES, Layout, StackError
from deploy.local.ports import Holds, choose_ports
from deploy.local.processes import Spec

ENGINE_WAIT_S = 30.0
READY_WAIT_S = 120.0
HELPER_LIMIT_S = 90.0
HISTORY_LIMIT_S = 300.0
TRIES = 3
LOCK_TRIES = 20
TRIM_EVERY_S = 5.0
POLL_S = 0.05


def migration_digest() -> str:
    """The digest of everything that defines a schema: versions, repeatable functions, the shared
    tables."""
    digest = hashlib.sha256()
    for pattern in (
        "services/*/migrations/versions/*.py",
        "services/**/*.sql",
        "shared/*.py",
        "shared/tables/*.sql",
    ):
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


class Supervisor:
    """One stack."""

    def __init__(self, layout: Layout, started_at: float) -> None:
        self._layout = layout
        self._started_at = started_at
        self._children: dict[str, Child] = {}
        self._ports: dict[str, int] = {}
        self._holds = Holds()
        self._stack: dict[str, Any] = {}
        self._watches: list[asyncio.Task[None]] = []
        self._is_first = False
        """whether this start made the first payment"""
        self._makes_history = False
        """whether demo data is being made behind this start"""

    def _say(self, text: str, **more: Any) -> None:
        """To the person who waits for the start."""
        line = json.dumps({"text": text, **more}, ensure_ascii=False)
        with self._layout.progress_file.open("a") as out:
            out.write(line + "\n")
        self._note(text)

    def _note(self, text: str) -> None:
        """To logs/supervisor.log."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        sys.stderr.write(f"{now} {text}\n")
        sys.stderr.flush()

    async def run(self) -> None:
        """Until SIGTERM: up, then watching. A failed start takes everything down again."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, stop.set)
        with self._layout.lock_file.open("a+") as lock:
            await self._lock(lock)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            try:
                async with asyncio.TaskGroup() as self._tasks:
                    watching = self._tasks.create_task(self._trim_logs())
                    self._watches.append(watching)
                    if await self._started_up(stop):
                        await stop.wait()
                    for task in self._watches:
                        task.cancel()
            finally:
                self._note("停止 stopping")
                await self._down()
                self._holds.release()

    async def _lock(self, lock: TextIO) -> None:
        """Tries again: a program that checks whether we run holds the lock for a moment."""
        for attempt in range(LOCK_TRIES):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if attempt == LOCK_TRIES - 1:
                    raise SystemExit("another supervisor runs this stack") from None
                await asyncio.sleep(POLL_S)
            else:
                return

    async def _started_up(self, stop: asyncio.Event) -> bool:
        """False when the start failed (the cause was reported) or was called off."""
        starting = self._tasks.create_task(self._up())
        stopping = self._tasks.create_task(stop.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            return starting.result()
        starting.cancel()
        self._say("已取消 called off", failed=True)
        return False

    async def _trim_logs(self) -> None:
        while True:
            await asyncio.sleep(TRIM_EVERY_S)
            for child in self._children.values():
                trim(child.log)

    async def _up(self) -> bool:
        try:
            await self._bring_up()
        except StackError as error:
            self._say(str(error), failed=True)
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}", failed=True)
            self._note(traceback.format_exc())
        else:
            done = {"is_first": self._is_first, "is_lively": self._makes_history}
            self._say("就绪 ready", ready=True, **done)
            return True
        return False

    async def _bring_up(self) -> None:
        self._ports = choose_ports(self._layout, processes.port_names(), self._holds)
        secrets.make_all(self._layout.secrets)
        building = self._tasks.create_task(self._console())
        cluster = None
        if processes.own_databases():
            self._say("准备数据库 preparing PostgreSQL")
            if as_root := postgres.as_root(self._layout):
                self._say(as_root)
            cluster = await asyncio.to_thread(postgres.prepare, self._layout)
        self._say("启动数据库、消息、沙箱 starting PostgreSQL, the broker, the sandbox")
        for spec in processes.engines(self._layout, self._ports, cluster):
            self._start(spec)
        specs = processes.product(self._layout, self._ports)
        variables = processes.environment(self._layout, self._ports)
        settings = "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
        secrets.write_private(self._layout.run_dir / "local.env", settings)
        if cluster is not None:
            await self._database_up()
        await self._migrate(specs[0])
        await self._port_open("broker")
        await building
        for spec in specs:
            self._start(spec)
        await self._all_ready()
        await self._demo(specs[0])
        self._write_stack()
        self._makes_history = (
            processes.uses_sandbox() and not merchant.sales_history(self._layout).is_done
        )
        if self._makes_history:
            self._watches.append(self._tasks.create_task(self._make_history(specs[0])))

    async def _console(self) -> None:
        """The edge reads the console's files when it starts. Without them devices still pay, so a
        console that cannot be built is reported and does not stop the rest."""
        try:
            await console.build(self._say)
        except console.NotBuilt as error:
            self._say(str(error))

    async def _migrate(self, like: Spec) -> None:
        """Skipped when the same files were applied to the same databases by an earlier start."""
        done_file = self._layout.run_dir / "migrated.txt"
        wanted = migration_digest()
        is_all_ours = len(processes.own_databases()) == len(SERVICES)
        if is_all_ours and done_file.exists() and done_file.read_text() == wanted:
            return
        self._say("升级表结构 migrating")
        await self._helper(["-m", "deploy.local", "migrate"], like)
        done_file.write_text(wanted)

    def _start(self, spec: Spec) -> None:
        child = Child(spec, self._layout.logs)
        child.start()
        self._children[spec.name] = child
        self._remember()
        self._watches.append(self._tasks.create_task(child.watch(self._restarted)))

    def _restarted(self, child: Child, why: str) -> None:
        self._note(f"{child.spec.name} ended ({why}); started again as {child.pid}")
        self._remember()
        self._write_stack()

    def _remember(self) -> None:
        running = {n: c.pid for n, c in self._children.items() if c.pid is not None}
        leftovers.remember(self._layout.children_file, running)

    async def _database_up(self) -> None:
        """Accepting connections, with our roles and databases."""
        deadline = asyncio.get_running_loop().time() + ENGINE_WAIT_S
        while True:
            try:
                await postgres.ensure_databases(self._layout, self._ports["postgres"])
                return
            except (OSError, asyncpg.CannotConnectNowError):
                self._still_alive("postgres", deadline)
                await asyncio.sleep(POLL_S)

    async def _port_open(self, name: str) -> None:
        if name not in self._children:
            return
        deadline = asyncio.get_running_loop().time() + ENGINE_WAIT_S
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._ports[name])
                writer.close()
                return
            except OSError:
                self._still_alive(name, deadline)
                await asyncio.sleep(POLL_S)

    def _still_alive(self, name: str, deadline: float) -> None:
        child = self._children[name]
        late = asyncio.get_running_loop().time() > deadline
        if late or (child.restarts >= TRIES and not child.is_running):
            why = "没有就绪 is not ready in time" if late else "启动失败 ended while starting"
            raise StackError(f"{name} {why}\n{child.log_tail()}")

    async def _helper(self, words: list[str], like: Spec, limit_s: float = HELPER_LIMIT_S) -> str:
        """Runs a short program of ours with all settings of the stack; StackError if it fails."""
        whole = {**like.environment, **processes.environment(self._layout, self._ports)}
        whole["DEMO_DAYS"] = str(merchant.days())
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, cwd=ROOT, env=whole,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = await asyncio.wait_for(process.communicate(), limit_s)
        except TimeoutError:
            raise StackError(f"{' '.join(words)}: {limit_s:.0f} s 内未完成 is late") from None
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode != 0:
            output = (err or out).decode(errors="replace").strip()
            raise StackError(f"{' '.join(words)}\n{output[-1500:]}")
        return out.decode()

    async def _all_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + READY_WAIT_S
        waiting = {n: c.spec.ready_url for n, c in self._children.items() if c.spec.ready_url}
        total = len(waiting)
        self._say(f"启动 {total} 个进程 starting {total} processes")
        while waiting:
            for name, url in list(waiting.items()):
                if await asyncio.to_thread(answers, url):
                    del waiting[name]
                    self._say(f"{total - len(waiting)}/{total} {name}")
                else:
                    self._still_alive(name, deadline)
            await asyncio.sleep(POLL_S)

    async def _demo(self, like: Spec) -> None:
        self._stack = self._facts()
        if not processes.uses_sandbox():
            self._write_stack()
            return
        admin = self._stack["sandbox"]["alipay"]["admin"]
        if not await asyncio.to_thread(merchant.is_current, self._layout, admin):
            self._say(
                "建立演示商户、门店、应用、设备 making a demo merchant, store, app and device"
            )
            made = await self._helper(["-m", "deploy.local", "seed"], like)
            merchant.keep(self._layout, json.loads(made))
        merchant.readdress(self._layout)
        self._stack["demo"] = merchant.known(self._layout)
        first = merchant.paid_first(self._layout)
        self._stack["first_payment"] = first or await self._pay_first(like)

    async def _pay_first(self, like: Spec) -> dict[str, Any]:
        self._say("首笔刷脸支付 0.01 元 a first face payment of 0.01")
        paid = json.loads(await self._helper(merchant.first_payment(self._layout), like))
        order_no = await asyncio.to_thread(merchant.order_of, self._layout, paid["payment_id"])
        if order_no is None:
            raise StackError("首笔支付没有生成订单 the first payment did not become an order")
        names = ("out_trade_no", "amount_fen", "status")
        first = {"order_no": order_no, **{name: paid[name] for name in names}}
        merchant.keep_first(self._layout, first)
        self._is_first = True
        return first

    async def _make_history(self, like: Spec) -> None:
        """Runs beside the ready stack; if it fails, the next start tries again."""
        try:
            await self._helper(["-m", "deploy.local", "lively"], like, HISTORY_LIMIT_S)
        except StackError as error:
            self._note(f"演示数据未完成，下次启动再做 the demo data is not complete yet: {error}")
            return
        merchant.mark_history_done(self._layout)
        self._note("演示数据已完成 the demo data is complete")

    def _facts(self) -> dict[str, Any]:
        now = datetime.now(UTC)
        local = {name: f"http://127.0.0.1:{port}" for name, port in self._ports.items()}
        variables = processes.environment(self._layout, self._ports)
        facts: dict[str, Any] = {
            "schema": 1,
            "ready_at": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "seconds_to_ready": round(now.timestamp() - self._started_at, 1),
            "gateway": {
                "public": f"http://127.0.0.1:{self._layout.port}",
                "egress": local["gateway-egress"],
            },
            "services": {name: local[f"{name}-api"] for name in SERVICES},
            "metrics": processes.metrics_urls(self._ports),
            "postgres": {
                name: variables[f"DATABASE_SYSTEM_URL_{name.upper()}"] for name in SERVICES
            },
            "kafka": {
                "bootstrap": variables["KAFKA_BOOTSTRAP"],
                "kind": "embedded" if processes.uses_embedded_broker() else "external",
            },
        }
        if processes.uses_sandbox():
            alipay = local["sandbox-alipay"]
            addresses = {
                "gateway": f"{alipay}/gateway.do",
                "admin": f"{alipay}/admin",
                "page": f"{alipay}/",
            }
            facts["sandbox"] = {"alipay": addresses}
        return facts

    def _write_stack(self) -> None:
        """stack.json as of now; written again after each restart, with the new pids."""
        if not self._stack:
            return
        running: dict[str, list[int]] = {}
        for name, child in self._children.items():
            if child.pid is not None:
                running.setdefault(processes.kind_of(name), []).append(child.pid)
        self._stack["processes"] = running
        text = json.dumps(self._stack, ensure_ascii=False, indent=2)
        secrets.write_private(self._layout.stack_file, text + "\n")

    async def _down(self) -> None:
        engines = [c for n, c in self._children.items() if n in processes.ENGINES]
        others = [c for n, c in self._children.items() if n not in processes.ENGINES]
        await asyncio.gather(*(child.stop() for child in others))
        await asyncio.gather(*(child.stop() for child in engines))
        self._layout.stack_file.unlink(missing_ok=True)
        self._layout.children_file.unlink(missing_ok=True)
