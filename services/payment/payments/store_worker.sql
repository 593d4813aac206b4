-- The worker's leases, called as the system's role, which sees all tenants; same rules as store.sql.

-- Whether the sweeper may have something to lease, of payments, refunds or notices: one look at rest
-- instead of three.
DROP FUNCTION IF EXISTS is_anything_due;
CREATE FUNCTION is_anything_due() RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (SELECT FROM payments WHERE next_poll_at <= now())
    OR EXISTS (SELECT FROM refunds WHERE next_poll_at <= now())
    OR EXISTS (SELECT FROM notify_inbox WHERE next_try_at <= now())
$$;

DROP FUNCTION IF EXISTS payments_lease;
CREATE FUNCTION payments_lease(p_limit integer, p_lease uuid, p_lease_s float8)
RETURNS TABLE (read_at timestamptz, payment payments) LANGUAGE plpgsql AS $$
-- Due payments, each for one worker at a time. The token fences: a worker whose lease expired finds
-- the token replaced, and its write changes no row (F32).
BEGIN
  RETURN QUERY
  WITH due AS (
    SELECT d.tenant_id, d.payment_id FROM payments d
    WHERE d.next_poll_at <= now() AND (d.lease_until IS NULL OR d.lease_until <= now())
    ORDER BY d.next_poll_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE payments p SET
    lease_until = now() + make_interval(secs => p_lease_s),
    lease_token = p_lease,
    attempts = p.attempts + 1
  FROM due WHERE p.tenant_id = due.tenant_id AND p.payment_id = due.payment_id
  RETURNING now(), p;
END $$;

-- Renewals, in the scope of one tenant: a lease that was taken over or released is not renewed.

DROP FUNCTION IF EXISTS payment_renew;
CREATE FUNCTION payment_renew(p_tenant uuid, p_payment uuid, p_lease uuid, p_lease_s float8)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  UPDATE payments p SET lease_until = now() + make_interval(secs => p_lease_s)
  WHERE p.tenant_id = p_tenant AND p.payment_id = p_payment AND p.lease_token = p_lease;
  RETURN FOUND;
END $$;
