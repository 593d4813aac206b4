"""`apps add`: binds an app from files, and waits for the live check of its keys."""

import argparse
import asyncio
from typing import Any

from services.binding.commands.input import ACTOR, BadInput, text_of
from services.binding.deps import Deps
from services.binding.keys import apps, bound_apps
from services.binding.keys import rules as keys_rules
from services.binding.keys.apps import AppChange
from services.binding.keys.bound_apps import BoundApp
from services.binding.keys.chosen import GivenKeys
from services.binding.keys.rules import RETIRE_AFTER_H_MAX
from services.binding.settings import views as settings_views
from shared.errors import NotFound

WAIT_S = 10.0
LOOK_EVERY_S = 0.1


def _given_keys(args: argparse.Namespace) -> GivenKeys:
    certificates = (args.app_cert, args.alipay_cert, args.alipay_root_cert)
    if (args.alipay_public_key is not None) == any(certificates):
        raise BadInput("--alipay-public-key, or the three certificates")
    if any(certificates) and not all(certificates):
        raise BadInput("--app-cert, --alipay-cert and --alipay-root-cert belong together")
    private_key = text_of(args.app_private_key)
    if args.alipay_public_key is not None:
        return GivenKeys("key", private_key, text_of(args.alipay_public_key))
    app, alipay, root = (text_of(path) for path in certificates)
    return GivenKeys("cert", private_key, None, app, alipay, root)


async def add_app(deps: Deps, args: argparse.Namespace) -> dict[str, Any]:
    if not keys_rules.is_app_id(args.app_id):
        raise BadInput("--app-id: 16 digits")
    existing = await bound_apps.list_apps(deps, args.merchant)
    known = next((bound for bound in existing if bound.app.app_id == args.app_id), None)
    seller_id = args.seller_id or (known.app.seller_id if known else "")
    for option, account in (
        ("--seller-id", seller_id), ("--service-provider-id", args.service_provider_id),
    ):  # fmt: skip
        if account and not keys_rules.is_seller_id(account):
            raise BadInput(f"{option}: 16 digits that begin with 2088")
    if args.retire_after_h is not None and not 0 <= args.retire_after_h <= RETIRE_AFTER_H_MAX:
        raise BadInput(f"--retire-after-h: 0 to {RETIRE_AFTER_H_MAX}")
    change = AppChange(
        app_id=args.app_id,
        seller_id=seller_id,
        is_enabled=not args.disabled,
        version=known.app.version if known else 0,
        given=_given_keys(args),
        service_provider_id=args.service_provider_id,
        aes_key_text=text_of(args.aes_key) if args.aes_key else None,
        retire_after_h=args.retire_after_h,
    )
    try:
        # The caller has the database and the key-encryption key, so an approval would add nothing.
        bound = await apps.bind_app(deps, args.merchant, change, actor=ACTOR, is_approved=True)
    except NotFound:
        raise BadInput(f"--merchant {args.merchant}: no such merchant") from None
    is_changed = known is None or bound.app.version != known.app.version
    bound = await _checked(deps, args, bound)
    app, key = bound.app, bound.keys[0]
    live_check = settings_views.app_out(bound, shows_people=False).live_check
    return {
        "merchant_id": args.merchant,
        "app_id": app.app_id,
        "seller_id": app.seller_id,
        "enabled": app.is_enabled,
        "version": app.version,
        "notify_route": app.notify_route,
        "mode": key.mode,
        "key_version": key.key_version,
        "fingerprint": key.fingerprint,
        "bits": key.bits,
        "app_public_key": key.app_public_key,
        "created": known is None,
        "changed": is_changed,
        "live_check": live_check.state,
        "remedy": live_check.remedy_en,
    }


async def _checked(deps: Deps, args: argparse.Namespace, bound: BoundApp) -> BoundApp:
    """The app after the worker has checked its keys, or as it is when the wait is over."""
    now = asyncio.get_running_loop().time
    until = now() + args.wait
    while bound.keys[0].is_pending and now() < until:
        await asyncio.sleep(LOOK_EVERY_S)
        bound = await bound_apps.own_app(deps, args.merchant, bound.app.app_id)
    return bound
