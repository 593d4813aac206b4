"""Orders, their timeline, and the names of stores."""

import secrets

from alembic import op

from shared.migrate import create_inbox, create_outbox, enable_rls, grant_app

revision = "2026_11_23_1200"
down_revision = None

# Text that is searched by prefix is compared by code point, so a plain index serves the search.
# `outcome` is domain.Outcome; the states follow from it and the refunds, here and nowhere else.
ORDERS = """
CREATE TABLE orders (
  tenant_id uuid NOT NULL,
  order_id uuid NOT NULL,
  payment_id uuid,
  order_no text COLLATE "C" NOT NULL
    CONSTRAINT ck_orders_number CHECK (order_no ~ '^[DO][0-9]{14}$'),
  order_type text NOT NULL CONSTRAINT ck_orders_type CHECK (order_type IN ('face_pay', 'goods')),
  sub_type text NOT NULL
    CONSTRAINT ck_orders_sub_type CHECK (sub_type IN ('alipay_face', 'alipay_code', 'normal')),
  outcome smallint NOT NULL CONSTRAINT ck_orders_outcome CHECK (outcome BETWEEN 0 AND 4),
  order_state text NOT NULL GENERATED ALWAYS AS (
    CASE
      WHEN outcome = 4 OR outcome = 1 AND refunded_fen = 0 THEN 'cancelled'
      ELSE 'completed'
    END) STORED,
  pay_state text NOT NULL GENERATED ALWAYS AS (
    CASE
      WHEN outcome = 4 THEN 'refunded'
      WHEN refunded_fen > 0 AND refunded_fen >= payable_fen THEN 'refunded'
      WHEN refunded_fen > 0 THEN 'partially_refunded'
      WHEN outcome = 1 THEN 'unpaid'
      ELSE 'paid'
    END) STORED,
  pay_method text NOT NULL CONSTRAINT ck_orders_pay_method CHECK (pay_method IN ('online')),
  channel text NOT NULL
    CONSTRAINT ck_orders_channel CHECK (channel IN ('alipay', 'wechat', 'none')),
  stored_value_fen bigint NOT NULL DEFAULT 0
    CONSTRAINT ck_orders_stored_value CHECK (stored_value_fen >= 0),
  total_fen bigint NOT NULL CONSTRAINT ck_orders_total CHECK (total_fen >= 0),
  payable_fen bigint NOT NULL CONSTRAINT ck_orders_payable CHECK (payable_fen >= 0),
  refunded_fen bigint NOT NULL
    CONSTRAINT ck_orders_refunded CHECK (refunded_fen >= 0 AND refunded_fen <= payable_fen),
  store_id uuid NOT NULL,
  device_id uuid,
  out_trade_no text COLLATE "C" NOT NULL,
  trade_no text COLLATE "C",
  buyer_id text,
  buyer_logon_id text,
  receiver text,
  receiver_phone text,
  subject text NOT NULL,
  source_terminal text NOT NULL
    CONSTRAINT ck_orders_terminal CHECK (source_terminal IN ('device', 'api')),
  ordered_at timestamptz NOT NULL,
  paid_at timestamptz,
  closed_at timestamptz,
  CONSTRAINT pk_orders PRIMARY KEY (tenant_id, order_id),
  CONSTRAINT uq_orders_payment UNIQUE (tenant_id, payment_id),
  CONSTRAINT uq_orders_number UNIQUE (tenant_id, order_no)
)
"""
INDEXES = (
    "CREATE INDEX ix_orders_newest ON orders (tenant_id, ordered_at DESC, order_id DESC)",
    "CREATE INDEX ix_orders_store ON orders (tenant_id, store_id, ordered_at DESC)",
    "CREATE INDEX ix_orders_device ON orders (tenant_id, device_id, ordered_at DESC)",
    "CREATE INDEX ix_orders_out_trade_no ON orders (tenant_id, out_trade_no)",
    "CREATE INDEX ix_orders_trade_no ON orders (tenant_id, trade_no)",
)

ORDER_EVENTS = """
CREATE TABLE order_events (
  tenant_id uuid NOT NULL,
  order_id uuid NOT NULL,
  event_id uuid NOT NULL,
  kind text NOT NULL,
  at timestamptz NOT NULL,
  data jsonb NOT NULL,
  CONSTRAINT pk_order_events PRIMARY KEY (tenant_id, order_id, event_id)
)
"""

STORES = """
CREATE TABLE stores (
  tenant_id uuid NOT NULL,
  store_id uuid NOT NULL,
  event_id uuid NOT NULL,
  name text NOT NULL,
  CONSTRAINT pk_stores PRIMARY KEY (tenant_id, store_id)
)
"""

NUMBERS = "CREATE SEQUENCE order_numbers MINVALUE 0 START 0 CACHE 50"


def upgrade() -> None:
    op.execute("SET lock_timeout = '5s'")
    for statement in (ORDERS, *INDEXES, ORDER_EVENTS, STORES, NUMBERS):
        op.execute(statement)
    # A secret of this installation as a constant: made once, dumped and restored with the schema.
    key = secrets.randbits(62)
    op.execute(
        "CREATE FUNCTION order_number_key() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE"
        f" RETURN {key}::bigint"
    )
    for table in ("orders", "order_events", "stores"):
        enable_rls(op, table)
    create_outbox(op)
    create_inbox(op)
    grant_app(op)
