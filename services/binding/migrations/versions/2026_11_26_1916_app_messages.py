"""App-gateway messages, stored as they were verified until onboarding has processed them."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_26_1916"
down_revision = "2026_11_26_1910"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        """CREATE TABLE app_messages (
      tenant_id uuid NOT NULL,
      app_id text NOT NULL,
      msg_id text NOT NULL,
      msg_method text NOT NULL,
      biz_content text NOT NULL,
      body bytea NOT NULL,
      received_at timestamptz NOT NULL,
      handled_at timestamptz,
      CONSTRAINT pk_app_messages PRIMARY KEY (tenant_id, app_id, msg_id),
      CONSTRAINT fk_app_messages_app FOREIGN KEY (tenant_id, app_id) REFERENCES apps)"""
    )
    enable_rls(op, "app_messages")
    op.execute(
        "CREATE INDEX ix_app_messages_unhandled ON app_messages (received_at)"
        " WHERE handled_at IS NULL"
    )
