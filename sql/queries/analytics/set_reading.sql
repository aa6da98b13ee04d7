-- Whether figures of a workspace's posts are read by themselves.
UPDATE crier.workspace SET reads_metrics = $2 WHERE id = $1
