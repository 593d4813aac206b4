"""The command line of payments: the operators' use cases, JSON output, exit 2 on bad input."""

import argparse
import asyncio
import json
import os
import sys
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from pydantic import BaseModel

from services.payment.config import CommandConfig
from services.payment.notices import service
from services.payment.notices.repo import NoticeFilter
from services.payment.notices.schemas import NoticeDetailOut, NoticeOut, NoticeState, RefusalOut
from services.payment.notices.store import NoticeName
from shared.clock import SystemClock
from shared.config import load
from shared.db import Database
from shared.errors import NotFound, Problem

ACTOR = "command-line"
LIMIT_MAX = 200

Output = dict[str, Any]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m services.payment",
        description="Payments, refunds and notifications. Settings come from the environment.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("api", help="serve requests on LISTEN")
    commands.add_parser("worker", help="relay and consume events, sweep, check invariants")
    commands.add_parser("migrate", help="bring the database to the newest schema")
    notices = commands.add_parser("notices", help="Alipay's notifications, of all merchants")
    actions = notices.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_list_arguments(actions.add_parser("list", help="newest first"))
    refused = actions.add_parser("refused", help="what the edge refused, by hour and reason")
    refused.set_defaults(run=list_refused)
    refused.add_argument("--since", type=_instant, metavar="TIME")
    refused.add_argument("--limit", type=_limit, default=50)
    for name, run, description in (
        ("show", show_notice, "one, with its fields"),
        ("replay", replay_notice, "have the worker look at one again"),
    ):
        command = actions.add_parser(name, help=description, description=description)
        command.set_defaults(run=run)
        command.add_argument("--merchant", type=UUID, required=True)
        command.add_argument("--app-id", required=True)
        command.add_argument("--notify-id", required=True)
        if name == "replay":
            command.add_argument("--actor", default=os.environ.get("USER", ""), help="who asks")
    return parser.parse_args(arguments)


def _add_list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=list_notices)
    parser.add_argument("--verdict", choices=get_args(NoticeState))
    parser.add_argument("--reason")
    parser.add_argument("--merchant", type=UUID)
    parser.add_argument("--app-id")
    parser.add_argument("--out-trade-no")
    parser.add_argument("--since", type=_instant, metavar="TIME", help="with its offset or Z")
    parser.add_argument("--until", type=_instant, metavar="TIME")
    parser.add_argument("--limit", type=_limit, default=50)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text}: say the offset, such as Z or +08:00")
    return found


def _limit(text: str) -> int:
    if not 1 <= int(text) <= LIMIT_MAX:
        raise argparse.ArgumentTypeError(f"1 to {LIMIT_MAX}")
    return int(text)


def run_command(arguments: argparse.Namespace) -> None:
    """Runs the command; writes its JSON to stdout, or an error message to stderr with exit 2."""
    config = load(CommandConfig)
    try:
        output = asyncio.run(_with_database(config, arguments))
    except NotFound:
        message = "no such notice of that merchant and app"
    except Problem as error:
        message = f"{error.code}: {error.title}"
    except OSError as error:
        message = f"{error.filename or 'the database'}: {error.strerror or 'is away'}"
    else:
        sys.stdout.write(json.dumps(output, default=str, ensure_ascii=False) + "\n")
        return
    sys.stderr.write(message + "\n")
    raise SystemExit(2)


async def _with_database(config: CommandConfig, arguments: argparse.Namespace) -> Output:
    urls = config.database_url, config.database_system_url
    db = Database(*urls, pool_size=1, name="payment-command")
    try:
        output: Output = await arguments.run(db, arguments)
        return output
    finally:
        await db.close()


def _as_json(output: BaseModel) -> Output:
    return output.model_dump(mode="json")


async def list_notices(db: Database, arguments: argparse.Namespace) -> Output:
    wanted = NoticeFilter(
        state=arguments.verdict,
        reason=arguments.reason,
        merchant_id=arguments.merchant,
        app_id=arguments.app_id,
        out_trade_no=arguments.out_trade_no,
        since=arguments.since,
        until=arguments.until,
        limit=arguments.limit,
    )
    page = await service.list_notices(db, wanted)
    return {"items": [_as_json(NoticeOut.of(row)) for row in page.rows]}


async def list_refused(db: Database, arguments: argparse.Namespace) -> Output:
    rows = await service.list_refusals(db, arguments.since, arguments.limit)
    return {"items": [_as_json(RefusalOut.of(row)) for row in rows]}


def _name(arguments: argparse.Namespace) -> NoticeName:
    return NoticeName(arguments.merchant, arguments.app_id, arguments.notify_id)


async def show_notice(db: Database, arguments: argparse.Namespace) -> Output:
    return _as_json(NoticeDetailOut.from_rows(*await service.get_notice(db, _name(arguments))))


async def replay_notice(db: Database, arguments: argparse.Namespace) -> Output:
    actor = f"{ACTOR}:{arguments.actor}" if arguments.actor else ACTOR
    row = await service.replay_notice(db, SystemClock(), _name(arguments), actor=actor)
    return _as_json(NoticeOut.of(row))
