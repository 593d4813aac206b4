-- Wakes the relay of an outbox that has been quiet (shared/outbox.py, decision 0037). A relay that rests
-- holds this lock alone; whoever adds events takes it shared until the commit, and where that is not
-- possible, the relay is notified at the commit. So under load, when no relay rests, nobody is notified,
-- and whoever is adding when a relay begins to rest either hinders it or will notify it.
CREATE OR REPLACE FUNCTION outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock_shared(hashtext('outbox rests')) THEN
    NOTIFY outbox;
  END IF;
  RETURN NULL;
END $$;

-- Made once only, because that waits for everybody who is adding. Not every service has an outbox.
DO $$ BEGIN
  IF to_regclass('outbox') IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'outbox_wake') THEN
    CREATE TRIGGER outbox_wake AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_wake();
  END IF;
END $$;
