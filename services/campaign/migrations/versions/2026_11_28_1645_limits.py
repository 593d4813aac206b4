"""Rewards are given for paid money only, within the limits of a buyer, of a device and of a day."""

from alembic import op

from shared.migrate import enable_rls, grant_app

revision = "2026_11_28_1645"
down_revision = "2026_11_28_1610"

# No limit where it is null.
LIMITS = """
ALTER TABLE campaigns
  ADD COLUMN buyer_daily_max integer DEFAULT 20
    CONSTRAINT ck_campaigns_buyer_max CHECK (buyer_daily_max >= 0),
  ADD COLUMN device_daily_max integer DEFAULT 10000
    CONSTRAINT ck_campaigns_device_max CHECK (device_daily_max >= 0),
  ADD COLUMN daily_max integer CONSTRAINT ck_campaigns_daily_max CHECK (daily_max >= 0),
  ADD COLUMN version integer NOT NULL DEFAULT 1
"""

# The counts are changed under the lock of the campaign's row, by one transaction at a time.
COUNTS = """
CREATE TABLE reward_counts (
  tenant_id uuid NOT NULL,
  campaign_id uuid NOT NULL,
  day date NOT NULL,
  scope text NOT NULL CONSTRAINT ck_reward_counts_scope CHECK (scope IN ('buyer', 'device', 'day')),
  subject text NOT NULL,
  rewards integer NOT NULL CONSTRAINT ck_reward_counts_rewards CHECK (rewards > 0),
  CONSTRAINT pk_reward_counts PRIMARY KEY (tenant_id, campaign_id, day, scope, subject),
  CONSTRAINT fk_reward_counts_campaign FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns
)
"""
# Earlier rewards are counted, too: for the limits of the present day, and for the invariant, which
# covers two days.
BACKFILL = """
INSERT INTO reward_counts (tenant_id, campaign_id, day, scope, subject, rewards)
SELECT g.tenant_id, g.campaign_id, (g.granted_at AT TIME ZONE 'Asia/Shanghai')::date, s.scope,
       s.subject, count(*)
FROM grants g
CROSS JOIN LATERAL (
  VALUES ('day', ''), ('device', g.device_id::text), ('buyer', nullif(g.buyer_id, ''))
) AS s (scope, subject)
WHERE g.granted_at > now() - interval '3 days' AND g.campaign_id IS NOT NULL
  AND s.subject IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
"""
BY_DAY = "CREATE INDEX ix_reward_counts_day ON reward_counts (day)"

WITHHELD = (
    "ALTER TABLE grants ADD COLUMN reason text CONSTRAINT ck_grants_reason CHECK"
    " (reason IN ('nothing_paid', 'buyer_limit', 'device_limit', 'day_limit'))",
    "ALTER TABLE grants DROP CONSTRAINT ck_grants_status",
    "ALTER TABLE grants ADD CONSTRAINT ck_grants_status"
    " CHECK (status IN ('granted', 'revoked', 'none'))",
    "ALTER TABLE grants ADD CONSTRAINT ck_grants_none CHECK"
    " (reason IS NULL AND status <> 'none' OR reason IS NOT NULL AND status <> 'granted'"
    " AND draws_granted = 0)",
)


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    for statement in (LIMITS, COUNTS, BY_DAY, *WITHHELD):
        op.execute(statement)
    op.execute(BACKFILL)
    enable_rls(op, "reward_counts")
    grant_app(op)
