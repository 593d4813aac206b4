-- G8: each entry of the audit log follows the one before it and contains its own digest, and the
-- head has the number and digest of the last one. Returns the entries of the last two days, and the
-- heads, that do not fit; `python -m services.binding audit verify` checks the whole log, and also
-- compares it with the anchors outside the database.
WITH since AS (
  SELECT h.tenant_id, (
    SELECT min(a.seq) FROM audit_log a
    WHERE a.tenant_id = h.tenant_id AND a.at > now() - interval '2 days') AS seq
  FROM audit_heads h
), linked AS (
  SELECT a.tenant_id, a.seq, a.hash, a.prev_hash, audit_digest(a) AS computed, s.seq AS first,
         lag(a.seq, 1, 0::bigint) OVER w AS seq_before, lag(a.hash, 1, '') OVER w AS hash_before
  FROM since s JOIN audit_log a ON a.tenant_id = s.tenant_id AND a.seq >= s.seq - 1
  WINDOW w AS (PARTITION BY a.tenant_id ORDER BY a.seq)
)
SELECT tenant_id, seq, 'entry' AS what FROM linked
WHERE seq >= first AND (seq <> seq_before + 1 OR prev_hash <> hash_before OR hash <> computed)
UNION ALL
SELECT h.tenant_id, h.seq, 'head' FROM audit_heads h
LEFT JOIN audit_log a ON a.tenant_id = h.tenant_id AND a.seq = h.seq AND a.hash = h.hash
WHERE a.seq IS NULL
   OR EXISTS (SELECT 1 FROM audit_log l WHERE l.tenant_id = h.tenant_id AND l.seq > h.seq);
