-- G4: refunds that are done or open never exceed what was paid, and the reservation in the payment is
-- the sum of the refunds that were not refused. For payments that were made or refunded in the last
-- two days.
WITH recent AS (
  SELECT tenant_id, payment_id FROM payments WHERE created_at > now() - interval '2 days'
  UNION
  SELECT tenant_id, payment_id FROM refunds WHERE created_at > now() - interval '2 days'
)
SELECT p.tenant_id, p.payment_id, p.payable_fen, p.refund_reserved_fen, sum(r.amount_fen) AS refunds
FROM recent
JOIN payments p ON p.tenant_id = recent.tenant_id AND p.payment_id = recent.payment_id
LEFT JOIN refunds r ON r.tenant_id = p.tenant_id AND r.payment_id = p.payment_id
  AND r.state <> 'REJECTED'
GROUP BY p.tenant_id, p.payment_id, p.payable_fen, p.refund_reserved_fen
HAVING coalesce(sum(r.amount_fen), 0) > p.payable_fen
  OR coalesce(sum(r.amount_fen), 0) <> p.refund_reserved_fen;
