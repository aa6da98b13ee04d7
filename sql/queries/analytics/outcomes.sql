-- How publishing came out in a workspace, by platform: what is unconfirmed may be out.
SELECT nullif(coalesce(a.platform, ''), ''), count(*) FILTER (WHERE e.kind = 'post_published'),
       count(*) FILTER (WHERE e.kind <> 'post_published' AND e.payload ->> 'state' = 'failed'),
       count(*) FILTER (WHERE e.kind <> 'post_published' AND e.payload ->> 'state' = 'unconfirmed')
FROM crier.event e
LEFT JOIN crier.social_account a ON a.workspace_id = e.workspace_id AND a.id = e.account_id
WHERE e.workspace_id = $1 AND e.id >= crier.first_id($2 - interval '1 hour') AND e.id < crier.first_id($3 + interval '1 hour')
  AND e.created_at >= $2 AND e.created_at < $3 AND e.kind IN ('post_published', 'post_publish_failed')
GROUP BY 1
ORDER BY 1
