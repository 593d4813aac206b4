"""The command lines of devices: the console's use cases, JSON out, exit 2 on bad input."""

import argparse
import asyncio
import json
import sys
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.device.config import CommandConfig
from services.device.deps import Deps
from services.device.devices import schemas, service
from services.device.devices.rules import UnknownStore
from services.device.devices.service import NewCode
from shared.clock import SystemClock
from shared.config import load
from shared.contracts.instants import rfc3339
from shared.db import Database
from shared.errors import Problem
from shared.keys.sealed import LocalKeyProvider

ACTOR = "command-line"
STORE_WAIT_S = 10.0
POLL_S = 0.1


class BadInput(Exception):
    """Wrong input; the message is one line for the person at the terminal."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.device", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("api", help="serve requests on LISTEN")
    commands.add_parser("worker", help="relay and consume events, forget what is over")
    commands.add_parser("migrate", help="bring the database to the newest schema")
    codes = commands.add_parser("codes", help="enrolment codes")
    actions = codes.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = actions.add_parser(
        "new", help="a code for one device", description="a code for one device"
    )
    new.add_argument("--merchant", type=UUID, help="whose store it is; else looked up")
    new.add_argument("--store", type=UUID, required=True, help="where the device will stand")
    new.add_argument("--sn", help="good for the device of this number only")
    return parser.parse_args(arguments)


def run_command(arguments: argparse.Namespace) -> None:
    """Runs the command; writes its JSON to stdout, or an error message to stderr with exit 2."""
    config = load(CommandConfig)
    try:
        output = asyncio.run(_with_database(config, arguments))
    except BadInput as error:
        message = str(error)
    except ValidationError as error:
        message = "; ".join(
            f"--{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_input=False)
        )
    except Problem as error:
        message = f"{error.code}: {error.title}"
    except OSError as error:
        message = f"{error.filename or 'the database'}: {error.strerror or 'is away'}"
    else:
        sys.stdout.write(json.dumps(output, default=str) + "\n")
        return
    sys.stderr.write(message + "\n")
    raise SystemExit(2)


async def _with_database(config: CommandConfig, arguments: argparse.Namespace) -> dict[str, Any]:
    try:
        provider = LocalKeyProvider(config.kek_file_device)
    except ValueError as error:
        raise BadInput(f"KEK_FILE: {error}") from None
    db = Database(
        config.database_url, config.database_system_url, pool_size=1, name="device-command"
    )
    try:
        return await new_code(Deps(db, SystemClock(), provider), arguments)
    finally:
        await db.close()


async def new_code(deps: Deps, arguments: argparse.Namespace) -> dict[str, Any]:
    body = schemas.CodeBody(store_id=arguments.store, sn=arguments.sn)
    merchant_id, made = await _when_store_is_known(deps, arguments.merchant, body)
    return {
        "code": made.code,
        "expires_at": rfc3339(made.expires_at),
        "merchant_id": merchant_id,
        "store_id": body.store_id,
        "sn": body.sn,
    }


async def _when_store_is_known(
    deps: Deps, given: UUID | None, body: schemas.CodeBody
) -> tuple[UUID, NewCode]:
    """Retries for a while: the event of a store that binding has just created may still arrive."""
    deadline = deps.clock.monotonic() + STORE_WAIT_S
    while True:
        try:
            merchant_id = given or await service.merchant_of_store(deps, body.store_id)
            if merchant_id is None:
                raise UnknownStore
            made = await service.create_code(
                deps, merchant_id, body.store_id, sn=body.sn, actor=ACTOR
            )
            return merchant_id, made
        except UnknownStore:
            if deps.clock.monotonic() >= deadline:
                raise BadInput(
                    f"--store {body.store_id}: no such store of that merchant here"
                    f" (waited {STORE_WAIT_S:.0f} s for it to arrive)"
                ) from None
        await asyncio.sleep(POLL_S)
