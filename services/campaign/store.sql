-- Two calls of the device, each one statement and one transaction: `reward` reads, and
-- `draw_on_device` uses a draw. Both set the tenant themselves, so row security applies. And the grants
-- of a batch of payments, which may be of many tenants: the worker's role sees all of them.

DROP FUNCTION IF EXISTS reward(uuid, uuid);
CREATE FUNCTION reward(p_tenant uuid, p_payment uuid)
RETURNS TABLE (
  status text, reason text, store_id uuid, device_id uuid, draws_granted smallint, draws_used smallint,
  device_drawn boolean, coupon_id uuid, title text, title_en text,
  value_fen bigint, threshold_fen bigint, valid_until timestamptz, state text
) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  RETURN QUERY
    SELECT g.status, g.reason, g.store_id, g.device_id, g.draws_granted, g.draws_used, g.device_drawn,
           c.coupon_id, c.title, c.title_en, c.value_fen, c.threshold_fen, c.valid_until, c.state
    FROM grants g
    LEFT JOIN coupons c ON c.tenant_id = g.tenant_id AND c.payment_id = g.payment_id
    WHERE g.tenant_id = p_tenant AND g.payment_id = p_payment;
END $$;

-- The odds of a payment's campaign: one row per prize, and one without a prize for the miss.
DROP FUNCTION IF EXISTS odds(uuid, uuid);
CREATE FUNCTION odds(p_tenant uuid, p_payment uuid)
RETURNS TABLE (prize_id uuid, weight integer) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  RETURN QUERY
    SELECT p.prize_id, p.weight
    FROM grants g JOIN prizes p ON p.tenant_id = g.tenant_id AND p.campaign_id = g.campaign_id
    WHERE g.tenant_id = p_tenant AND g.payment_id = p_payment
    UNION ALL
    SELECT NULL::uuid, c.miss_weight
    FROM grants g JOIN campaigns c ON c.tenant_id = g.tenant_id AND c.campaign_id = g.campaign_id
    WHERE g.tenant_id = p_tenant AND g.payment_id = p_payment;
END $$;

-- Uses the device's only draw of a payment for the picked prize (null: a miss). The lock of the
-- grant's row makes parallel calls wait for each other; the second finds the draw of the first. A
-- prize that ran out since it was picked is a miss. Outcomes: drawn, replayed (the nonce was used),
-- pending (no grant, or another device's), revoked, spent.
DROP FUNCTION IF EXISTS draw_on_device(uuid, uuid, uuid, uuid, text, uuid, timestamptz);
CREATE FUNCTION draw_on_device(
  p_tenant uuid, p_payment uuid, p_device uuid, p_store uuid, p_nonce text, p_prize uuid,
  p_at timestamptz
) RETURNS TABLE (
  outcome text, prize jsonb, draws_granted smallint, draws_used smallint,
  is_new boolean, stock_left integer
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  chance grants%ROWTYPE;
  offered prizes%ROWTYPE;
  won jsonb;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  is_new := false;
  INSERT INTO device_nonces (tenant_id, device_id, nonce, seen_at)
  VALUES (p_tenant, p_device, p_nonce, p_at) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    outcome := 'replayed'; RETURN NEXT; RETURN;
  END IF;

  SELECT * INTO chance FROM grants g
  WHERE g.tenant_id = p_tenant AND g.payment_id = p_payment FOR UPDATE;
  IF NOT FOUND OR chance.device_id IS DISTINCT FROM p_device
     AND (chance.device_id IS NOT NULL OR chance.store_id IS DISTINCT FROM p_store) THEN
    outcome := 'pending'; RETURN NEXT; RETURN;
  END IF;
  draws_granted := chance.draws_granted;
  draws_used := chance.draws_used;

  IF chance.device_drawn THEN
    SELECT d.prize INTO prize FROM draws d
    WHERE d.tenant_id = p_tenant AND d.payment_id = p_payment AND d.via = 'device';
    outcome := 'drawn'; RETURN NEXT; RETURN;
  END IF;
  IF chance.status = 'revoked' THEN
    outcome := 'revoked'; RETURN NEXT; RETURN;
  END IF;
  IF chance.draws_used >= chance.draws_granted THEN
    outcome := 'spent'; RETURN NEXT; RETURN;
  END IF;

  IF p_prize IS NOT NULL THEN
    SELECT * INTO offered FROM prizes p
    WHERE p.tenant_id = p_tenant AND p.prize_id = p_prize AND p.campaign_id = chance.campaign_id;
    IF FOUND AND offered.stock IS NOT NULL THEN
      UPDATE prizes p SET stock_left = p.stock_left - 1
      WHERE p.tenant_id = p_tenant AND p.prize_id = p_prize AND p.stock_left > 0
      RETURNING p.stock_left INTO stock_left;
    END IF;
    IF FOUND THEN
      won := jsonb_build_object(
        'prize_id', offered.prize_id, 'name', offered.name, 'name_en', offered.name_en,
        'kind', offered.kind, 'points', offered.points);
    END IF;
  END IF;
  INSERT INTO draws (tenant_id, payment_id, draw_no, via, prize_id, prize, drawn_at)
  VALUES (p_tenant, p_payment, chance.draws_used + 1, 'device',
          CASE WHEN won IS NOT NULL THEN p_prize END, won, p_at);
  UPDATE grants g SET draws_used = g.draws_used + 1, device_drawn = true
  WHERE g.tenant_id = p_tenant AND g.payment_id = p_payment;
  outcome := 'drawn';
  is_new := true;
  prize := won;
  draws_used := chance.draws_used + 1;
  RETURN NEXT;
END $$;

-- Stores the grants of a batch, and the coupons of those without a reason; returns the number of
-- grants. A refund that was consumed first has left a revoked grant without granted_at. The success
-- completes that grant, and its coupon is revoked from the beginning, so the result is the same in
-- either order.
DROP FUNCTION IF EXISTS give_rewards;
CREATE FUNCTION give_rewards(
  p_tenants uuid[], p_payments uuid[], p_events uuid[], p_stores uuid[], p_devices uuid[],
  p_buyers text[], p_at timestamptz[], p_reasons text[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  given bigint;
BEGIN
  WITH incoming AS (
    SELECT * FROM unnest(
      p_tenants, p_payments, p_events, p_stores, p_devices, p_buyers, p_at, p_reasons
    ) AS i(tenant_id, payment_id, event_id, store_id, device_id, buyer_id, at, reason)
  ), granted AS (
    INSERT INTO grants AS g (
      tenant_id, payment_id, campaign_id, store_id, device_id, buyer_id, draws_granted, status,
      granted_at, reason)
    SELECT i.tenant_id, i.payment_id, c.campaign_id, i.store_id, i.device_id, i.buyer_id,
           CASE WHEN i.reason IS NULL THEN c.draws_per_payment ELSE 0 END,
           CASE WHEN i.reason IS NULL THEN 'granted' ELSE 'none' END, i.at, i.reason
    FROM incoming i JOIN campaigns c ON c.tenant_id = i.tenant_id AND c.status = 'active'
    ON CONFLICT (tenant_id, payment_id) DO UPDATE SET
      campaign_id = excluded.campaign_id, store_id = excluded.store_id,
      device_id = excluded.device_id, buyer_id = excluded.buyer_id,
      draws_granted = excluded.draws_granted, granted_at = excluded.granted_at,
      reason = excluded.reason
    WHERE g.granted_at IS NULL
    RETURNING g.tenant_id, g.payment_id, g.campaign_id, g.status, g.reason
  ), issued AS (
    INSERT INTO coupons (
      tenant_id, coupon_id, payment_id, campaign_id, buyer_id, title, title_en, value_fen,
      threshold_fen, valid_until, state, issued_at, changed_at)
    SELECT g.tenant_id, i.event_id, g.payment_id, g.campaign_id, i.buyer_id, c.coupon_title,
           c.coupon_title_en, c.coupon_value_fen, c.coupon_threshold_fen,
           i.at + make_interval(days => c.coupon_valid_days),
           CASE g.status WHEN 'revoked' THEN 'REVOKED' ELSE 'ISSUED' END, i.at, i.at
    FROM granted g
    JOIN incoming i ON i.tenant_id = g.tenant_id AND i.payment_id = g.payment_id
    JOIN campaigns c ON c.tenant_id = g.tenant_id AND c.campaign_id = g.campaign_id
    WHERE g.reason IS NULL
    ON CONFLICT DO NOTHING
  )
  SELECT count(*) INTO given FROM granted;
  RETURN given;
END $$;

-- Claims the events of a batch of payments and gives each its reward. False, and nothing is changed,
-- unless all of them are new, their payments have no granted reward, no limit is reached, and their
-- merchants have an active campaign. The last arrays are what the batch adds to the counts of its days.
-- The campaigns are locked in the order of their tenants, as where the rules are followed step by step
-- (repo.lock_limits), so two batches cannot both give the last reward of a limit.
DROP FUNCTION IF EXISTS grant_at_once;
CREATE FUNCTION grant_at_once(
  p_consumer text, p_tenants uuid[], p_payments uuid[], p_events uuid[], p_stores uuid[],
  p_devices uuid[], p_buyers text[], p_at timestamptz[],
  p_count_tenants uuid[], p_days date[], p_scopes text[], p_subjects text[], p_numbers integer[]
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  locked bigint;
  beyond bigint;
BEGIN
  PERFORM claim_all(p_consumer, p_tenants, p_events);
  PERFORM 1 FROM campaigns c
  WHERE c.status = 'active' AND c.tenant_id = ANY(p_tenants)
  ORDER BY c.tenant_id FOR NO KEY UPDATE;
  GET DIAGNOSTICS locked = ROW_COUNT;
  -- The statements below would see a campaign that was made since, without its lock.
  IF locked < (SELECT count(DISTINCT t) FROM unnest(p_tenants) AS t) THEN
    RAISE cardinality_violation;
  END IF;
  WITH counted AS (
    INSERT INTO reward_counts AS r (tenant_id, campaign_id, day, scope, subject, rewards)
    SELECT i.tenant_id, c.campaign_id, i.day, i.scope, i.subject, i.number
    FROM unnest(p_count_tenants, p_days, p_scopes, p_subjects, p_numbers)
      AS i(tenant_id, day, scope, subject, number)
    JOIN campaigns c ON c.tenant_id = i.tenant_id AND c.status = 'active'
    ON CONFLICT (tenant_id, campaign_id, day, scope, subject) DO UPDATE SET
      rewards = r.rewards + excluded.rewards
    RETURNING r.tenant_id, r.campaign_id, r.scope, r.rewards
  )
  SELECT count(*) INTO beyond
  FROM counted r JOIN campaigns c ON c.tenant_id = r.tenant_id AND c.campaign_id = r.campaign_id
  WHERE r.rewards > CASE r.scope
    WHEN 'buyer' THEN c.buyer_daily_max
    WHEN 'device' THEN c.device_daily_max
    WHEN 'day' THEN c.daily_max
    ELSE 0 END;
  IF beyond > 0 THEN
    RAISE cardinality_violation;
  END IF;
  PERFORM require_all(
    give_rewards(
      p_tenants, p_payments, p_events, p_stores, p_devices, p_buyers, p_at,
      array_fill(NULL::text, ARRAY[cardinality(p_events)])),
    p_events);
  RETURN true;
EXCEPTION WHEN cardinality_violation THEN
  RETURN false;
END $$;
