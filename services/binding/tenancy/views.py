"""Converts merchants and stores to response models."""

from services.binding.models import Merchant, Store
from services.binding.tenancy import schemas


def merchant_out(row: Merchant) -> schemas.MerchantOut:
    return schemas.MerchantOut(
        merchant_id=row.tenant_id,
        name=row.name,
        handle=row.handle,
        edition=row.edition,
        dual_control=row.dual_control,
        support_contact=row.support_contact,
        version=row.version,
        created_at=row.created_at,
        suspended_at=row.suspended_at,
        suspended_reason=row.suspended_reason,
    )


def store_out(row: Store) -> schemas.StoreOut:
    return schemas.StoreOut(
        store_id=row.store_id, name=row.name, version=row.version, created_at=row.created_at
    )
