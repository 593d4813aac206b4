"""Converts bound apps to the documents of the gateway: without secrets for the edge, with sealed
ones for the egress."""

from typing import Literal

from services.binding.keys import schemas
from services.binding.keys.bound_apps import BoundApp
from services.binding.models import AppKey
from shared.contracts import documents


def bound_app_out(bound: BoundApp, *, with_secrets: bool) -> documents.BoundAppOut:
    """The keys for verifying; `with_secrets`, for the egress alone, also the sealed keys for
    signing."""
    app = bound.app
    return documents.BoundAppOut(
        tenant_id=app.tenant_id,
        app_id=app.app_id,
        seller_id=app.seller_id,
        notify_route=app.notify_route,
        mode=mode_of(bound.keys[0]) if bound.keys else "key",
        enabled=app.is_enabled,
        service_provider_id=app.service_provider_id,
        aes_key_box=app.aes_key_box if with_secrets else None,
        aes_key_aad=app.aes_key_aad if with_secrets else None,
        app_auth_token_box=app.app_auth_token_box if with_secrets else None,
        app_auth_token_aad=app.app_auth_token_aad if with_secrets else None,
        versions=[_version_out(key, with_secrets) for key in bound.keys],
    )


def mode_of(key: AppKey) -> Literal["key", "cert"]:
    return "cert" if key.mode == "cert" else "key"


def certificates_out(key: AppKey) -> schemas.CertificatesOut | None:
    if key.app_cert_not_after is None or key.alipay_cert_not_after is None:
        return None
    return schemas.CertificatesOut(
        app_cert=schemas.CertificateOut(sn=key.app_cert_sn or "", not_after=key.app_cert_not_after),
        alipay_cert=schemas.CertificateOut(
            sn=key.alipay_cert_sn or "", not_after=key.alipay_cert_not_after
        ),
        alipay_root_cert_sn=key.alipay_root_cert_sn or "",
    )


def _version_out(key: AppKey, with_secrets: bool) -> documents.SealedVersionOut:
    return documents.SealedVersionOut(
        key_version=key.key_version,
        mode=mode_of(key),
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
