-- Data keys: each seals the secrets of one workspace, and is itself wrapped by a key that only the sidecar has. The database
-- can open neither.
CREATE TABLE crier.data_key (
    id           uuid        PRIMARY KEY,
    -- null: the installation's own, for secrets of the operator. With its workspace a key is gone, and what it sealed with it.
    workspace_id uuid        REFERENCES crier.workspace (id) ON DELETE CASCADE,
    -- the key of the key file that wraps it, as it stands in wrapped too
    key_id       bigint      NOT NULL CHECK (key_id BETWEEN 0 AND 4294967295),
    -- format 2, algorithm 2, one length (crier_core::sealed::enveloped)
    wrapped      bytea       NOT NULL CHECK (octet_length(wrapped) = 78
                                             AND substring(wrapped FROM 1 FOR 2) = decode('0202', 'hex')),
    -- active: seals what is new; retired: opens what it sealed
    state        text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired')),
    -- how many it may have sealed: sidecars count in blocks, before they seal
    messages     bigint      NOT NULL DEFAULT 0 CHECK (messages >= 0),
    created_at   timestamptz NOT NULL,
    retired_at   timestamptz,
    CHECK ((state = 'retired') = (retired_at IS NOT NULL))
) WITH (fillfactor = 80);
-- Sidecars that make a key at the same time end with one. No workspace has the nil id.
CREATE UNIQUE INDEX data_key_active ON crier.data_key (coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'::uuid))
    WHERE state = 'active';
CREATE INDEX data_key_workspace ON crier.data_key (workspace_id, id);
CREATE INDEX data_key_wrapped_by ON crier.data_key (key_id, id);
ALTER TABLE crier.data_key ENABLE ROW LEVEL SECURITY;

-- Format 2 besides format 1. Clear text is still refused.
ALTER TABLE crier.credential
    DROP CONSTRAINT credential_sealed_check,
    ADD CONSTRAINT credential_sealed_check CHECK (
        octet_length(sealed) BETWEEN 34 AND 65536 AND substring(sealed FROM 1 FOR 2) = decode('0101', 'hex')
        OR octet_length(sealed) BETWEEN 58 AND 65536 AND substring(sealed FROM 1 FOR 2) = decode('0202', 'hex'));
ALTER TABLE crier.alert_endpoint
    DROP CONSTRAINT alert_endpoint_sealed_check,
    ADD CONSTRAINT alert_endpoint_sealed_check CHECK (
        octet_length(sealed) BETWEEN 34 AND 65536 AND substring(sealed FROM 1 FOR 2) = decode('0101', 'hex')
        OR octet_length(sealed) BETWEEN 58 AND 65536 AND substring(sealed FROM 1 FOR 2) = decode('0202', 'hex'));
