-- The hot path: one statement per transaction, called as SELECT … FROM function(…) in autocommit.
-- Every function first opens the rows of one tenant for its own transaction only; row level security
-- stays in force (SECURITY INVOKER).
-- Deadlines and leases are read and written with the database's clock, so that processes with
-- wrong clocks agree (F24); facts such as created_at and paid_at come from the caller.

DROP FUNCTION IF EXISTS payment_submit;
CREATE FUNCTION payment_submit(
  p_tenant uuid, p_payment uuid, p_store uuid, p_is_own_store boolean, p_device uuid,
  p_nonce text, p_request text, p_hash bytea, p_order_ref text, p_out_trade_no text,
  p_channel text, p_scene text, p_subject text, p_total bigint, p_payable bigint,
  p_created_at timestamptz, p_poll_s float8, p_deadline_s float8, p_open_s float8,
  p_event uuid, p_topic text, p_key text, p_type text, p_payload bytea, p_said_at timestamptz,
  OUT verdict text, OUT payment payments
) LANGUAGE plpgsql AS $$
-- created | existing | nonce_replayed | merchant_suspended | unknown_store | app_not_bound
-- | order_active
DECLARE
  is_free boolean := p_payable = 0;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  IF p_nonce IS NOT NULL THEN
    INSERT INTO device_nonces (tenant_id, device_id, nonce) VALUES (p_tenant, p_device, p_nonce)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      verdict := 'nonce_replayed';
      RETURN;
    END IF;
  END IF;
  INSERT INTO payments (
    tenant_id, payment_id, store_id, device_id, pay_request_id, request_hash, order_ref,
    out_trade_no, channel, scene, subject, total_fen, payable_fen, app_id, seller_id, key_version,
    state, created_at, paid_at, finished_at, deadline_at, pay_open_until, next_poll_at)
  SELECT
    p_tenant, p_payment, p_store, p_device, p_request, p_hash, p_order_ref,
    p_out_trade_no, p_channel, p_scene, p_subject, p_total, p_payable, a.app_id, a.seller_id,
    a.key_version,
    CASE WHEN is_free THEN 'SUCCESS' ELSE 'SUBMITTED' END,
    p_created_at,
    CASE WHEN is_free THEN p_created_at END,
    CASE WHEN is_free THEN p_created_at END,
    now() + make_interval(secs => p_deadline_s),
    CASE WHEN NOT is_free THEN now() + make_interval(secs => p_open_s) END,
    CASE WHEN NOT is_free THEN now() + make_interval(secs => p_poll_s) END
  FROM (SELECT 1) AS one LEFT JOIN LATERAL (
    -- The version is pinned with the intent: whoever finishes after a crash asks with the same key.
    SELECT m.app_id, m.seller_id, m.key_version FROM merchant_apps m
    WHERE m.tenant_id = p_tenant AND m.is_enabled AND NOT is_free
    ORDER BY m.first_bound_at DESC, m.app_id LIMIT 1) AS a ON true
  WHERE (is_free OR a.app_id IS NOT NULL)
    AND NOT EXISTS (
      SELECT 1 FROM merchant_standings h WHERE h.tenant_id = p_tenant AND h.is_suspended)
    AND (p_is_own_store
      OR EXISTS (SELECT 1 FROM stores s WHERE s.tenant_id = p_tenant AND s.store_id = p_store))
  ON CONFLICT DO NOTHING
  RETURNING payments.* INTO payment;
  IF FOUND THEN
    verdict := 'created';
    IF p_event IS NOT NULL THEN
      INSERT INTO outbox (tenant_id, event_id, topic, key, type, payload, created_at)
      VALUES (p_tenant, p_event, p_topic, p_key, p_type, p_payload, p_said_at);
    END IF;
    RETURN;
  END IF;
  SELECT p.* INTO payment FROM payments p
  WHERE p.tenant_id = p_tenant AND p.device_id = p_device AND p.pay_request_id = p_request;
  verdict := CASE
    WHEN FOUND THEN 'existing'
    WHEN EXISTS (
      SELECT 1 FROM merchant_standings h WHERE h.tenant_id = p_tenant AND h.is_suspended)
    THEN 'merchant_suspended'
    WHEN NOT p_is_own_store AND NOT EXISTS (
      SELECT 1 FROM stores s WHERE s.tenant_id = p_tenant AND s.store_id = p_store)
    THEN 'unknown_store'
    WHEN NOT is_free AND NOT EXISTS (
      SELECT 1 FROM merchant_apps m WHERE m.tenant_id = p_tenant AND m.is_enabled)
    THEN 'app_not_bound'
    ELSE 'order_active' END;
END $$;

DROP FUNCTION IF EXISTS payment_by_request;
CREATE FUNCTION payment_by_request(p_tenant uuid, p_device uuid, p_request text)
RETURNS SETOF payments LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  RETURN QUERY SELECT p.* FROM payments p
  WHERE p.tenant_id = p_tenant AND p.device_id = p_device AND p.pay_request_id = p_request;
END $$;

DROP FUNCTION IF EXISTS payment_by_id;
CREATE FUNCTION payment_by_id(p_tenant uuid, p_payment uuid)
RETURNS SETOF payments LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  RETURN QUERY SELECT p.* FROM payments p
  WHERE p.tenant_id = p_tenant AND p.payment_id = p_payment;
END $$;

DROP FUNCTION IF EXISTS payment_move;
CREATE FUNCTION payment_move(
  p_tenant uuid, p_payment uuid, p_version integer, p_lease uuid, p_is_lease_kept boolean,
  p_to text, p_poll_s float8, p_paid_fen bigint, p_trade_no text, p_buyer_id text,
  p_buyer_logon_id text, p_paid_at timestamptz, p_finished_at timestamptz,
  p_reason_code text, p_reason text, p_key_version integer, p_is_pay_ended boolean,
  p_side uuid, p_case text, p_notice_app text, p_notice text,
  p_event uuid, p_topic text, p_key text, p_type text, p_payload bytea, p_said_at timestamptz
) RETURNS SETOF payments LANGUAGE plpgsql AS $$
-- The one way a payment changes state: compare-and-swap on version (and on the lease of a worker),
-- guarded by the amount, with everything that must happen together. No row: somebody was faster.
DECLARE
  moved payments;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  UPDATE payments p SET
    state = p_to,
    version = p.version + 1,
    key_version = coalesce(p_key_version, p.key_version),
    reason_code = coalesce(p_reason_code, p.reason_code),
    reason = coalesce(p_reason, p.reason),
    trade_no = coalesce(p_trade_no, p.trade_no),
    buyer_id = coalesce(p_buyer_id, p.buyer_id),
    buyer_logon_id = coalesce(p_buyer_logon_id, p.buyer_logon_id),
    refund_reserved_fen = CASE WHEN p_to = 'REVERSED' THEN p.payable_fen
      ELSE p.refund_reserved_fen END,
    refunded_fen = CASE WHEN p_to = 'REVERSED' THEN p.payable_fen ELSE p.refunded_fen END,
    paid_at = coalesce(p_paid_at, p.paid_at),
    finished_at = coalesce(p_finished_at, p.finished_at),
    pay_open_until = CASE WHEN NOT p_is_pay_ended THEN p.pay_open_until END,
    cancelling_at = CASE WHEN p_to = 'CANCELLING' THEN coalesce(p.cancelling_at, now())
      ELSE p.cancelling_at END,
    -- The last query must come at the deadline, not a whole interval after it.
    next_poll_at = CASE WHEN p_poll_s IS NULL THEN NULL
      WHEN p_to IN ('PAYING', 'UNKNOWN') AND p.deadline_at > now()
      THEN least(now() + make_interval(secs => p_poll_s), p.deadline_at)
      ELSE now() + make_interval(secs => p_poll_s) END,
    attempts = CASE WHEN p.state = p_to THEN p.attempts ELSE 0 END,
    lease_until = CASE WHEN p_is_lease_kept AND p_poll_s IS NOT NULL THEN p.lease_until END,
    lease_token = CASE WHEN p_is_lease_kept AND p_poll_s IS NOT NULL THEN p.lease_token END
  WHERE p.tenant_id = p_tenant AND p.payment_id = p_payment AND p.version = p_version
    AND (p_lease IS NULL OR p.lease_token = p_lease)
    AND (p_paid_fen IS NULL OR p.payable_fen = p_paid_fen)
  RETURNING p.* INTO moved;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF p_event IS NOT NULL THEN
    INSERT INTO outbox (tenant_id, event_id, topic, key, type, payload, created_at)
    VALUES (p_tenant, p_event, p_topic, p_key, p_type, p_payload, p_said_at);
  END IF;
  IF p_to = 'REVERSED' THEN
    INSERT INTO refunds (tenant_id, refund_id, payment_id, refund_request_id, out_request_no,
      amount_fen, origin, state, created_at, finished_at)
    VALUES (p_tenant, p_side, p_payment, 'cancel', moved.out_trade_no, moved.payable_fen,
      'cancel', 'DONE', p_finished_at, p_finished_at);
  END IF;
  IF p_case IS NOT NULL THEN
    INSERT INTO payment_cases (tenant_id, case_id, payment_id, kind, opened_at)
    VALUES (p_tenant, p_side, p_payment, p_case, now()) ON CONFLICT DO NOTHING;
  END IF;
  IF p_notice IS NOT NULL THEN
    UPDATE notify_inbox n SET state = 'APPLIED', next_try_at = NULL
    WHERE n.tenant_id = p_tenant AND n.app_id = p_notice_app AND n.notify_id = p_notice;
  END IF;
  RETURN NEXT moved;
END $$;

DROP FUNCTION IF EXISTS payment_stop;
CREATE FUNCTION payment_stop(
  p_tenant uuid, p_device uuid, p_nonce text, p_request text, p_lease uuid, p_lease_s float8,
  OUT verdict text, OUT read_at timestamptz, OUT payment payments
) LANGUAGE plpgsql AS $$
-- A clerk's stop pulls the deadline to now, durably, before anything is asked of the channel, and
-- takes the lease when it is free; otherwise the worker that holds it finishes the job.
-- stopping | leased | settled | nonce_replayed | not_found
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  read_at := now();
  IF p_nonce IS NOT NULL THEN
    INSERT INTO device_nonces (tenant_id, device_id, nonce) VALUES (p_tenant, p_device, p_nonce)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      verdict := 'nonce_replayed';
      RETURN;
    END IF;
  END IF;
  SELECT p.* INTO payment FROM payments p
  WHERE p.tenant_id = p_tenant AND p.device_id = p_device AND p.pay_request_id = p_request
  FOR UPDATE;
  IF NOT FOUND THEN
    verdict := 'not_found';
  ELSIF payment.state NOT IN ('SUBMITTED', 'PAYING', 'UNKNOWN') THEN
    verdict := 'settled';
  ELSE
    verdict := CASE WHEN payment.lease_until > now() THEN 'leased' ELSE 'stopping' END;
    UPDATE payments p SET
      deadline_at = least(p.deadline_at, now()),
      next_poll_at = now(),
      lease_until = CASE WHEN verdict = 'leased' THEN p.lease_until
        ELSE now() + make_interval(secs => p_lease_s) END,
      lease_token = CASE WHEN verdict = 'leased' THEN p.lease_token ELSE p_lease END
    WHERE p.tenant_id = p_tenant AND p.payment_id = payment.payment_id
    RETURNING p.* INTO payment;
  END IF;
END $$;
