"""The use cases of a merchant's own record: its name and edition, its stores' names, and how it is
paid through WeChat (S38, S118, S119)."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import domain, keys, people_repo, repo
from services.binding.models import Merchant, Store, WechatSettings
from services.binding.sealing import seal_secret
from services.binding.service import Deps, audit
from shared import outbox
from shared.errors import InvalidBody, NotFound
from shared.events.base import stamp
from shared.events.binding import StoreRenamed

V3_KEY_PURPOSE = "wechat-api-v3-key"
PRIVATE_KEY_PURPOSE = "wechat-private-key"
V3_KEY_LENGTH = 32


@dataclass(frozen=True, slots=True)
class WechatChange:
    """What the settings shall be; a secret that is None stays."""

    mch_id: str
    app_id: str
    cert_serial: str
    is_enabled: bool
    version: int
    api_v3_key: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class MerchantChange:
    """New values by column, made from that version."""

    values: dict[str, Any]
    version: int


async def change_merchant(
    deps: Deps, tenant_id: UUID, change: MerchantChange, *, actor: str, is_approved: bool
) -> Merchant:
    """The same values again change nothing. Raises ApprovalNeeded when the second approver would
    be switched off by one person: what weakens a control is under that control."""
    async with deps.db.tx(tenant_id) as tx:
        return await put_merchant(deps, tx, tenant_id, change, actor, is_approved=is_approved)


async def put_merchant(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    change: MerchantChange,
    actor: str,
    *,
    is_approved: bool,
) -> Merchant:
    """The same within the caller's transaction."""
    merchant = await repo.merchant_for_update(tx, tenant_id)
    if merchant is None:
        raise NotFound
    before = {name: getattr(merchant, name) for name in change.values}
    if before == change.values:
        return merchant
    if change.version != merchant.version:
        raise domain.StaleVersion(current_version=merchant.version)
    was_dual = merchant.dual_control
    for name, value in change.values.items():
        setattr(merchant, name, value)
    merchant.version += 1
    if was_dual and not merchant.dual_control and not is_approved:
        raise domain.ApprovalNeeded
    what = (actor, "merchant.change", str(tenant_id))
    await audit(deps, tx, tenant_id, what, before=before, after=change.values)
    return merchant


async def rename_store(
    deps: Deps, tenant_id: UUID, store_id: UUID, *, name: str, version: int, actor: str
) -> Store:
    async with deps.db.tx(tenant_id) as tx:
        await repo.lock(tx, f"stores:{tenant_id}")
        store = await people_repo.store_for_update(tx, tenant_id, store_id)
        if store is None:
            raise NotFound
        if store.name == name:
            return store
        if version != store.version:
            raise domain.StaleVersion(current_version=store.version)
        if await repo.store_by_name(tx, tenant_id, name) is not None:
            raise domain.StoreNameTaken
        what = (actor, "store.rename", str(store_id))
        await audit(deps, tx, tenant_id, what, before={"name": store.name}, after={"name": name})
        store.name = name
        store.version += 1
        event = StoreRenamed(**stamp(tenant_id, deps.clock), store_id=store_id, name=name)
        await outbox.add(tx, event)
    return store


async def show_wechat(deps: Deps, tenant_id: UUID) -> WechatSettings | None:
    async with deps.db.read(tenant_id) as tx:
        return await people_repo.wechat_settings(tx, tenant_id)


async def change_wechat(
    deps: Deps, tenant_id: UUID, change: WechatChange, *, actor: str, is_approved: bool
) -> WechatSettings:
    """Saves them whole or not at all; enabled only when nothing is missing. Raises ApprovalNeeded
    when the merchant's rule asks for a second person: they decide who is paid through WeChat."""
    private = await read_wechat(deps, change)
    async with deps.db.tx(tenant_id) as tx:
        return await put_wechat(
            deps, tx, tenant_id, change, private, actor, is_approved=is_approved
        )


async def read_wechat(deps: Deps, change: WechatChange) -> keys.PrivateKey | None:
    """The private key of the change, if it brings one; refuses secrets that do not read."""
    return await deps.costly.keys.run(_read_secrets, change)


async def put_wechat(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    change: WechatChange,
    private: keys.PrivateKey | None,
    actor: str,
    *,
    is_approved: bool,
) -> WechatSettings:
    """The same within the caller's transaction, on a change that has been read."""
    await repo.lock(tx, f"wechat:{tenant_id}")
    merchant = await repo.merchant_kept(tx, tenant_id)
    if merchant is None:
        raise NotFound
    row = await people_repo.wechat_settings(tx, tenant_id)
    current = row.version if row else 0
    if change.version != current:
        raise domain.StaleVersion(current_version=current)
    before = _facts(row) if row else None
    if row is None:
        row = WechatSettings(
            tenant_id=tenant_id, api_v3_key_aad="", private_key_aad="", fingerprint="", version=0
        )
        tx.add(row)
    row.mch_id, row.app_id = change.mch_id, change.app_id
    row.cert_serial, row.is_enabled = change.cert_serial, change.is_enabled
    row.version, row.updated_at = current + 1, deps.clock.now()
    await _seal_secrets(deps, tx, row, change, private)
    secrets = (row.api_v3_key_box, row.private_key_box)
    if row.is_enabled and not all((row.mch_id, row.app_id, row.cert_serial, *secrets)):
        raise domain.SettingsIncomplete
    await tx.flush()
    if merchant.dual_control and not is_approved:
        raise domain.ApprovalNeeded
    given = [
        name
        for name, value in (("api_v3_key", change.api_v3_key), ("private_key", private))
        if value is not None
    ]
    what = (actor, "settings.wechat", row.mch_id)
    after = _facts(row) | {"secrets_given": given}
    await audit(deps, tx, tenant_id, what, before=before, after=after)
    return row


async def _seal_secrets(
    deps: Deps,
    tx: AsyncSession,
    row: WechatSettings,
    change: WechatChange,
    private: keys.PrivateKey | None,
) -> None:
    number = str(row.version)
    if change.api_v3_key is not None:
        row.api_v3_key_box, row.api_v3_key_aad = await seal_secret(
            deps, tx, row.tenant_id, V3_KEY_PURPOSE, change.api_v3_key.encode(), number
        )
    if private is not None:
        row.private_key_box, row.private_key_aad = await seal_secret(
            deps, tx, row.tenant_id, PRIVATE_KEY_PURPOSE, private.pkcs8, number
        )
        row.fingerprint = private.public.fingerprint


def _read_secrets(change: WechatChange) -> keys.PrivateKey | None:
    """Checks both secrets before anything is touched; no refusal repeats them."""
    given = change.api_v3_key
    if given is not None and not (len(given) == V3_KEY_LENGTH and given.isascii()):
        message = f"{V3_KEY_LENGTH} letters and digits"
        raise InvalidBody(errors=[{"pointer": "/api_v3_key", "message": message}])
    if change.private_key is None:
        return None
    try:
        return keys.read_private_key(change.private_key)
    except keys.KeyRefused as refusal:
        raise type(refusal)("/private_key", refusal.detail) from None


def _facts(row: WechatSettings) -> dict[str, Any]:
    return {
        "mch_id": row.mch_id,
        "app_id": row.app_id,
        "cert_serial": row.cert_serial,
        "enabled": row.is_enabled,
        "version": row.version,
        "has_api_v3_key": row.api_v3_key_box is not None,
        "fingerprint": row.fingerprint,
    }
