-- G6: every order has a timeline, every line of a timeline an order, and what the order says was
-- refunded is what its timeline says. Returns violating orders.
SELECT coalesce(o.tenant_id, t.tenant_id) AS tenant_id,
       coalesce(o.order_id, t.order_id) AS order_id, o.order_no, o.refunded_fen, t.refunded
FROM orders o
FULL JOIN (
  SELECT tenant_id, order_id,
         max(coalesce((data ->> 'refunded_total_fen')::bigint, 0)) AS refunded,
         bool_or(kind = 'reversed') AS reversed
  FROM order_events GROUP BY tenant_id, order_id
) AS t ON t.tenant_id = o.tenant_id AND t.order_id = o.order_id
WHERE o.order_id IS NULL OR t.order_id IS NULL
   OR o.refunded_fen <> CASE WHEN t.reversed THEN o.payable_fen ELSE t.refunded END;
