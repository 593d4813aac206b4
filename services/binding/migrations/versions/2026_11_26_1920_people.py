"""People and their powers: names, store scope, step-up, acting, API keys, settings, and an audit
log that is chained by the database itself."""

from alembic import op
from sqlalchemy import inspect

from shared.migrate import both_roles, create_inbox, enable_rls

revision = "2026_11_26_1920"
down_revision = "2026_11_26_1916"

COLUMNS = {
    "merchants": """
      edition text NOT NULL DEFAULT 'flagship'
        CONSTRAINT ck_merchants_edition CHECK (edition IN ('flagship', 'face_pay')),
      dual_control boolean NOT NULL DEFAULT false,
      support_contact text NOT NULL DEFAULT '',
      version integer NOT NULL DEFAULT 1""",
    "stores": "version integer NOT NULL DEFAULT 1",
    "users": """
      name text NOT NULL DEFAULT '',
      store_ids uuid[] NOT NULL DEFAULT '{}',
      version integer NOT NULL DEFAULT 1""",
    "sessions": """
      user_agent text NOT NULL DEFAULT '',
      address text NOT NULL DEFAULT '',
      step_up_until timestamptz,
      acting_tenant_id uuid,
      acting_id uuid""",
    "audit_log": """
      actor_name text NOT NULL DEFAULT '',
      address text,
      reason text,
      seq bigint,
      prev_hash text,
      hash text""",
}

TABLES = {
    "acting": """
      acting_id uuid NOT NULL,
      operator_tenant_id uuid NOT NULL,
      operator_id uuid NOT NULL,
      operator_name text NOT NULL,
      session_id uuid NOT NULL,
      reason text NOT NULL CONSTRAINT ck_acting_reason CHECK (length(reason) BETWEEN 1 AND 200),
      created_at timestamptz NOT NULL,
      until timestamptz NOT NULL,
      ended_at timestamptz,
      CONSTRAINT ck_acting_length CHECK (until <= created_at + interval '60 minutes'),
      CONSTRAINT pk_acting PRIMARY KEY (tenant_id, acting_id),
      CONSTRAINT fk_acting_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants""",
    "api_keys": """
      key_id text NOT NULL,
      name text NOT NULL,
      store_id uuid,
      secret_digest text NOT NULL,
      secret_box text,
      secret_aad text NOT NULL,
      created_by uuid NOT NULL,
      created_at timestamptz NOT NULL,
      revoked_at timestamptz,
      CONSTRAINT ck_api_keys_erased CHECK (secret_box IS NOT NULL OR revoked_at IS NOT NULL),
      CONSTRAINT pk_api_keys PRIMARY KEY (tenant_id, key_id),
      CONSTRAINT fk_api_keys_store FOREIGN KEY (tenant_id, store_id) REFERENCES stores""",
    "wechat_settings": """
      mch_id text NOT NULL,
      app_id text NOT NULL,
      cert_serial text NOT NULL,
      is_enabled boolean NOT NULL,
      api_v3_key_box text,
      api_v3_key_aad text NOT NULL,
      private_key_box text,
      private_key_aad text NOT NULL,
      fingerprint text NOT NULL,
      version integer NOT NULL CONSTRAINT ck_wechat_settings_version CHECK (version >= 1),
      updated_at timestamptz NOT NULL,
      CONSTRAINT pk_wechat_settings PRIMARY KEY (tenant_id),
      CONSTRAINT fk_wechat_settings_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants""",
    "audit_heads": """
      seq bigint NOT NULL,
      hash text NOT NULL,
      anchored_seq bigint NOT NULL DEFAULT 0,
      anchored_at timestamptz,
      CONSTRAINT pk_audit_heads PRIMARY KEY (tenant_id)""",
}

INDEXES = {
    "ix_acting_operator_id": "acting (tenant_id, operator_id, until)",
    "ix_api_keys_key_id": "api_keys (key_id)",
    "ix_sessions_user_id": "sessions (tenant_id, user_id)",
    "ix_audit_log_at": "audit_log (tenant_id, at)",
}

# Each field has its length in front, so that no two rows give the same text. NULL has a length of
# its own.
FIELD = """
CREATE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(octet_length(value)::text || chr(58) || value, '-')
$$
"""

DIGEST = """
CREATE FUNCTION audit_digest(e audit_log) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT encode(sha256(convert_to(
    audit_field(e.prev_hash) || audit_field(e.tenant_id::text) || audit_field(e.seq::text)
    || audit_field(e.audit_id::text)
    || audit_field(((extract(epoch FROM e.at) * 1000000)::bigint)::text)
    || audit_field(e.actor) || audit_field(e.actor_name) || audit_field(e.action)
    || audit_field(e.subject) || audit_field(e.before::text) || audit_field(e.after::text)
    || audit_field(e.request_id) || audit_field(e.address) || audit_field(e.reason),
    'UTF8')), 'hex')
$$
"""

# The lock of the head's row makes the writers of one tenant wait for each other's commit: the
# numbers have no gaps, and a chain never forks.
APPEND = """
CREATE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  head audit_heads;
BEGIN
  INSERT INTO audit_heads (tenant_id, seq, hash) VALUES (NEW.tenant_id, 0, '')
    ON CONFLICT DO NOTHING;
  SELECT * INTO head FROM audit_heads WHERE tenant_id = NEW.tenant_id FOR UPDATE;
  NEW.seq = head.seq + 1;
  NEW.prev_hash = head.hash;
  NEW.hash = audit_digest(NEW);
  UPDATE audit_heads SET seq = NEW.seq, hash = NEW.hash WHERE tenant_id = NEW.tenant_id;
  RETURN NEW;
END $$
"""

# Entries from before the chain are chained now, in the order in which they were written.
ADOPT = """
DO $$
DECLARE
  e audit_log;
  head audit_heads;
BEGIN
  PERFORM set_config('app.scope', 'system', true);
  FOR e IN SELECT * FROM audit_log ORDER BY tenant_id, at, audit_id LOOP
    INSERT INTO audit_heads (tenant_id, seq, hash) VALUES (e.tenant_id, 0, '')
      ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM audit_heads WHERE tenant_id = e.tenant_id;
    e.seq = head.seq + 1;
    e.prev_hash = head.hash;
    e.hash = audit_digest(e);
    UPDATE audit_log SET seq = e.seq, prev_hash = e.prev_hash, hash = e.hash
      WHERE tenant_id = e.tenant_id AND audit_id = e.audit_id;
    UPDATE audit_heads SET seq = e.seq, hash = e.hash WHERE tenant_id = e.tenant_id;
  END LOOP;
  UPDATE users SET name = login;
  PERFORM set_config('app.scope', '', true);
END $$
"""


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    for name, columns in COLUMNS.items():
        added = ", ".join(f"ADD COLUMN {part.strip()}" for part in _parts(columns))
        op.execute(f"ALTER TABLE {name} {added}")
    for name, columns in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns})")
        enable_rls(op, name)
    for name, target in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {target}")
    if not inspect(op.get_bind()).has_table("inbox"):
        create_inbox(op)
    _chain()


def _parts(columns: str) -> list[str]:
    """One text per column: each line that does not continue the column before it begins a new
    one."""
    parts: list[str] = []
    for line in filter(None, (line.strip() for line in columns.splitlines())):
        if line.startswith("CONSTRAINT"):
            parts[-1] += f" {line}"
        else:
            parts.append(line)
    return [part.rstrip(",") for part in parts]


def _chain() -> None:
    for statement in (FIELD, DIGEST, APPEND):
        op.execute(statement)
    op.execute("ALTER TABLE audit_log DISABLE TRIGGER append_only")
    op.execute(ADOPT)
    # Deferred checks of these rows must run before the table is altered again.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("ALTER TABLE audit_log ENABLE TRIGGER append_only")
    for column in ("seq", "prev_hash", "hash"):
        op.execute(f"ALTER TABLE audit_log ALTER COLUMN {column} SET NOT NULL")
    op.execute(
        "ALTER TABLE audit_log ADD CONSTRAINT uq_audit_log_tenant_id_seq UNIQUE (tenant_id, seq)"
    )
    op.execute(
        "CREATE TRIGGER chained BEFORE INSERT ON audit_log"
        " FOR EACH ROW EXECUTE FUNCTION audit_append()"
    )
    op.execute(f"REVOKE DELETE ON audit_heads FROM {both_roles()}")
