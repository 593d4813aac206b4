-- The worker's leases (system scope) and the notify inbox; same rules as hot.sql.

DROP FUNCTION IF EXISTS payments_lease;
CREATE FUNCTION payments_lease(p_limit integer, p_lease uuid, p_lease_s float8)
RETURNS TABLE (read_at timestamptz, payment payments) LANGUAGE plpgsql AS $$
-- Due payments, each for one worker at a time. The token fences: whoever overslept the lease
-- finds it replaced, and its write changes no row (F32).
BEGIN
  PERFORM set_config('app.scope', 'system', true);
  RETURN QUERY
  WITH due AS (
    SELECT d.tenant_id, d.payment_id FROM payments d
    WHERE d.next_poll_at <= now() AND (d.lease_until IS NULL OR d.lease_until <= now())
    ORDER BY d.next_poll_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE payments p SET
    lease_until = now() + make_interval(secs => p_lease_s),
    lease_token = p_lease,
    attempts = p.attempts + 1
  FROM due WHERE p.tenant_id = due.tenant_id AND p.payment_id = due.payment_id
  RETURNING now(), p;
END $$;

DROP FUNCTION IF EXISTS refunds_lease;
CREATE FUNCTION refunds_lease(p_limit integer, p_lease uuid, p_lease_s float8)
RETURNS TABLE (tenant_id uuid, refund_id uuid) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.scope', 'system', true);
  RETURN QUERY
  WITH due AS (
    SELECT d.tenant_id, d.refund_id FROM refunds d
    WHERE d.next_poll_at <= now() AND (d.lease_until IS NULL OR d.lease_until <= now())
    ORDER BY d.next_poll_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE refunds r SET
    lease_until = now() + make_interval(secs => p_lease_s),
    lease_token = p_lease,
    attempts = r.attempts + 1
  FROM due WHERE r.tenant_id = due.tenant_id AND r.refund_id = due.refund_id
  RETURNING r.tenant_id, r.refund_id;
END $$;

DROP FUNCTION IF EXISTS notices_lease;
CREATE FUNCTION notices_lease(p_limit integer, p_lease_s float8)
RETURNS SETOF notify_inbox LANGUAGE plpgsql AS $$
-- Looking at a notice twice does no harm (every move is a compare-and-swap), so no token.
BEGIN
  PERFORM set_config('app.scope', 'system', true);
  RETURN QUERY
  WITH due AS (
    SELECT d.tenant_id, d.app_id, d.notify_id FROM notify_inbox d
    WHERE d.next_try_at <= now()
    ORDER BY d.next_try_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE notify_inbox n SET
    next_try_at = now() + make_interval(secs => least(p_lease_s * (n.attempts + 1), 60)),
    attempts = n.attempts + 1
  FROM due WHERE n.tenant_id = due.tenant_id AND n.app_id = due.app_id
    AND n.notify_id = due.notify_id
  RETURNING n.*;
END $$;

DROP FUNCTION IF EXISTS notice_close;
CREATE FUNCTION notice_close(
  p_tenant uuid, p_app text, p_notice text, p_state text, p_detail text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  UPDATE notify_inbox n SET state = p_state, detail = p_detail, next_try_at = NULL
  WHERE n.tenant_id = p_tenant AND n.app_id = p_app AND n.notify_id = p_notice
    AND n.state = 'RECEIVED';
  RETURN FOUND;
END $$;

DROP FUNCTION IF EXISTS notice_store;
CREATE FUNCTION notice_store(
  p_tenant uuid, p_app text, p_notice text, p_kind text, p_out_trade_no text, p_trade_no text,
  p_out_biz_no text, p_seller text, p_total bigint, p_buyer_id text, p_buyer_logon_id text,
  p_paid_at timestamptz, p_body bytea, p_received_at timestamptz, p_try_s float8,
  OUT verdict text, OUT payment payments
) LANGUAGE plpgsql AS $$
-- Stores a verified notice once, with what it amounts to:
-- RECEIVED   somebody must act on it; the row comes along
-- DUPLICATE  it was here before, or says what our books say already
-- MISMATCH   genuine, yet about another app, seller, amount or trade: quarantined, query now
DECLARE
  why text;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT p.* INTO payment FROM payments p
  WHERE p.tenant_id = p_tenant AND p.out_trade_no = p_out_trade_no;
  IF NOT FOUND THEN
    why := 'unknown_trade';
  ELSIF payment.app_id IS DISTINCT FROM p_app THEN
    why := 'other_app';
  ELSIF p_seller IS NOT NULL AND payment.seller_id <> ''
        AND payment.seller_id IS DISTINCT FROM p_seller THEN
    why := 'other_seller';
  ELSIF payment.payable_fen IS DISTINCT FROM p_total THEN
    why := 'other_amount';
  ELSIF payment.trade_no IS DISTINCT FROM p_trade_no AND payment.trade_no IS NOT NULL THEN
    why := 'other_trade';
  ELSIF p_kind = 'other' OR p_kind = 'paid' AND (p_seller IS NULL OR p_trade_no IS NULL
      OR p_paid_at IS NULL) THEN
    why := 'incomplete';
  ELSIF p_kind = 'closed' AND payment.state IN ('SUCCESS', 'PARTIAL_REFUND', 'SUCCESS_LATE') THEN
    why := 'closed_after_paid';
  ELSIF p_kind = 'refund' AND payment.state IN ('SUCCESS', 'PARTIAL_REFUND', 'REFUNDED',
      'SUCCESS_LATE') AND NOT EXISTS (
      SELECT 1 FROM refunds r WHERE r.tenant_id = p_tenant AND r.out_request_no = p_out_biz_no
        AND r.payment_id = payment.payment_id) THEN
    why := 'unknown_refund';
  END IF;
  verdict := CASE
    WHEN why IS NOT NULL THEN 'MISMATCH'
    WHEN payment.state IN ('SUBMITTED', 'PAYING', 'UNKNOWN', 'CANCELLING', 'MANUAL')
      AND p_kind <> 'waiting' THEN 'RECEIVED'
    WHEN payment.state IN ('FAILED', 'CLOSED', 'CANCELLED_LOCAL') AND p_kind IN ('paid', 'refund')
      THEN 'RECEIVED'
    WHEN p_kind = 'refund' AND EXISTS (
      SELECT 1 FROM refunds r WHERE r.tenant_id = p_tenant AND r.out_request_no = p_out_biz_no
        AND r.payment_id = payment.payment_id AND r.state <> 'DONE') THEN 'RECEIVED'
    ELSE 'DUPLICATE' END;
  INSERT INTO notify_inbox (tenant_id, app_id, notify_id, kind, out_trade_no, trade_no,
    out_biz_no, seller_id, total_fen, buyer_id, buyer_logon_id, paid_at, body, state, detail,
    received_at, next_try_at)
  VALUES (p_tenant, p_app, p_notice, p_kind, p_out_trade_no, p_trade_no,
    p_out_biz_no, p_seller, p_total, p_buyer_id, p_buyer_logon_id, p_paid_at, p_body, verdict, why,
    p_received_at,
    CASE WHEN verdict = 'RECEIVED' THEN now() + make_interval(secs => p_try_s) END)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    verdict := 'DUPLICATE';
  ELSIF verdict = 'MISMATCH' THEN
    UPDATE payments p SET next_poll_at = now()
    WHERE p.tenant_id = p_tenant AND p.payment_id = payment.payment_id
      AND p.state IN ('SUBMITTED', 'PAYING', 'UNKNOWN', 'CANCELLING');
  END IF;
END $$;
