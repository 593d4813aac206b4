"""Stores (a read model of binding's events), devices, enrolment codes, data keys."""

from alembic import op

from shared.migrate import create_inbox, create_outbox, enable_rls, grant_app

revision = "2026_11_23_1200"
down_revision = None

TABLES = {
    "stores": """
      store_id uuid NOT NULL,
      name text NOT NULL,
      created_at timestamptz NOT NULL,
      CONSTRAINT pk_stores PRIMARY KEY (tenant_id, store_id)""",
    "devices": """
      device_id uuid NOT NULL,
      store_id uuid NOT NULL,
      sn text NOT NULL,
      model text,
      status text NOT NULL CONSTRAINT ck_devices_status CHECK (status IN ('active', 'revoked')),
      key_id text NOT NULL,
      key_version integer NOT NULL CONSTRAINT ck_devices_key_version CHECK (key_version >= 1),
      key_box text NOT NULL,
      key_aad text NOT NULL,
      enrolled_at timestamptz NOT NULL,
      revoked_at timestamptz,
      revoked_by text,
      seen_at timestamptz,
      CONSTRAINT ck_devices_revoked CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
      CONSTRAINT pk_devices PRIMARY KEY (tenant_id, device_id),
      CONSTRAINT uq_devices_tenant_id_sn UNIQUE (tenant_id, sn),
      CONSTRAINT fk_devices_store FOREIGN KEY (tenant_id, store_id) REFERENCES stores""",
    "enrolment_codes": """
      code_id uuid NOT NULL,
      code_hash text NOT NULL,
      store_id uuid NOT NULL,
      sn text,
      created_by text NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      used_at timestamptz,
      device_id uuid,
      tries integer NOT NULL,
      CONSTRAINT pk_enrolment_codes PRIMARY KEY (tenant_id, code_id),
      CONSTRAINT uq_enrolment_codes_tenant_id_code_hash UNIQUE (tenant_id, code_hash),
      CONSTRAINT fk_enrolment_codes_store FOREIGN KEY (tenant_id, store_id) REFERENCES stores""",
    "data_keys": """
      purpose text NOT NULL,
      kek_id text NOT NULL,
      wrapped bytea NOT NULL,
      created_at timestamptz NOT NULL,
      CONSTRAINT pk_data_keys PRIMARY KEY (tenant_id, purpose, kek_id)""",
}

# For look-ups in system scope, which search for the tenant.
INDEXES = {
    "ix_devices_device_id": "devices (device_id)",
    "ix_devices_enrolled_at": "devices (tenant_id, enrolled_at DESC, device_id)",
    "ix_enrolment_codes_code_hash": "enrolment_codes (code_hash)",
    "ix_enrolment_codes_expires_at": "enrolment_codes (expires_at)",
}


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    for name, columns in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns})")
        enable_rls(op, name)
    for name, target in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {target}")
    create_outbox(op)
    create_inbox(op)
    grant_app(op)
