"""`python -m deploy.sandbox.alipay --host 127.0.0.1 --port N --data DIR`."""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from deploy.sandbox.quick.admin import make_app
from deploy.sandbox.quick.server import Sandbox


async def serve(host: str, port: int, data: Path) -> None:
    sandbox = Sandbox(data)
    runner = web.AppRunner(make_app(sandbox), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=512).start()
    except OSError as error:
        sys.stderr.write(f"cannot listen on {host}:{port}: {error.strerror}\n")
        raise SystemExit(2) from None
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    jobs = [asyncio.ensure_future(sandbox.notices.run()), asyncio.ensure_future(sandbox.ripen())]
    sys.stdout.write(f"Alipay sandbox at http://{host}:{port}/gateway.do\n")
    sys.stdout.flush()
    await stop.wait()
    for job in jobs:
        job.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await job
    await runner.cleanup()
    sandbox.ledger.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.alipay", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the ledger's folder")
    words = parser.parse_args()
    uvloop.run(serve(words.host, words.port, words.data))


if __name__ == "__main__":
    main()
