//! API keys: a machine does in one workspace what its role allows, and nothing anywhere else.

use crier_core::rights::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::calls::CALLS;
use super::every_route::call_by;
use super::{Answer, Installed, Served, answer, token};

const CANARY: &str = "c4n4ry";

/// A key as it was answered.
#[derive(Debug)]
struct Made {
    id: Uuid,
    key: String,
}

impl Served {
    async fn try_key(&self, user: Uuid, workspace: Uuid, role: &str) -> Answer {
        let body = json!({"workspace_id": workspace, "name": "a machine", "role": role});
        self.post("/v1/api-keys", user, &body).await
    }

    async fn key(&self, user: Uuid, workspace: Uuid, role: &str) -> Made {
        let made = self.try_key(user, workspace, role).await;
        let (id, key) = (made.json()["id"].clone(), made.json()["key"].clone());
        let id = id.as_str().and_then(|id| id.parse().ok());
        match (id, key.as_str()) {
            (Some(id), Some(key)) => Made { id, key: key.to_owned() },
            _ => panic!("{made:?}"),
        }
    }

    async fn by(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request_by(method, path, key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    async fn revoke(&self, user: Uuid, id: Uuid) -> Answer {
        answer(self.request(Method::DELETE, &format!("/v1/api-keys/{id}"), user)).await
    }
}

#[tokio::test]
async fn a_key_may_do_what_its_role_may() {
    let served = Served::start().await;
    let owner = Uuid::new_v4();
    let workspace = served.workspace(owner).await;
    let members = format!("/v1/workspaces/{workspace}/members");
    let invitation = json!({"user_id": Uuid::new_v4()});
    for role in [Role::Viewer, Role::Editor, Role::Admin] {
        let made = served.key(owner, workspace, role.as_str()).await;
        let workspaces = served.by(&made.key, Method::GET, "/v1/workspaces", None).await.json();
        assert_eq!(workspaces["data"][0]["role"], role.as_str(), "{workspaces}");
        assert_eq!(workspaces["data"].as_array().map(Vec::len), Some(1), "{workspaces}");
        for (least, method, path, body) in [
            (Role::Viewer, Method::GET, members.clone(), None),
            (
                Role::Editor,
                Method::POST,
                "/v1/jobs".into(),
                Some(json!({"kind": "k", "workspace_id": workspace})),
            ),
            (
                Role::Admin,
                Method::POST,
                format!("/v1/workspaces/{workspace}/invitations"),
                Some(invitation.clone()),
            ),
            (Role::Admin, Method::GET, format!("/v1/api-keys?workspace_id={workspace}"), None),
            (Role::Owner, Method::PATCH, format!("/v1/workspaces/{workspace}"), Some(json!({"name": "x"}))),
            (Role::Owner, Method::DELETE, format!("/v1/workspaces/{workspace}"), None),
        ] {
            let given = served.by(&made.key, method.clone(), &path, body).await;
            let expected = if role >= least { [200, 201] } else { [403, 403] };
            assert!(expected.contains(&given.status), "{role}: {method} {path}: {given:?}");
        }
        // what only people do, whatever their role
        for (path, body) in [
            ("/v1/workspaces".to_owned(), json!({"name": "x"})),
            ("/v1/api-keys".into(), json!({"workspace_id": workspace, "name": "x"})),
            (format!("/v1/invitations/{workspace}/accept"), json!({})),
        ] {
            let given = served.by(&made.key, Method::POST, &path, Some(body)).await;
            assert_eq!(given.status, 403, "{role}: {path}: {given:?}");
        }
        // what it does is told as its own
        let by = format!(
            "SELECT count(*) FROM crier.activity_log WHERE user_id = '{}' AND actor = 'user'",
            made.id
        );
        assert_eq!(served.sql.text(&by).await, if role == Role::Admin { "1" } else { "0" });
    }
}

#[tokio::test]
async fn nobody_makes_a_key_that_may_more_than_those_they_decide_about() {
    let served = Served::start().await;
    let (owner, admin, editor, stranger) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let workspace = served.workspace(owner).await;
    for (user, role) in [(admin, "admin"), (editor, "editor")] {
        served.sql.text(&format!("SELECT crier.add_member('{workspace}', '{user}', '{role}')")).await;
    }
    for (user, role, expected) in [
        (owner, "owner", 422),
        (owner, "chief", 422),
        (owner, "admin", 200),
        (admin, "admin", 403),
        (admin, "editor", 200),
        (editor, "viewer", 403),
        (stranger, "viewer", 404),
    ] {
        let given = served.try_key(user, workspace, role).await;
        assert_eq!(given.status, expected, "{role}: {given:?}");
    }
    let over = json!({"workspace_id": workspace, "name": "x", "expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(served.post("/v1/api-keys", owner, &over).await.status, 422);
    // whoever decides about keys may end any of them
    let theirs = served.key(owner, workspace, "admin").await;
    assert_eq!(served.revoke(editor, theirs.id).await.status, 403);
    assert_eq!(served.revoke(stranger, theirs.id).await.status, 404);
    let ended = [served.revoke(admin, theirs.id).await.json(), served.revoke(owner, theirs.id).await.json()];
    assert_eq!(ended, [json!({"revoked": true}), json!({"revoked": false})]);

    // a bound, which what has ended does not count in
    served.sql.run("UPDATE crier.tenant_limit SET max = 3 WHERE name = 'api_keys_per_workspace'").await;
    let third = served.key(owner, workspace, "viewer").await;
    let fourth = served.try_key(owner, workspace, "viewer").await;
    assert_eq!(fourth.status, 429, "{fourth:?}");
    served.revoke(owner, third.id).await;
    let expired = served.key(owner, workspace, "viewer").await;
    let expire = "UPDATE crier.api_key SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day' WHERE id = ";
    served.sql.run(&format!("{expire}'{}'", expired.id)).await;
    served.key(owner, workspace, "viewer").await;
    let member = format!("SELECT count(*) FROM crier.workspace_member WHERE user_id = '{}'", expired.id);
    assert_eq!(served.sql.text(&member).await, "0", "expected what has expired to be no member any more");
}

#[tokio::test]
async fn a_key_never_shows_another_workspace() {
    let installed = Installed::new().await;
    let (ours, theirs) = (installed.filled(CANARY).await, installed.filled("0ther").await);
    let served = installed.serve_at_rest().await;
    let own = served.key(ours.members[3].1, ours.workspace, "admin").await;
    let key = served.key(theirs.members[3].1, theirs.workspace, "admin").await;
    let mut seen = 0;
    for made in CALLS {
        if made.0.starts_with("GET ") {
            let given = call_by(&served, &own.key, &ours, *made).await;
            seen += usize::from(given.text.contains(CANARY));
        }
        let given = call_by(&served, &key.key, &ours, *made).await;
        assert!(!given.text.contains(CANARY), "{made:?}: {given:?}");
        let changed = "SELECT count(*) FROM crier.activity_log WHERE user_id = $1 AND workspace_id = $2";
        let changed: i64 = served.sql.value(changed, &[&key.id, &ours.workspace]).await;
        assert_eq!(changed, 0, "{made:?}: {given:?}");
    }
    assert!(seen >= 8, "expected the own key to see it by more than {seen} routes");
}

#[tokio::test]
async fn a_key_that_has_ended_is_nobodys() {
    let served = Served::start().await;
    let owner = Uuid::new_v4();
    let workspace = served.workspace(owner).await;
    let ask = async |key: &str| served.by(key, Method::GET, "/v1/workspaces", None).await;
    let refused = |given: &Answer| {
        assert_eq!(
            (given.status, given.header("www-authenticate")),
            (401, "Bearer error=\"invalid_token\""),
            "{given:?}"
        );
        assert_eq!(given.json()["detail"], "the API key is not known, was revoked, or has expired");
    };
    for unknown in [format!("crier_{}", "0".repeat(64)), "crier_".into(), "crier_x".into()] {
        refused(&ask(&unknown).await);
    }
    for end in ["revoke", "expire", "remove"] {
        let made = served.key(owner, workspace, "editor").await;
        assert_eq!(ask(&made.key).await.status, 200, "{end}");
        match end {
            "revoke" => assert_eq!(served.revoke(owner, made.id).await.status, 200),
            "expire" => {
                let expire = "UPDATE crier.api_key SET created_at = now() - interval '2 days', expires_at = now() WHERE id = ";
                served.sql.run(&format!("{expire}'{}'", made.id)).await;
            }
            _ => {
                let remove = "DELETE FROM crier.workspace_member WHERE user_id = ";
                served.sql.run(&format!("{remove}'{}'", made.id)).await;
            }
        }
        refused(&ask(&made.key).await);
    }
    let made = served.key(owner, workspace, "editor").await;
    // a token whose issuer calls a person like a key
    let forged = served.get("/v1/workspaces", made.id).await;
    assert_eq!(forged.status, 401, "{forged:?}");
    let gone = answer(served.request(Method::DELETE, &format!("/v1/workspaces/{workspace}"), owner)).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    refused(&ask(&made.key).await);
    assert_eq!(served.sql.text("SELECT count(*) FROM crier.api_key").await, "0");
}

#[tokio::test]
async fn a_key_is_no_member_among_people() {
    let served = Served::start().await;
    let owner = Uuid::new_v4();
    let workspace = served.workspace(owner).await;
    let made = served.key(owner, workspace, "editor").await;
    let path = format!("/v1/workspaces/{workspace}");
    let members = served.get(&format!("{path}/members"), owner).await.json();
    assert_eq!(members["data"].as_array().map(Vec::len), Some(1), "{members}");
    assert_eq!(served.get(&format!("{path}/stats"), owner).await.json()["members"], 1);
    let listed = served.get(&format!("/v1/api-keys?workspace_id={workspace}"), owner).await;
    let (key, text) = (listed.json()["data"][0].clone(), listed.text);
    assert_eq!(
        (&key["id"], &key["role"], &key["made_by"]),
        (&json!(made.id), &json!("editor"), &json!(owner))
    );
    assert!(!text.contains(&made.key[10..]) && !text.contains("hash"), "{text}");
    let id = made.id;
    for (method, path, body) in [
        (Method::PUT, format!("{path}/members/{id}"), Some(json!({"role": "owner"}))),
        (Method::DELETE, format!("{path}/members/{id}"), None),
        (Method::POST, format!("{path}/transfer"), Some(json!({"user_id": id}))),
        (Method::POST, format!("{path}/invitations"), Some(json!({"user_id": id}))),
    ] {
        let given = served.by(&token(owner), method, &path, body).await;
        assert_eq!(given.status, 422, "{path}: {given:?}");
        assert!(given.text.contains("is an API key"), "{given:?}");
    }
    let leave = served.by(&made.key, Method::POST, &format!("{path}/leave"), Some(json!({}))).await;
    assert_eq!(leave.status, 422, "{leave:?}");
    // nor is it one of another workspace, whoever wants it to be
    let stranger = Uuid::new_v4();
    let other = served.workspace(stranger).await;
    let invited = json!({"user_id": id, "role": "viewer"});
    let invited = served.post(&format!("/v1/workspaces/{other}/invitations"), stranger, &invited).await;
    assert_eq!(invited.status, 200, "as any user nobody knows: {invited:?}");
    let accept = format!("/v1/invitations/{other}/accept");
    assert_eq!(served.by(&made.key, Method::POST, &accept, Some(json!({}))).await.status, 403);
    let add = served.sql.refusal(&format!("SELECT crier.add_member('{other}', '{id}')")).await;
    assert_eq!(add.code, "42501", "{add}");
}

#[tokio::test]
async fn a_key_stands_nowhere_but_in_the_answer() {
    let served = Served::start_with(&[("CRIER_LOG_LEVEL", "trace")]).await;
    let owner = Uuid::new_v4();
    let workspace = served.workspace(owner).await;
    let made = served.key(owner, workspace, "viewer").await;
    let secret = &made.key["crier_".len()..];
    assert!(made.key.starts_with("crier_") && secret.len() == 64, "{made:?}");
    let ask = async || served.by(&made.key, Method::GET, "/v1/workspaces", None).await;
    let given = ask().await;
    assert!(given.status == 200 && !given.text.contains(secret), "{given:?}");
    // the database is in trouble: what is logged then does not have it either
    served.sql.run("ALTER FUNCTION crier.my_workspaces() RENAME TO away").await;
    assert_eq!(ask().await.status, 500);
    served.sql.run("ALTER FUNCTION crier.away() RENAME TO my_workspaces").await;
    served.revoke(owner, made.id).await;
    assert_eq!(ask().await.status, 401);
    let log = served.crierd.log();
    assert!(log.contains("crier.my_workspaces() does not exist") && !log.contains(secret), "{log}");
    let tables: Vec<String> = served
        .sql
        .column(
            "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'crier'::regnamespace AND c.relkind = 'r'",
            &[],
        )
        .await;
    for table in tables {
        let found = format!("SELECT count(*) FROM crier.{table} t WHERE t::text LIKE '%{secret}%'");
        assert_eq!(served.sql.text(&found).await, "0", "{table}");
    }
}

#[tokio::test]
async fn a_key_counts_for_itself_and_its_use_is_noted_now_and_then() {
    let served = Served::start().await;
    let owner = Uuid::new_v4();
    let workspace = served.workspace(owner).await;
    let made = served.key(owner, workspace, "viewer").await;
    let ask = async || served.by(&made.key, Method::GET, "/v1/workspaces", None).await.status;
    let noted = format!("SELECT last_used_at, xmin FROM crier.api_key WHERE id = '{}'", made.id);
    assert_eq!(ask().await, 200);
    let first = served.sql.text(&noted).await;
    assert!(!first.starts_with('∅'), "{first}");
    assert_eq!(
        (ask().await, served.sql.text(&noted).await),
        (200, first.clone()),
        "not again within a minute"
    );
    let older = "UPDATE crier.api_key SET last_used_at = last_used_at - interval '61 seconds'";
    // whoever holds the row keeps nobody waiting
    served.sql.run(&format!("BEGIN; {older}")).await;
    assert_eq!(ask().await, 200);
    served.sql.run("ROLLBACK").await;
    served.sql.run(older).await;
    assert_eq!(ask().await, 200);
    assert_ne!(served.sql.text(&noted).await, first);

    served.sql.run("UPDATE crier.request_limit SET per_minute = 6 WHERE endpoint = 'general'").await;
    assert_eq!([ask().await, ask().await, ask().await], [200, 200, 429]);
    assert_eq!(served.get("/v1/workspaces", owner).await.status, 200, "expected nobody else to be bound");
}
