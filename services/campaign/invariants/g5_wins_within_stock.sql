-- G5: a prize with a stock was won as often as its stock decreased, and never more often than its
-- stock allowed. Returns violating prizes, of those that were won in the last two days.
WITH recent AS (
  SELECT DISTINCT tenant_id, prize_id FROM draws
  WHERE drawn_at > now() - interval '2 days' AND prize_id IS NOT NULL
)
SELECT p.tenant_id, p.prize_id, p.stock, p.stock_left, count(d.prize_id) AS wins
FROM recent r
JOIN prizes p ON p.tenant_id = r.tenant_id AND p.prize_id = r.prize_id
LEFT JOIN draws d ON d.tenant_id = p.tenant_id AND d.prize_id = p.prize_id
WHERE p.stock IS NOT NULL
GROUP BY p.tenant_id, p.prize_id
HAVING count(d.prize_id) <> p.stock - p.stock_left OR count(d.prize_id) > p.stock;
