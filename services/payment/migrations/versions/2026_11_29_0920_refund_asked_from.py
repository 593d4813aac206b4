"""A refund stores its request's id and client address, because its outcome may be known only
later."""

from alembic import op

revision = "2026_11_29_0920"
down_revision = "2026_11_29_0905"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("ALTER TABLE refunds ADD COLUMN asked_in_request text, ADD COLUMN asked_from text")
