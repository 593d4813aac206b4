"""Refused tries of a login that nobody has are written and rolled back, so that they cost as much
as others. The foreign key to the account is therefore checked at the commit."""

from alembic import op

revision = "2026_11_28_1930"
down_revision = "2026_11_28_1920"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "ALTER TABLE refused_sign_ins ALTER CONSTRAINT fk_refused_sign_ins_user"
        " DEFERRABLE INITIALLY DEFERRED"
    )
