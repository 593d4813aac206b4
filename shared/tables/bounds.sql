-- Indexes and functions for replays and purges in small steps on tables of any size.
CREATE INDEX ix_outbox_seq ON outbox (seq);

DROP INDEX ix_outbox_published;

CREATE INDEX ix_inbox_handled_at ON inbox (handled_at);

-- Events before `below` (a seq) are still to be published again. The row belongs to the service, not
-- to a tenant (the nil id).
CREATE TABLE outbox_replays (
  tenant_id uuid NOT NULL,
  topic text NOT NULL,
  below bigint NOT NULL,
  CONSTRAINT pk_outbox_replays PRIMARY KEY (tenant_id, topic)
);

CREATE FUNCTION outbox_replay_step(p_tenant uuid, p_topic text, p_rows integer) RETURNS boolean
LANGUAGE plpgsql AS $$
-- Removes the marks of the newest events that are still to be published again; false: none is left.
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
