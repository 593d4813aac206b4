"""The use cases of bound apps: one record behind two settings pages, its keys sealed (S32-S37).

A change of either key makes a new key version; the version before it stays usable for a day, for
answers and notifications already under way, then its private half is erased.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import domain, keys, repo
from services.binding.models import App, AppKey, DataKey
from services.binding.service import Deps, audit
from shared import outbox
from shared.errors import InvalidBody, NotFound
from shared.events.base import stamp
from shared.events.binding import AppBound
from shared.ids import random_token
from shared.sealed import new_data_key, open_sealed, seal

KEY_PURPOSE = "app-private-key"
ROUTE_BYTES = 24


@dataclass(frozen=True, slots=True)
class BoundApp:
    """An app with its key versions, newest first."""

    app: App
    keys: Sequence[AppKey]


@dataclass(frozen=True, slots=True)
class AppChange:
    """What somebody wants a binding to be; None leaves a key as it is."""

    app_id: str
    seller_id: str
    is_enabled: bool
    version: int
    """the version that was read before the change; 0 for a first binding"""
    private_key_text: str | None = field(default=None, repr=False)
    alipay_key_text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Pair:
    """The keys a binding shall have."""

    app_public_key: str
    alipay_public_key: str
    fingerprint: str
    bits: int
    pkcs8: bytes | None = field(default=None, repr=False)
    """only when a private key was given"""

    def is_same(self, key: AppKey) -> bool:
        return (self.app_public_key, self.alipay_public_key) == (
            key.app_public_key,
            key.alipay_public_key,
        )


async def list_apps(deps: Deps, tenant_id: UUID) -> list[BoundApp]:
    async with deps.db.read(tenant_id) as tx:
        return [
            BoundApp(app, await repo.app_keys(tx, tenant_id, app.app_id))
            for app in await repo.apps(tx, tenant_id)
        ]


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


async def bind_app(deps: Deps, tenant_id: UUID, change: AppChange, *, actor: str) -> BoundApp:
    """Binds an app, or changes its binding. The same content again changes nothing, so that a
    lost answer may be asked for again; other content needs the version it was made from."""
    given = await asyncio.to_thread(
        keys.read_keys, change.private_key_text, change.alipay_key_text, ()
    )
    async with deps.db.tx(tenant_id) as tx:
        await repo.lock(tx, f"app:{change.app_id}")
        owner = await repo.app_owner(tx, change.app_id)
        if owner not in (None, tenant_id):
            raise domain.AppBoundElsewhere
        if await repo.merchant(tx, tenant_id) is None:
            raise NotFound
        app = await repo.app_for_update(tx, tenant_id, change.app_id)
        versions = await repo.app_keys(tx, tenant_id, change.app_id)
        pair = _combine(given, versions)
        before = _facts(app, versions[0]) if app is not None else None
        if app is None:
            _require_version(change, 0)
            app = _new_app(deps, tenant_id, change)
            tx.add(app)
            await tx.flush()
        elif not _differs(app, versions[0], change, pair):
            return BoundApp(app, versions)
        else:
            _require_version(change, app.version)
            app.seller_id, app.is_enabled = change.seller_id, change.is_enabled
            app.version += 1
            app.updated_at = deps.clock.now()
        if not versions or not pair.is_same(versions[0]):
            versions = [await _add_key(deps, tx, app, versions, pair), *versions]
        await _tell(deps, tx, app, versions[0], before, actor)
    return BoundApp(app, versions)


def _combine(
    given: tuple[keys.PrivateKey | None, keys.PublicKey | None], versions: Sequence[AppKey]
) -> _Pair:
    """The pair that results when what was not given stays; refuses a mixed-up one (S129)."""
    private, alipay = given
    if not versions:
        if private is None or alipay is None:
            raise InvalidBody(
                errors=[
                    {"pointer": pointer, "message": "needed for the first binding"}
                    for pointer, key in zip(
                        (keys.PRIVATE_FIELD, keys.PUBLIC_FIELD), given, strict=True
                    )
                    if key is None
                ]
            )
        own, alipay_spki = private.public, alipay.spki
    else:
        newest = versions[0]
        kept = keys.PublicKey(newest.app_public_key, newest.fingerprint, newest.bits)
        own = private.public if private else kept
        alipay_spki = alipay.spki if alipay else newest.alipay_public_key
    # Older application keys count, too: after a rotation the old one is still in people's files.
    if alipay_spki in {own.spki, *(key.app_public_key for key in versions)}:
        raise keys.OwnPublicKey(keys.PUBLIC_FIELD)
    return _Pair(
        own.spki, alipay_spki, own.fingerprint, own.bits, private.pkcs8 if private else None
    )


def _differs(app: App, key: AppKey, change: AppChange, pair: _Pair) -> bool:
    wanted = (change.seller_id, change.is_enabled)
    return wanted != (app.seller_id, app.is_enabled) or not pair.is_same(key)


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
        version=1,
        created_at=now,
        updated_at=now,
    )


async def _add_key(
    deps: Deps, tx: AsyncSession, app: App, versions: Sequence[AppKey], pair: _Pair
) -> AppKey:
    """A new version, sealed for its own row; when only Alipay's key is new, the private half is
    sealed again, because a box opens for one version only."""
    number = versions[0].key_version + 1 if versions else 1
    aad = f"{app.tenant_id}|{app.app_id}|{KEY_PURPOSE}|{number}"
    pkcs8 = pair.pkcs8
    if pkcs8 is None:
        newest = versions[0]
        pkcs8 = open_sealed(deps.key_provider, newest.private_key_box or "", newest.private_key_aad)
    wrapped = await _data_key(deps, tx, app.tenant_id)
    now = deps.clock.now()
    await repo.retire_app_keys(tx, app.tenant_id, app.app_id, now)
    key = AppKey(
        tenant_id=app.tenant_id,
        app_id=app.app_id,
        key_version=number,
        private_key_box=seal(deps.key_provider, wrapped, pkcs8, aad),
        private_key_aad=aad,
        app_public_key=pair.app_public_key,
        alipay_public_key=pair.alipay_public_key,
        fingerprint=pair.fingerprint,
        bits=pair.bits,
        created_at=now,
    )
    tx.add(key)
    await tx.flush()
    return key


async def _data_key(deps: Deps, tx: AsyncSession, tenant_id: UUID) -> bytes:
    kek_id = deps.key_provider.kek_id
    known = await repo.data_key(tx, tenant_id, KEY_PURPOSE, kek_id)
    if known is not None:
        return known
    _, wrapped = new_data_key(deps.key_provider)
    return await repo.put_data_key(
        tx,
        DataKey(
            tenant_id=tenant_id,
            purpose=KEY_PURPOSE,
            kek_id=kek_id,
            wrapped=wrapped,
            created_at=deps.clock.now(),
        ),
    )


def _facts(app: App, key: AppKey) -> dict[str, Any]:
    """What the audit log keeps of a binding: fingerprints, never keys."""
    return {
        "seller_id": app.seller_id,
        "enabled": app.is_enabled,
        "version": app.version,
        "key_version": key.key_version,
        "fingerprint": key.fingerprint,
        "alipay_fingerprint": keys.fingerprint_of(key.alipay_public_key),
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
