"""Grants for operators who act: more permissions than look and help (ADR 0019)."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_28_1920"
down_revision = "2026_11_28_1910"

TABLE = """
  CREATE TABLE acting_grants (
    tenant_id uuid NOT NULL,
    grant_id uuid NOT NULL,
    operator_tenant_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    operator_name text NOT NULL,
    permission_set text NOT NULL
      CONSTRAINT ck_acting_grants_permission_set CHECK (permission_set IN ('setup')),
    reason text NOT NULL
      CONSTRAINT ck_acting_grants_reason CHECK (length(reason) BETWEEN 4 AND 200),
    minutes integer NOT NULL
      CONSTRAINT ck_acting_grants_minutes CHECK (minutes BETWEEN 1 AND 480),
    state text NOT NULL
      CONSTRAINT ck_acting_grants_state CHECK (state IN ('asked', 'given', 'refused', 'ended')),
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    decided_by uuid,
    decided_name text NOT NULL DEFAULT '',
    decided_for text
      CONSTRAINT ck_acting_grants_decided_for CHECK (decided_for IN ('merchant', 'operator')),
    decided_at timestamptz,
    until timestamptz,
    ended_at timestamptz,
    end_cause text
      CONSTRAINT ck_acting_grants_end_cause
      CHECK (end_cause IN ('time', 'withdrawn', 'returned', 'powers')),
    CONSTRAINT ck_acting_grants_second CHECK (decided_by <> operator_id),
    CONSTRAINT ck_acting_grants_length
      CHECK (until <= decided_at + make_interval(mins => minutes)),
    CONSTRAINT ck_acting_grants_given
      CHECK (state <> 'given' OR (decided_by IS NOT NULL AND until IS NOT NULL)),
    CONSTRAINT ck_acting_grants_refused
      CHECK (state <> 'refused' OR (decided_by IS NOT NULL AND until IS NULL)),
    CONSTRAINT ck_acting_grants_ended
      CHECK ((state = 'ended') = (ended_at IS NOT NULL AND end_cause IS NOT NULL)),
    CONSTRAINT pk_acting_grants PRIMARY KEY (tenant_id, grant_id),
    CONSTRAINT fk_acting_grants_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants
  )
"""

# One open request or grant for each operator, set and merchant: of two at the same time, one fails.
INDEXES = (
    "CREATE UNIQUE INDEX uq_acting_grants_open"
    " ON acting_grants (tenant_id, operator_id, permission_set)"
    " WHERE state IN ('asked', 'given')",
    "CREATE INDEX ix_acting_grants_open ON acting_grants (operator_tenant_id, operator_id)"
    " WHERE state IN ('asked', 'given')",
    "CREATE INDEX ix_acting_grants_asked_at ON acting_grants (tenant_id, asked_at)",
)


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(TABLE)
    enable_rls(op, "acting_grants")
    for index in INDEXES:
        op.execute(index)
