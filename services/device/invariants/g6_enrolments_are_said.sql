-- G6, our half: an event was published for each device that was enrolled or revoked in the last two
-- days; without it, caches would keep the old key. Among the last 200,000 events. Returns the devices.
WITH latest AS MATERIALIZED (
  SELECT tenant_id, key, type, created_at FROM outbox
  WHERE seq > (SELECT max(seq) FROM outbox) - 200000
), since AS (
  SELECT CASE WHEN count(*) < 190000 THEN now() - interval '2 days'
    ELSE greatest(min(created_at), now() - interval '2 days') END AS at
  FROM latest
), wanted AS (
  SELECT tenant_id, device_id, 'device.enrolled.v1' AS type FROM devices
  WHERE enrolled_at > (SELECT at FROM since)
  UNION ALL
  SELECT tenant_id, device_id, 'device.revoked.v1' FROM devices
  WHERE revoked_at > (SELECT at FROM since)
)
SELECT w.tenant_id, w.device_id, w.type FROM wanted w
WHERE NOT EXISTS (
  SELECT 1 FROM latest l
  WHERE l.tenant_id = w.tenant_id AND l.key = w.device_id::text AND l.type = w.type);
