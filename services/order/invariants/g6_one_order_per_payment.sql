-- G6: a payment has one order, and a face-pay order has one payment. Returns violating payments,
-- of the orders of the last two days.
SELECT o.tenant_id, o.payment_id, count(other.order_id) AS orders, min(o.order_no) AS order_no
FROM orders o
LEFT JOIN orders other ON other.tenant_id = o.tenant_id AND other.payment_id = o.payment_id
  AND other.order_type = 'face_pay'
WHERE o.ordered_at > now() - interval '2 days' AND o.order_type = 'face_pay'
GROUP BY o.tenant_id, o.payment_id, o.order_id
HAVING count(other.order_id) <> 1;
