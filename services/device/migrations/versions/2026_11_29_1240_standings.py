"""The suspended merchants, from binding's events: a code that was made before the edge knew of the
suspension enrols nothing."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_29_1240"
down_revision = "2026_11_29_0440"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "CREATE TABLE merchant_standings (tenant_id uuid NOT NULL, is_suspended boolean NOT NULL,"
        " said_at timestamptz NOT NULL,"
        " CONSTRAINT pk_merchant_standings PRIMARY KEY (tenant_id))"
    )
    enable_rls(op, "merchant_standings")
