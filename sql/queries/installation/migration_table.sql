-- Not IF NOT EXISTS, which would tell everyone on every run that the table is there.
DO $do$
BEGIN
    IF to_regclass('crier.migration') IS NULL THEN
        CREATE TABLE crier.migration (
            version    integer     PRIMARY KEY,
            name       text        NOT NULL UNIQUE,
            checksum   text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
    END IF;
END
$do$
