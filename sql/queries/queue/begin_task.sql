-- Whether this session is the only one at a task.
SELECT crier.begin_task($1, $2)
