"""Replays and deletions in small steps, on tables of any size."""

from alembic import op

from shared.migrate import create_bounds

revision = "2026_11_28_1610"
down_revision = "2026_11_26_1940"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    create_bounds(op)
