-- G6: each event this service has claimed had one effect (a line of a timeline, or a store's
-- name), and no effect happened without a claim. Claims are kept for 30 days, so younger effects
-- only. Returns violating events.
WITH claims AS (
  SELECT tenant_id, event_id FROM inbox WHERE consumer = 'order'
), effects AS (
  SELECT tenant_id, event_id, at FROM order_events
  UNION ALL
  SELECT tenant_id, event_id, NULL FROM stores
  UNION ALL
  SELECT tenant_id, unnest(earlier_event_ids), NULL FROM stores
)
SELECT coalesce(c.tenant_id, e.tenant_id) AS tenant_id,
       coalesce(c.event_id, e.event_id) AS event_id,
       count(c.event_id) AS claims, count(e.event_id) AS effects
FROM claims c
FULL JOIN effects e ON e.tenant_id = c.tenant_id AND e.event_id = c.event_id
WHERE e.at IS NULL OR e.at > now() - interval '29 days'
GROUP BY 1, 2
HAVING count(e.event_id) <> 1 OR (count(c.event_id) <> 1 AND bool_or(e.at IS NOT NULL));
