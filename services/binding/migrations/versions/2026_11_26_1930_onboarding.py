"""The onboarding map's rows, generated key pairs that are not bound yet, and changes of keys that
wait for a second approver."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_26_1930"
down_revision = "2026_11_26_1920"

TABLES = {
    "onboarding_rows": """
      app_id text NOT NULL,
      row text NOT NULL,
      state text NOT NULL CONSTRAINT ck_onboarding_rows_state
        CHECK (state IN ('todo', 'running', 'done', 'failed')),
      remedy text,
      evidence jsonb NOT NULL,
      note text,
      by text NOT NULL,
      at timestamptz NOT NULL,
      attempts integer NOT NULL DEFAULT 0,
      next_check_at timestamptz,
      CONSTRAINT ck_onboarding_rows_polled
        CHECK ((state = 'running') = (next_check_at IS NOT NULL)),
      CONSTRAINT pk_onboarding_rows PRIMARY KEY (tenant_id, app_id, row),
      CONSTRAINT fk_onboarding_rows_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants""",
    "key_pairs": """
      key_pair_id uuid NOT NULL,
      private_key_box text,
      private_key_aad text NOT NULL,
      app_public_key text NOT NULL,
      fingerprint text NOT NULL,
      bits integer NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT pk_key_pairs PRIMARY KEY (tenant_id, key_pair_id),
      CONSTRAINT fk_key_pairs_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants""",
    "app_changes": """
      change_id uuid NOT NULL,
      app_id text NOT NULL,
      state text NOT NULL CONSTRAINT ck_app_changes_state
        CHECK (state IN ('waiting', 'approved', 'rejected')),
      content_box text,
      content_aad text NOT NULL,
      summary jsonb NOT NULL,
      asked_by uuid NOT NULL,
      asked_at timestamptz NOT NULL,
      decided_by uuid,
      decided_at timestamptz,
      expires_at timestamptz NOT NULL,
      CONSTRAINT ck_app_changes_erased CHECK ((state = 'waiting') = (content_box IS NOT NULL)),
      CONSTRAINT ck_app_changes_two CHECK (state <> 'approved' OR decided_by <> asked_by),
      CONSTRAINT pk_app_changes PRIMARY KEY (tenant_id, change_id),
      CONSTRAINT fk_app_changes_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants""",
}


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    for name, columns in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns})")
        enable_rls(op, name)
    op.execute(
        "CREATE INDEX ix_onboarding_rows_next_check_at ON onboarding_rows (next_check_at)"
        " WHERE next_check_at IS NOT NULL"
    )
    op.execute("CREATE INDEX ix_key_pairs_expires_at ON key_pairs (expires_at)")
