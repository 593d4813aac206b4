-- G6: every confirmed payment has exactly one grant, and one coupon unless the grant has a reason
-- for none; a revoked grant has no coupon that could still be used. Returns violating payments, of
-- those that were granted, revoked or whose coupon was made in the last two days.
WITH recent AS (
  SELECT tenant_id, payment_id FROM grants
  WHERE granted_at > now() - interval '2 days' OR revoked_at > now() - interval '2 days'
  UNION
  SELECT tenant_id, payment_id FROM coupons WHERE issued_at > now() - interval '2 days'
)
SELECT r.tenant_id, r.payment_id, g.status, g.granted_at, c.coupon_id, c.state
FROM recent r
LEFT JOIN grants g ON g.tenant_id = r.tenant_id AND g.payment_id = r.payment_id
LEFT JOIN coupons c ON c.tenant_id = r.tenant_id AND c.payment_id = r.payment_id
WHERE g.payment_id IS NULL
   OR (c.coupon_id IS NULL) <> (g.granted_at IS NULL OR g.reason IS NOT NULL)
   OR (g.status = 'revoked' AND c.state = 'ISSUED');
