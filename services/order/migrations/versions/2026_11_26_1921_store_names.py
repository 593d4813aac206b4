"""A store may be renamed: stores the events with its earlier names (G6)."""

from alembic import op

revision = "2026_11_26_1921"
down_revision = "2026_11_23_1200"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("ALTER TABLE stores ADD COLUMN earlier_event_ids uuid[] NOT NULL DEFAULT '{}'")
