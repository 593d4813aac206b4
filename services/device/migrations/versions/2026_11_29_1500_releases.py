"""The life of a mini program at Alipay, which was binding's until now: requests, the state of each
step, and messages. Binding hands each step over with its next check."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_29_1500"
down_revision = "2026_11_29_1240"

TABLES = {
    "release_tasks": """
      request_id uuid NOT NULL,
      seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
      app_id text NOT NULL,
      step text NOT NULL CONSTRAINT ck_release_tasks_step
        CHECK (step IN ('upload', 'review', 'release', 'push')),
      kind text NOT NULL CONSTRAINT ck_release_tasks_kind
        CHECK (kind IN ('act', 'look', 'forget')),
      content jsonb NOT NULL,
      received_at timestamptz NOT NULL,
      lease uuid,
      lease_until timestamptz,
      started_at timestamptz,
      done_at timestamptz,
      CONSTRAINT pk_release_tasks PRIMARY KEY (tenant_id, request_id),
      CONSTRAINT ck_release_tasks_lease CHECK ((lease IS NULL) = (lease_until IS NULL))""",
    "app_releases": """
      app_id text NOT NULL,
      step text NOT NULL CONSTRAINT ck_app_releases_step
        CHECK (step IN ('upload', 'review', 'release', 'push')),
      version text NOT NULL,
      state text NOT NULL CONSTRAINT ck_app_releases_state
        CHECK (state IN ('todo', 'running', 'done', 'failed')),
      remedy text,
      evidence jsonb NOT NULL,
      request_id uuid NOT NULL,
      number integer NOT NULL,
      attempts integer NOT NULL,
      at timestamptz NOT NULL,
      next_look_at timestamptz,
      CONSTRAINT pk_app_releases PRIMARY KEY (tenant_id, app_id, step)""",
    "app_messages": """
      app_id text NOT NULL,
      msg_id text NOT NULL,
      msg_method text NOT NULL,
      biz_content text NOT NULL,
      body bytea NOT NULL,
      received_at timestamptz NOT NULL,
      handled_at timestamptz,
      CONSTRAINT pk_app_messages PRIMARY KEY (tenant_id, app_id, msg_id)""",
}
INDEXES = (
    "ix_release_tasks_open ON release_tasks (tenant_id, app_id, step, seq) WHERE done_at IS NULL",
    "ix_release_tasks_waiting ON release_tasks (seq) WHERE done_at IS NULL",
    "ix_release_tasks_done_at ON release_tasks (done_at)",
    "ix_app_releases_next_look_at ON app_releases (next_look_at)",
)


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    for name, columns in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns})")
        enable_rls(op, name)
    for index in INDEXES:
        op.execute(f"CREATE INDEX {index}")
