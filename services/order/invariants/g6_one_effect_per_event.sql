-- G6: each event this service has claimed had one effect (a line of a timeline, or a store's name),
-- and no effect happened without a claim. Returns violating events, of those that were claimed in
-- the last two days or whose effect is of these days.
WITH named AS (
  SELECT tenant_id, event_id FROM stores
  UNION ALL
  SELECT tenant_id, unnest(earlier_event_ids) FROM stores
), recent AS (
  SELECT tenant_id, event_id FROM inbox
  WHERE consumer = 'order' AND handled_at > now() - interval '2 days'
  UNION
  SELECT tenant_id, event_id FROM order_events WHERE at > now() - interval '2 days'
)
SELECT r.tenant_id, r.event_id, count(c.event_id) AS claims, l.lines + count(n.event_id) AS effects
FROM recent r
LEFT JOIN inbox c ON c.tenant_id = r.tenant_id AND c.event_id = r.event_id AND c.consumer = 'order'
LEFT JOIN named n ON n.tenant_id = r.tenant_id AND n.event_id = r.event_id
CROSS JOIN LATERAL (
  SELECT count(*) AS lines FROM order_events e
  WHERE e.tenant_id = r.tenant_id AND e.event_id = r.event_id
) AS l
GROUP BY r.tenant_id, r.event_id, l.lines
HAVING count(c.event_id) <> 1 OR l.lines + count(n.event_id) <> 1;
