-- Row security of a table: a role sees the tenant that is named; the system role and the owner see all.
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;

ALTER TABLE {table} FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON {table}
USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);

CREATE POLICY system_scope ON {table} TO {app}_system, CURRENT_USER USING (true) WITH CHECK (true);
