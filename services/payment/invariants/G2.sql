-- G2: at most one captured attempt per order. Money that came late has a case of its own.
SELECT tenant_id, order_ref, count(*) AS captured
FROM payments
WHERE order_ref IS NOT NULL AND state IN ('SUCCESS', 'PARTIAL_REFUND')
GROUP BY tenant_id, order_ref HAVING count(*) > 1
UNION ALL
SELECT p.tenant_id, p.order_ref, 1
FROM payments p
WHERE p.state = 'SUCCESS_LATE' AND NOT EXISTS (
  SELECT 1 FROM payment_cases c
  WHERE c.tenant_id = p.tenant_id AND c.payment_id = p.payment_id AND c.kind = 'late_success');
