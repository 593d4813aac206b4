-- G6: a payment has one order, and a face-pay order has one payment. Returns violating payments.
-- Run with app.scope = 'system' (all tenants).
SELECT tenant_id, payment_id, count(*) AS orders, min(order_no) AS order_no
FROM orders
WHERE order_type = 'face_pay'
GROUP BY tenant_id, payment_id
HAVING count(*) <> 1 OR payment_id IS NULL;
