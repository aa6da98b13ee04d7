-- Limits of single accounts.
SELECT l.account_id, a.platform, l.action, l.per, l.max, l.by_operator
FROM crier.account_limit l
JOIN crier.social_account a ON a.workspace_id = l.workspace_id AND a.id = l.account_id
