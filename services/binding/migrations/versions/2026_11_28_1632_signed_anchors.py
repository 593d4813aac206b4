"""Anchors are signed from now on. Unsigned ones are no longer valid, so all heads are anchored
again."""

from alembic import op

revision = "2026_11_28_1632"
down_revision = "2026_11_28_1610"

ANEW = """
DO $$
BEGIN
  PERFORM set_config('app.scope', 'system', true);
  UPDATE audit_heads SET anchored_seq = 0, anchored_at = NULL;
  PERFORM set_config('app.scope', '', true);
END $$
"""


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(ANEW)
