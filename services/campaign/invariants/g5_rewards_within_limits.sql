-- The counts of a day equal the grants of that day, so no reward was given without being counted
-- for the limits. Returns campaigns and days of the last two days whose count is not their grants.
-- A grant that was completed after its refund counts like any other.
SELECT g.tenant_id, g.campaign_id, g.day, g.rewards, coalesce(r.rewards, 0) AS counted
FROM (
  SELECT tenant_id, campaign_id, (granted_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
    count(*) AS rewards
  FROM grants
  WHERE granted_at > now() - interval '2 days' AND reason IS NULL AND campaign_id IS NOT NULL
  GROUP BY 1, 2, 3
) AS g
LEFT JOIN reward_counts r ON r.tenant_id = g.tenant_id AND r.campaign_id = g.campaign_id
  AND r.day = g.day AND r.scope = 'day'
-- The first of these days is cut by the window, so only more grants than counted is wrong.
WHERE g.rewards > coalesce(r.rewards, 0);
