//! Work that was done long ago: finished jobs and log lines of past days, as many as wanted in little time.

use uuid::Uuid;

use crate::session::Session;

/// Jobs that were finished in past days, one after another at even distances.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// How many jobs.
    pub jobs: i64,
    /// Over how many days, the last of which is yesterday.
    pub days: i32,
    /// Over how many users, each with as many jobs as the others.
    pub users: i64,
    /// Over how many workspaces.
    pub workspaces: i64,
    /// Log lines of each job.
    pub lines: i64,
}

impl History {
    /// The user of a number, from 0.
    pub fn user(number: i64) -> Uuid {
        Uuid::from_u128(0x1111_1111_0000_4000_8000_0000_0000_0000 | number as u128)
    }

    /// The workspace of a number, from 0.
    pub fn workspace(number: i64) -> Uuid {
        Uuid::from_u128(0x2222_2222_0000_4000_8000_0000_0000_0000 | number as u128)
    }

    /// Makes it. The job of number n (from 1) has `{"n": n}` in its params and `{"nth": n}` in its result; every
    /// thousandth failed. Its first log line says `job number n`; of every hundredth it is a warning.
    pub async fn make(self, superuser: &Session) {
        self.partitions(superuser).await;
        superuser.run("SET synchronous_commit = off").await;
        superuser.run(ID_OF).await;
        let (user, workspace) = (Self::user(0).to_string(), Self::workspace(0).to_string());
        let (user, workspace) = (&user[..24], &workspace[..24]);
        let Self { jobs, days, users, workspaces, lines } = self;
        let id = format!("pg_temp.id_of(n, {jobs}, {days})");
        superuser
            .run(&format!(
                "INSERT INTO crier.workspace (id, name) SELECT ('{workspace}' || lpad(to_hex(n), 12, '0'))::uuid, 'of the past' \
                 FROM generate_series(0, {workspaces} - 1) n ON CONFLICT DO NOTHING; \
                 INSERT INTO crier.job (id, workspace_id, user_id, kind, params, priority, run_at, max_attempts, created_at) \
                 SELECT {id}, ('{workspace}' || lpad(to_hex((n * 7919) % {workspaces}), 12, '0'))::uuid, \
                     ('{user}' || lpad(to_hex((n * 7919) % {users}), 12, '0'))::uuid, 'kind' || n % 7, \
                     jsonb_build_object('n', n, 'text', repeat('x', 100)), 0, at, 3, at \
                 FROM generate_series(1, {jobs}::bigint) n, pg_temp.time_of({id}) at; \
                 INSERT INTO crier.job_outcome (id, workspace_id, state, run_at, attempt, lost_leases, result, finished_at) \
                 SELECT id, workspace_id, CASE WHEN (params -> 'n')::bigint % 1000 = 0 THEN 'failed' ELSE 'completed' END, \
                     run_at, 1, 0, jsonb_build_object('nth', params -> 'n'), created_at + interval '1 second' \
                 FROM crier.job WHERE id < pg_temp.id_of({jobs}, {jobs}, {days}) OR params @> '{{\"n\": {jobs}}}'; \
                 INSERT INTO crier.job_log (id, job_id, workspace_id, level, message, metadata, created_at) \
                 SELECT overlay(j.id::text PLACING substr(md5(j.id::text || line), 1, 12) FROM 25)::uuid, j.id, j.workspace_id, \
                     CASE WHEN (params -> 'n')::bigint % 100 = 0 AND line = 1 THEN 'warning' ELSE 'info' END, \
                     CASE line WHEN 1 THEN 'job number ' || (params ->> 'n') ELSE 'went on and on' END, \
                     jsonb_build_object('n', params -> 'n', 'line', line), j.created_at \
                 FROM crier.job j, generate_series(1, {lines}) line \
                 WHERE j.id <= pg_temp.id_of({jobs}, {jobs}, {days})"
            ))
            .await;
        superuser.run("RESET synchronous_commit").await;
        superuser.run("VACUUM ANALYZE crier.job, crier.job_outcome, crier.job_log").await;
        super::reload(superuser).await;
    }

    async fn partitions(self, superuser: &Session) {
        superuser
            .run(&format!(
                "DO $do$ DECLARE parent text; day date; name text; bounds uuid[]; BEGIN \
                 FOREACH parent IN ARRAY ARRAY['job', 'job_outcome', 'job_retry', 'job_progress', 'job_log'] LOOP \
                 FOR day IN SELECT (now() AT TIME ZONE 'UTC')::date - n FROM generate_series(1, {}) n LOOP \
                     name := format('%s_%s', parent, to_char(day, 'YYYYMMDD')); \
                     CONTINUE WHEN to_regclass('crier.' || name) IS NOT NULL; \
                     bounds := ARRAY(SELECT (lpad(to_hex((day + k - date '1970-01-01')::bigint * 86400000), 12, '0') \
                                             || repeat('0', 20))::uuid FROM generate_series(0, 1) k ORDER BY k); \
                     EXECUTE format('CREATE TABLE crier.%I PARTITION OF crier.%I FOR VALUES FROM (%L) TO (%L)', \
                                    name, parent, bounds[1], bounds[2]); \
                     EXECUTE format('ALTER TABLE crier.%I OWNER TO crier_owner', name); \
                     EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', name); \
                 END LOOP; END LOOP; END $do$",
                self.days
            ))
            .await;
    }

    /// Drops the oldest day of it, as retention does.
    pub async fn drop_oldest_day(self, superuser: &Session) {
        let day = format!("(now() AT TIME ZONE 'UTC')::date - {}", self.days);
        superuser
            .run(&format!(
                "DO $do$ DECLARE parent text; BEGIN \
                 FOREACH parent IN ARRAY ARRAY['job', 'job_outcome', 'job_retry', 'job_progress', 'job_log'] LOOP \
                     EXECUTE format('DROP TABLE crier.%I', parent || '_' || to_char({day}, 'YYYYMMDD')); \
                 END LOOP; END $do$"
            ))
            .await;
    }
}

/// The id of the n-th of some jobs: a UUIDv7 of its time, and the time in an id.
const ID_OF: &str = "
CREATE OR REPLACE FUNCTION pg_temp.id_of(n bigint, jobs bigint, days integer) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex(((now() AT TIME ZONE 'UTC')::date - date '1970-01-01')::bigint * 86400000 - 1
                        - (jobs - n) * (days * 86400000::bigint) / jobs), 12, '0')
            || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid $$;
CREATE OR REPLACE FUNCTION pg_temp.time_of(id uuid) RETURNS timestamptz LANGUAGE sql AS $$
    SELECT to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0) $$";
