-- Indexes and a table for replays and purges in small steps on tables of any size.
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
