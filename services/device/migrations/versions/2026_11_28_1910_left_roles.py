"""People who left a role lately: the enrolment codes that they made are no longer valid."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_28_1910"
down_revision = "2026_11_28_1640"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "CREATE TABLE left_roles (tenant_id uuid NOT NULL, user_id uuid NOT NULL,"
        " left_at timestamptz NOT NULL,"
        " CONSTRAINT pk_left_roles PRIMARY KEY (tenant_id, user_id))"
    )
    enable_rls(op, "left_roles")
