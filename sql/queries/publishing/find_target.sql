SELECT t.workspace_id, t.job_id, t.state, t.platform,
       EXISTS (SELECT FROM crier.post_target n
               WHERE n.workspace_id = t.workspace_id AND n.post_id = t.post_id AND n.account_id = t.account_id
                 AND n.answers = t.part AND n.state = 'waiting') AS is_needed
FROM crier.post_target t
WHERE t.id = $1 AND ($2::uuid[] IS NULL OR t.workspace_id = ANY ($2))
