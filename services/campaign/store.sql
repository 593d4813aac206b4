-- The two calls of the device, each one statement and one transaction: `reward` reads, and
-- `draw_on_device` uses a draw. Both set the tenant themselves, so row security applies.

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
