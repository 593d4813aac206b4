-- G6, our half: every end of a payment was said exactly once. Older events have been purged from
-- the outbox, so only the last days are compared.
SELECT p.tenant_id, p.payment_id, p.state, said.type, said.times
FROM payments p
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN p.state IN ('SUCCESS', 'PARTIAL_REFUND', 'REFUNDED') THEN 'payment.succeeded.v1'
    WHEN p.state = 'FAILED' THEN 'payment.failed.v1'
    WHEN p.state IN ('CLOSED', 'CANCELLED_LOCAL') THEN 'payment.closed.v1'
    WHEN p.state = 'REVERSED' THEN 'payment.reversed.v1'
    WHEN p.state = 'SUCCESS_LATE' THEN 'payment.late_success.v1' END AS type) AS wanted
CROSS JOIN LATERAL (
  SELECT wanted.type, count(*) AS times FROM outbox o
  WHERE o.tenant_id = p.tenant_id AND o.key = p.payment_id::text AND o.type IN (
    wanted.type,
    -- A late success that was refunded since keeps its own word.
    CASE WHEN p.state IN ('PARTIAL_REFUND', 'REFUNDED') THEN 'payment.late_success.v1' END)
) AS said
WHERE wanted.type IS NOT NULL AND said.times <> 1
  AND p.created_at > now() - interval '6 days';
