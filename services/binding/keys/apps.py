"""The use cases of bound apps: one record for both settings pages, with sealed keys (S32-S37).

A change of our key or of Alipay's key makes a new key version (`versions`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import queries
from services.binding.audit.record import actor_label, audit
from services.binding.deps import Deps
from services.binding.keys import generated, pasted, repo, rules
from services.binding.keys import versions as key_versions
from services.binding.keys.app_secrets import AES, GRANT, is_new, put_secret
from services.binding.keys.bound_apps import BoundApp
from services.binding.keys.chosen import GivenKeys, Pair, read_pair
from services.binding.models import App, AppKey
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from shared.errors import InvalidBody, NotFound
from shared.ids import random_token
from shared.keys.rsa_keys import PublicKey

ROUTE_BYTES = 24


@dataclass(frozen=True, slots=True)
class AppChange:
    """The wanted values of a binding; None: stays as it is, "": is removed."""

    app_id: str
    seller_id: str | None
    is_enabled: bool
    version: int
    """the version that was read before the change; 0 for a first binding"""
    given: GivenKeys = field(default_factory=GivenKeys)
    service_provider_id: str | None = None
    aes_key_text: str | None = field(default=None, repr=False)
    app_auth_token: str | None = field(default=None, repr=False)
    retire_after_h: int | None = None
    """how long replaced versions stay usable: the one that this change replaces from then on, older
    ones that would last longer from now on; None: RETIRED_KEY_GRACE for the replaced one"""
    key_pair_id: UUID | None = None
    """the key pair made here that the private key is from; the binding erases its private half"""


@dataclass(frozen=True, slots=True)
class ReadChange:
    """A change whose key texts have been read and are valid."""

    keys: tuple[pasted.PrivateKey | None, PublicKey | None]
    secrets: dict[str, str | None]


async def read_change(deps: Deps, change: AppChange) -> ReadChange:
    given = change.given
    pair = await deps.expensive.keys.run(
        pasted.read_keys, given.private_key_text, given.alipay_key_text, ()
    )
    aes_key = pasted.read_aes_key(change.aes_key_text) if change.aes_key_text is not None else None
    grant = pasted.read_grant(change.app_auth_token) if change.app_auth_token is not None else None
    return ReadChange(pair, {AES: aes_key, GRANT: grant})


async def bind_app(
    deps: Deps,
    tenant_id: UUID,
    change: AppChange,
    *,
    actor: str,
    is_approved: bool,
) -> BoundApp:
    """Binds an app, or changes its binding. The same content changes nothing, so a request whose
    response was lost can be repeated. Other content needs the version it was made from, else
    StaleVersion. Raises ApprovalNeeded for a valid change when the merchant requires a second
    person and `is_approved` is false."""
    read = await read_change(deps, change)
    async with deps.db.tx(tenant_id) as tx:
        return await bind(deps, tx, tenant_id, change, read, actor, is_approved=is_approved)


async def bind(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    change: AppChange,
    read: ReadChange,
    actor: str,
    *,
    is_approved: bool,
) -> BoundApp:
    """`bind_app` in the caller's transaction, with a change that has been read."""
    await queries.lock(tx, f"app:{change.app_id}")
    # Checked under the lock, so that an earlier binding has been committed.
    if await key_versions.proven_owner(deps, change.app_id) not in (None, tenant_id):
        raise rules.AppBoundElsewhere
    merchant = await tenancy_repo.merchant_kept(tx, tenant_id)
    if merchant is None:
        raise NotFound
    app = await repo.app_for_update(tx, tenant_id, change.app_id)
    versions = await repo.app_keys(tx, tenant_id, change.app_id)
    bound = await _changed(deps, tx, app, versions, change, read, actor, tenant_id)
    if bound is None:
        return BoundApp(cast(App, app), versions)
    if not is_approved and merchant.dual_control:
        raise tenancy_rules.ApprovalNeeded  # the exception rolls the change back
    return bound


async def _changed(
    deps: Deps,
    tx: AsyncSession,
    app: App | None,
    versions: Sequence[AppKey],
    change: AppChange,
    read: ReadChange,
    actor: str,
    tenant_id: UUID,
) -> BoundApp | None:
    """Applies the change: the app after it; None when there is nothing to change."""
    now = deps.clock.now()
    pair = _pair(change, read.keys, versions, now)
    before = key_versions.facts(app, versions[0]) if app is not None else None
    secrets = {
        purpose: text for purpose, text in read.secrets.items() if is_new(deps, app, purpose, text)
    }
    if app is None:
        _require_version(change, 0)
        app = _new_app(deps, tenant_id, change)
        tx.add(app)
        await tx.flush()
    else:
        if pair is None and not secrets and not _differs(app, versions, change, now):
            return None
        _require_version(change, app.version)
        if pair is not None:
            _require_apart(secrets, versions, now)
        _apply(app, change, now)
    app.updated_by = await actor_label(tx, tenant_id, actor, now)
    for purpose, text in secrets.items():
        await put_secret(deps, tx, app, purpose, text or "")
    if change.retire_after_h is not None:
        at = key_versions.retire_at(change.retire_after_h, now)
        await repo.draw_app_keys_forward(tx, tenant_id, app.app_id, at)
    if pair is not None:
        await key_versions.add(deps, tx, app, versions, pair, change.retire_after_h)
    if change.key_pair_id is not None:
        is_left = await repo.erase_key_pair(tx, tenant_id, change.key_pair_id)
        if pair is not None and not is_left:
            raise NotFound(generated.GONE)
    versions = await repo.app_keys(tx, tenant_id, app.app_id)
    entry = (actor, "app.change" if before else "app.bind", app.app_id)
    await audit(
        deps, tx, tenant_id, entry, before=before, after=key_versions.facts(app, versions[0])
    )
    await key_versions.publish_bound(deps, tx, app, versions)
    return BoundApp(app, versions)


def _require_apart(
    secrets: dict[str, str | None], versions: Sequence[AppKey], now: datetime
) -> None:
    """InvalidBody for new secrets together with new keys: the keys wait for their check, but the
    secrets would at once be used with the keys that are in use."""
    sells = any(key.verified_at and (key.not_after is None or now < key.not_after)
                for key in versions)  # fmt: skip
    if secrets and sells:
        message = "新密钥通过检测后再单独保存 save it by itself once the new keys count"
        pointers = {AES: "/aes_key", GRANT: "/app_auth_token"}
        raise InvalidBody(
            errors=[
                {"pointer": pointers[purpose], "message": message} for purpose in sorted(secrets)
            ]
        )


def _apply(app: App, change: AppChange, now: datetime) -> None:
    app.seller_id, app.is_enabled = _seller_after(app, change), change.is_enabled
    if change.service_provider_id is not None:
        app.service_provider_id = change.service_provider_id
    app.version += 1
    app.updated_at = now


def _seller_after(app: App, change: AppChange) -> str:
    """The account after the change. Notices are checked against it, so it can be changed but not
    emptied."""
    if change.seller_id is None:
        return app.seller_id
    if not change.seller_id and app.seller_id:
        message = "收款账户只能更改，不能清空 it can be changed, not emptied"
        raise InvalidBody(errors=[{"pointer": "/seller_id", "message": message}])
    return change.seller_id


def _pair(
    change: AppChange,
    read: tuple[pasted.PrivateKey | None, PublicKey | None],
    versions: Sequence[AppKey],
    now: datetime,
) -> Pair | None:
    """The new keys of the binding; None when they do not change. Keys that were not given again are
    not checked again, because an expired certificate must not prevent switching an app off."""
    newest = versions[0] if versions else None
    given = change.given
    if newest is not None and given.is_empty and given.mode_after(newest) == newest.mode:
        return None
    pair = read_pair(given, *read, versions, now)
    return None if newest is not None and pair.is_same(newest) else pair


def _differs(app: App, versions: Sequence[AppKey], change: AppChange, now: datetime) -> bool:
    """Whether anything apart from keys and secrets changes."""
    provider_id = change.service_provider_id
    if provider_id is not None and provider_id != app.service_provider_id:
        return True
    if (_seller_after(app, change), change.is_enabled) != (app.seller_id, app.is_enabled):
        return True
    if change.retire_after_h is None:
        return False
    retire_at = key_versions.retire_at(change.retire_after_h, now)
    return any(key.not_after is not None and key.not_after > retire_at for key in versions)


def _require_version(change: AppChange, current: int) -> None:
    if change.version != current:
        raise tenancy_rules.StaleVersion(current_version=current)


def _new_app(deps: Deps, tenant_id: UUID, change: AppChange) -> App:
    now = deps.clock.now()
    return App(
        tenant_id=tenant_id,
        app_id=change.app_id,
        seller_id=change.seller_id or "",
        notify_route=random_token(ROUTE_BYTES),
        is_enabled=change.is_enabled,
        service_provider_id=change.service_provider_id or "",
        version=1,
        created_at=now,
        updated_at=now,
    )
