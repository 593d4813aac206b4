"""Converts bound apps and waiting changes to response models. Of a secret they only say that it is
there."""

from typing import Any, cast
from uuid import UUID

from services.binding.callers import actor_of
from services.binding.keys.bound_apps import BoundApp
from services.binding.keys.views import certificates_out, mode_of
from services.binding.models import AppChangeRequest, AppKey
from services.binding.onboarding.remedies import REMEDIES
from services.binding.settings import schemas
from services.binding.settings.approvals import Requester
from shared.contracts.principal import Principal


def app_out(bound: BoundApp, *, shows_people: bool) -> schemas.AppOut:
    """Fingerprints, numbers, dates. `shows_people`: whether the caller may see who changed it."""
    app, key = bound.app, bound.keys[0]
    older_keys = bound.keys[1:]
    in_use = next((old for old in older_keys if old.verified_at and not old.not_after), None)
    return schemas.AppOut(
        app_id=app.app_id,
        seller_id=app.seller_id,
        enabled=app.is_enabled,
        version=app.version,
        notify_path=f"/alipay/notify/{app.notify_route}",
        service_provider_id=app.service_provider_id,
        has_aes_key=app.aes_key_box is not None,
        has_app_auth_token=app.app_auth_token_box is not None,
        created_at=app.created_at,
        updated_at=app.updated_at,
        updated_by=app.updated_by if shows_people else "",
        key=schemas.AppKeyOut(
            key_version=key.key_version,
            mode=mode_of(key),
            fingerprint=key.fingerprint,
            bits=key.bits,
            app_public_key=key.app_public_key,
            alipay_public_key=key.alipay_public_key,
            certificates=certificates_out(key),
            created_at=key.created_at,
            last_used_at=key.last_used_at,
            verified_at=key.verified_at,
        ),
        live_check=_live_check_out(key),
        in_use=schemas.KeyInUseOut(
            key_version=in_use.key_version,
            fingerprint=in_use.fingerprint,
            created_at=in_use.created_at,
            last_used_at=in_use.last_used_at,
        )
        if in_use is not None
        else None,
        retiring=[
            schemas.RetiringKeyOut(
                key_version=older.key_version,
                fingerprint=older.fingerprint,
                created_at=older.created_at,
                last_used_at=older.last_used_at,
                not_after=older.not_after,
            )
            for older in bound.keys[1:]
            if older.not_after is not None and older.private_key_box is not None
        ],
    )


def _live_check_out(key: AppKey) -> schemas.LiveCheckOut:
    words = REMEDIES.get(key.check_remedy or "")
    is_doubt = key.check_remedy in (None, "platform_silent")
    return schemas.LiveCheckOut(
        state="verified" if key.verified_at else "pending" if is_doubt else "failed",
        checked_at=key.checked_at,
        remedy=key.check_remedy,
        remedy_zh=words.zh if words else None,
        remedy_en=words.en if words else None,
    )


def change_out(row: AppChangeRequest) -> schemas.AppChangeOut:
    return schemas.AppChangeOut(
        change_id=row.change_id,
        kind=cast(Any, row.kind),
        app_id=row.app_id,
        state=cast(Any, row.state),
        summary=row.summary,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        expires_at=row.expires_at,
    )


def requester_of(caller: Principal) -> Requester:
    return Requester(UUID(caller.subject), actor_of(caller))
