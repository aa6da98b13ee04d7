-- What was used between two times, by parts of that time.
SELECT u.account_id, a.platform, u.action, l.recorded_at / $3, sum(u.count)
FROM crier.limit_use l
CROSS JOIN LATERAL unnest(l.account_ids, l.actions, l.counts) AS u (account_id, action, count)
JOIN crier.social_account a ON a.id = u.account_id
WHERE l.recorded_at >= $1 AND l.recorded_at < $2
GROUP BY 1, 2, 3, 4
HAVING sum(u.count) > 0
