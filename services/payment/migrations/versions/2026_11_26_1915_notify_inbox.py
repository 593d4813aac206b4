"""The notify inbox stores repeats, the channel's query result about a mismatch, the operators'
replays, and the counts of what the edge refused."""

from alembic import op

from shared.migrate import both_roles, enable_rls

revision = "2026_11_26_1915"
down_revision = "2026_11_23_1200"

TABLES = {
    "notify_refusals": """
      app_id text NOT NULL,
      reason text NOT NULL,
      hour timestamptz NOT NULL,
      refused bigint NOT NULL CONSTRAINT ck_notify_refusals_refused CHECK (refused > 0),
      first_at timestamptz NOT NULL,
      last_at timestamptz NOT NULL,
      last_client text NOT NULL,
      last_out_trade_no text NOT NULL,
      last_body bytea NOT NULL CONSTRAINT ck_notify_refusals_last_body
        CHECK (length(last_body) <= 2048),
      CONSTRAINT pk_notify_refusals PRIMARY KEY (hour, reason, app_id, tenant_id)""",
    "notice_replays": """
      replay_id uuid NOT NULL,
      app_id text NOT NULL,
      notify_id text NOT NULL,
      actor text NOT NULL,
      request_id text,
      replayed_at timestamptz NOT NULL DEFAULT now(),
      state_before text NOT NULL,
      state_after text NOT NULL,
      CONSTRAINT pk_notice_replays PRIMARY KEY (replay_id, tenant_id)""",
}


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "ALTER TABLE notify_inbox"
        " ADD COLUMN deliveries integer NOT NULL DEFAULT 1,"
        " ADD COLUMN last_received_at timestamptz,"
        " ADD COLUMN last_detail text,"
        " ADD COLUMN asked_at timestamptz,"
        " ADD COLUMN query_said text,"
        " DROP CONSTRAINT ck_notify_inbox_received_is_tried,"
        " ADD CONSTRAINT ck_notify_inbox_open_is_tried CHECK (CASE state"
        " WHEN 'RECEIVED' THEN next_try_at IS NOT NULL"
        " WHEN 'MISMATCH' THEN true ELSE next_try_at IS NULL END)"
    )
    # An operator lists the newest, or those of one trade.
    op.execute("DROP INDEX ix_notify_inbox_received_at")
    op.execute("CREATE INDEX ix_notify_inbox_received_at ON notify_inbox (received_at)")
    op.execute("CREATE INDEX ix_notify_inbox_out_trade_no ON notify_inbox (out_trade_no)")
    for name, columns in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns})")
        enable_rls(op, name)
    op.execute("CREATE INDEX ix_notice_replays_notify_id ON notice_replays (notify_id)")
    # Evidence: the application cannot take a line back.
    op.execute(f"REVOKE UPDATE, DELETE ON notice_replays FROM {both_roles()}")
