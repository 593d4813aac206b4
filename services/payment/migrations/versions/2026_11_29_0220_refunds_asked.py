"""Refunds are listed by the time of their first request, which a retry does not change."""

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
