"""Passkeys as a second factor, and the challenges for their assertions."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_28_1910"
down_revision = "2026_11_28_1900"

COUNT = (
    "passkey_count integer NOT NULL DEFAULT 0"
    " CONSTRAINT ck_users_passkey_count CHECK (passkey_count BETWEEN 0 AND 10)"
)

TABLES = {
    "passkeys": """
      passkey_id uuid NOT NULL,
      user_id uuid NOT NULL,
      credential_id text NOT NULL,
      public_key bytea NOT NULL,
      sign_count bigint NOT NULL CONSTRAINT ck_passkeys_sign_count CHECK (sign_count >= 0),
      name text NOT NULL,
      transports text[] NOT NULL,
      created_at timestamptz NOT NULL,
      last_used_at timestamptz,
      CONSTRAINT pk_passkeys PRIMARY KEY (tenant_id, passkey_id),
      CONSTRAINT uq_passkeys_credential_id UNIQUE (tenant_id, credential_id),
      CONSTRAINT fk_passkeys_user FOREIGN KEY (tenant_id, user_id) REFERENCES users""",
    "passkey_challenges": """
      challenge_hash text NOT NULL,
      user_id uuid NOT NULL,
      purpose text NOT NULL CONSTRAINT ck_passkey_challenges_purpose
        CHECK (purpose IN ('register', 'sign_in', 'step_up')),
      session_id uuid CONSTRAINT ck_passkey_challenges_session
        CHECK ((session_id IS NULL) = (purpose = 'sign_in')),
      made_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT pk_passkey_challenges PRIMARY KEY (tenant_id, challenge_hash),
      CONSTRAINT fk_passkey_challenges_user FOREIGN KEY (tenant_id, user_id) REFERENCES users""",
}

INDEXES = {
    "ix_passkeys_credential_id": "passkeys (credential_id)",
    "ix_passkeys_user_id": "passkeys (tenant_id, user_id)",
    "ix_passkey_challenges_user_id": "passkey_challenges (tenant_id, user_id, purpose)",
    "ix_passkey_challenges_expires_at": "passkey_challenges (expires_at)",
}


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(f"ALTER TABLE users ADD COLUMN {COUNT}")
    for name, columns_of in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns_of})")
        enable_rls(op, name)
    for name, target in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {target}")
