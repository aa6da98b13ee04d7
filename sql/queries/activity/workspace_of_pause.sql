-- In whose log a pause of an account or of a workspace stands.
SELECT a.workspace_id, a.id FROM crier.social_account a WHERE a.id = $1
UNION ALL
SELECT w.id, NULL FROM crier.workspace w WHERE w.id = $2
