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


def _given_keys(words: argparse.Namespace) -> GivenKeys:
    certificates = (words.app_cert, words.alipay_cert, words.alipay_root_cert)
    if (words.alipay_public_key is not None) == any(certificates):
        raise BadInput("--alipay-public-key, or the three certificates")
    if any(certificates) and not all(certificates):
        raise BadInput("--app-cert, --alipay-cert and --alipay-root-cert belong together")
    private_key = text_of(words.app_private_key)
    if words.alipay_public_key is not None:
        return GivenKeys("key", private_key, text_of(words.alipay_public_key))
    app, alipay, root = (text_of(path) for path in certificates)
    return GivenKeys("cert", private_key, None, app, alipay, root)


async def add_app(deps: Deps, words: argparse.Namespace) -> dict[str, Any]:
    if not keys_rules.is_app_id(words.app_id):
        raise BadInput("--app-id: 16 digits")
    mine = await bound_apps.list_apps(deps, words.merchant)
    known = next((bound for bound in mine if bound.app.app_id == words.app_id), None)
    seller_id = words.seller_id or (known.app.seller_id if known else "")
    for option, account in (
        ("--seller-id", seller_id), ("--service-provider-id", words.service_provider_id),
    ):  # fmt: skip
        if account and not keys_rules.is_seller_id(account):
            raise BadInput(f"{option}: 16 digits that begin with 2088")
    if words.retire_after_h is not None and not 0 <= words.retire_after_h <= RETIRE_AFTER_H_MAX:
        raise BadInput(f"--retire-after-h: 0 to {RETIRE_AFTER_H_MAX}")
    change = AppChange(
        app_id=words.app_id,
        seller_id=seller_id,
        is_enabled=not words.disabled,
        version=known.app.version if known else 0,
        given=_given_keys(words),
        service_provider_id=words.service_provider_id,
        aes_key_text=text_of(words.aes_key) if words.aes_key else None,
        retire_after_h=words.retire_after_h,
    )
    try:
        # Whoever runs this holds the database and the key-encryption key: no second person helps.
        bound = await apps.bind_app(deps, words.merchant, change, actor=ACTOR, is_approved=True)
    except NotFound:
        raise BadInput(f"--merchant {words.merchant}: no such merchant") from None
    is_changed = known is None or bound.app.version != known.app.version
    bound = await _checked(deps, words, bound)
    app, key = bound.app, bound.keys[0]
    verdict = settings_views.app_out(bound, shows_people=False).live_check
    return {
        "merchant_id": words.merchant,
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
        "live_check": verdict.state,
        "remedy": verdict.remedy_en,
    }


async def _checked(deps: Deps, words: argparse.Namespace, bound: BoundApp) -> BoundApp:
    """The app once the worker has checked its keys, or as it is when the time is up."""
    now = asyncio.get_running_loop().time
    until = now() + words.wait
    while bound.keys[0].is_pending and now() < until:
        await asyncio.sleep(LOOK_EVERY_S)
        bound = await bound_apps.own_app(deps, words.merchant, bound.app.app_id)
    return bound
