"""Merchants, stores, people, sessions, bound apps and their sealed keys, and the audit log."""

from alembic import op

from shared.migrate import both_roles, create_outbox, enable_rls, grant_app

revision = "2026_11_23_1200"
down_revision = None

TABLES = {
    "merchants": """
      name text NOT NULL CONSTRAINT ck_merchants_name CHECK (length(name) BETWEEN 1 AND 64),
      created_at timestamptz NOT NULL,
      CONSTRAINT pk_merchants PRIMARY KEY (tenant_id)""",
    "stores": """
      store_id uuid NOT NULL,
      name text NOT NULL CONSTRAINT ck_stores_name CHECK (length(name) BETWEEN 1 AND 64),
      created_at timestamptz NOT NULL,
      CONSTRAINT pk_stores PRIMARY KEY (tenant_id, store_id),
      CONSTRAINT uq_stores_tenant_id_name UNIQUE (tenant_id, name),
      CONSTRAINT fk_stores_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants""",
    "users": """
      user_id uuid NOT NULL,
      login text NOT NULL,
      login_hash text NOT NULL,
      password_hash text NOT NULL,
      role text NOT NULL CONSTRAINT ck_users_role CHECK (role IN ('operator_admin',
        'operator_ops', 'merchant_owner', 'merchant_finance', 'cashier', 'auditor')),
      is_enabled boolean NOT NULL,
      created_at timestamptz NOT NULL,
      CONSTRAINT pk_users PRIMARY KEY (tenant_id, user_id),
      CONSTRAINT uq_users_tenant_id_login_hash UNIQUE (tenant_id, login_hash)""",
    "login_tries": """
      login_hash text NOT NULL,
      failures integer NOT NULL CONSTRAINT ck_login_tries_failures CHECK (failures >= 0),
      tried_at timestamptz,
      locked_until timestamptz,
      CONSTRAINT pk_login_tries PRIMARY KEY (tenant_id, login_hash)""",
    "sessions": """
      session_id uuid NOT NULL,
      session_hash text NOT NULL,
      csrf_token_hash text NOT NULL,
      user_id uuid NOT NULL,
      created_at timestamptz NOT NULL,
      seen_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      CONSTRAINT pk_sessions PRIMARY KEY (tenant_id, session_id),
      CONSTRAINT uq_sessions_tenant_id_session_hash UNIQUE (tenant_id, session_hash),
      CONSTRAINT fk_sessions_user FOREIGN KEY (tenant_id, user_id) REFERENCES users""",
    "apps": """
      app_id text NOT NULL,
      seller_id text NOT NULL,
      notify_route text NOT NULL,
      is_enabled boolean NOT NULL,
      version integer NOT NULL CONSTRAINT ck_apps_version CHECK (version >= 1),
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT pk_apps PRIMARY KEY (tenant_id, app_id),
      CONSTRAINT uq_apps_tenant_id_notify_route UNIQUE (tenant_id, notify_route),
      CONSTRAINT fk_apps_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants""",
    "app_keys": """
      app_id text NOT NULL,
      key_version integer NOT NULL CONSTRAINT ck_app_keys_version CHECK (key_version >= 1),
      private_key_box text,
      private_key_aad text NOT NULL,
      app_public_key text NOT NULL,
      alipay_public_key text NOT NULL,
      fingerprint text NOT NULL,
      bits integer NOT NULL CONSTRAINT ck_app_keys_bits CHECK (bits >= 2048),
      created_at timestamptz NOT NULL,
      not_after timestamptz,
      CONSTRAINT ck_app_keys_mixed_up CHECK (app_public_key <> alipay_public_key),
      CONSTRAINT ck_app_keys_erased CHECK (private_key_box IS NOT NULL OR not_after IS NOT NULL),
      CONSTRAINT pk_app_keys PRIMARY KEY (tenant_id, app_id, key_version),
      CONSTRAINT fk_app_keys_app FOREIGN KEY (tenant_id, app_id) REFERENCES apps""",
    "data_keys": """
      purpose text NOT NULL,
      kek_id text NOT NULL,
      wrapped bytea NOT NULL,
      created_at timestamptz NOT NULL,
      CONSTRAINT pk_data_keys PRIMARY KEY (tenant_id, purpose, kek_id)""",
    "audit_log": """
      audit_id uuid NOT NULL,
      at timestamptz NOT NULL,
      actor text NOT NULL,
      action text NOT NULL,
      subject text NOT NULL,
      before jsonb,
      after jsonb,
      request_id text,
      CONSTRAINT pk_audit_log PRIMARY KEY (tenant_id, audit_id)""",
}

# For look-ups in system scope, which search for the tenant.
INDEXES = {
    "ix_users_login_hash": "users (login_hash)",
    "ix_sessions_session_hash": "sessions (session_hash)",
    "ix_sessions_expires_at": "sessions (expires_at)",
    "ix_apps_app_id": "apps (app_id)",
    "ix_apps_notify_route": "apps (notify_route)",
    "ix_login_tries_tried_at": "login_tries (tried_at)",
}


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    for name, columns in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns})")
        enable_rls(op, name)
    for name, target in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {target}")
    create_outbox(op)
    grant_app(op)
    _make_append_only()


def _make_append_only() -> None:
    """Evidence (S132): neither the application nor the owner can change or delete a row."""
    op.execute(f"REVOKE UPDATE, DELETE ON audit_log FROM {both_roles()}")
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
