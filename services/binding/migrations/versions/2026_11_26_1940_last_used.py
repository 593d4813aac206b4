"""The time of a key's last use, and the person who last changed a binding."""

from alembic import op

revision = "2026_11_26_1940"
down_revision = "2026_11_26_1930"

# Earlier changes are taken from the audit log, which forces row security on its owner, too.
ADOPT = """
DO $$
BEGIN
  PERFORM set_config('app.scope', 'system', true);
  UPDATE apps SET updated_by = coalesce((
    SELECT coalesce(u.login, e.actor_name) FROM audit_log e
    LEFT JOIN users u ON u.tenant_id = e.tenant_id AND e.actor = 'user:' || u.user_id
    WHERE e.tenant_id = apps.tenant_id AND e.subject = apps.app_id
      AND e.action IN ('app.bind', 'app.change')
    ORDER BY e.seq DESC LIMIT 1), '');
  PERFORM set_config('app.scope', '', true);
END $$
"""


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("ALTER TABLE app_keys ADD COLUMN last_used_at timestamptz")
    op.execute("ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz")
    op.execute("ALTER TABLE apps ADD COLUMN updated_by text NOT NULL DEFAULT ''")
    op.execute(ADOPT)
