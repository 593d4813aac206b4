"""python -m deploy.sandbox.alipay --host 127.0.0.1 --port N --data DIR"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.sandbox.alipay.app import CannotStart, Options, serve


def _options() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.sandbox.alipay",
        description="Plays Alipay's open platform: /gateway.do, async notifies, /admin.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port; 0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder of keys and ledger")
    parser.add_argument("--seed", type=int, default=0, help="of faults with a probability")
    parser.add_argument("--log-size", type=int, default=10_000, help="requests kept for /admin")
    words = parser.parse_args()
    return Options(words.host, words.port, words.data, words.seed, words.log_size)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop halves the cost of a request, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def main() -> int:
    options = _options()
    # A commit must not wait a whole default interval for the interpreter after its fsync.
    sys.setswitchinterval(0.001)

    def say_ready(port: int) -> None:
        sys.stdout.write(f"sandbox alipay ready on http://{options.host}:{port}/gateway.do\n")
        sys.stdout.flush()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(options, say_ready))
    except CannotStart as error:
        sys.stderr.write(f"sandbox alipay cannot start: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
