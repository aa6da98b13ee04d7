//! Two tenants that have everything a tenant can have, each marked by a word, and members of every role.

use std::collections::BTreeMap;

use crier_core::rights::Role;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{dummy_account, dummy_sealed};
use uuid::Uuid;

/// A tenant with rows in every table that tenants have rows in.
pub(crate) struct Filled {
    /// What calls name: `WS`, `ACC`, `JOB` and so on.
    pub(crate) names: BTreeMap<&'static str, String>,
    pub(crate) workspace: Uuid,
    /// The members' sessions, the least role first.
    pub(crate) members: Vec<(Role, Uuid, Session)>,
}

impl Filled {
    /// Makes one. `word` stands in everything of it that is text.
    pub(crate) async fn new(database: &Database, superuser: &Session, role: &str, word: &str) -> Self {
        let mut members = Vec::new();
        let mut workspace = Uuid::nil();
        for member in Role::ALL.into_iter().rev() {
            let (user, session) = (Uuid::new_v4(), database.connect_as(role).await);
            session.run(&format!("SET crier.user_id = '{user}'")).await;
            if member == Role::Owner {
                workspace = session.value("SELECT crier.create_workspace($1, $2)", &[&word, &user]).await;
            } else {
                superuser
                    .text(&format!("SELECT crier.add_member('{workspace}', '{user}', '{member}')"))
                    .await;
            }
            members.insert(0, (member, user, session));
        }
        let mut tenant = Self { names: BTreeMap::new(), workspace, members };
        tenant.fill(superuser, word).await;
        tenant
    }

    pub(crate) fn owner(&self) -> &Session {
        self.as_role(Role::Owner)
    }

    pub(crate) fn as_role(&self, role: Role) -> &Session {
        let found = self.members.iter().find(|(known, ..)| *known == role);
        &found.unwrap_or_else(|| panic!("no {role}")).2
    }

    async fn fill(&mut self, superuser: &Session, word: &str) {
        let (workspace, owner) = (self.workspace, self.owner());
        let mut names: BTreeMap<&'static str, String> = BTreeMap::new();
        let account = dummy_account(superuser, workspace, &format!("{word}.test")).await;
        let spare = dummy_account(superuser, workspace, &format!("spare.{word}.test")).await;
        let user = self.members[3].1;
        let post = |text: &str, more: &str| {
            format!(
                "SELECT crier.create_post('{workspace}', '{word} {text}', ARRAY['{account}'::uuid]{more})"
            )
        };
        let settings = format!(
            ", settings => '{{\"bluesky\": {{\"langs\": [\"en\"]}}}}', thread => '[\"{word} goes on\"]'"
        );
        names.insert("POST", owner.text(&post("waits", &settings)).await);
        let draft =
            ", draft => true, tags => ARRAY['{word}'], first_comment => '{word}'".replace("{word}", word);
        for (name, stage) in [("DRAFT", "draft"), ("REVIEWED", "in_review")] {
            let id = owner.text(&post(stage, &draft)).await;
            superuser.run(&format!("UPDATE crier.post SET stage = '{stage}' WHERE id = '{id}'")).await;
            names.insert(name, id);
        }
        let slots = format!(
            "SELECT crier.set_slots('{account}', 'Europe/Berlin', '{{\"mon\": [\"09:00\"], \"fri\": [\"18:00\"]}}')"
        );
        owner.text(&slots).await;
        owner.text(&post("at a slot", ", next_slot => true")).await;
        let lost = owner.text(&post("lost", "")).await;
        superuser
            .run(&format!(
                "UPDATE crier.post_target SET state = 'failed', error = '\"{word}\"' WHERE post_id = '{lost}'"
            ))
            .await;
        names.insert("LOST", lost);
        for (name, state) in [("PUBLISHED", "published"), ("UNCONFIRMED", "unconfirmed")] {
            let id = owner.text(&post(state, "")).await;
            let target = format!(
                "UPDATE crier.post_target SET state = '{state}', external_id = '{word}-{state}', url = 'https://{word}.test/', \
                     error = jsonb_build_object('message', '{word}'), published_at = now() \
                 WHERE post_id = '{id}' RETURNING id"
            );
            names.insert(name, superuser.text(&target).await);
        }
        superuser
            .run(&format!(
                "INSERT INTO crier.post_metrics (workspace_id, target_id, likes, read_at) VALUES ('{workspace}', '{}', 77700123, now())",
                names["PUBLISHED"]
            ))
            .await;
        self.schedules(superuser, account, word, &mut names).await;
        let act = format!("SELECT crier.act('{account}', 'follow', '{word}.test')");
        names.insert("ACTION", owner.text(&act).await);
        let second = owner.text(&act.replace(".test'", "2.test'")).await;
        superuser
            .run(&format!("UPDATE crier.account_action SET state = 'unconfirmed', finished_at = now(), error = '\"{word}\"' WHERE id = '{second}'"))
            .await;
        names.insert("UNSENT", second);
        self.jobs(superuser, word, &mut names).await;
        owner.text(&format!("SELECT crier.set_rate_limit('{account}', 'like', '1 hour', 1)")).await;
        owner
            .text(&format!(
                "SELECT crier.block_account('{account}', now() + interval '1 hour', 'like', '{word}')"
            ))
            .await;
        let webhook = format!(
            "INSERT INTO crier.webhook_event (id, workspace_id, account_id, source, platform, external_id, payload, headers, received_at) \
             VALUES (crier.new_id(), '{workspace}', '{account}', 'x', 'x', '{word}', '{{\"word\": \"{word}\"}}', '{{}}', now()) RETURNING id"
        );
        names.insert("WEBHOOK", superuser.text(&webhook).await);
        let invited = Uuid::new_v4();
        owner.text(&format!("SELECT crier.invite_member('{workspace}', '{invited}', 'editor')")).await;
        let key = format!("SELECT id FROM crier.create_api_key('{workspace}', '{word}', 'editor')");
        names.insert("KEY", owner.text(&key).await);
        // a login of each member that waits for the application's word
        for (_, user, _) in &self.members {
            superuser
                .run(&format!(
                    "INSERT INTO crier.oauth_state (workspace_id, id, stage, hash, user_id, platform, return_url, browser_hash, sealed, \
                         created_at, expires_at) \
                     VALUES ('{workspace}', crier.new_id(), 'granted', sha256('login of {user}'), '{user}', 'x', 'https://{word}.test/', \
                         sha256('{user}'), decode('0202' || repeat('00', 60), 'hex'), now(), now() + interval '1 hour')"
                ))
                .await;
        }
        let (endpoint, sealed) = (Uuid::new_v4(), sealed());
        superuser
            .text(&format!("SELECT crier.add_alert_endpoint('{endpoint}', 'https://{word}.test/', {sealed}, '{workspace}')"))
            .await;
        names.extend([
            ("WS", workspace.to_string()),
            ("ACC", account.to_string()),
            ("SPARE", spare.to_string()),
            ("USER", user.to_string()),
            ("MEMBER", self.members[0].1.to_string()),
            ("INVITED", invited.to_string()),
            ("ENDPOINT", endpoint.to_string()),
        ]);
        self.names = names;
    }

    /// A schedule with a queue, and what became of an occurrence.
    async fn schedules(
        &self,
        superuser: &Session,
        account: Uuid,
        word: &str,
        names: &mut BTreeMap<&'static str, String>,
    ) {
        let (workspace, owner) = (self.workspace, self.owner());
        let create = format!(
            "SELECT crier.create_schedule('{workspace}', 'evergreen', '{{\"accounts\": [\"{account}\"], \"tags\": [\"{word}\"]}}', 'FREQ=DAILY', \
                 '2020-01-01 00:00', 'UTC', name => '{word}', additions => ARRAY[(now() + interval '3 hours')::timestamp(0)::text])"
        );
        let schedule = owner.text(&create).await;
        let add = format!(
            "SELECT crier.add_schedule_items('{schedule}', '[{{\"content\": \"{word}\"}}, {{\"content\": \"{word} 2\"}}]')"
        );
        let items = owner.text(&add).await;
        let item = items.lines().next().unwrap_or_default().to_owned();
        superuser
            .run(&format!(
                "INSERT INTO crier.schedule_occurrence (workspace_id, schedule_id, occurs_at, state, item_id, error, created_at) \
                     VALUES ('{workspace}', '{schedule}', now() - interval '1 day', 'failed', '{item}', '\"{word}\"', now()) ON CONFLICT DO NOTHING; \
                 INSERT INTO crier.schedule_account (workspace_id, schedule_id, account_id, last_used_at) \
                     VALUES ('{workspace}', '{schedule}', '{account}', now() - interval '1 day') ON CONFLICT DO NOTHING"
            ))
            .await;
        names.extend([("SCHEDULE", schedule), ("ITEM", item)]);
    }

    /// A job in each state.
    async fn jobs(&self, superuser: &Session, word: &str, names: &mut BTreeMap<&'static str, String>) {
        let workspace = self.workspace;
        let enqueue = format!("SELECT crier.enqueue('{word}', '{{\"word\": \"{word}\"}}', '{workspace}')");
        for _ in 0..4 {
            self.owner().text(&enqueue).await;
        }
        let claimed = superuser
            .rows(
                "SELECT job_id, token FROM crier.claim_jobs($1::text, 4, kinds => ARRAY[$1::text], workspaces => ARRAY[$2::uuid])",
                &[&word, &workspace],
            )
            .await;
        let claimed: Vec<(Uuid, i64)> = claimed.iter().map(|row| (row.get(0), row.get(1))).collect();
        let [leased, dead, again, done] = claimed[..] else { panic!("{claimed:?}") };
        let said = format!("ARRAY['{{\"message\": \"{word}\"}}'::jsonb]");
        for (function, (id, token), rest) in [
            ("extend_jobs", leased, format!("interval '1 hour', {said}")),
            ("fail_jobs", dead, format!("ARRAY['config'], {said}")),
            ("fail_jobs", again, format!("ARRAY['transient'], {said}")),
            ("complete_jobs", done, said.clone()),
        ] {
            superuser
                .text(&format!(
                    "SELECT crier.{function}(ARRAY['{id}'::uuid], ARRAY[{token}::bigint], {rest})"
                ))
                .await;
        }
        superuser
            .text(&format!(
                "SELECT crier.log_job('{}', 'error', '{word}', '{{\"word\": \"{word}\"}}')",
                leased.0
            ))
            .await;
        names.extend([
            ("LEASED", leased.0.to_string()),
            ("TOKEN", leased.1.to_string()),
            ("DEAD", dead.0.to_string()),
            ("JOB", self.owner().text(&enqueue.replace("')", "', dedupe_key => 'a key')")).await),
        ]);
    }

    /// A call with what it names.
    pub(crate) fn named(&self, call: &str) -> String {
        named(call, &self.names)
    }

    /// The same with ids that nobody has.
    pub(crate) fn of_nobody(&self) -> BTreeMap<&'static str, String> {
        let random = |name: &&'static str| {
            (*name, if *name == "TOKEN" { "770000000000000077".into() } else { Uuid::new_v4().to_string() })
        };
        self.names.keys().map(random).collect()
    }
}

/// Puts what a call names in its place: words of capital letters in quotes, or `TOKEN`.
pub(crate) fn named(call: &str, names: &BTreeMap<&'static str, String>) -> String {
    let call = call.replace("SEALED", &sealed()).replace("TOKEN", &names["TOKEN"]);
    names.iter().fold(call, |call, (name, id)| call.replace(&format!("'{name}'"), &format!("'{id}'")))
}

fn sealed() -> String {
    let hex: String = dummy_sealed().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("'\\x{hex}'::bytea")
}
