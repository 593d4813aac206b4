"""The command lines of payments: the operators' use cases, JSON out, exit 2 on bad input."""

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

Answer = dict[str, Any]


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m services.payment",
        description="Payments, refunds and notifications. Settings come from the environment.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("api", help="serve HTTP on LISTEN")
    commands.add_parser("worker", help="relay and consume events, sweep, audit")
    commands.add_parser("migrate", help="bring the database to the newest schema")
    notices = commands.add_parser("notices", help="Alipay's notifications, of all merchants")
    actions = notices.add_subparsers(dest="action", required=True, metavar="ACTION")
    _list_words(actions.add_parser("list", help="newest first"))
    refused = actions.add_parser("refused", help="what the edge refused, by hour and reason")
    refused.set_defaults(run=list_refused)
    refused.add_argument("--since", type=_instant, metavar="TIME")
    refused.add_argument("--limit", type=_limit, default=50)
    for name, run, what in (
        ("show", show_notice, "one, with its fields"),
        ("replay", replay_notice, "have the worker look at one again"),
    ):
        one = actions.add_parser(name, help=what, description=what)
        one.set_defaults(run=run)
        one.add_argument("--merchant", type=UUID, required=True)
        one.add_argument("--app-id", required=True)
        one.add_argument("--notify-id", required=True)
        if name == "replay":
            one.add_argument("--actor", default=os.environ.get("USER", ""), help="who asks")
    return parser.parse_args(words)


def _list_words(listed: argparse.ArgumentParser) -> None:
    listed.set_defaults(run=list_notices)
    listed.add_argument("--verdict", choices=get_args(NoticeState))
    listed.add_argument("--reason")
    listed.add_argument("--merchant", type=UUID)
    listed.add_argument("--app-id")
    listed.add_argument("--out-trade-no")
    listed.add_argument("--since", type=_instant, metavar="TIME", help="with its offset or Z")
    listed.add_argument("--until", type=_instant, metavar="TIME")
    listed.add_argument("--limit", type=_limit, default=50)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text}: say the offset, such as Z or +08:00")
    return found


def _limit(text: str) -> int:
    if not 1 <= int(text) <= LIMIT_MAX:
        raise argparse.ArgumentTypeError(f"1 to {LIMIT_MAX}")
    return int(text)


def run_command(words: argparse.Namespace) -> None:
    """Runs the command; its JSON goes to stdout, its complaint to stderr with exit 2."""
    config = load(CommandConfig)
    try:
        answer = asyncio.run(_with_database(config, words))
    except NotFound:
        complaint = "no such notice of that merchant and app"
    except Problem as error:
        complaint = f"{error.code}: {error.title}"
    except OSError as error:
        complaint = f"{error.filename or 'the database'}: {error.strerror or 'is away'}"
    else:
        sys.stdout.write(json.dumps(answer, default=str, ensure_ascii=False) + "\n")
        return
    sys.stderr.write(complaint + "\n")
    raise SystemExit(2)


async def _with_database(config: CommandConfig, words: argparse.Namespace) -> Answer:
    urls = config.database_url, config.database_system_url
    db = Database(*urls, pool_size=1, name="payment-command")
    try:
        answer: Answer = await words.run(db, words)
        return answer
    finally:
        await db.close()


def _shown(answer: BaseModel) -> Answer:
    return answer.model_dump(mode="json")


async def list_notices(db: Database, words: argparse.Namespace) -> Answer:
    wanted = NoticeFilter(
        state=words.verdict,
        reason=words.reason,
        merchant_id=words.merchant,
        app_id=words.app_id,
        out_trade_no=words.out_trade_no,
        since=words.since,
        until=words.until,
        limit=words.limit,
    )
    page = await service.list_notices(db, wanted)
    return {"items": [_shown(NoticeOut.of(row)) for row in page.rows]}


async def list_refused(db: Database, words: argparse.Namespace) -> Answer:
    rows = await service.list_refusals(db, words.since, words.limit)
    return {"items": [_shown(RefusalOut.of(row)) for row in rows]}


def _name(words: argparse.Namespace) -> NoticeName:
    return NoticeName(words.merchant, words.app_id, words.notify_id)


async def show_notice(db: Database, words: argparse.Namespace) -> Answer:
    return _shown(NoticeDetailOut.beside(*await service.get_notice(db, _name(words))))


async def replay_notice(db: Database, words: argparse.Namespace) -> Answer:
    actor = f"{ACTOR}:{words.actor}" if words.actor else ACTOR
    row = await service.replay_notice(db, SystemClock(), _name(words), actor=actor)
    return _shown(NoticeOut.of(row))
