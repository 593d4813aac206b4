"""Each service gets its own database roles, and system scope becomes a role instead of a setting
(ADR 0016)."""

from alembic import op

from shared.migrate import part_roles

revision = "2026_11_28_1640"
down_revision = "2026_11_28_1610"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    part_roles(op)
