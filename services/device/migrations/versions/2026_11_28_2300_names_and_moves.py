"""Devices have a name and may be moved to another store; open codes are listed and can be
revoked."""

from alembic import op

revision = "2026_11_28_2300"
down_revision = "2026_11_28_1930"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "ALTER TABLE devices ADD COLUMN name text, ADD COLUMN moved_at timestamptz,"
        " ADD COLUMN version integer NOT NULL DEFAULT 1"
        " CONSTRAINT ck_devices_version CHECK (version >= 1)"
    )
    op.execute(
        "ALTER TABLE enrolment_codes ADD COLUMN revoked_at timestamptz,"
        " ADD COLUMN hint text NOT NULL DEFAULT '',"
        " ADD CONSTRAINT ck_enrolment_codes_ended CHECK (used_at IS NULL OR revoked_at IS NULL)"
    )
