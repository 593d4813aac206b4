"""A payment stores how much of it was taken from the buyer's stored value."""

from alembic import op

revision = "2026_11_29_1505"
down_revision = "2026_11_29_0920"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("""
    ALTER TABLE payments ADD COLUMN stored_value_fen bigint NOT NULL DEFAULT 0
      CONSTRAINT ck_payments_stored_value CHECK (stored_value_fen >= 0)
    """)
