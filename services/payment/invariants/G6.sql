-- G6, our half: each end of a payment was published exactly once. Among the last 200,000 events, and
-- the payments that began since then, at most two days ago.
WITH latest AS MATERIALIZED (
  SELECT tenant_id, key, type, created_at FROM outbox
  WHERE seq > (SELECT max(seq) FROM outbox) - 200000
), since AS (
  SELECT CASE WHEN count(*) < 190000 THEN now() - interval '2 days'
    ELSE greatest(min(created_at), now() - interval '2 days') END AS at
  FROM latest
), published AS (
  SELECT tenant_id, key, type, count(*) AS times FROM latest GROUP BY tenant_id, key, type
), wanted AS (
  SELECT p.tenant_id, p.payment_id, p.state,
    CASE
      WHEN p.state IN ('SUCCESS', 'PARTIAL_REFUND', 'REFUNDED') THEN 'payment.succeeded.v1'
      WHEN p.state = 'FAILED' THEN 'payment.failed.v1'
      WHEN p.state = 'CLOSED' THEN 'payment.closed.v1'
      WHEN p.state = 'REVERSED' THEN 'payment.reversed.v1'
      WHEN p.state = 'SUCCESS_LATE' THEN 'payment.late_success.v1' END AS type
  FROM payments p WHERE p.created_at > (SELECT at FROM since)
)
SELECT w.tenant_id, w.payment_id, w.state, w.type, coalesce(sum(s.times), 0) AS times
FROM wanted w
LEFT JOIN published s ON s.tenant_id = w.tenant_id AND s.key = w.payment_id::text AND (s.type = w.type
  -- A late success that was refunded since keeps its own event.
  OR w.state IN ('PARTIAL_REFUND', 'REFUNDED') AND s.type = 'payment.late_success.v1')
WHERE w.type IS NOT NULL
GROUP BY w.tenant_id, w.payment_id, w.state, w.type
HAVING coalesce(sum(s.times), 0) <> 1;
