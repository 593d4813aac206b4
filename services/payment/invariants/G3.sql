-- G3: nothing is undecided for longer than its deadline (60 s) and the time to close it (90 s once
-- the channel responds again). While the channel is unavailable this raises an alarm on purpose.
-- For everything that is still polled, and for what was made in the last two days and is not.
SELECT tenant_id, payment_id, state, created_at
FROM payments
WHERE state IN ('SUBMITTED', 'PAYING', 'UNKNOWN', 'CANCELLING', 'MANUAL')
  AND created_at < now() - interval '150 seconds'
  AND (next_poll_at IS NOT NULL OR created_at > now() - interval '2 days')
UNION ALL
SELECT tenant_id, payment_id, 'REFUND ' || state, created_at
FROM refunds
WHERE state IN ('CREATED', 'SUBMITTED', 'UNKNOWN') AND created_at < now() - interval '150 seconds'
  AND (next_poll_at IS NOT NULL OR created_at > now() - interval '2 days');
