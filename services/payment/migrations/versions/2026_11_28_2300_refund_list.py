"""Refunds are listed, newest first, with the name of the person who requested them."""

from alembic import op

revision = "2026_11_28_2300"
down_revision = "2026_11_28_2250"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("ALTER TABLE refunds ADD COLUMN requested_by_name text")
    # The tenant first, unlike other keys: a page of one merchant's list must not read all others'.
    op.execute("CREATE INDEX ix_refunds_listed ON refunds (tenant_id, created_at, refund_id)")
