"""Removes the token of a buyer's page that was never built; nothing reads it."""

from alembic import op

revision = "2026_11_29_0150"
down_revision = "2026_11_28_1655"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("ALTER TABLE grants DROP COLUMN phone_token")
