"""The time of the event with a store's name: events may arrive in another order than they were
published."""

from alembic import op

revision = "2026_11_28_1930"
down_revision = "2026_11_28_1640"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("ALTER TABLE stores ADD COLUMN said_at timestamptz NOT NULL DEFAULT 'epoch'")
