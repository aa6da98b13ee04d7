-- So that one transaction at a time brings kinds to a workspace, and counts them. In one order, so that none waits in a circle.
SELECT w.id FROM crier.workspace w WHERE w.id = ANY ($1::uuid[]) ORDER BY w.id FOR NO KEY UPDATE
