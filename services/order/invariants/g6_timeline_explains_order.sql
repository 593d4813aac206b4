-- G6: every order has a timeline, every entry of a timeline has an order, and the refunded amount
-- of the order equals that of its timeline. Returns violating orders, of those that were made, or
-- had a new line, in the last two days.
WITH recent AS (
  SELECT tenant_id, order_id FROM orders WHERE ordered_at > now() - interval '2 days'
  UNION
  SELECT tenant_id, order_id FROM order_events WHERE at > now() - interval '2 days'
)
SELECT r.tenant_id, r.order_id, o.order_no, o.refunded_fen, t.refunded
FROM recent r
LEFT JOIN orders o ON o.tenant_id = r.tenant_id AND o.order_id = r.order_id
CROSS JOIN LATERAL (
  SELECT count(*) AS lines,
         max(coalesce((data ->> 'refunded_total_fen')::bigint, 0)) AS refunded,
         bool_or(kind = 'reversed') AS reversed
  FROM order_events WHERE tenant_id = r.tenant_id AND order_id = r.order_id
) AS t
WHERE o.order_id IS NULL OR t.lines = 0
   OR o.refunded_fen <> CASE WHEN t.reversed THEN o.payable_fen ELSE t.refunded END;
