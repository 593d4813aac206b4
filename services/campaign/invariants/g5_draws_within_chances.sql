-- G5: the draws of a payment are as many as its grant says were used, never more than granted,
-- one at most on the device, and none without a grant. Returns violating payments, of those that
-- were granted, revoked or drawn for in the last two days.
WITH recent AS (
  SELECT tenant_id, payment_id FROM grants
  WHERE granted_at > now() - interval '2 days' OR revoked_at > now() - interval '2 days'
  UNION
  SELECT tenant_id, payment_id FROM draws WHERE drawn_at > now() - interval '2 days'
)
SELECT r.tenant_id, r.payment_id, g.draws_granted, g.draws_used, g.device_drawn, d.draws, d.on_device
FROM recent r
LEFT JOIN grants g ON g.tenant_id = r.tenant_id AND g.payment_id = r.payment_id
CROSS JOIN LATERAL (
  SELECT count(*) AS draws, count(*) FILTER (WHERE via = 'device') AS on_device FROM draws
  WHERE tenant_id = r.tenant_id AND payment_id = r.payment_id
) AS d
WHERE g.payment_id IS NULL
   OR d.draws <> g.draws_used
   OR d.draws > g.draws_granted
   OR d.on_device > 1
   OR (d.on_device = 1) <> g.device_drawn;
