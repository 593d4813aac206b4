-- The worker's leases of refunds, called as the system role, which sees all tenants; same rules as
-- payments/store.sql.

DROP FUNCTION IF EXISTS refunds_lease;
CREATE FUNCTION refunds_lease(p_limit integer, p_lease uuid, p_lease_s float8)
RETURNS TABLE (tenant_id uuid, refund_id uuid) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH due AS (
    SELECT d.tenant_id, d.refund_id FROM refunds d
    WHERE d.next_poll_at <= now() AND (d.lease_until IS NULL OR d.lease_until <= now())
    ORDER BY d.next_poll_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE refunds r SET
    lease_until = now() + make_interval(secs => p_lease_s),
    lease_token = p_lease,
    attempts = r.attempts + 1
  FROM due WHERE r.tenant_id = due.tenant_id AND r.refund_id = due.refund_id
  RETURNING r.tenant_id, r.refund_id;
END $$;

-- In the scope of one tenant: a lease that was taken over or released is not renewed.

DROP FUNCTION IF EXISTS refund_renew;
CREATE FUNCTION refund_renew(p_tenant uuid, p_refund uuid, p_lease uuid, p_lease_s float8)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  UPDATE refunds r SET lease_until = now() + make_interval(secs => p_lease_s)
  WHERE r.tenant_id = p_tenant AND r.refund_id = p_refund AND r.lease_token = p_lease;
  RETURN FOUND;
END $$;
