"""Keys become valid after a verified live call, which also proves the ownership of the app; second
approvals for more than keys."""

from alembic import op

revision = "2026_11_28_1705"
down_revision = "2026_11_28_1655"

APP_KEYS = """
  ADD COLUMN verified_at timestamptz,
  ADD COLUMN checked_at timestamptz,
  ADD COLUMN check_remedy text,
  ADD COLUMN check_attempts integer NOT NULL DEFAULT 0,
  ADD COLUMN next_check_at timestamptz,
  ADD COLUMN retire_after_h integer,
  ADD CONSTRAINT ck_app_keys_checked CHECK (verified_at IS NULL OR next_check_at IS NULL)
"""

# Apps that were bound before there was a check are in use and stay valid.
ADOPT = """
DO $$
BEGIN
  UPDATE app_keys SET verified_at = created_at;
  UPDATE apps SET proven_at = created_at;
END $$
"""


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(f"ALTER TABLE app_keys {APP_KEYS}")
    op.execute("ALTER TABLE apps ADD COLUMN proven_at timestamptz")
    op.execute(
        "ALTER TABLE app_changes ADD COLUMN kind text NOT NULL DEFAULT 'app'"
        " CONSTRAINT ck_app_changes_kind CHECK (kind IN ('app', 'wechat', 'merchant'))"
    )
    op.execute(ADOPT)
    op.execute(
        "CREATE INDEX ix_app_keys_next_check_at ON app_keys (next_check_at)"
        " WHERE next_check_at IS NOT NULL"
    )
