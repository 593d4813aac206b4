-- G6: every confirmed payment has exactly one grant and one coupon, and a revoked grant has no
-- coupon that could still be used. Returns violating payments.
SELECT coalesce(g.tenant_id, c.tenant_id) AS tenant_id,
       coalesce(g.payment_id, c.payment_id) AS payment_id,
       g.status, g.granted_at, c.coupon_id, c.state
FROM grants g
FULL JOIN coupons c ON c.tenant_id = g.tenant_id AND c.payment_id = g.payment_id
WHERE g.payment_id IS NULL
   OR (c.coupon_id IS NULL) <> (g.granted_at IS NULL)
   OR (g.status = 'revoked' AND c.state = 'ISSUED');
