"""The setup wizard checks waiting and failed rows automatically, knows the present devices, and
stores the texts of its forms."""

from alembic import op

from shared.migrate import enable_rls

revision = "2026_11_28_2310"
down_revision = "2026_11_28_2300"

TABLES = {
    "known_devices": """
      device_id uuid NOT NULL,
      sn text NOT NULL,
      enrolled_at timestamptz,
      revoked_at timestamptz,
      at timestamptz NOT NULL,
      CONSTRAINT pk_known_devices PRIMARY KEY (tenant_id, device_id),
      CONSTRAINT fk_known_devices_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants""",
    "onboarding_drafts": """
      app_id text NOT NULL,
      row text NOT NULL,
      form jsonb NOT NULL,
      by text NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT pk_onboarding_drafts PRIMARY KEY (tenant_id, app_id, row),
      CONSTRAINT fk_onboarding_drafts_tenant_id FOREIGN KEY (tenant_id) REFERENCES merchants""",
}


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    for name, columns in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns})")
        enable_rls(op, name)
    # Waiting and failed rows may be checked again, too; done rows are not.
    op.execute("ALTER TABLE onboarding_rows DROP CONSTRAINT ck_onboarding_rows_polled")
    op.execute(
        "ALTER TABLE onboarding_rows ADD CONSTRAINT ck_onboarding_rows_polled CHECK"
        " (CASE state WHEN 'running' THEN next_check_at IS NOT NULL"
        " WHEN 'done' THEN next_check_at IS NULL ELSE true END)"
    )
    # For apps that are proven already, face-to-face pay is checked without a click.
    op.execute(
        "INSERT INTO onboarding_rows (tenant_id, app_id, row, state, evidence, by, at,"
        " next_check_at) SELECT tenant_id, app_id, '0.1', 'todo', '{}', 'platform', now(), now()"
        " FROM apps WHERE proven_at IS NOT NULL ON CONFLICT DO NOTHING"
    )
    op.execute("UPDATE onboarding_rows SET next_check_at = now() WHERE state = 'failed'")
