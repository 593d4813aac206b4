"""Campaigns, their prizes, and the reward of each payment."""

from alembic import op

from shared.migrate import create_inbox, create_outbox, enable_rls, grant_app

revision = "2026_11_23_1200"
down_revision = None

CAMPAIGNS = """
CREATE TABLE campaigns (
  tenant_id uuid NOT NULL,
  campaign_id uuid NOT NULL,
  status text NOT NULL CONSTRAINT ck_campaigns_status CHECK (status IN ('active', 'ended')),
  title text NOT NULL,
  title_en text NOT NULL,
  coupon_title text NOT NULL,
  coupon_title_en text NOT NULL,
  coupon_value_fen bigint NOT NULL CONSTRAINT ck_campaigns_value CHECK (coupon_value_fen > 0),
  coupon_threshold_fen bigint NOT NULL
    CONSTRAINT ck_campaigns_threshold CHECK (coupon_threshold_fen >= 0),
  coupon_valid_days integer NOT NULL
    CONSTRAINT ck_campaigns_valid_days CHECK (coupon_valid_days BETWEEN 1 AND 3650),
  draws_per_payment smallint NOT NULL
    CONSTRAINT ck_campaigns_draws CHECK (draws_per_payment BETWEEN 0 AND 100),
  miss_weight integer NOT NULL CONSTRAINT ck_campaigns_miss_weight CHECK (miss_weight >= 0),
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_campaigns PRIMARY KEY (tenant_id, campaign_id)
)
"""
ONE_ACTIVE = (
    "CREATE UNIQUE INDEX uq_campaigns_active ON campaigns (tenant_id) WHERE status = 'active'"
)

PRIZES = """
CREATE TABLE prizes (
  tenant_id uuid NOT NULL,
  prize_id uuid NOT NULL,
  campaign_id uuid NOT NULL,
  position smallint NOT NULL,
  name text NOT NULL,
  name_en text NOT NULL,
  kind text NOT NULL CONSTRAINT ck_prizes_kind CHECK (kind IN ('points', 'gift')),
  points integer NOT NULL CONSTRAINT ck_prizes_points CHECK (points >= 0),
  weight integer NOT NULL CONSTRAINT ck_prizes_weight CHECK (weight >= 0),
  stock integer,
  stock_left integer,
  CONSTRAINT pk_prizes PRIMARY KEY (tenant_id, prize_id),
  CONSTRAINT uq_prizes_position UNIQUE (tenant_id, campaign_id, position),
  CONSTRAINT fk_prizes_campaign FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns,
  CONSTRAINT ck_prizes_stock CHECK ((stock IS NULL) = (stock_left IS NULL)),
  CONSTRAINT ck_prizes_left CHECK (stock_left >= 0 AND stock_left <= stock)
)
"""

# granted_at is null while only the refund is known; the success that comes later fills it in.
GRANTS = """
CREATE TABLE grants (
  tenant_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  campaign_id uuid,
  store_id uuid,
  device_id uuid,
  buyer_id text,
  draws_granted smallint NOT NULL CONSTRAINT ck_grants_granted CHECK (draws_granted >= 0),
  draws_used smallint NOT NULL DEFAULT 0,
  device_drawn boolean NOT NULL DEFAULT false,
  status text NOT NULL CONSTRAINT ck_grants_status CHECK (status IN ('granted', 'revoked')),
  phone_token uuid NOT NULL DEFAULT gen_random_uuid(),
  granted_at timestamptz,
  revoked_at timestamptz,
  CONSTRAINT pk_grants PRIMARY KEY (tenant_id, payment_id),
  CONSTRAINT ck_grants_used CHECK (draws_used >= 0 AND draws_used <= draws_granted),
  CONSTRAINT ck_grants_drawn CHECK (draws_used > 0 OR NOT device_drawn),
  CONSTRAINT ck_grants_at CHECK (granted_at IS NOT NULL OR status = 'revoked')
)
"""

COUPONS = """
CREATE TABLE coupons (
  tenant_id uuid NOT NULL,
  coupon_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  campaign_id uuid NOT NULL,
  buyer_id text,
  title text NOT NULL,
  title_en text NOT NULL,
  value_fen bigint NOT NULL CONSTRAINT ck_coupons_value CHECK (value_fen > 0),
  threshold_fen bigint NOT NULL CONSTRAINT ck_coupons_threshold CHECK (threshold_fen >= 0),
  valid_until timestamptz NOT NULL,
  state text NOT NULL CONSTRAINT ck_coupons_state
    CHECK (state IN ('ISSUED', 'LOCKED', 'USED', 'REVOKED', 'EXPIRED')),
  issued_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_coupons PRIMARY KEY (tenant_id, coupon_id),
  CONSTRAINT uq_coupons_payment UNIQUE (tenant_id, payment_id)
)
"""
# The sweeper works on all tenants at once, so this index begins with the time.
EXPIRING = "CREATE INDEX ix_coupons_expiring ON coupons (valid_until) WHERE state = 'ISSUED'"

DRAWS = """
CREATE TABLE draws (
  tenant_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  draw_no smallint NOT NULL CONSTRAINT ck_draws_no CHECK (draw_no >= 1),
  via text NOT NULL CONSTRAINT ck_draws_via CHECK (via IN ('device', 'phone')),
  prize_id uuid,
  prize jsonb,
  drawn_at timestamptz NOT NULL,
  CONSTRAINT pk_draws PRIMARY KEY (tenant_id, payment_id, draw_no),
  CONSTRAINT fk_draws_grant FOREIGN KEY (tenant_id, payment_id) REFERENCES grants,
  CONSTRAINT ck_draws_prize CHECK ((prize_id IS NULL) = (prize IS NULL))
)
"""
ONE_ON_DEVICE = (
    "CREATE UNIQUE INDEX uq_draws_device ON draws (tenant_id, payment_id) WHERE via = 'device'"
)
WON = "CREATE INDEX ix_draws_prize ON draws (tenant_id, prize_id) WHERE prize_id IS NOT NULL"

NONCES = """
CREATE TABLE device_nonces (
  tenant_id uuid NOT NULL,
  device_id uuid NOT NULL,
  nonce text NOT NULL,
  seen_at timestamptz NOT NULL,
  CONSTRAINT pk_device_nonces PRIMARY KEY (tenant_id, device_id, nonce)
)
"""
SEEN = "CREATE INDEX ix_device_nonces_seen ON device_nonces USING brin (seen_at)"

TABLES = ("campaigns", "prizes", "grants", "coupons", "draws", "device_nonces")


def upgrade() -> None:
    op.execute("SET lock_timeout = '5s'")
    for statement in (
        CAMPAIGNS, ONE_ACTIVE, PRIZES, GRANTS, COUPONS, EXPIRING,
        DRAWS, ONE_ON_DEVICE, WON, NONCES, SEEN,
    ):  # fmt: skip
        op.execute(statement)
    for table in TABLES:
        enable_rls(op, table)
    create_outbox(op)
    create_inbox(op)
    grant_app(op)
