"""Refunds are listed by when they were asked for first: that does not move when one is retried."""

from alembic import op

revision = "2026_11_29_0220"
down_revision = "2026_11_29_0110"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "CREATE INDEX ix_refunds_asked ON refunds"
        " (tenant_id, COALESCE(first_requested_at, created_at), refund_id)"
    )
    op.execute("DROP INDEX ix_refunds_listed")
