"""No secret of a channel that does not exist yet is stored: WeChat's settings, the keys that sealed
them, and waiting changes of them are deleted. Their audit entries stay."""

from alembic import op

revision = "2026_11_28_2300"
down_revision = "2026_11_28_2250"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("DROP TABLE wechat_settings")
    op.execute("DELETE FROM app_changes WHERE kind = 'wechat'")
    op.execute("DELETE FROM data_keys WHERE purpose IN ('wechat-api-v3-key', 'wechat-private-key')")
    op.execute("ALTER TABLE app_changes DROP CONSTRAINT ck_app_changes_kind")
    op.execute(
        "ALTER TABLE app_changes ADD CONSTRAINT ck_app_changes_kind"
        " CHECK (kind IN ('app', 'merchant'))"
    )
