"""`python -m deploy.local up|down|reset`, and the programs that these start."""

import argparse
import asyncio
import json
import os
import sys

from deploy.local.layout import SERVICES, Layout, StackError, plainly


def _migrate() -> None:
    """All services one after the other: the start of Python is what costs."""
    from shared.migrate import migrate

    for name in SERVICES:
        url = os.environ.get(f"DATABASE_OWNER_URL_{name.upper()}")
        migrate(f"services.{name}", url or os.environ[f"DATABASE_URL_{name.upper()}"])


def _seed(layout: Layout) -> None:
    from deploy.local.demo.merchant import seed

    admin = os.environ["ALIPAY_GATEWAY_URL"].removesuffix("/gateway.do") + "/admin"
    sys.stdout.write(json.dumps(seed(layout, admin), ensure_ascii=False))


def _lively(layout: Layout) -> None:
    from deploy.local.demo.history import run

    run(layout, os.environ["ALIPAY_GATEWAY_URL"].removesuffix("/gateway.do") + "/admin")


def _public(layout: Layout) -> str:
    """The address of the stack that is up."""
    try:
        return str(json.loads(layout.stack_file.read_text())["gateway"]["public"])
    except FileNotFoundError:
        raise StackError("先 make run：控制台需要一套运行中的系统 make run first") from None


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("up", "start everything and wait until the first payment is paid"),
        ("down", "stop everything; the state stays"),
        ("reset", "stop, and forget the local state"),
        ("migrate", "bring every database to the newest schema"),
        ("seed", "make the demo merchant"),
        ("lively", "give it days of sales, and do the wizard's steps"),
    ):
        commands.add_parser(name, help=what)
    supervise = commands.add_parser("supervise", help="run the stack in the foreground")
    supervise.add_argument("--started", type=float, required=True)
    web = commands.add_parser("console", help="build the web console where its sources changed")
    web.add_argument(
        "script", nargs="?", choices=("check", "test", "fix", "dev"),
        help="or check, test or format it (fix); dev: serve it as it is being written",
    )  # fmt: skip
    broker = commands.add_parser("broker", help="the embedded Kafka-protocol broker alone")
    broker.add_argument("--port", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    words = _parse()
    layout = Layout.from_environment()
    match words.command:
        case "up" | "down" | "reset":
            from deploy.local import up

            with plainly(layout.run_dir):
                getattr(up, words.command)(layout)
        case "supervise":
            from deploy.local.supervisor import Supervisor

            asyncio.run(Supervisor(layout, words.started).run())
        case "migrate":
            _migrate()
        case "console":
            from deploy.local import console, up

            if words.script == "dev":
                console.serve(_public(layout), up.say)
            asyncio.run(
                console.run_script(words.script, up.say) if words.script else console.build(up.say)
            )
        case "seed":
            _seed(layout)
        case "lively":
            _lively(layout)
        case _:
            import uvloop  # as the product: its CPU time counts beside the product's

            from deploy.local.broker import serve

            uvloop.run(serve(words.port))


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
