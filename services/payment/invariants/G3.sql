-- G3: nothing is undecided for longer than its deadline (60 s) and what it takes to close it
-- (90 s once the channel answers again). While the channel is away this wakes somebody, rightly.
-- Whatever is still to be polled, and what was made in the last two days and is polled no more.
SELECT tenant_id, payment_id, state, created_at
FROM payments
WHERE state IN ('CREATED', 'SUBMITTED', 'PAYING', 'UNKNOWN', 'CANCELLING', 'MANUAL')
  AND created_at < now() - interval '150 seconds'
  AND (next_poll_at IS NOT NULL OR created_at > now() - interval '2 days')
UNION ALL
SELECT tenant_id, payment_id, 'REFUND ' || state, created_at
FROM refunds
WHERE state IN ('CREATED', 'SUBMITTED', 'UNKNOWN') AND created_at < now() - interval '150 seconds'
  AND (next_poll_at IS NOT NULL OR created_at > now() - interval '2 days');
