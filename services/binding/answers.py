"""Bound apps as the doors tell them: to people and to the edge without any secret, to the egress
sealed."""

from typing import Any, Literal, cast

from services.binding import schemas
from services.binding.bound_apps import BoundApp
from services.binding.models import AppChangeRequest, AppKey
from services.binding.onboarding_remedies import REMEDIES


def app_out(bound: BoundApp, *, shows_people: bool) -> schemas.AppOut:
    """For people: fingerprints, numbers and dates; of secrets only that they are there."""
    app, key = bound.app, bound.keys[0]
    in_use = next((one for one in bound.keys[1:] if one.verified_at and not one.not_after), None)
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
            mode=_mode(key),
            fingerprint=key.fingerprint,
            bits=key.bits,
            app_public_key=key.app_public_key,
            alipay_public_key=key.alipay_public_key,
            certificates=_certificates_out(key),
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


def bound_app_out(bound: BoundApp, *, with_secrets: bool) -> schemas.BoundAppOut:
    """For the gateway: what it verifies with; and what the egress, nobody else, signs with."""
    app = bound.app
    return schemas.BoundAppOut(
        tenant_id=app.tenant_id,
        app_id=app.app_id,
        seller_id=app.seller_id,
        notify_route=app.notify_route,
        mode=_mode(bound.keys[0]) if bound.keys else "key",
        enabled=app.is_enabled,
        service_provider_id=app.service_provider_id,
        aes_key_box=app.aes_key_box if with_secrets else None,
        aes_key_aad=app.aes_key_aad if with_secrets else None,
        app_auth_token_box=app.app_auth_token_box if with_secrets else None,
        app_auth_token_aad=app.app_auth_token_aad if with_secrets else None,
        versions=[_version_out(key, with_secrets) for key in bound.keys],
    )


def _mode(key: AppKey) -> Literal["key", "cert"]:
    return "cert" if key.mode == "cert" else "key"


def _certificates_out(key: AppKey) -> schemas.CertificatesOut | None:
    if key.app_cert_not_after is None or key.alipay_cert_not_after is None:
        return None
    return schemas.CertificatesOut(
        app_cert=schemas.CertificateOut(sn=key.app_cert_sn or "", not_after=key.app_cert_not_after),
        alipay_cert=schemas.CertificateOut(
            sn=key.alipay_cert_sn or "", not_after=key.alipay_cert_not_after
        ),
        alipay_root_cert_sn=key.alipay_root_cert_sn or "",
    )


def _version_out(key: AppKey, with_secrets: bool) -> schemas.SealedVersionOut:
    return schemas.SealedVersionOut(
        key_version=key.key_version,
        mode=_mode(key),
        private_key_box=(key.private_key_box or "") if with_secrets else "",
        private_key_aad=key.private_key_aad,
        alipay_public_key=key.alipay_public_key,
        app_cert_sn=key.app_cert_sn,
        alipay_cert_sn=key.alipay_cert_sn,
        alipay_root_cert_sn=key.alipay_root_cert_sn,
        app_cert_not_after=key.app_cert_not_after,
        alipay_cert_not_after=key.alipay_cert_not_after,
        not_after=key.not_after,
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
