"""Devices get a kind, which their events contain. Other services need the kinds of existing
devices, too. So each device with a key is published once more; for a merchant without any, the last
one that had a key is published, and its revocation."""

from alembic import op

revision = "2026_11_29_0130"
down_revision = "2026_11_28_2300"

TOLD = """
WITH told AS (
  SELECT DISTINCT ON (tenant_id, CASE status WHEN 'active' THEN device_id END)
    tenant_id, device_id, store_id, sn, model, kind, status, clock_timestamp() AS at
  FROM devices d
  WHERE status = 'active' OR NOT EXISTS (
    SELECT 1 FROM devices o WHERE o.tenant_id = d.tenant_id AND o.status = 'active')
  ORDER BY tenant_id, CASE status WHEN 'active' THEN device_id END, revoked_at DESC
), said AS (
  SELECT tenant_id, device_id, 'device.enrolled.v1' AS type, at, jsonb_build_object(
    'device_id', device_id, 'store_id', store_id, 'sn', sn, 'model', model, 'kind', kind) AS data
  FROM told
  UNION ALL
  -- A moment later, so that it counts whichever is heard first.
  SELECT tenant_id, device_id, 'device.revoked.v1', at + interval '1 millisecond',
    jsonb_build_object('device_id', device_id)
  FROM told WHERE status <> 'active'
), numbered AS (
  SELECT *, gen_random_uuid() AS event_id FROM said
)
INSERT INTO outbox (tenant_id, event_id, topic, key, type, payload, created_at)
SELECT tenant_id, event_id, 'device.events', device_id::text, type, convert_to(jsonb_build_object(
  'specversion', '1.0', 'id', event_id, 'source', 'damselfly/device', 'type', type,
  'time', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'subject', device_id, 'tenantid', tenant_id, 'datacontenttype', 'application/json',
  'data', data)::text, 'UTF8'), at
FROM numbered ORDER BY at
"""


def upgrade() -> None:
    op.execute("SET lock_timeout='5s'")
    op.execute(
        "ALTER TABLE devices ADD COLUMN kind text NOT NULL DEFAULT 'terminal'"
        " CONSTRAINT ck_devices_kind CHECK (kind IN ('terminal', 'test_cashier'))"
    )
    op.execute("UPDATE devices SET kind = 'test_cashier' WHERE starts_with(sn, 'TEST-')")
    op.execute(TOLD)
