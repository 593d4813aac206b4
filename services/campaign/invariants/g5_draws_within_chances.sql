-- G5: the draws of a payment are as many as its grant says were used, never more than granted,
-- one at most on the device, and none without a grant. Returns violating payments.
SELECT coalesce(g.tenant_id, d.tenant_id) AS tenant_id,
       coalesce(g.payment_id, d.payment_id) AS payment_id,
       g.draws_granted, g.draws_used, g.device_drawn, d.draws, d.on_device
FROM grants g
FULL JOIN (
  SELECT tenant_id, payment_id, count(*) AS draws, count(*) FILTER (WHERE via = 'device') AS on_device
  FROM draws GROUP BY tenant_id, payment_id
) AS d ON d.tenant_id = g.tenant_id AND d.payment_id = g.payment_id
WHERE g.payment_id IS NULL
   OR coalesce(d.draws, 0) <> g.draws_used
   OR coalesce(d.draws, 0) > g.draws_granted
   OR coalesce(d.on_device, 0) > 1
   OR (coalesce(d.on_device, 0) = 1) <> g.device_drawn;
