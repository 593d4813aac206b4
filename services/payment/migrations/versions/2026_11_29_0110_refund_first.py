"""A refund that is retried stores the person and the time of its first request."""

from alembic import op

revision = "2026_11_29_0110"
down_revision = "2026_11_28_2300"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "ALTER TABLE refunds ADD COLUMN first_requested_by_name text,"
        " ADD COLUMN first_requested_at timestamptz"
    )
