-- New items of a schedule. They begin where the one that was used the least is, so that they are not used over and over until they
-- have caught up.
INSERT INTO crier.schedule_item (workspace_id, schedule_id, id, template, accounts, weight, turn, created_at)
SELECT $1, $2, o.id, o.template - 'weight', CASE WHEN o.template ? 'accounts' THEN ARRAY(SELECT jsonb_array_elements_text(o.template -> 'accounts'))::uuid[] END,
       o.weight,
       coalesce((SELECT i.turn FROM crier.schedule_item i WHERE i.workspace_id = $1 AND i.schedule_id = $2 AND i.uses > 0
                 ORDER BY i.workspace_id, i.schedule_id, (i.uses > 0), i.turn LIMIT 1), 0),
       $6
FROM unnest($3::uuid[], $4::jsonb[], $5::int[]) AS o (id, template, weight)
