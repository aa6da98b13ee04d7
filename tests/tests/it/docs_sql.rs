//! The SQL of the documentation runs as it stands: every ```sql block of README.md and docs/*.md, in its order, file
//! by file, each file in a new database of a server without anything of Crier in it. A block that begins with
//! ```sql skip-test is left out. Between two blocks every workspace without an account gets one: in the documentation
//! that is what `crierd account add` does. A line `\i FILE` is that file of the checkout, as psql reads it. The role `your_application_role` is there: whoever reads it has one.

use std::path::{Path, PathBuf};

use crier_tests::cluster::Server;
use crier_tests::session::Session;
use crier_tests::stage::dummy_account;
use uuid::Uuid;

/// A block of SQL.
struct Block {
    line: usize,
    sql: String,
}

#[tokio::test]
async fn every_block_of_the_documentation_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = documents(&root);
    let server = Server::bare();
    let admin = server.connect("postgres").await;
    admin.run("CREATE ROLE your_application_role").await;
    let mut ran = 0;
    for (at, file) in files.iter().enumerate() {
        let text =
            std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let blocks = blocks(&text);
        if blocks.is_empty() {
            continue;
        }
        let database = format!("docs{at}");
        admin.run(&format!("CREATE DATABASE {database}")).await;
        run(&server.connect(&database).await, file, &blocks).await;
        // roles belong to the server, and another file may make the same
        admin.run(&format!("DROP DATABASE {database} WITH (FORCE)")).await;
        admin.run("DROP ROLE IF EXISTS crierd").await;
        ran += blocks.len();
    }
    assert!(ran > 0, "expected SQL in {files:?}");
}

async fn run(session: &Session, file: &Path, blocks: &[Block]) {
    for block in blocks {
        connect_accounts(session).await;
        if let Err(refusal) = session.try_text(&block.sql).await {
            panic!("{}:{}: {refusal}\n{}", file.display(), block.line, block.sql);
        }
    }
}

async fn connect_accounts(session: &Session) {
    if session.text("SELECT to_regclass('crier.social_account')").await == "∅" {
        return;
    }
    let without = "SELECT id FROM crier.workspace w WHERE NOT EXISTS \
                   (SELECT FROM crier.social_account a WHERE a.workspace_id = w.id)";
    for workspace in session.column::<Uuid>(without, &[]).await {
        dummy_account(session, workspace, "alice.bsky.social").await;
    }
}

fn documents(root: &Path) -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root.join("docs")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    files.sort();
    files.insert(0, root.join("README.md"));
    files
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (at, line) in text.lines().enumerate() {
        match (&mut open, line.trim()) {
            (None, "```sql") => open = Some(Block { line: at + 1, sql: String::new() }),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), command) if command.starts_with("\\i ") => {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(command[3..].trim());
                block.sql += &std::fs::read_to_string(&path)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
            (Some(block), _) => {
                block.sql.push_str(line);
                block.sql.push('\n');
            }
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "a block of SQL has no end");
    blocks
}
