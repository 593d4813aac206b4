"""A notice stores its channel, and the fault of the notice itself, apart from the comparison with
our books."""

from alembic import op

revision = "2026_11_29_1510"
down_revision = "2026_11_29_1505"

# Until now such a fault was stored only if nothing else was found wrong before it.
ADOPT = (
    "UPDATE notify_inbox SET fault = detail"
    " WHERE detail IN ('no_trade', 'other_currency', 'unknown_status')"
)


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    # All existing notices came from Alipay; from now on the channel is given with each notice.
    op.execute(
        "ALTER TABLE notify_inbox ADD COLUMN channel text NOT NULL DEFAULT 'alipay',"
        " ADD COLUMN fault text"
    )
    op.execute("ALTER TABLE notify_inbox ALTER COLUMN channel DROP DEFAULT")
    op.execute(ADOPT)
