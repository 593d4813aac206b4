-- System scope was a setting that any role could make; it becomes a role.
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT oid::regclass FROM pg_class WHERE relrowsecurity AND relkind IN ('r', 'p')
  LOOP
    EXECUTE format('DROP POLICY IF EXISTS system_scope ON %s', name);
    EXECUTE format('CREATE POLICY system_scope ON %s TO {app}_system, CURRENT_USER'
      ' USING (true) WITH CHECK (true)', name);
  END LOOP;
END $$;
