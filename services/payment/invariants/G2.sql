-- G2: at most one captured attempt per order; late money has a case of its own. For orders with a
-- payment of the last two days.
SELECT p.tenant_id, p.order_ref, count(*) AS captured
FROM payments p
JOIN payments other ON other.tenant_id = p.tenant_id AND other.order_ref = p.order_ref
  AND other.state IN ('SUCCESS', 'PARTIAL_REFUND')
WHERE p.created_at > now() - interval '2 days'
  AND p.order_ref IS NOT NULL AND p.state IN ('SUCCESS', 'PARTIAL_REFUND')
GROUP BY p.tenant_id, p.order_ref, p.payment_id HAVING count(*) > 1
UNION ALL
SELECT p.tenant_id, p.order_ref, 1
FROM payments p
WHERE p.created_at > now() - interval '2 days' AND p.state = 'SUCCESS_LATE' AND NOT EXISTS (
  SELECT 1 FROM payment_cases c
  WHERE c.tenant_id = p.tenant_id AND c.payment_id = p.payment_id AND c.kind = 'late_success');
