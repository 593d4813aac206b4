"""The merchants that take no new payments, from binding's events."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_28_2250"
down_revision = "2026_11_28_1640"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "CREATE TABLE merchant_standings (tenant_id uuid NOT NULL, is_suspended boolean NOT NULL,"
        " said_at timestamptz NOT NULL,"
        " CONSTRAINT pk_merchant_standings PRIMARY KEY (tenant_id))"
    )
    enable_rls(op, "merchant_standings")
