-- What a person has to say something of is counted, and listed, without a look at all that is published.
CREATE INDEX post_target_unconfirmed ON crier.post_target (workspace_id, id) WHERE state = 'unconfirmed';
