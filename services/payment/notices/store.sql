-- The notify inbox: what is wrong with a verified notice, what must be done about it, and its changes
-- of state. Same rules as payments/store.sql: one statement, one transaction. But one transaction calls
-- notice_store for several tenants (decision 0015); each call opens the rows of its own tenant only.

DROP FUNCTION IF EXISTS notice_store;
DROP FUNCTION IF EXISTS notice_replay;
DROP FUNCTION IF EXISTS notice_fault;
DROP FUNCTION IF EXISTS notice_task;

CREATE FUNCTION notice_fault(
  p_payment payments, p_channel text, p_app_id text, p_kind text, p_fault text, p_trade_no text,
  p_out_request_no text, p_seller_id text, p_total_fen bigint, p_paid_at timestamptz
) RETURNS text LANGUAGE plpgsql STABLE AS $$
-- Where a genuine notice disagrees with our books (reliability-security §5.8.7); NULL: nowhere.
-- p_fault is what was wrong with the notice by itself: no_trade, other_currency, unknown_status.
-- Only the check of a refund is a query: plpgsql evaluates the rest without starting the executor.
DECLARE
  why text := CASE
    WHEN p_fault = 'no_trade' THEN p_fault
    WHEN p_payment.payment_id IS NULL THEN 'unknown_trade'
    WHEN p_payment.app_id IS DISTINCT FROM p_app_id
      OR p_payment.channel IS DISTINCT FROM p_channel THEN 'other_app'
    WHEN p_seller_id IS NOT NULL AND p_payment.seller_id <> ''
      AND p_payment.seller_id IS DISTINCT FROM p_seller_id THEN 'other_seller'
    WHEN p_payment.payable_fen IS DISTINCT FROM p_total_fen THEN 'other_amount'
    WHEN p_payment.trade_no IS DISTINCT FROM p_trade_no AND p_payment.trade_no IS NOT NULL
      THEN 'other_trade'
    WHEN p_fault IS NOT NULL THEN p_fault
    WHEN p_kind = 'paid' AND (p_seller_id IS NULL OR p_trade_no IS NULL OR p_paid_at IS NULL)
      THEN 'incomplete'
    WHEN p_kind = 'closed' AND p_payment.state IN ('SUCCESS', 'PARTIAL_REFUND', 'SUCCESS_LATE')
      THEN 'closed_after_paid' END;
BEGIN
  IF why IS NULL AND p_kind = 'refund'
    AND p_payment.state IN ('SUCCESS', 'PARTIAL_REFUND', 'REFUNDED', 'SUCCESS_LATE')
  THEN
    PERFORM FROM refunds r WHERE r.tenant_id = p_payment.tenant_id
      AND r.out_request_no = p_out_request_no AND r.payment_id = p_payment.payment_id;
    IF NOT FOUND THEN
      why := 'unknown_refund';
    END IF;
  END IF;
  RETURN why;
END $$;

CREATE FUNCTION notice_task(p_payment payments, p_kind text, p_out_request_no text)
RETURNS text LANGUAGE plpgsql STABLE AS $$
-- RECEIVED: it must be acted on; DUPLICATE: our books contain it already.
BEGIN
  IF p_payment.state IN ('SUBMITTED', 'PAYING', 'UNKNOWN', 'CANCELLING', 'MANUAL')
    AND p_kind <> 'waiting'
    OR p_payment.state IN ('FAILED', 'CLOSED') AND p_kind IN ('paid', 'refund')
  THEN
    RETURN 'RECEIVED';
  END IF;
  IF p_kind = 'refund' THEN
    PERFORM FROM refunds r WHERE r.tenant_id = p_payment.tenant_id
      AND r.out_request_no = p_out_request_no AND r.payment_id = p_payment.payment_id
      AND r.state <> 'DONE';
    IF FOUND THEN
      RETURN 'RECEIVED';
    END IF;
  END IF;
  RETURN 'DUPLICATE';
END $$;

CREATE FUNCTION notice_store(
  p_tenant_id uuid, p_app_id text, p_notify_id text, p_channel text, p_kind text, p_fault text,
  p_out_trade_no text, p_trade_no text, p_out_request_no text, p_seller_id text,
  p_total_fen bigint, p_buyer_id text, p_buyer_logon_id text, p_paid_at timestamptz,
  p_body_b64 bytea, p_received_at timestamptz, p_try_s float8,
  OUT verdict text, OUT why text, OUT payment payments
) LANGUAGE plpgsql AS $$
-- Stores a verified notice once, counts repeated deliveries, and returns its verdict:
-- RECEIVED   it must be acted on; the payment is returned with it
-- DUPLICATE  it was delivered before, or our books contain it already
-- MISMATCH   genuine, but about another app, seller, amount or trade: quarantined, and due at once
--            for the worker, which queries the channel
DECLARE
  seen integer;
  is_other boolean;
BEGIN
  PERFORM set_config('app.tenant', p_tenant_id::text, true);
  SELECT p.* INTO payment FROM payments p
  WHERE p.tenant_id = p_tenant_id AND p.out_trade_no = p_out_trade_no;
  why := notice_fault(payment, p_channel => p_channel, p_app_id => p_app_id, p_kind => p_kind,
    p_fault => p_fault, p_trade_no => p_trade_no, p_out_request_no => p_out_request_no,
    p_seller_id => p_seller_id, p_total_fen => p_total_fen, p_paid_at => p_paid_at);
  verdict := CASE WHEN why IS NOT NULL THEN 'MISMATCH'
    ELSE notice_task(payment, p_kind, p_out_request_no) END;
  INSERT INTO notify_inbox AS n (tenant_id, app_id, notify_id, channel, kind, fault, out_trade_no,
    trade_no, out_biz_no, seller_id, total_fen, buyer_id, buyer_logon_id, paid_at, body, state,
    detail, received_at, next_try_at)
  VALUES (p_tenant_id, p_app_id, p_notify_id, p_channel, p_kind, p_fault, p_out_trade_no,
    p_trade_no, p_out_request_no, p_seller_id, p_total_fen, p_buyer_id, p_buyer_logon_id,
    p_paid_at, p_body_b64, verdict, why, p_received_at,
    CASE WHEN verdict = 'RECEIVED' THEN now() + make_interval(secs => p_try_s)
      WHEN verdict = 'MISMATCH' AND payment.payment_id IS NOT NULL THEN now() END)
  ON CONFLICT (notify_id, app_id, tenant_id) DO UPDATE SET
    deliveries = n.deliveries + 1,
    last_received_at = p_received_at,
    last_detail = CASE
      WHEN (n.kind, n.out_trade_no, n.trade_no, n.out_biz_no, n.seller_id, n.total_fen)
        IS DISTINCT FROM
        (p_kind, p_out_trade_no, p_trade_no, p_out_request_no, p_seller_id, p_total_fen)
      THEN 'reused_id' ELSE n.last_detail END
  RETURNING n.deliveries,
    (n.kind, n.out_trade_no, n.trade_no, n.out_biz_no, n.seller_id, n.total_fen)
      IS DISTINCT FROM
        (p_kind, p_out_trade_no, p_trade_no, p_out_request_no, p_seller_id, p_total_fen)
  INTO seen, is_other;
  IF seen > 1 AND is_other THEN
    -- A known id with other content: the first content stays, and the payment is polled. Its row may
    -- be locked by payment_move, which then locks ours, so this never waits for it.
    verdict := 'MISMATCH';
    why := 'reused_id';
    UPDATE payments p SET next_poll_at = now() FROM (
      SELECT f.payment_id FROM payments f
      WHERE f.tenant_id = p_tenant_id AND f.payment_id = payment.payment_id
        AND f.state IN ('SUBMITTED', 'PAYING', 'UNKNOWN', 'CANCELLING')
      FOR UPDATE SKIP LOCKED) AS free
    WHERE p.tenant_id = p_tenant_id AND p.payment_id = free.payment_id;
  ELSIF seen > 1 THEN
    verdict := 'DUPLICATE';
    why := 'seen';
  END IF;
  IF verdict <> 'RECEIVED' THEN
    payment := NULL;
  END IF;
END $$;

DROP FUNCTION IF EXISTS notices_lease;
CREATE FUNCTION notices_lease(p_limit integer, p_lease_s float8)
RETURNS SETOF notify_inbox LANGUAGE plpgsql AS $$
-- Without a token: processing a notice twice is harmless, every move is a compare-and-swap.
BEGIN
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

DROP FUNCTION IF EXISTS notice_renew;
CREATE FUNCTION notice_renew(p_tenant uuid, p_app text, p_notice text, p_lease_s float8)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  UPDATE notify_inbox n
  SET next_try_at = greatest(n.next_try_at, now() + make_interval(secs => p_lease_s))
  WHERE n.tenant_id = p_tenant AND n.app_id = p_app AND n.notify_id = p_notice
    AND n.next_try_at IS NOT NULL;
  RETURN FOUND;
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

DROP FUNCTION IF EXISTS notice_answered;
CREATE FUNCTION notice_answered(
  p_tenant uuid, p_app text, p_notice text, p_said text, p_is_final boolean
) RETURNS boolean LANGUAGE plpgsql AS $$
-- The channel's query result about the trade of a quarantined notice; final: no further query.
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  UPDATE notify_inbox n SET asked_at = now(), query_said = p_said,
    next_try_at = CASE WHEN NOT p_is_final THEN n.next_try_at END
  WHERE n.tenant_id = p_tenant AND n.app_id = p_app AND n.notify_id = p_notice
    AND n.state = 'MISMATCH';
  RETURN FOUND;
END $$;

CREATE FUNCTION notice_replay(
  p_tenant uuid, p_app text, p_notice text, p_replay uuid, p_actor text, p_request text
) RETURNS SETOF notify_inbox LANGUAGE plpgsql AS $$
-- An operator's replay: a quarantined notice is compared with our books as they are now. It, or one
-- that waits, becomes due at once. A settled notice stays settled. Each replay is recorded.
DECLARE
  notice notify_inbox;
  payment payments;
  before text;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT n.* INTO notice FROM notify_inbox n
  WHERE n.tenant_id = p_tenant AND n.app_id = p_app AND n.notify_id = p_notice FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  before := notice.state;
  IF notice.state = 'MISMATCH' THEN
    SELECT p.* INTO payment FROM payments p
    WHERE p.tenant_id = p_tenant AND p.out_trade_no = notice.out_trade_no;
    notice.detail := notice_fault(payment, p_channel => notice.channel, p_app_id => p_app,
      p_kind => notice.kind, p_fault => notice.fault, p_trade_no => notice.trade_no,
      p_out_request_no => notice.out_biz_no, p_seller_id => notice.seller_id,
      p_total_fen => notice.total_fen, p_paid_at => notice.paid_at);
    notice.state := CASE WHEN notice.detail IS NOT NULL THEN 'MISMATCH'
      ELSE notice_task(payment, notice.kind, notice.out_biz_no) END;
  END IF;
  UPDATE notify_inbox n SET
    state = notice.state,
    detail = notice.detail,
    next_try_at = CASE
      WHEN notice.state = 'RECEIVED' THEN now()
      WHEN notice.state = 'MISMATCH' AND payment.payment_id IS NOT NULL THEN now() END
  WHERE n.tenant_id = p_tenant AND n.app_id = p_app AND n.notify_id = p_notice
  RETURNING n.* INTO notice;
  INSERT INTO notice_replays (tenant_id, replay_id, app_id, notify_id, actor, request_id,
    state_before, state_after)
  VALUES (p_tenant, p_replay, p_app, p_notice, p_actor, p_request, before, notice.state);
  RETURN NEXT notice;
END $$;
