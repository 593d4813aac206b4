-- G5: a prize with a stock was won as often as its stock went down, and never more often than
-- there were any. Returns violating prizes. Run with app.scope = 'system' (all tenants).
SELECT p.tenant_id, p.prize_id, p.stock, p.stock_left, count(d.prize_id) AS wins
FROM prizes p
LEFT JOIN draws d ON d.tenant_id = p.tenant_id AND d.prize_id = p.prize_id
WHERE p.stock IS NOT NULL
GROUP BY p.tenant_id, p.prize_id
HAVING count(d.prize_id) <> p.stock - p.stock_left OR count(d.prize_id) > p.stock;
