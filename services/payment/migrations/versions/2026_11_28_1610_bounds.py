"""Replays and deletions in small steps, on tables of any size."""

from alembic import op

from shared.migrate import create_bounds

revision = "2026_11_28_1610"
down_revision = "2026_11_26_1915"

# For the invariants, which check the last days only: the tables are written in the order of time.
INDEXES = (
    "ix_payments_created_at ON payments USING brin (created_at)",
    "ix_refunds_created_at ON refunds USING brin (created_at)",
)


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    create_bounds(op)
    for index in INDEXES:
        op.execute(f"CREATE INDEX {index}")
