//! A journal that is damaged, foreign, full, or not there.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::*;

/// A record as crierd writes it.
fn record(database: &str, workspace: Uuid, account: Uuid, generation: i64) -> String {
    // in the form of a sealed value: the database stores it without opening it
    let sealed = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(crier_tests::stage::dummy_sealed())
    };
    let body = json!({
        "database": database, "workspace_id": workspace, "account_id": account, "generation": generation, "sealed": sealed,
        "expires_at": null, "refresh_expires_at": null,
    })
    .to_string();
    let sum: String = Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("crier-refresh 1 {sum}\n{body}\n")
}

fn leave(dir: &Path, account: Uuid, generation: i64, text: &str) -> PathBuf {
    let path = dir.join(format!("{account}-{generation}-00000007.refresh"));
    std::fs::write(&path, text).expect("a record");
    let minutes_ago = SystemTime::now() - Duration::from_secs(300);
    let file = File::options().write(true).open(&path).expect("the record");
    file.set_modified(minutes_ago).expect("its time");
    path
}

fn journal_dir(stage: &Stage) -> PathBuf {
    let dir = stage.deployment.dir().join("refresh-journal");
    std::fs::create_dir_all(&dir).expect("a directory");
    std::fs::set_permissions(&dir, Permissions::from_mode(0o700)).expect("its mode");
    dir
}

#[tokio::test]
async fn only_whole_records_of_this_database_that_follow_are_stored() {
    let (sim, stage) = strict(Database::shared().await).await;
    let (dir, workspace, account) = (journal_dir(&stage), stage.workspace, stage.account);
    let ours: Vec<String> = stage.sql.value("SELECT crier.installation_ids()", &[]).await;
    let whole = record(&ours[0], workspace, account, 2);
    // cut off in the middle, by a crash
    let torn = leave(&dir, Uuid::from_u128(1), 2, &whole[..whole.len() - 40]);
    let old = leave(&dir, account, 1, &record(&ours[0], workspace, account, 1));
    let gone = leave(&dir, Uuid::from_u128(2), 2, &record(&ours[0], workspace, Uuid::from_u128(2), 2));
    let foreign = leave(&dir, account, 2, &record("1/2/3", workspace, account, 2));
    // its version is told by its first line
    std::fs::write(dir.join("newer.refresh"), "crier-refresh 2 more").expect("a record");
    let crierd = start(&stage).await;
    let (newer, aside) = (dir.join("newer.refresh"), torn.with_extension("torn"));
    let mut left = vec![foreign.clone(), newer, aside];
    left.sort();
    wait_until("the records that are left", left, async || {
        let mut left = journal(&stage);
        left.sort();
        left
    })
    .await;
    assert!(!torn.exists() && !old.exists() && !gone.exists());
    assert_eq!(generation(&stage).await, "1", "expected nothing to be stored");
    let log = crierd.log();
    for part in ["was not written to its end", "is for another database and is kept", "is of a newer version"]
    {
        assert_eq!(log.matches(part).count(), 1, "{part:?} in {log}");
    }
    publishes(&sim, &stage, "with its own token").await;
    assert_eq!(crierd.log().matches("is for another database").count(), 1, "expected it to be said once");
    drop(crierd);

    // the positive control: the same of this database is stored
    std::fs::remove_file(&foreign).expect("the record");
    let ours = leave(&dir, account, 2, &whole);
    let _crierd = start(&stage).await;
    reaches(&stage, "2").await;
    wait_until("the record to be gone", true, async || !ours.exists()).await;
}

#[tokio::test]
async fn a_database_that_was_moved_and_adopted_takes_its_records_and_a_copy_takes_none() {
    let (_sim, stage) = strict(Database::shared().await).await;
    let (dir, account) = (journal_dir(&stage), stage.account);
    // what it was called in another cluster
    stage.sql.run("UPDATE crier.installation SET system_identifier = '7'").await;
    let before = stage
        .sql
        .text("SELECT system_identifier || '/' || database_oid || '/' || table_oid FROM crier.installation")
        .await;
    assert_eq!(stage.sql.text("SELECT cardinality(crier.installation_ids())").await, "0");
    leave(&dir, account, 2, &record(&before, stage.workspace, account, 2));
    let crierd = start(&stage).await;
    wait_until("the record to be looked at", true, async || crierd.log().contains("is for another database"))
        .await;
    assert_eq!((journal(&stage).len(), generation(&stage).await.as_str()), (1, "1"));
    backdoor::make_refreshes_due(&stage.sql).await;
    let given = "SELECT count(*) FROM crier.refresh_expiring_tokens()";
    assert_eq!(stage.sql.text(given).await, "0", "expected a copy to be given nothing");
    stage.sql.run("SELECT crier.adopt_database()").await;
    reaches(&stage, "2").await;
    // what it was copied from may still be there, and in need of it
    wait_until("that to be said", true, async || crierd.log().contains("was copied from")).await;
    assert_eq!(journal(&stage).len(), 1);
}

#[tokio::test]
async fn without_a_journal_tokens_are_renewed_and_that_is_said() {
    let (sim, stage) = strict(Database::shared().await).await;
    let crierd = start_with(&stage, &[("CRIER_REFRESH_JOURNAL", "/dev/null/journal")]).await;
    wait_until("the warning", true, async || crierd.log().contains("there is no journal of refreshes")).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "2").await;
    drop(crierd);
    // one that others may read is none
    let open = stage.deployment.dir().join("open");
    std::fs::create_dir(&open).expect("a directory");
    std::fs::set_permissions(&open, Permissions::from_mode(0o755)).expect("its mode");
    // what is in it counts all the same
    let ours: Vec<String> = stage.sql.value("SELECT crier.installation_ids()", &[]).await;
    let sealed: Vec<u8> = stage.sql.value("SELECT sealed FROM crier.credential", &[]).await;
    leave(&open, stage.account, 3, &record(&ours[0], stage.workspace, stage.account, 3));
    let crierd = start_with(&stage, &[("CRIER_REFRESH_JOURNAL", "open")]).await;
    wait_until("the warning", true, async || crierd.log().contains("chmod 0700")).await;
    reaches(&stage, "3").await;
    drop(crierd);
    stage
        .sql
        .rows(
            "UPDATE crier.credential SET generation = 2, sealed = $1, refresh_at = now() + interval '1 hour'",
            &[&sealed],
        )
        .await;
    // and one that is lost while it is used
    let crierd = start(&stage).await;
    std::fs::remove_dir_all(stage.deployment.dir().join("refresh-journal")).expect("the directory");
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "3").await;
    assert!(crierd.log().contains("could not be written to the journal"), "{}", crierd.log());
    publishes(&sim, &stage, "all the same").await;
    assert_eq!(sim.calls(REFRESH), 2);
}

/// A file system of its own, unmounted when dropped.
struct Small(PathBuf);

impl Small {
    /// None where it may not be mounted.
    fn mount(dir: PathBuf) -> Option<Self> {
        std::fs::create_dir(&dir).expect("a directory");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs"])
            .arg(&dir)
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(dir))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_costs_no_token() {
    let (sim, stage) = strict(Database::shared().await).await;
    let Some(small) = Small::mount(stage.deployment.dir().join("small")) else {
        // who may not mount has the test of a directory that is lost
        return eprintln!("a full disk is tried by root only");
    };
    let crierd = start_with(&stage, &[("CRIER_REFRESH_JOURNAL", "small")]).await;
    let ballast = small.0.join("ballast");
    let filled = std::fs::write(&ballast, vec![0; 1 << 20]);
    assert_eq!(filled.expect_err("a full disk").kind(), std::io::ErrorKind::StorageFull);
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "2").await;
    let log = crierd.log();
    assert!(log.contains("could not be written to the journal") && log.contains("No space left"), "{log}");
    let names = || std::fs::read_dir(&small.0).expect("the directory").count();
    assert_eq!(names(), 1, "expected half a record to be taken away");
    std::fs::remove_file(&ballast).expect("the ballast");
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "3").await;
    publishes(&sim, &stage, "with room again").await;
    assert_eq!((crierd.log().matches("could not be written to the journal").count(), names()), (1, 0));
}
