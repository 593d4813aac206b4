"""Signing in: a throttle by place, known browsers, one-time links, a second factor, renewed
sessions, and accounts that may not approve yet."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_28_1640"
down_revision = "2026_11_28_1632"

COLUMNS = {
    "login_tries": [
        "begun integer NOT NULL DEFAULT 0 CONSTRAINT ck_login_tries_begun CHECK (begun >= 0)"
    ],
    "users": [
        "may_approve_from timestamptz",
        "totp_box text",
        "totp_aad text NOT NULL DEFAULT ''",
        "totp_since timestamptz",
        "totp_step bigint NOT NULL DEFAULT 0",
    ],
    "sessions": [
        "previous_hash text",
        "previous_until timestamptz",
        "previous_step_up_until timestamptz",
    ],
}

TABLES = {
    "known_browsers": """
      user_id uuid NOT NULL,
      browser_hash text NOT NULL,
      created_at timestamptz NOT NULL,
      seen_at timestamptz NOT NULL,
      CONSTRAINT pk_known_browsers PRIMARY KEY (tenant_id, user_id, browser_hash),
      CONSTRAINT fk_known_browsers_user FOREIGN KEY (tenant_id, user_id) REFERENCES users""",
    "password_links": """
      link_hash text NOT NULL,
      user_id uuid NOT NULL,
      made_by text NOT NULL,
      made_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      used_at timestamptz,
      is_reset boolean NOT NULL,
      removes_second_factor boolean NOT NULL,
      CONSTRAINT pk_password_links PRIMARY KEY (tenant_id, link_hash),
      CONSTRAINT fk_password_links_user FOREIGN KEY (tenant_id, user_id) REFERENCES users""",
    "recovery_codes": """
      user_id uuid NOT NULL,
      code_hash text NOT NULL,
      made_at timestamptz NOT NULL,
      used_at timestamptz,
      CONSTRAINT pk_recovery_codes PRIMARY KEY (tenant_id, user_id, code_hash),
      CONSTRAINT fk_recovery_codes_user FOREIGN KEY (tenant_id, user_id) REFERENCES users""",
    "refused_sign_ins": """
      user_id uuid NOT NULL,
      hour timestamptz NOT NULL,
      tries integer NOT NULL,
      last_at timestamptz NOT NULL,
      address text NOT NULL,
      user_agent text NOT NULL,
      CONSTRAINT pk_refused_sign_ins PRIMARY KEY (tenant_id, user_id, hour),
      CONSTRAINT fk_refused_sign_ins_user FOREIGN KEY (tenant_id, user_id) REFERENCES users""",
}

INDEXES = {
    "ix_known_browsers_browser_hash": "known_browsers (browser_hash)",
    "ix_known_browsers_seen_at": "known_browsers (seen_at)",
    "ix_password_links_link_hash": "password_links (link_hash)",
    "ix_password_links_expires_at": "password_links (expires_at)",
    "ix_refused_sign_ins_hour": "refused_sign_ins (hour)",
    "ix_sessions_previous_hash": "sessions (previous_hash) WHERE previous_hash IS NOT NULL",
    "ix_api_keys_created_by": "api_keys (tenant_id, created_by)",
}


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    for name, columns in COLUMNS.items():
        added = ", ".join(f"ADD COLUMN {column}" for column in columns)
        op.execute(f"ALTER TABLE {name} {added}")
    for name, columns_of in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns_of})")
        enable_rls(op, name)
    for name, target in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {target}")
