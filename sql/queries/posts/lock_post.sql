-- A post that is about to change, locked: whoever else changes it waits. Which of its accounts are disconnected.
SELECT p.workspace_id, p.author_id, p.stage, p.scheduled_at, p.next_slot, w.approval, p.content, p.media, p.settings,
       p.accounts, coalesce(p.variants, '{}') - g.gone::text[], coalesce(p.thread, '[]'), p.first_comment, p.split,
       ARRAY(SELECT g.tag FROM crier.post_tag g WHERE g.workspace_id = p.workspace_id AND g.post_id = p.id ORDER BY g.tag),
       p.priority, coalesce(p.updated_at, p.created_at), g.gone
FROM crier.post p
JOIN crier.workspace w ON w.id = p.workspace_id
CROSS JOIN LATERAL (
    SELECT ARRAY(SELECT a.id FROM crier.social_account a
                 WHERE a.workspace_id = p.workspace_id AND a.id = ANY (p.accounts) AND a.deleted_at IS NOT NULL) AS gone
) g
WHERE p.workspace_id = $1 AND p.id = $2 AND p.deleted_at IS NULL
FOR NO KEY UPDATE OF p
