-- G7: a code that was used in the last two days enrolled a device of its own merchant, and in its own
-- store unless a later code enrolled the device again or a person moved it. Returns the codes.
SELECT c.tenant_id, c.code_id, c.device_id
FROM enrolment_codes c
WHERE c.expires_at > now() - interval '2 days' AND c.used_at IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM devices d WHERE d.tenant_id = c.tenant_id AND d.device_id = c.device_id
    AND (d.store_id = c.store_id OR d.enrolled_at > c.used_at OR d.moved_at >= c.used_at));
