"""A device stores the maker of its code, if the code still exists: a test cashier is revoked when
that person leaves the role. People who have a new password are stored beside those who left a
role."""

from alembic import op

revision = "2026_11_29_0440"
down_revision = "2026_11_29_0130"

MAKERS = """
UPDATE devices d SET enrolled_by = c.created_by
FROM enrolment_codes c
WHERE c.tenant_id = d.tenant_id AND c.device_id = d.device_id AND c.used_at = d.enrolled_at
"""


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("ALTER TABLE devices ADD COLUMN enrolled_by text")
    op.execute(MAKERS)
    op.execute(
        "CREATE INDEX ix_devices_cashiers ON devices (enrolled_by)"
        " WHERE kind = 'test_cashier' AND status = 'active'"
    )
    op.execute("ALTER TABLE left_roles ADD COLUMN renewed_at timestamptz")
    op.execute("ALTER TABLE left_roles ALTER COLUMN left_at DROP NOT NULL")
