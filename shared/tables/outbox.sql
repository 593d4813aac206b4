-- Events that a service publishes: shared/outbox.py.
CREATE TABLE outbox (
  tenant_id uuid NOT NULL,
  event_id uuid NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  topic text NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  payload bytea NOT NULL,
  created_at timestamptz NOT NULL,
  published_at timestamptz,
  partition integer,
  "offset" bigint,
  CONSTRAINT pk_outbox PRIMARY KEY (tenant_id, event_id)
);

CREATE INDEX ix_outbox_unpublished ON outbox (seq) WHERE published_at IS NULL;

CREATE INDEX ix_outbox_published ON outbox USING brin (published_at);
