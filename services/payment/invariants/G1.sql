-- G1, our half: captured money is proved by a trade, the refunded amount is the sum of the refunds,
-- and money that the channel has reported is in the books. For payments that were made, refunded or
-- reported in the last two days: each was checked every hour.
WITH recent AS (
  SELECT tenant_id, payment_id FROM payments WHERE created_at > now() - interval '2 days'
  UNION
  SELECT tenant_id, payment_id FROM refunds WHERE created_at > now() - interval '2 days'
), looked_at AS (
  SELECT p.* FROM recent r
  JOIN payments p ON p.tenant_id = r.tenant_id AND p.payment_id = r.payment_id
)
SELECT p.tenant_id, p.payment_id, p.state, 'captured without a trade' AS why
FROM looked_at p
WHERE p.state IN ('SUCCESS', 'PARTIAL_REFUND', 'REFUNDED', 'SUCCESS_LATE')
  AND (p.paid_at IS NULL OR p.payable_fen > 0 AND p.trade_no IS NULL)
UNION ALL
SELECT p.tenant_id, p.payment_id, p.state, 'refunded is not the sum of the refunds'
FROM looked_at p
WHERE p.refunded_fen <> (
  SELECT coalesce(sum(r.amount_fen), 0) FROM refunds r
  WHERE r.tenant_id = p.tenant_id AND r.payment_id = p.payment_id AND r.state = 'DONE')
UNION ALL
SELECT p.tenant_id, p.payment_id, p.state, 'the state does not say what was refunded'
FROM looked_at p
WHERE (p.state IN ('REFUNDED', 'REVERSED')) <> (p.refunded_fen = p.payable_fen AND p.payable_fen > 0)
  OR p.state = 'PARTIAL_REFUND' AND p.refunded_fen = 0
UNION ALL
SELECT p.tenant_id, p.payment_id, p.state, 'a notice told of money that is not in the books'
FROM notify_inbox n
JOIN payments p ON p.tenant_id = n.tenant_id AND p.out_trade_no = n.out_trade_no
WHERE n.received_at > now() - interval '2 days' AND n.state = 'APPLIED' AND n.kind = 'paid'
  AND p.state NOT IN ('SUCCESS', 'PARTIAL_REFUND', 'REFUNDED', 'SUCCESS_LATE');
