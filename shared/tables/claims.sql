-- For the one statement that claims events in the inbox and applies them (shared.consumer, AtOnce).
-- Both functions raise cardinality_violation, which undoes the statement, so that the events take the
-- ordinary way. They are called by the role that sees all tenants.

-- Claims the events for the consumer before their effect, as the ordinary way does: two consumers with
-- the same events must not wait for each other. Raises if one of them was claimed before.
DROP FUNCTION IF EXISTS claim_all(text, uuid[], uuid[]);
CREATE FUNCTION claim_all(p_consumer text, p_tenants uuid[], p_events uuid[]) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  claimed bigint;
BEGIN
  INSERT INTO inbox (tenant_id, consumer, event_id)
  SELECT t, p_consumer, e FROM unnest(p_tenants, p_events) AS incoming(t, e) ORDER BY t, e
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS claimed = ROW_COUNT;
  PERFORM require_all(claimed, p_events);
  RETURN true;
END $$;

-- Raises unless as many rows were written as there are events.
DROP FUNCTION IF EXISTS require_all(bigint, uuid[]);
CREATE FUNCTION require_all(p_written bigint, p_events uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF p_written <> cardinality(p_events) THEN
    RAISE EXCEPTION 'not all of these events are new and ordinary'
      USING ERRCODE = 'cardinality_violation';
  END IF;
END $$;
