SELECT to_jsonb(s) - '{cursor_at,cursor_wall,is_waiting}'::text[] || jsonb_build_object(
           'items', CASE WHEN s.kind = 'evergreen'
                         THEN (SELECT count(*) FROM crier.schedule_item i WHERE i.workspace_id = s.workspace_id AND i.schedule_id = s.id) END,
           'recent', (SELECT coalesce(jsonb_agg(to_jsonb(o) - '{workspace_id,schedule_id,item_used_before,accounts}'::text[]
                                                ORDER BY o.occurs_at DESC), '[]')
                      FROM (SELECT * FROM crier.schedule_occurrence o
                            WHERE o.workspace_id = s.workspace_id AND o.schedule_id = s.id
                            ORDER BY o.occurs_at DESC LIMIT 10) AS o))
FROM crier.schedule s
WHERE s.id = $1 AND ($2::uuid[] IS NULL OR s.workspace_id = ANY ($2))
