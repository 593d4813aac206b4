"""The use cases of bound apps: one record behind two settings pages, its keys sealed (S32-S37).

A change of either half makes a new key version; the version before it stays usable for a while (a
day, unless told otherwise), for answers and notifications already under way, then its private half
is erased.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import domain, keys, repo
from services.binding.models import App, AppKey
from services.binding.pairs import GivenKeys, Pair, read_pair
from services.binding.sealing import seal_row
from services.binding.service import Deps, audit, signature
from shared import outbox
from shared.errors import NotFound
from shared.events.base import stamp
from shared.events.binding import AppBound
from shared.ids import random_token
from shared.sealed import open_sealed

KEY_PURPOSE = "app-private-key"
AES = "app-aes-key"
GRANT = "app-auth-token"
ROUTE_BYTES = 24


@dataclass(frozen=True, slots=True)
class BoundApp:
    """An app with its key versions, newest first."""

    app: App
    keys: Sequence[AppKey]


@dataclass(frozen=True, slots=True)
class AppChange:
    """What somebody wants a binding to be; None leaves what there is, "" takes it away."""

    app_id: str
    seller_id: str
    is_enabled: bool
    version: int
    """the version that was read before the change; 0 for a first binding"""
    given: GivenKeys = field(default_factory=GivenKeys)
    service_provider_id: str | None = None
    aes_key_text: str | None = field(default=None, repr=False)
    app_auth_token: str | None = field(default=None, repr=False)
    retire_after_h: int | None = None
    """how long replaced versions stay usable: from now, for the one that this change replaces and
    for older ones that would last longer; None: RETIRED_KEY_GRACE for the replaced one"""

    @property
    def has_keys(self) -> bool:
        """Whether key material or a secret is given, as opposed to switches and numbers."""
        secrets = (self.aes_key_text, self.app_auth_token)
        return not self.given.says_nothing or any(text is not None for text in secrets)


async def list_apps(deps: Deps, tenant_id: UUID) -> list[BoundApp]:
    async with deps.db.read(tenant_id) as tx:
        return [
            BoundApp(app, await repo.app_keys(tx, tenant_id, app.app_id))
            for app in await repo.apps(tx, tenant_id)
        ]


async def own_app(deps: Deps, tenant_id: UUID, app_id: str) -> BoundApp:
    """One app of the merchant's own; anybody else's does not exist."""
    async with deps.db.read(tenant_id) as tx:
        app = await repo.app_by_id(tx, app_id)
        if app is None or app.tenant_id != tenant_id:
            raise NotFound
        return BoundApp(app, await repo.app_keys(tx, tenant_id, app_id))


async def find_app(deps: Deps, *, app_id: str = "", notify_route: str = "") -> BoundApp:
    """For the gateway: whose app this is, with the key versions that still count."""
    now = deps.clock.now()
    async with deps.db.read(None) as tx:
        if app_id:
            app = await repo.app_by_id(tx, app_id) if domain.is_app_id(app_id) else None
        else:
            is_ours = domain.is_notify_route(notify_route)
            app = await repo.app_by_route(tx, notify_route) if is_ours else None
        if app is None:
            raise NotFound
        versions = await repo.app_keys(tx, app.tenant_id, app.app_id)
    alive = [
        key
        for key in versions
        if key.private_key_box is not None and (key.not_after is None or now < key.not_after)
    ]
    return BoundApp(app, alive)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The egress signed with that version at that time."""

    tenant_id: UUID
    app_id: str
    key_version: int
    used_at: datetime


async def note_key_uses(deps: Deps, uses: Sequence[KeyUse]) -> None:
    """Keeps the latest use of each version; what is not there any longer is passed over. In one
    order, so that two reports cannot wait for each other."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        for use in sorted(uses, key=lambda one: (one.tenant_id, one.app_id, one.key_version)):
            # A clock that runs ahead must not hide the uses to come.
            at = min(use.used_at, now)
            await repo.app_key_used(tx, use.tenant_id, use.app_id, use.key_version, at)


@dataclass(frozen=True, slots=True)
class _Read:
    """A change whose texts have been read and found good."""

    keys: tuple[keys.PrivateKey | None, keys.PublicKey | None]
    secrets: dict[str, str | None]


async def _read(deps: Deps, change: AppChange) -> _Read:
    given = change.given
    pair = await deps.costly.keys.run(
        keys.read_keys, given.private_key_text, given.alipay_key_text, ()
    )
    aes_key = keys.read_aes_key(change.aes_key_text) if change.aes_key_text is not None else None
    grant = keys.read_grant(change.app_auth_token) if change.app_auth_token is not None else None
    return _Read(pair, {AES: aes_key, GRANT: grant})


async def bind_app(deps: Deps, tenant_id: UUID, change: AppChange, *, actor: str) -> BoundApp:
    """Binds an app, or changes its binding. The same content again changes nothing, so that a
    lost answer may be asked for again; other content needs the version it was made from."""
    read = await _read(deps, change)
    async with deps.db.tx(tenant_id) as tx:
        return await _bind(deps, tx, tenant_id, change, read, actor)


class _Rehearsed(Exception):
    """Ends a rehearsal: its transaction is rolled back."""


async def rehearse(deps: Deps, tenant_id: UUID, change: AppChange, *, actor: str) -> None:
    """Raises what `bind_app` would raise, and changes nothing."""
    read = await _read(deps, change)
    try:
        async with deps.db.tx(tenant_id) as tx:
            await _bind(deps, tx, tenant_id, change, read, actor)
            raise _Rehearsed
    except _Rehearsed:
        return


async def _bind(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, change: AppChange, read: _Read, actor: str
) -> BoundApp:
    now = deps.clock.now()
    await repo.lock(tx, f"app:{change.app_id}")
    # Under the lock, so that whoever bound it before has committed.
    async with deps.db.read(None) as all_tenants:
        owner = await repo.app_owner(all_tenants, change.app_id)
    if owner not in (None, tenant_id):
        raise domain.AppBoundElsewhere
    if await repo.merchant(tx, tenant_id) is None:
        raise NotFound
    app = await repo.app_for_update(tx, tenant_id, change.app_id)
    versions = await repo.app_keys(tx, tenant_id, change.app_id)
    pair = _pair(change, read.keys, versions, now)
    before = _facts(app, versions[0]) if app is not None else None
    secrets = {what: told for what, told in read.secrets.items() if _is_new(deps, app, what, told)}
    if app is None:
        _require_version(change, 0)
        app = _new_app(deps, tenant_id, change)
        tx.add(app)
        await tx.flush()
    elif pair is None and not secrets and not _differs(app, versions, change, now):
        return BoundApp(app, versions)
    else:
        _require_version(change, app.version)
        app.seller_id, app.is_enabled = change.seller_id, change.is_enabled
        if change.service_provider_id is not None:
            app.service_provider_id = change.service_provider_id
        app.version += 1
        app.updated_at = now
    app.updated_by = await signature(tx, tenant_id, actor, now)
    for what, told in secrets.items():
        await _put_secret(deps, tx, app, what, told or "")
    await repo.retire_app_keys(
        tx, tenant_id, app.app_id, _retire_at(change, now),
        newest=pair is not None, older=change.retire_after_h is not None,
    )  # fmt: skip
    if pair is not None:
        await _add_key(deps, tx, app, versions, pair)
    versions = await repo.app_keys(tx, tenant_id, app.app_id)
    await _tell(deps, tx, app, versions[0], before, actor)
    return BoundApp(app, versions)


def _pair(
    change: AppChange,
    read: tuple[keys.PrivateKey | None, keys.PublicKey | None],
    versions: Sequence[AppKey],
    now: datetime,
) -> Pair | None:
    """The keys the binding shall have, or None when it has them. What was not given again is not
    judged again: an expired certificate must not stop anybody from switching an app off."""
    newest = versions[0] if versions else None
    given = change.given
    if newest is not None and given.says_nothing and given.mode_after(newest) == newest.mode:
        return None
    pair = read_pair(given, *read, versions, now)
    return None if newest is not None and pair.is_same(newest) else pair


def _differs(app: App, versions: Sequence[AppKey], change: AppChange, now: datetime) -> bool:
    """Whether anything but keys and secrets is to change."""
    provider_id = change.service_provider_id
    if provider_id is not None and provider_id != app.service_provider_id:
        return True
    if (change.seller_id, change.is_enabled) != (app.seller_id, app.is_enabled):
        return True
    if change.retire_after_h is None:
        return False
    retire_at = _retire_at(change, now)
    return any(key.not_after is not None and key.not_after > retire_at for key in versions)


def _retire_at(change: AppChange, now: datetime) -> datetime:
    hours = change.retire_after_h
    return now + (domain.RETIRED_KEY_GRACE if hours is None else timedelta(hours=hours))


def _require_version(change: AppChange, current: int) -> None:
    if change.version != current:
        raise domain.StaleVersion(current_version=current)


def _new_app(deps: Deps, tenant_id: UUID, change: AppChange) -> App:
    now = deps.clock.now()
    return App(
        tenant_id=tenant_id,
        app_id=change.app_id,
        seller_id=change.seller_id,
        notify_route=random_token(ROUTE_BYTES),
        is_enabled=change.is_enabled,
        service_provider_id=change.service_provider_id or "",
        version=1,
        created_at=now,
        updated_at=now,
    )


async def _add_key(
    deps: Deps, tx: AsyncSession, app: App, versions: Sequence[AppKey], pair: Pair
) -> None:
    """A new version, sealed for its own row; when only Alipay's half is new, the private half is
    sealed again, because a box opens for one version only."""
    number = versions[0].key_version + 1 if versions else 1
    aad = f"{app.tenant_id}|{app.app_id}|{KEY_PURPOSE}|{number}"
    pkcs8 = pair.pkcs8
    if pkcs8 is None:
        newest = versions[0]
        pkcs8 = open_sealed(deps.key_provider, newest.private_key_box or "", newest.private_key_aad)
    key = AppKey(
        tenant_id=app.tenant_id,
        app_id=app.app_id,
        key_version=number,
        private_key_box=await seal_row(deps, tx, app.tenant_id, KEY_PURPOSE, pkcs8, aad),
        private_key_aad=aad,
        created_at=deps.clock.now(),
        **pair.columns(),
    )
    tx.add(key)
    await tx.flush()


# --- the app's other secrets: written, never shown


def _secret_of(app: App, purpose: str) -> tuple[str | None, str | None]:
    if purpose == AES:
        return app.aes_key_box, app.aes_key_aad
    return app.app_auth_token_box, app.app_auth_token_aad


def _is_new(deps: Deps, app: App | None, purpose: str, told: str | None) -> bool:
    """Whether that was told, and is not what is sealed already."""
    if told is None:
        return False
    box, aad = _secret_of(app, purpose) if app is not None else (None, None)
    there = open_sealed(deps.key_provider, box, aad or "") if box else b""
    return not hmac.compare_digest(there, told.encode())


async def _put_secret(deps: Deps, tx: AsyncSession, app: App, purpose: str, told: str) -> None:
    """Sealed for this app and this version of its binding; "" takes it away."""
    box = aad = None
    if told:
        aad = f"{app.tenant_id}|{app.app_id}|{purpose}|{app.version}"
        box = await seal_row(deps, tx, app.tenant_id, purpose, told.encode(), aad)
    if purpose == AES:
        app.aes_key_box, app.aes_key_aad = box, aad
    else:
        app.app_auth_token_box, app.app_auth_token_aad = box, aad


def _facts(app: App, key: AppKey) -> dict[str, Any]:
    """What the audit log keeps of a binding: fingerprints, never keys."""
    return {
        "seller_id": app.seller_id,
        "enabled": app.is_enabled,
        "version": app.version,
        "key_version": key.key_version,
        "fingerprint": key.fingerprint,
        "alipay_fingerprint": keys.fingerprint_of(key.alipay_public_key),
        "mode": key.mode,
        "app_cert_sn": key.app_cert_sn,
        "alipay_cert_sn": key.alipay_cert_sn,
        "service_provider_id": app.service_provider_id,
        "has_aes_key": app.aes_key_box is not None,
        "has_app_auth_token": app.app_auth_token_box is not None,
    }


async def _tell(
    deps: Deps,
    tx: AsyncSession,
    app: App,
    key: AppKey,
    before: dict[str, Any] | None,
    actor: str,
) -> None:
    what = (actor, "app.change" if before else "app.bind", app.app_id)
    await audit(deps, tx, app.tenant_id, what, before=before, after=_facts(app, key))
    event = AppBound(
        **stamp(app.tenant_id, deps.clock),
        app_id=app.app_id,
        seller_id=app.seller_id,
        notify_route=app.notify_route,
        key_version=key.key_version,
        enabled=app.is_enabled,
    )
    await outbox.add(tx, event)
