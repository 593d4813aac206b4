"""The device service answers for rows about the life of a mini program: each stores the request
whose answer it waits for, and the number of the last answer. A row that is due and was never
requested is handed over with its next check; messages that are stored here are not needed for
that."""

from alembic import op

revision = "2026_11_29_1500"
down_revision = "2026_11_29_0130"


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute("ALTER TABLE onboarding_rows ADD COLUMN request_id uuid, ADD COLUMN answer integer")
    # The service that was requested checks a running row, and a row that has ended may make another
    # one due.
    op.execute("ALTER TABLE onboarding_rows DROP CONSTRAINT ck_onboarding_rows_polled")
    op.execute(
        "ALTER TABLE onboarding_rows ADD CONSTRAINT ck_onboarding_rows_polled CHECK"
        " (CASE WHEN request_id IS NOT NULL THEN true"
        " WHEN state = 'running' THEN next_check_at IS NOT NULL"
        " WHEN state = 'done' THEN next_check_at IS NULL ELSE true END)"
    )
    # The device service checks these rows from now on; each is checked once more now.
    op.execute(
        "UPDATE onboarding_rows SET next_check_at = now() WHERE row IN ('3.3', '4.1', '4.2')"
        " AND next_check_at IS NOT NULL"
    )
