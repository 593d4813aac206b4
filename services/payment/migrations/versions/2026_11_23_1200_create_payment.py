"""Payments, refunds, cases, the notify inbox, nonces, and the read models of binding's events."""

from alembic import op

from shared.migrate import create_inbox, create_outbox, enable_rls, grant_app

revision = "2026_11_23_1200"
down_revision = None

# Keys contain tenant_id, but begin with a column that distinguishes rows: before a table has
# statistics, the planner takes any index whose first column is given, and tenant_id alone selects
# all rows of a tenant.
TABLES = {
    "payments": """
      payment_id uuid NOT NULL,
      store_id uuid NOT NULL,
      device_id uuid NOT NULL,
      pay_request_id text NOT NULL,
      request_hash bytea NOT NULL,
      order_ref text,
      out_trade_no text NOT NULL,
      channel text NOT NULL CONSTRAINT ck_payments_channel
        CHECK (channel IN ('alipay', 'wechat', 'none')),
      scene text NOT NULL CONSTRAINT ck_payments_scene CHECK (scene IN ('face', 'code', 'none')),
      subject text NOT NULL,
      total_fen bigint NOT NULL,
      payable_fen bigint NOT NULL,
      app_id text,
      seller_id text,
      key_version integer,
      state text NOT NULL CONSTRAINT ck_payments_state CHECK (state IN ('CREATED', 'SUBMITTED',
        'PAYING', 'UNKNOWN', 'CANCELLING', 'SUCCESS', 'PARTIAL_REFUND', 'REFUNDED', 'FAILED',
        'CLOSED', 'CANCELLED_LOCAL', 'REVERSED', 'SUCCESS_LATE', 'MANUAL')),
      version integer NOT NULL DEFAULT 1,
      reason_code text,
      reason text,
      trade_no text,
      buyer_id text,
      buyer_logon_id text,
      refund_reserved_fen bigint NOT NULL DEFAULT 0,
      refunded_fen bigint NOT NULL DEFAULT 0,
      created_at timestamptz NOT NULL,
      paid_at timestamptz,
      finished_at timestamptz,
      deadline_at timestamptz NOT NULL,
      pay_open_until timestamptz,
      cancelling_at timestamptz,
      next_poll_at timestamptz,
      attempts integer NOT NULL DEFAULT 0,
      lease_until timestamptz,
      lease_token uuid,
      CONSTRAINT ck_payments_amounts CHECK (0 <= payable_fen AND payable_fen <= total_fen),
      CONSTRAINT ck_payments_refunds CHECK (0 <= refunded_fen
        AND refunded_fen <= refund_reserved_fen AND refund_reserved_fen <= payable_fen),
      CONSTRAINT ck_payments_channel_needed CHECK ((payable_fen = 0) = (channel = 'none')
        AND (channel = 'none') = (scene = 'none')),
      CONSTRAINT ck_payments_app CHECK (channel = 'none' OR app_id IS NOT NULL
        AND seller_id IS NOT NULL),
      CONSTRAINT ck_payments_paid CHECK (state NOT IN ('SUCCESS', 'PARTIAL_REFUND', 'REFUNDED',
        'SUCCESS_LATE') OR paid_at IS NOT NULL AND (channel = 'none' OR trade_no IS NOT NULL)),
      CONSTRAINT ck_payments_open_is_polled CHECK (state NOT IN ('SUBMITTED', 'PAYING', 'UNKNOWN',
        'CANCELLING') OR next_poll_at IS NOT NULL),
      CONSTRAINT pk_payments PRIMARY KEY (payment_id, tenant_id),
      CONSTRAINT uq_payments_pay_request_id UNIQUE (pay_request_id, device_id, tenant_id),
      CONSTRAINT uq_payments_out_trade_no UNIQUE (out_trade_no, tenant_id)""",
    "refunds": """
      refund_id uuid NOT NULL,
      payment_id uuid NOT NULL,
      refund_request_id text NOT NULL,
      out_request_no text NOT NULL,
      amount_fen bigint NOT NULL CONSTRAINT ck_refunds_amount_fen CHECK (amount_fen > 0),
      reason text,
      origin text NOT NULL CONSTRAINT ck_refunds_origin CHECK (origin IN ('console', 'cancel')),
      requested_by text,
      state text NOT NULL CONSTRAINT ck_refunds_state
        CHECK (state IN ('CREATED', 'SUBMITTED', 'DONE', 'REJECTED', 'UNKNOWN')),
      reason_code text,
      created_at timestamptz NOT NULL,
      finished_at timestamptz,
      next_poll_at timestamptz,
      attempts integer NOT NULL DEFAULT 0,
      lease_until timestamptz,
      lease_token uuid,
      CONSTRAINT ck_refunds_open_is_polled CHECK (state IN ('DONE', 'REJECTED')
        OR next_poll_at IS NOT NULL),
      CONSTRAINT pk_refunds PRIMARY KEY (refund_id, tenant_id),
      CONSTRAINT uq_refunds_refund_request_id UNIQUE (payment_id, refund_request_id, tenant_id),
      CONSTRAINT uq_refunds_out_request_no UNIQUE (out_request_no, tenant_id),
      CONSTRAINT fk_refunds_payment FOREIGN KEY (tenant_id, payment_id)
        REFERENCES payments (tenant_id, payment_id)""",
    "payment_cases": """
      case_id uuid NOT NULL,
      payment_id uuid NOT NULL,
      kind text NOT NULL CONSTRAINT ck_payment_cases_kind
        CHECK (kind IN ('late_success', 'amount_mismatch', 'manual')),
      opened_at timestamptz NOT NULL,
      closed_at timestamptz,
      CONSTRAINT pk_payment_cases PRIMARY KEY (case_id, tenant_id),
      CONSTRAINT uq_payment_cases_kind UNIQUE (payment_id, kind, tenant_id),
      CONSTRAINT fk_payment_cases_payment FOREIGN KEY (tenant_id, payment_id)
        REFERENCES payments (tenant_id, payment_id)""",
    "notify_inbox": """
      app_id text NOT NULL,
      notify_id text NOT NULL,
      kind text NOT NULL CONSTRAINT ck_notify_inbox_kind
        CHECK (kind IN ('paid', 'closed', 'refund', 'waiting', 'other')),
      out_trade_no text NOT NULL,
      trade_no text,
      out_biz_no text,
      seller_id text,
      total_fen bigint,
      buyer_id text,
      buyer_logon_id text,
      paid_at timestamptz,
      body bytea NOT NULL,
      state text NOT NULL CONSTRAINT ck_notify_inbox_state
        CHECK (state IN ('RECEIVED', 'APPLIED', 'DUPLICATE', 'MISMATCH')),
      detail text,
      received_at timestamptz NOT NULL,
      next_try_at timestamptz,
      attempts integer NOT NULL DEFAULT 0,
      CONSTRAINT ck_notify_inbox_received_is_tried CHECK ((state = 'RECEIVED')
        = (next_try_at IS NOT NULL)),
      CONSTRAINT pk_notify_inbox PRIMARY KEY (notify_id, app_id, tenant_id)""",
    "device_nonces": """
      device_id uuid NOT NULL,
      nonce text NOT NULL,
      seen_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT pk_device_nonces PRIMARY KEY (nonce, device_id, tenant_id)""",
    "merchant_apps": """
      app_id text NOT NULL,
      seller_id text NOT NULL,
      is_enabled boolean NOT NULL,
      key_version integer NOT NULL,
      first_bound_at timestamptz NOT NULL,
      changed_at timestamptz NOT NULL,
      CONSTRAINT pk_merchant_apps PRIMARY KEY (tenant_id, app_id)""",
    "stores": """
      store_id uuid NOT NULL,
      name text NOT NULL,
      CONSTRAINT pk_stores PRIMARY KEY (tenant_id, store_id)""",
}

INDEXES = {
    "UNIQUE INDEX uq_payments_active_order_ref ON payments (order_ref, tenant_id)"
    " WHERE order_ref IS NOT NULL AND state IN ('CREATED', 'SUBMITTED', 'PAYING', 'UNKNOWN',"
    " 'CANCELLING', 'MANUAL', 'SUCCESS', 'PARTIAL_REFUND')",
    "INDEX ix_payments_next_poll_at ON payments (next_poll_at) WHERE next_poll_at IS NOT NULL",
    "INDEX ix_refunds_next_poll_at ON refunds (next_poll_at) WHERE next_poll_at IS NOT NULL",
    "INDEX ix_notify_inbox_next_try_at ON notify_inbox (next_try_at) WHERE next_try_at IS NOT NULL",
    "INDEX ix_notify_inbox_received_at ON notify_inbox USING brin (received_at)",
    "INDEX ix_device_nonces_seen_at ON device_nonces USING brin (seen_at)",
}


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    for name, columns in TABLES.items():
        op.execute(f"CREATE TABLE {name} (tenant_id uuid NOT NULL,{columns})")
        enable_rls(op, name)
    for index in sorted(INDEXES):
        op.execute(f"CREATE {index}")
    create_outbox(op)
    create_inbox(op)
    grant_app(op)
