-- G7: no two merchants have the same handle, and nobody outside a merchant has a login that ends
-- with its handle. No unique index may enforce this across tenants; giving either holds one lock.
-- Returns the merchants, and the people, of all times: these tables are small, and both columns
-- have an index.
SELECT m.tenant_id, NULL::uuid AS user_id, m.handle, 'handle' AS what
FROM merchants m
WHERE EXISTS (
  SELECT 1 FROM merchants o WHERE o.handle = m.handle AND o.tenant_id <> m.tenant_id)
UNION ALL
SELECT u.tenant_id, u.user_id, u.login_handle, 'login'
FROM users u JOIN merchants m ON m.handle = u.login_handle AND m.tenant_id <> u.tenant_id
WHERE u.login_handle <> '';
