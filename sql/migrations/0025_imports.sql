-- What posts were imported from, so that no line of a file becomes two of them.
CREATE TABLE crier.post_import (
    workspace_id uuid        NOT NULL,
    source_id    text        NOT NULL CHECK (octet_length(source_id) BETWEEN 1 AND 1000),
    post_id      uuid        NOT NULL,
    imported_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, source_id),
    FOREIGN KEY (workspace_id, post_id) REFERENCES crier.post (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX post_import_post ON crier.post_import (workspace_id, post_id);
ALTER TABLE crier.post_import ENABLE ROW LEVEL SECURITY;
