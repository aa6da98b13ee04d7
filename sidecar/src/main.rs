//! The program: parses the command line, runs the command, says what went wrong.

use std::process::ExitCode;

use clap::Parser;
use crierd::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().execute().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crierd: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
