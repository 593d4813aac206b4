"""The command lines of binding: the same use cases as the consoles, JSON out, exit 2 on bad input.

Each may be repeated with the same content: it finds what is there and says so (`created` or
`changed` is false), so that a script can be run again after it stopped half-way.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.binding import bodies
from services.binding.audit import log as audit_log
from services.binding.commands.apps import WAIT_S, add_app
from services.binding.commands.input import ACTOR, BadInput, text_of
from services.binding.config import CommandConfig
from services.binding.crypto.keks import Keks
from services.binding.deps import Deps
from services.binding.models import User
from services.binding.oversight import schemas as oversight_schemas
from services.binding.people import links
from services.binding.people.links import Link
from services.binding.tenancy import accounts, merchants, stores
from services.binding.tenancy import schemas as tenancy_schemas
from services.binding.tenancy.rules import Role
from shared.clock import Clock, SystemClock
from shared.config import load
from shared.db import Database
from shared.errors import NotFound, Problem

Output = dict[str, Any]
Command = Callable[[Deps, argparse.Namespace], Awaitable[Output]]


def parse(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.binding", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("api", help="serve requests on LISTEN")
    commands.add_parser("worker", help="relay events and forget what is over")
    commands.add_parser("migrate", help="bring the database to the newest schema")

    add = _group(commands, "merchants", "a merchant and the account of its owner")
    add.set_defaults(run=add_merchant)
    add.add_argument("--name", required=True)
    _account(add)
    add.add_argument("--id", type=UUID, help="the merchant's id, when it must be a given one")
    add.add_argument("--handle", help="what its people's logins end with; left out: one is made")

    add = _group(commands, "stores", "a store of a merchant")
    add.set_defaults(run=add_store)
    add.add_argument("--merchant", type=UUID, required=True)
    add.add_argument("--name", required=True)
    add.add_argument("--id", type=UUID, help="the store's id, when it must be a given one")

    add = _group(commands, "operators", "an account of the service provider")
    add.set_defaults(run=add_operator)
    _account(add)
    _roles(add, "operator", Role.OPERATOR_ADMIN)

    add = _group(commands, "staff", "an account of a merchant")
    add.set_defaults(run=add_staff)
    add.add_argument("--merchant", type=UUID, required=True)
    _account(add)
    _roles(add, "merchant", Role.CASHIER)

    add = _group(commands, "apps", "bind a mini program, or change its binding")
    add.set_defaults(run=add_app)
    add.add_argument("--merchant", type=UUID, required=True)
    add.add_argument("--app-id", required=True, help="16 digits")
    add.add_argument("--seller-id", help="16 digits from 2088: the account that is paid")
    add.add_argument("--app-private-key", type=Path, metavar="FILE", required=True)
    _alipay_side(add)
    add.add_argument("--aes-key", type=Path, metavar="FILE", help="content encryption; else off")
    add.add_argument("--service-provider-id", help="16 digits from 2088: who gets the commission")
    add.add_argument("--retire-after-h", type=int, help="how long a replaced key stays usable")
    add.add_argument("--disabled", action="store_true", help="bind it, but do not trade with it")
    add.add_argument(
        "--wait", type=float, default=WAIT_S, metavar="SECONDS",
        help="for the live check of new keys, which the worker makes (default %(default)s)",
    )  # fmt: skip
    _links(commands)
    log = commands.add_parser("audit", help="the audit log")
    actions = log.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser(
        "verify", help="compute the chains again; exit 1 when one does not hold"
    )
    verify.set_defaults(run=verify_audit)
    verify.add_argument("--merchant", type=UUID, help="this one's chain only")
    return parser.parse_args(args)


def _links(commands: Any) -> None:
    add = _group(commands, "links", "a one-time link for somebody who forgot the password")
    add.set_defaults(run=add_link)
    add.add_argument("--login", required=True)
    add.add_argument(
        "--remove-second-factor", action="store_true",
        help="for somebody who lost the authenticator app and the recovery codes",
    )  # fmt: skip


def _alipay_side(parser: argparse.ArgumentParser) -> None:
    """Alipay's public key, or in certificate mode the three certificates."""
    for name, what in (
        ("--alipay-public-key", "key mode: as the console shows it"),
        ("--app-cert", "certificate mode: the application's certificate"),
        ("--alipay-cert", "certificate mode: Alipay's certificate"),
        ("--alipay-root-cert", "certificate mode: Alipay's root file"),
    ):
        parser.add_argument(name, type=Path, metavar="FILE", help=what)


def _group(commands: Any, name: str, what: str) -> argparse.ArgumentParser:
    group = commands.add_parser(name, help=what)
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    add: argparse.ArgumentParser = actions.add_parser("add", help=what, description=what)
    return add


def _account(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--login", required=True)
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE",
        help="left out: a one-time link is printed, with which the person chooses a password",
    )  # fmt: skip


def _roles(parser: argparse.ArgumentParser, console: str, usual: Role) -> None:
    roles = [role.value for role in Role if role.console == console]
    parser.add_argument("--role", choices=roles, default=usual.value)


def run_command(args: argparse.Namespace, clock: Clock | None = None) -> None:
    """Runs one command. Its JSON goes to stdout; an error goes to stderr, with exit code 2."""
    config = load(CommandConfig)
    try:
        answer = asyncio.run(_with_database(config, args, clock or SystemClock()))
    except BadInput as error:
        message = str(error)
    except ValidationError as error:
        message = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_input=False)
        )
    except Problem as error:
        notes = [str(note["message"]) for note in error.extensions.get("errors", ())]
        message = " ".join(dict.fromkeys([f"{error.code}:", error.title, *notes]))
    except OSError as error:
        message = f"{error.filename or 'the database'}: {error.strerror or 'is away'}"
    else:
        sys.stdout.write(json.dumps(answer, default=str, ensure_ascii=False) + "\n")
        if answer.get("is_intact") is False:
            raise SystemExit(1)
        return
    sys.stderr.write(message + "\n")
    raise SystemExit(2)


async def _with_database(config: CommandConfig, args: argparse.Namespace, clock: Clock) -> Output:
    try:
        provider = Keks(config.kek_files)
    except ValueError as error:
        raise BadInput(f"KEK_FILE: {error}") from None
    db = Database(
        config.database_url, config.database_system_url, pool_size=1, name="binding-command"
    )
    try:
        run: Command = args.run
        deps = Deps(
            db, clock, provider,
            anchor_file=config.audit_anchor_file,
            trust_file=config.service_trust_file,
            approve_after=timedelta(hours=config.approve_after_h),
            public_url=config.public_url,
        )  # fmt: skip
        return await run(deps, args)
    finally:
        await db.close()


def _password(args: argparse.Namespace) -> str | None:
    given = text_of(args.password_file).rstrip("\r\n") if args.password_file else None
    if given is not None and len(given) > bodies.PASSWORD_FIELD_MAX:
        raise BadInput("the password is too long")
    return given


async def _existing(deps: Deps, login: str, password: str | None, role: Role) -> User | None:
    """The account of that login, or None. BadInput when it has another role or password."""
    found = await accounts.find_account(deps, login)
    if found is None:
        return None
    user = found[0]
    if user.role != role.value:
        raise BadInput(f"the login {login} exists, as {user.role}")
    if password is not None and not await deps.passwords.is_right(password, user.password_hash):
        raise BadInput(f"the login {login} exists, with another password")
    return user


async def add_merchant(deps: Deps, args: argparse.Namespace) -> Output:
    body = oversight_schemas.MerchantBody(name=args.name, login=args.login, handle=args.handle)
    password = _password(args)
    user = await _existing(deps, body.login, password, Role.MERCHANT_OWNER)
    created = user is None
    if user is None:
        merchant, user = await merchants.create_merchant(
            deps,
            name=body.name,
            login=body.login,
            password=password,
            actor=ACTOR,
            merchant_id=args.id,
            handle=body.handle,
        )
    else:
        merchant = await merchants.get_merchant(deps, user.tenant_id)
        if merchant.name != body.name or args.id not in (None, merchant.tenant_id):
            raise BadInput(f"the login {body.login} exists, for another merchant")
        if body.handle not in (None, merchant.handle):
            raise BadInput(f"the merchant exists, under the handle {merchant.handle}")
    return {
        "merchant_id": user.tenant_id,
        "name": body.name,
        "handle": merchant.handle,
        "user_id": user.user_id,
        "login": user.login,
        "created": created,
        **await _first_link(deps, user),
    }


async def _first_link(deps: Deps, user: User) -> Output:
    """The link with which an account without a password chooses one; else nothing."""
    if user.password_hash:
        return {}
    return _link_output(deps, await links.make(deps, user.tenant_id, user.user_id, actor=ACTOR))


def _link_output(deps: Deps, link: Link) -> Output:
    address = f"{deps.public_url.rstrip('/')}{links.PAGE}#{link.token}"
    return {"password_link": address, "password_link_until": link.expires_at.isoformat()}


async def add_link(deps: Deps, args: argparse.Namespace) -> Output:
    """A link for somebody who has no colleague who could create it in the console."""
    found = await accounts.find_account(deps, args.login)
    if found is None or not found[0].is_enabled:
        raise BadInput(f"--login {args.login}: nobody who could sign in")
    user = found[0]
    link = await links.make(
        deps,
        user.tenant_id,
        user.user_id,
        actor=ACTOR,
        removes_second_factor=args.remove_second_factor,
    )
    return {"user_id": user.user_id, "login": user.login, "role": user.role} | _link_output(
        deps, link
    )


async def add_store(deps: Deps, args: argparse.Namespace) -> Output:
    name = tenancy_schemas.StoreBody(name=args.name).name
    store = await stores.find_store(deps, args.merchant, name)
    created = store is None
    if store is None:
        try:
            store = await stores.create_store(
                deps, args.merchant, name=name, actor=ACTOR, store_id=args.id
            )
        except NotFound:
            raise BadInput(f"--merchant {args.merchant}: no such merchant") from None
    elif args.id not in (None, store.store_id):
        raise BadInput(f"a store of that name exists under the id {store.store_id}")
    return {
        "merchant_id": args.merchant,
        "store_id": store.store_id,
        "name": store.name,
        "created": created,
    }


async def _add_account(deps: Deps, args: argparse.Namespace, tenant_id: UUID | None) -> Output:
    body = tenancy_schemas.AccountBody(login=args.login)
    password, role = _password(args), Role(args.role)
    user = await _existing(deps, body.login, password, role)
    created = user is None
    if user is None:
        user = await accounts.create_user(
            deps,
            tenant_id,
            role=role,
            login=body.login,
            password=password,
            actor=ACTOR,
        )
    elif tenant_id not in (None, user.tenant_id):
        raise BadInput(f"the login {body.login} exists, for another merchant")
    return {
        "user_id": user.user_id,
        "tenant_id": user.tenant_id,
        "login": user.login,
        "role": user.role,
        "created": created,
        **await _first_link(deps, user),
    }


async def add_operator(deps: Deps, args: argparse.Namespace) -> Output:
    return await _add_account(deps, args, None)


async def add_staff(deps: Deps, args: argparse.Namespace) -> Output:
    try:
        return await _add_account(deps, args, args.merchant)
    except NotFound:
        raise BadInput(f"--merchant {args.merchant}: no such merchant") from None


async def verify_audit(deps: Deps, args: argparse.Namespace) -> Output:
    """Verifies one chain or all; faults are given by tenant and number of the entry."""
    tenants = [args.merchant] if args.merchant else await audit_log.tenants_with_audit(deps)
    found = {str(tenant_id): await audit_log.verify_audit(deps, tenant_id) for tenant_id in tenants}
    return {
        "is_intact": all(result.is_intact for result in found.values()),
        "chains": len(found),
        "entries": sum(result.entries for result in found.values()),
        "broken": [
            {"merchant_id": tenant_id, "broken_at": result.broken_at, "why": result.why}
            for tenant_id, result in found.items()
            if not result.is_intact
        ],
    }
