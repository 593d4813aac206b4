-- A replay goes back through the outbox step by step (shared/outbox.py).

-- Removes the marks of the newest events that are still to be published again; false: none is left.
-- The join is pinned: for so many rows the planner would rather read the whole table. A join and no
-- ctid, because it also meets a row that a former leader is just marking.
CREATE OR REPLACE FUNCTION outbox_replay_step(p_tenant uuid, p_topic text, p_rows integer)
RETURNS boolean LANGUAGE plpgsql SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  first bigint;
BEGIN
  WITH step AS (
    SELECT o.tenant_id, o.event_id, o.seq FROM outbox o
    WHERE o.seq < (
      SELECT r.below FROM outbox_replays r WHERE r.tenant_id = p_tenant AND r.topic = p_topic)
    ORDER BY o.seq DESC LIMIT p_rows
  ), reset AS (
    UPDATE outbox o SET published_at = NULL, partition = NULL, "offset" = NULL FROM step s
    WHERE o.tenant_id = s.tenant_id AND o.event_id = s.event_id AND o.published_at IS NOT NULL
  )
  SELECT min(s.seq) INTO first FROM step s;
  IF first IS NULL THEN
    DELETE FROM outbox_replays r WHERE r.tenant_id = p_tenant AND r.topic = p_topic;
  ELSE
    UPDATE outbox_replays r SET below = first WHERE r.tenant_id = p_tenant AND r.topic = p_topic;
  END IF;
  RETURN first IS NOT NULL;
END $$;
