//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use secrecy::SecretString;
use uuid::Uuid;

use crate::config::{Config, Needs, Sources};
use crate::error::Error;
use crate::people::{calendar, export, import, post, status};
use crate::{account, alert, doctor, init, keys, migrate, run};

/// Publishes what the Postgres extension crier has queued.
///
/// Settings come from a TOML file and from CRIER_* variables, which win. `crierd init` writes a sample,
/// `crierd doctor` checks a deployment.
#[derive(Debug, Parser)]
#[command(name = "crierd", version, arg_required_else_help = true)]
pub struct Cli {
    /// The configuration file [default: $CRIER_CONFIG, else ./crierd.toml if it is there]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,

    /// The database to connect to, in the place of the configured one. A password given here is seen by
    /// everyone who can list processes: CRIER_DATABASE_URL is not.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<SecretString>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a new key file (crier.key) and a sample configuration (crierd.toml)
    ///
    /// Never overwrites. The key file seals the credentials in the database: back it up, apart from it.
    Init {
        /// Where to
        #[arg(long, default_value = ".", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Create or upgrade Crier's tables in the database
    ///
    /// Needs CREATE EXTENSION crier before, and a role that is a superuser or a member of crier_owner.
    Migrate,
    /// Check the deployment: one line per part, with the remedy where something is wrong
    ///
    /// Exit status 1 if any check fails.
    Doctor {
        /// The server to ask on the part of Bluesky, where accounts are elsewhere than on bsky.social
        #[arg(long, value_name = "URL")]
        pds: Option<String>,
    },
    /// Publish until SIGTERM or SIGINT
    ///
    /// The first signal finishes what is under way, a second one ends at once.
    Run,
    /// Make a post: prints its id, when it is published, and where
    Post(post::Post),
    /// Show what is published when: a block for each day
    Calendar(calendar::Calendar),
    /// Show how publishing goes: the queue, what is late, what was published and failed, who has to log in
    Status(status::Status),
    /// Write posts as a table or a calendar to standard output
    #[command(subcommand)]
    Export(Export),
    /// Make posts of a table or a calendar
    #[command(subcommand)]
    Import(Import),
    /// Manage connected accounts
    #[command(subcommand)]
    Account(Account),
    /// Manage the endpoints that alerts go to
    #[command(subcommand)]
    Alert(Alert),
    /// Manage the keys that seal secrets in the database
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Debug, Subcommand)]
enum Export {
    /// The posts of a workspace, those of schedules that are not made yet left out
    Posts(export::Export),
}

#[derive(Debug, Subcommand)]
enum Import {
    /// All or none: what is wrong with which line is said. What was imported before is not made twice
    Posts(import::Import),
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Add a new key to the key file: the active one from then on. Prints its id
    ///
    /// The old ones stay. Copy the file to every host that runs crierd, then run `crierd keys rotate`.
    Add,
    /// Wrap all data keys with the active key, and seal anew what is still sealed with an older key
    ///
    /// While sidecars run, and as often as you like: it goes on where it was stopped. Exit status 1 if something is left.
    Rotate {
        /// Give each workspace a new data key first
        #[arg(long)]
        data_keys: bool,
    },
    /// Say what each key is still needed for
    ///
    /// Exit status 1 if a key is missing or something can't be opened.
    Status,
}

#[derive(Debug, Subcommand)]
enum Alert {
    /// Add an endpoint: prints its id and, this once, the secret that signs what it gets
    ///
    /// Without a workspace it hears of the whole installation. docs/alerts.md says how to verify what comes.
    Add {
        /// Where alerts are posted to. https on port 443; without a workspace also http on loopback.
        #[arg(long, value_name = "URL")]
        url: String,
        /// The workspace whose alerts it gets
        #[arg(long, value_name = "UUID")]
        workspace: Option<Uuid>,
        /// Only these kinds, with commas between them, for instance post.failed,account.reauth_required
        #[arg(long, value_name = "KINDS", value_delimiter = ',')]
        kinds: Option<Vec<String>>,
    },
    /// List endpoints: one line each, with whose it is, its state, what it hears, and what went wrong last
    List {
        /// Only those of this workspace
        #[arg(long, value_name = "UUID")]
        workspace: Option<Uuid>,
    },
    /// Remove an endpoint
    Remove {
        /// Its id
        id: Uuid,
    },
    /// Send a test to an endpoint from here and say how it answered
    Test {
        /// Its id
        id: Uuid,
    },
}

#[derive(Debug, Subcommand)]
enum Account {
    /// Connect an account, or connect it again
    ///
    /// The secret is an app password (Bluesky: Settings, Privacy and security, App passwords) or an access token; where tokens
    /// end, `access token:refresh token`. It is asked for on a terminal, or read as one line from standard input. Prints the
    /// account's id, which posts name. See docs/platforms.
    Add {
        /// The platform's name, for instance bluesky
        platform: String,
        /// The workspace that owns the account
        #[arg(long, value_name = "UUID")]
        workspace: Uuid,
        /// The account's name, for instance alice.bsky.social
        #[arg(long)]
        handle: String,
        /// The account's server, where it is not the platform's own. Plain http only on loopback.
        #[arg(long, visible_alias = "pds", value_name = "URL")]
        server: Option<String>,
    },
}

impl Cli {
    /// Runs the command.
    pub async fn execute(self) -> Result<(), Error> {
        let sources = Sources { file: self.config, database_url: self.database_url };
        let load = |keys| Config::load(&sources, Needs { keys });
        match self.command {
            Command::Init { dir } => init::run(&dir),
            Command::Migrate => migrate::run(&load(false)?).await,
            Command::Doctor { pds } => doctor::run(&load(true)?, pds.as_deref()).await,
            Command::Run => run::run(load(true)?).await,
            Command::Post(post) => post::run(&load(false)?, post).await,
            Command::Calendar(calendar) => calendar::run(&load(false)?, calendar).await,
            Command::Status(status) => status::run(&load(false)?, status).await,
            Command::Export(Export::Posts(export)) => export::run(&load(false)?, export).await,
            Command::Import(Import::Posts(import)) => import::run(&load(false)?, import).await,
            Command::Account(Account::Add { platform, workspace, handle, server }) => {
                let add = account::Add {
                    platform: &platform,
                    workspace_id: workspace,
                    handle: &handle,
                    server: server.as_deref(),
                };
                account::add(&load(true)?, add).await
            }
            Command::Alert(Alert::Add { url, workspace, kinds }) => {
                let add = alert::Add { url: &url, workspace_id: workspace, kinds: kinds.as_deref() };
                alert::add(&load(true)?, add).await
            }
            Command::Alert(Alert::List { workspace }) => alert::list(&load(false)?, workspace).await,
            Command::Alert(Alert::Remove { id }) => alert::remove(&load(false)?, id).await,
            Command::Keys(Keys::Add) => keys::add::run(&load(true)?),
            Command::Keys(Keys::Rotate { data_keys }) => keys::rotate::run(&load(true)?, data_keys).await,
            Command::Keys(Keys::Status) => keys::status::run(&load(true)?).await,
            Command::Alert(Alert::Test { id }) => alert::test(&load(true)?, id).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_password_on_the_command_line_is_not_shown() {
        let cli = Cli::parse_from(["crierd", "migrate", "--database-url", "postgres://u:canary@h/d"]);
        assert!(!format!("{cli:?}").contains("canary"));
    }
}
