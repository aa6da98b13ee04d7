//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use secrecy::SecretString;
use uuid::Uuid;

use crate::config::{Config, Needs, Sources};
use crate::error::Error;
use crate::{account, doctor, init, logging, migrate, run};

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
    /// Manage connected accounts
    #[command(subcommand)]
    Account(Account),
}

#[derive(Debug, Subcommand)]
enum Account {
    /// Connect an account, or connect it again
    #[command(subcommand)]
    Add(Platform),
}

#[derive(Debug, Subcommand)]
enum Platform {
    /// A Bluesky account, by an app password (Settings, Privacy and security, App passwords)
    ///
    /// The password is asked for on a terminal, or read as one line from standard input. It is used once and
    /// not stored. Prints the account's id, which posts name.
    Bluesky {
        /// The workspace that owns the account
        #[arg(long, value_name = "UUID")]
        workspace: Uuid,
        /// The account's handle, for instance alice.bsky.social
        #[arg(long)]
        handle: String,
        /// The account's server, where it is not found through bsky.social. Plain http only on loopback.
        #[arg(long, value_name = "URL")]
        pds: Option<String>,
    },
    /// A Mastodon account, by an access token (Preferences, Development, New application)
    ///
    /// The token is asked for on a terminal, or read as one line from standard input. It is sealed and stored.
    /// Prints the account's id, which posts name.
    Mastodon {
        /// The workspace that owns the account
        #[arg(long, value_name = "UUID")]
        workspace: Uuid,
        /// The account's name, for instance alice or alice@mastodon.example
        #[arg(long)]
        handle: String,
        /// The account's server, for instance https://mastodon.example. Plain http only on loopback.
        #[arg(long, value_name = "URL")]
        server: String,
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
            Command::Run => {
                let config = load(true)?;
                logging::start(&config.log);
                run::run(config).await
            }
            Command::Account(Account::Add(Platform::Bluesky { workspace, handle, pds })) => {
                let add = account::Add {
                    platform: "bluesky",
                    workspace_id: workspace,
                    handle: &handle,
                    server: pds.as_deref(),
                    secret: "app password",
                };
                account::add(&load(true)?, add).await
            }
            Command::Account(Account::Add(Platform::Mastodon { workspace, handle, server })) => {
                let add = account::Add {
                    platform: "mastodon",
                    workspace_id: workspace,
                    handle: &handle,
                    server: Some(&server),
                    secret: "access token",
                };
                account::add(&load(true)?, add).await
            }
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
