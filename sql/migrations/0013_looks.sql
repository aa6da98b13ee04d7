-- A post on a platform is that of one target of its account. Where two have taken the same one for theirs, the first keeps it.
UPDATE crier.post_target t
SET external_id = NULL
WHERE external_id IS NOT NULL
  AND EXISTS (SELECT FROM crier.post_target o
              WHERE o.workspace_id = t.workspace_id AND o.account_id = t.account_id AND o.external_id = t.external_id
                AND (o.published_at, o.id) < (t.published_at, t.id));
UPDATE crier.post_target SET external_id = left(external_id, 500) WHERE char_length(external_id) > 500;
-- It stands in for the index on the account alone, which a planner that believes the two to be independent would rather take.
CREATE UNIQUE INDEX post_target_external ON crier.post_target (workspace_id, account_id, external_id);
DROP INDEX crier.post_target_account;

-- When key and request were frozen, by the database's clock: from then on what was sent can be on the platform. Not known of
-- those that were frozen before; the sidecar's clock has to do for them.
ALTER TABLE crier.post_target ADD COLUMN drafted_at timestamptz;
