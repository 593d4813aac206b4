"""Devices get the kind that the device service publishes, and the first enrolled one is found
without reading the others."""

from alembic import op

revision = "2026_11_29_0130"
down_revision = "2026_11_28_2310"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "ALTER TABLE known_devices ADD COLUMN kind text NOT NULL DEFAULT 'terminal'"
        " CONSTRAINT ck_known_devices_kind CHECK (kind IN ('terminal', 'test_cashier'))"
    )
    # The kind of earlier devices is not known yet; the device service publishes all of them once
    # more.
    op.execute("UPDATE known_devices SET kind = 'test_cashier' WHERE starts_with(sn, 'TEST-')")
    op.execute(
        "CREATE INDEX ix_known_devices_speaking ON known_devices"
        " (tenant_id, enrolled_at, device_id)"
        " WHERE enrolled_at IS NOT NULL AND revoked_at IS NULL"
    )
