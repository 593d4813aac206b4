"""A merchant can be suspended, and an operator can help an owner back in (ADR 0021)."""

from alembic import op

revision = "2026_11_28_2250"
down_revision = "2026_11_28_1930"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "ALTER TABLE merchants ADD suspended_at timestamptz,"
        " ADD suspended_reason text NOT NULL DEFAULT '',"
        " ADD CONSTRAINT ck_merchants_suspended_reason"
        " CHECK ((suspended_at IS NULL) = (suspended_reason = ''))"
    )
    op.execute("ALTER TABLE users ADD limited_until timestamptz")
    op.execute("ALTER TABLE password_links ADD limits_powers boolean NOT NULL DEFAULT false")
