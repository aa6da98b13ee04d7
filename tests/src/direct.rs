//! Values as versions before had sealed them: with a key of the key file itself. Another implementation than the sidecar's,
//! which only reads them.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::sealed::{Binding, Sealed};
use uuid::Uuid;

use crate::crierd::Deployment;
use crate::session::Session;

/// The key of the first line of a key file that is none of a comment: its id and its bytes.
///
/// # Panics
/// When the deployment has no key file with one.
pub fn first_key(deployment: &Deployment) -> (u32, Vec<u8>) {
    let path = deployment.dir().join("crier.key");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let line = text.lines().find(|line| !line.starts_with('#')).unwrap_or_else(|| panic!("no key in it"));
    let (id, key) = line.split_once(':').unwrap_or_else(|| panic!("no colon in the line"));
    let key = STANDARD.decode(key.trim()).unwrap_or_else(|error| panic!("not base64: {error}"));
    (id.parse().unwrap_or_else(|error| panic!("no key id: {error}")), key)
}

/// The tokens of an account as a version before had sealed them, for this server; the oldest named none.
///
/// # Panics
/// When the key has a wrong length.
pub fn sealed(
    (key_id, key): &(u32, Vec<u8>),
    workspace: Uuid,
    account: Uuid,
    generation: i64,
    (access, refresh): (&str, &str),
    server: Option<&str>,
) -> Vec<u8> {
    let plain =
        serde_json::json!({ "access_jwt": access, "refresh_jwt": refresh, "server": server }).to_string();
    let binding = Binding {
        workspace_id: workspace.into_bytes(),
        column: "credential.sealed",
        row_id: account.into_bytes(),
        generation,
        key_id: *key_id,
    };
    let (aad, nonce) = (binding.to_aad(), *account.into_bytes().first_chunk::<12>().unwrap_or(&[0; 12]));
    let payload = Payload { msg: plain.as_bytes(), aad: &aad };
    let cipher = Aes256Gcm::new_from_slice(key).unwrap_or_else(|_| panic!("a key of a wrong length"));
    let ciphertext = cipher.encrypt(&Nonce::from(nonce), payload).unwrap_or_else(|_| panic!("can't seal"));
    Sealed { key_id: *key_id, nonce, ciphertext: &ciphertext }.to_bytes()
}

/// Makes of a database what a version before has left: this account's tokens in the old format, and no data key.
pub async fn as_before(
    sql: &Session,
    deployment: &Deployment,
    workspace: Uuid,
    account: Uuid,
    tokens: (&str, &str),
) {
    let row = sql
        .row(
            "SELECT c.generation, a.base_url FROM crier.credential c JOIN crier.social_account a ON a.id = c.account_id \
             WHERE c.account_id = $1",
            &[&account],
        )
        .await;
    let (generation, server): (i64, String) = (row.get(0), row.get(1));
    let sealed = sealed(&first_key(deployment), workspace, account, generation, tokens, Some(&server));
    sql.rows("UPDATE crier.credential SET sealed = $2 WHERE account_id = $1", &[&account, &sealed]).await;
    sql.run("DELETE FROM crier.data_key").await;
}

/// Workspaces with an account each, whose tokens are in the old format and are those of nobody: the accounts' ids.
pub async fn many_as_before(sql: &Session, deployment: &Deployment, count: i32) -> Vec<Uuid> {
    let key = first_key(deployment);
    let rows = sql
        .rows(
            "SELECT c.account_id, w.id, c.generation FROM (SELECT crier.create_workspace('Many', crier.new_id()) AS id \
             FROM generate_series(1, $1)) AS w, LATERAL crier.connect_account(w.id, 'bluesky', 'did:plc:many', 'many.test', \
             'https://pds.example') AS c",
            &[&count],
        )
        .await;
    let mut accounts = Vec::with_capacity(rows.len());
    for row in rows {
        let (account, workspace, generation): (Uuid, Uuid, i64) = (row.get(0), row.get(1), row.get(2));
        let sealed = sealed(&key, workspace, account, generation, ("canary-access", "canary-refresh"), None);
        let stored: bool =
            sql.value("SELECT crier.store_credential($1, $2, $3)", &[&account, &generation, &sealed]).await;
        assert!(stored, "expected the credential of a new account to be stored");
        accounts.push(account);
    }
    accounts
}
