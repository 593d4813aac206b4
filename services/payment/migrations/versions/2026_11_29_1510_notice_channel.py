"""A notice keeps the channel that it came through, and what was wrong with its words alone."""

from alembic import op

revision = "2026_11_29_1510"
down_revision = "2026_11_29_1505"

# Until now a fault was kept only where nothing else was found wrong first.
ADOPT = (
    "UPDATE notify_inbox SET fault = detail"
    " WHERE detail IN ('no_trade', 'other_currency', 'unknown_status')"
)


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    # All that are there came from Alipay; whoever stores one from now on says so.
    op.execute(
        "ALTER TABLE notify_inbox ADD COLUMN channel text NOT NULL DEFAULT 'alipay',"
        " ADD COLUMN fault text"
    )
    op.execute("ALTER TABLE notify_inbox ALTER COLUMN channel DROP DEFAULT")
    op.execute(ADOPT)
