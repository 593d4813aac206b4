-- The hot path: one statement per transaction, called as SELECT … FROM function(…) in autocommit.
-- Every function first opens the rows of one tenant for its own transaction only; row level security
-- stays in force (SECURITY INVOKER). payment_submit and payment_move are called for many payments in
-- one transaction (decision 0029): each call opens the rows of its own tenant only, and does its work
-- in a subtransaction, so that one that fails undoes nothing of the others. Its SQLSTATE is its answer.
-- Whatever else payment_move comes to write, payment_move_set at the end has to leave to it.
-- p_lock_ms is how long a statement may wait in all for what other transactions hold: from then on a
-- row that would have to wait is busy at once.
-- Deadlines and leases are read and written with the database's clock, so that processes with
-- wrong clocks agree (F24); facts such as created_at and paid_at come from the caller.

-- What payment_submit and payment_move take: one row each, with the members of the dataclass of that
-- name in its order (NewPayment in snapshot.py, PaymentChange in store.py; a test compares them),
-- and last the event for the outbox; all its members are NULL if there is none.
DROP FUNCTION IF EXISTS payment_submit_set;
DROP FUNCTION IF EXISTS payment_move_set;
DROP FUNCTION IF EXISTS payment_submit;
DROP FUNCTION IF EXISTS payment_move;
DROP TYPE IF EXISTS new_payment;
DROP TYPE IF EXISTS payment_change;
DROP TYPE IF EXISTS outbox_event;

CREATE TYPE outbox_event AS (
  event_id uuid, topic text, key text, type text, payload bytea, created_at timestamptz);
CREATE TYPE new_payment AS (
  tenant_id uuid, payment_id uuid, store_id uuid, is_own_store boolean, device_id uuid, nonce text,
  pay_request_id text, request_hash bytea, order_ref text, out_trade_no text, channel text,
  scene text, subject text, total_fen bigint, payable_fen bigint, stored_value_fen bigint,
  created_at timestamptz, poll_s float8, deadline_s float8, open_s float8, event outbox_event);
CREATE TYPE payment_change AS (
  tenant_id uuid, payment_id uuid, version integer, lease_token uuid, is_lease_kept boolean,
  state text, poll_s float8, paid_fen bigint, trade_no text, buyer_id text, buyer_logon_id text,
  paid_at timestamptz, finished_at timestamptz, reason_code text, reason text, key_version integer,
  is_pay_ended boolean, side_id uuid, case_kind text, notice_app_id text, notify_id text,
  event outbox_event);

CREATE FUNCTION payment_submit(
  p_new new_payment, p_lock_ms integer,
  OUT failed text, OUT failure text, OUT verdict text, OUT payment payments
) LANGUAGE plpgsql AS $$
-- created | existing | nonce_replayed | merchant_suspended | unknown_store | app_not_bound
-- | order_active
DECLARE
  is_free boolean := p_new.payable_fen = 0;
BEGIN
  PERFORM set_config('app.tenant', p_new.tenant_id::text, true),
    set_config('lock_timeout', greatest(1, p_lock_ms - (1000 * extract(
      epoch FROM clock_timestamp() - statement_timestamp()))::integer)::text, true);
  IF p_new.nonce IS NOT NULL THEN
    INSERT INTO device_nonces (tenant_id, device_id, nonce)
    VALUES (p_new.tenant_id, p_new.device_id, p_new.nonce)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      verdict := 'nonce_replayed';
      RETURN;
    END IF;
  END IF;
  INSERT INTO payments (
    tenant_id, payment_id, store_id, device_id, pay_request_id, request_hash, order_ref,
    out_trade_no, channel, scene, subject, total_fen, payable_fen, stored_value_fen, app_id, seller_id,
    key_version, state, created_at, paid_at, finished_at, deadline_at, pay_open_until, next_poll_at)
  SELECT
    p_new.tenant_id, p_new.payment_id, p_new.store_id, p_new.device_id, p_new.pay_request_id,
    p_new.request_hash, p_new.order_ref, p_new.out_trade_no, p_new.channel, p_new.scene,
    p_new.subject, p_new.total_fen, p_new.payable_fen, p_new.stored_value_fen, a.app_id, a.seller_id,
    a.key_version,
    CASE WHEN is_free THEN 'SUCCESS' ELSE 'SUBMITTED' END,
    p_new.created_at,
    CASE WHEN is_free THEN p_new.created_at END,
    CASE WHEN is_free THEN p_new.created_at END,
    now() + make_interval(secs => p_new.deadline_s),
    -- The channel is called after the commit, and now() is the start of the transaction: this row
    -- may have waited for a lock since then, or for other rows of its batch.
    CASE WHEN NOT is_free THEN clock_timestamp() + make_interval(secs => p_new.open_s) END,
    CASE WHEN NOT is_free THEN clock_timestamp() + make_interval(secs => p_new.poll_s) END
  FROM (SELECT 1) AS one LEFT JOIN LATERAL (
    -- The key version is stored now, so that after a crash the channel is called with the same key.
    SELECT m.app_id, m.seller_id, m.key_version FROM merchant_apps m
    WHERE m.tenant_id = p_new.tenant_id AND m.is_enabled AND NOT is_free
    ORDER BY m.first_bound_at DESC, m.app_id LIMIT 1) AS a ON true
  WHERE (is_free OR a.app_id IS NOT NULL)
    AND NOT EXISTS (
      SELECT 1 FROM merchant_standings h WHERE h.tenant_id = p_new.tenant_id AND h.is_suspended)
    AND (p_new.is_own_store
      OR EXISTS (
        SELECT 1 FROM stores s
        WHERE s.tenant_id = p_new.tenant_id AND s.store_id = p_new.store_id))
  ON CONFLICT DO NOTHING
  RETURNING payments.* INTO payment;
  IF FOUND THEN
    verdict := 'created';
    IF (p_new.event).event_id IS NOT NULL THEN
      INSERT INTO outbox (tenant_id, event_id, topic, key, type, payload, created_at)
      VALUES (p_new.tenant_id, (p_new.event).*);
    END IF;
    RETURN;
  END IF;
  SELECT p.* INTO payment FROM payments p
  WHERE p.tenant_id = p_new.tenant_id AND p.device_id = p_new.device_id
    AND p.pay_request_id = p_new.pay_request_id;
  verdict := CASE
    WHEN FOUND THEN 'existing'
    WHEN EXISTS (
      SELECT 1 FROM merchant_standings h WHERE h.tenant_id = p_new.tenant_id AND h.is_suspended)
    THEN 'merchant_suspended'
    WHEN NOT p_new.is_own_store AND NOT EXISTS (
      SELECT 1 FROM stores s WHERE s.tenant_id = p_new.tenant_id AND s.store_id = p_new.store_id)
    THEN 'unknown_store'
    WHEN NOT is_free AND NOT EXISTS (
      SELECT 1 FROM merchant_apps m WHERE m.tenant_id = p_new.tenant_id AND m.is_enabled)
    THEN 'app_not_bound'
    ELSE 'order_active' END;
EXCEPTION WHEN OTHERS THEN
  failed := SQLSTATE;
  failure := SQLERRM;
  verdict := NULL;
  payment := NULL;
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

CREATE FUNCTION payment_move(
  p_move payment_change, p_lock_ms integer,
  OUT failed text, OUT failure text, OUT payment payments
) LANGUAGE plpgsql AS $$
-- The one way a payment changes state: compare-and-swap on version (and on the lease of a worker),
-- guarded by the amount, with everything that must happen together. No payment: another writer was
-- faster.
BEGIN
  PERFORM set_config('app.tenant', p_move.tenant_id::text, true),
    set_config('lock_timeout', greatest(1, p_lock_ms - (1000 * extract(
      epoch FROM clock_timestamp() - statement_timestamp()))::integer)::text, true);
  UPDATE payments p SET
    state = p_move.state,
    version = p.version + 1,
    key_version = coalesce(p_move.key_version, p.key_version),
    reason_code = coalesce(p_move.reason_code, p.reason_code),
    reason = coalesce(p_move.reason, p.reason),
    trade_no = coalesce(p_move.trade_no, p.trade_no),
    buyer_id = coalesce(p_move.buyer_id, p.buyer_id),
    buyer_logon_id = coalesce(p_move.buyer_logon_id, p.buyer_logon_id),
    refund_reserved_fen = CASE WHEN p_move.state = 'REVERSED' THEN p.payable_fen
      ELSE p.refund_reserved_fen END,
    refunded_fen = CASE WHEN p_move.state = 'REVERSED' THEN p.payable_fen ELSE p.refunded_fen END,
    paid_at = coalesce(p_move.paid_at, p.paid_at),
    finished_at = coalesce(p_move.finished_at, p.finished_at),
    pay_open_until = CASE WHEN NOT p_move.is_pay_ended THEN p.pay_open_until END,
    cancelling_at = CASE WHEN p_move.state = 'CANCELLING' THEN coalesce(p.cancelling_at, now())
      ELSE p.cancelling_at END,
    -- The last query must be made at the deadline, not a whole interval after it.
    next_poll_at = CASE WHEN p_move.poll_s IS NULL THEN NULL
      WHEN p_move.state IN ('PAYING', 'UNKNOWN') AND p.deadline_at > now()
      THEN least(now() + make_interval(secs => p_move.poll_s), p.deadline_at)
      ELSE now() + make_interval(secs => p_move.poll_s) END,
    attempts = CASE WHEN p.state = p_move.state THEN p.attempts ELSE 0 END,
    lease_until = CASE
      WHEN p_move.is_lease_kept AND p_move.poll_s IS NOT NULL THEN p.lease_until END,
    lease_token = CASE
      WHEN p_move.is_lease_kept AND p_move.poll_s IS NOT NULL THEN p.lease_token END
  WHERE p.tenant_id = p_move.tenant_id AND p.payment_id = p_move.payment_id
    AND p.version = p_move.version
    AND (p_move.lease_token IS NULL OR p.lease_token = p_move.lease_token)
    AND (p_move.paid_fen IS NULL OR p.payable_fen = p_move.paid_fen)
  RETURNING p.* INTO payment;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF (p_move.event).event_id IS NOT NULL THEN
    INSERT INTO outbox (tenant_id, event_id, topic, key, type, payload, created_at)
    VALUES (p_move.tenant_id, (p_move.event).*);
  END IF;
  IF p_move.state = 'REVERSED' THEN
    INSERT INTO refunds (tenant_id, refund_id, payment_id, refund_request_id, out_request_no,
      amount_fen, origin, state, created_at, finished_at)
    VALUES (p_move.tenant_id, p_move.side_id, p_move.payment_id, 'cancel', payment.out_trade_no,
      payment.payable_fen, 'cancel', 'DONE', p_move.finished_at, p_move.finished_at);
  END IF;
  IF p_move.case_kind IS NOT NULL THEN
    INSERT INTO payment_cases (tenant_id, case_id, payment_id, kind, opened_at)
    VALUES (p_move.tenant_id, p_move.side_id, p_move.payment_id, p_move.case_kind, now())
    ON CONFLICT DO NOTHING;
  END IF;
  IF p_move.notify_id IS NOT NULL THEN
    UPDATE notify_inbox n SET state = 'APPLIED', next_try_at = NULL
    WHERE n.tenant_id = p_move.tenant_id AND n.app_id = p_move.notice_app_id
      AND n.notify_id = p_move.notify_id;
  END IF;
EXCEPTION WHEN OTHERS THEN
  failed := SQLSTATE;
  failure := SQLERRM;
  payment := NULL;
END $$;

DROP FUNCTION IF EXISTS payment_stop;
CREATE FUNCTION payment_stop(
  p_tenant uuid, p_device uuid, p_nonce text, p_request text, p_lease uuid, p_lease_s float8,
  OUT verdict text, OUT read_at timestamptz, OUT payment payments
) LANGUAGE plpgsql AS $$
-- A clerk's stop sets the deadline to now, durably, before any call to the channel, and takes the
-- lease if it is free; otherwise the worker that holds the lease goes on.
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

-- What waits together and is ordinary is written by one INSERT or UPDATE (decision 0039). Both functions
-- take rows of one tenant, in the order of their batch, with their places in it, and open that tenant's
-- rows only. What is not ordinary (a repeated request, a refusal, a row that another transaction holds
-- for more than 5 ms) undoes the common write: then each row is written by itself, by the function
-- above, which has p_lock_ms for all waits, and gets its own verdict. Why a column gets its value, see
-- there.

CREATE FUNCTION payment_submit_set(p_new new_payment[], p_places bigint[], p_lock_ms integer)
RETURNS TABLE (place bigint, failed text, failure text, verdict text, payment payments)
LANGUAGE plpgsql ROWS 1
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  made payments[];
BEGIN
  IF cardinality(p_new) > 2 THEN
    BEGIN
      PERFORM set_config('app.tenant', (p_new[1]).tenant_id::text, true),
        set_config('lock_timeout', '5', true);
      INSERT INTO device_nonces (tenant_id, device_id, nonce)
      SELECT n.tenant_id, n.device_id, n.nonce FROM unnest(p_new) AS n WHERE n.nonce IS NOT NULL;
      WITH stored AS (
        INSERT INTO payments AS p (
          tenant_id, payment_id, store_id, device_id, pay_request_id, request_hash, order_ref,
          out_trade_no, channel, scene, subject, total_fen, payable_fen, stored_value_fen, app_id,
          seller_id, key_version, state, created_at, deadline_at, pay_open_until, next_poll_at)
        SELECT
          n.tenant_id, n.payment_id, n.store_id, n.device_id, n.pay_request_id, n.request_hash,
          n.order_ref, n.out_trade_no, n.channel, n.scene, n.subject, n.total_fen, n.payable_fen,
          n.stored_value_fen, a.app_id, a.seller_id, a.key_version, 'SUBMITTED', n.created_at,
          now() + make_interval(secs => n.deadline_s),
          clock_timestamp() + make_interval(secs => n.open_s),
          clock_timestamp() + make_interval(secs => n.poll_s)
        FROM unnest(p_new) AS n CROSS JOIN (
          SELECT m.app_id, m.seller_id, m.key_version FROM merchant_apps m
          WHERE m.tenant_id = (p_new[1]).tenant_id AND m.is_enabled
          ORDER BY m.first_bound_at DESC, m.app_id LIMIT 1) AS a
        WHERE n.payable_fen > 0 AND (n.event).event_id IS NULL
          AND NOT EXISTS (
            SELECT 1 FROM merchant_standings h
            WHERE h.tenant_id = (p_new[1]).tenant_id AND h.is_suspended)
          AND (n.is_own_store
            OR EXISTS (
              SELECT 1 FROM stores s WHERE s.tenant_id = n.tenant_id AND s.store_id = n.store_id))
        RETURNING p)
      SELECT array_agg(stored.p) INTO made FROM stored;
      IF cardinality(made) IS DISTINCT FROM cardinality(p_new) THEN
        RAISE EXCEPTION 'not ordinary';
      END IF;
      RETURN QUERY
      SELECT p_places[n.ordinality], NULL::text, NULL::text, 'created', m
      FROM unnest(p_new) WITH ORDINALITY AS n JOIN unnest(made) AS m USING (payment_id);
      RETURN;
    EXCEPTION WHEN OTHERS THEN
      RAISE LOG 'payment_submit_set: row by row after %', SQLSTATE;
    END;
  END IF;
  RETURN QUERY
  SELECT p_places[n.at], s.failed, s.failure, s.verdict, s.payment
  FROM generate_series(1, cardinality(p_new)) AS n(at)
  CROSS JOIN LATERAL payment_submit(p_new[n.at], p_lock_ms) AS s;
END $$;

CREATE FUNCTION payment_move_set(p_moves payment_change[], p_places bigint[], p_lock_ms integer)
RETURNS TABLE (place bigint, failed text, failure text, payment payments)
LANGUAGE plpgsql ROWS 1
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  ids uuid[] := ARRAY(
    SELECT DISTINCT n.payment_id FROM unnest(p_moves) AS n
    WHERE n.state <> 'REVERSED' AND n.case_kind IS NULL AND n.notify_id IS NULL);
  moved payments[];
BEGIN
  IF cardinality(p_moves) > 2 AND cardinality(ids) = cardinality(p_moves) THEN
    BEGIN
      PERFORM set_config('app.tenant', (p_moves[1]).tenant_id::text, true),
        set_config('lock_timeout', '5', true),
        -- A plan that is kept from a small table reads all of a large one: 4 ms instead of 0.3. (Of a
        -- table in partitions the size would be 0, and every batch would be planned anew.)
        set_config('plan_cache_mode', CASE WHEN pg_relation_size('payments') < 524288
          THEN 'force_custom_plan' ELSE 'force_generic_plan' END, true);
      WITH changed AS (
        UPDATE payments p SET
          state = n.state,
          version = p.version + 1,
          key_version = coalesce(n.key_version, p.key_version),
          reason_code = coalesce(n.reason_code, p.reason_code),
          reason = coalesce(n.reason, p.reason),
          trade_no = coalesce(n.trade_no, p.trade_no),
          buyer_id = coalesce(n.buyer_id, p.buyer_id),
          buyer_logon_id = coalesce(n.buyer_logon_id, p.buyer_logon_id),
          paid_at = coalesce(n.paid_at, p.paid_at),
          finished_at = coalesce(n.finished_at, p.finished_at),
          pay_open_until = CASE WHEN NOT n.is_pay_ended THEN p.pay_open_until END,
          cancelling_at = CASE WHEN n.state = 'CANCELLING' THEN coalesce(p.cancelling_at, now())
            ELSE p.cancelling_at END,
          next_poll_at = CASE WHEN n.poll_s IS NULL THEN NULL
            WHEN n.state IN ('PAYING', 'UNKNOWN') AND p.deadline_at > now()
            THEN least(now() + make_interval(secs => n.poll_s), p.deadline_at)
            ELSE now() + make_interval(secs => n.poll_s) END,
          attempts = CASE WHEN p.state = n.state THEN p.attempts ELSE 0 END,
          lease_until = CASE WHEN n.is_lease_kept AND n.poll_s IS NOT NULL THEN p.lease_until END,
          lease_token = CASE WHEN n.is_lease_kept AND n.poll_s IS NOT NULL THEN p.lease_token END
        FROM unnest(p_moves) AS n
        WHERE p.tenant_id = (p_moves[1]).tenant_id AND p.payment_id = ANY (ids)
          AND p.payment_id = n.payment_id AND p.version = n.version
          AND (n.lease_token IS NULL OR p.lease_token = n.lease_token)
          AND (n.paid_fen IS NULL OR p.payable_fen = n.paid_fen)
        RETURNING p)
      SELECT array_agg(changed.p) INTO moved FROM changed;
      PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
      -- Also an INSERT of no rows would wake the relay.
      IF EXISTS (SELECT FROM unnest(p_moves) AS n WHERE (n.event).event_id IS NOT NULL) THEN
        INSERT INTO outbox (tenant_id, event_id, topic, key, type, payload, created_at)
        SELECT n.tenant_id, (n.event).*
        FROM unnest(p_moves) AS n JOIN unnest(moved) AS m USING (payment_id)
        WHERE (n.event).event_id IS NOT NULL;
      END IF;
      RETURN QUERY
      SELECT p_places[n.ordinality], NULL::text, NULL::text, m
      FROM unnest(p_moves) WITH ORDINALITY AS n LEFT JOIN unnest(moved) AS m USING (payment_id);
      RETURN;
    EXCEPTION WHEN OTHERS THEN
      RAISE LOG 'payment_move_set: row by row after %', SQLSTATE;
    END;
  END IF;
  RETURN QUERY
  SELECT p_places[n.at], s.failed, s.failure, s.payment
  FROM generate_series(1, cardinality(p_moves)) AS n(at)
  CROSS JOIN LATERAL payment_move(p_moves[n.at], p_lock_ms) AS s;
END $$;
