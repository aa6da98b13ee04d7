//! `crierd account add`: connects an account. The password is read from a terminal without echo or from
//! standard input, used once, and never stored.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;
use zeroize::Zeroize;

use crate::address::check_base;
use crate::client::Client;
use crate::config::Config;
use crate::credentials::may_be_on;
use crate::db::Db;
use crate::error::Error;
use crate::media::Fetcher;
use crate::providers::{Login, Provider, Providers};
use crate::secrets::{self, Place, Vault};

/// The longest password that is read.
const MAX_PASSWORD: usize = 1_024;

/// Which account.
#[derive(Debug)]
pub(crate) struct Add<'a> {
    pub(crate) platform: &'a str,
    pub(crate) workspace_id: Uuid,
    pub(crate) handle: &'a str,
    pub(crate) server: Option<&'a str>,
}

/// Opens a session, seals its tokens, stores them, and prints the account's id.
pub(crate) async fn add(config: &Config, add: Add<'_>) -> Result<(), Error> {
    secrets::forbid_core_dumps();
    let db = Db::new(&config.database)?;
    let vault = Vault::load(&config.keys, Arc::new(db.clone())).await?;
    // Before a password is asked for: a database that is away makes the login useless.
    db.status().await?;
    let providers = Providers::new(&Client::new()?, &Fetcher::new()?, &config.apps()?);
    let provider = providers.get(add.platform).ok_or_else(|| {
        let known: Vec<_> = providers.iter().map(|provider| provider.platform().name).collect();
        Error::Refused(format!(
            "there is no platform {:?}; this crierd knows {}",
            add.platform,
            known.join(", ")
        ))
    })?;
    let server = add.server.or(provider.default_base_url()).ok_or_else(|| {
        let platform = add.platform;
        Error::Refused(format!(
            "every account on {platform} is on a server of its own: name it with --server"
        ))
    })?;
    // a server that speaks WebSocket is named by the schemes of that, which mean the same
    let server = server.strip_prefix("ws").map_or_else(|| server.to_owned(), |rest| format!("http{rest}"));
    let base_url =
        check_base(&server).map_err(|why| Error::Refused(format!("the server's address: {why}")))?;
    may_be_on(provider.as_ref(), &base_url)?;
    let password = read_password(provider.secret())?;
    let login = provider.login(&base_url, add.handle, &password).await?;
    let account_id = store(&db, &vault, provider.as_ref(), add.workspace_id, &login).await?;
    println!("{account_id}");
    Ok(())
}

async fn store(
    db: &Db,
    vault: &Vault,
    provider: &dyn Provider,
    workspace_id: Uuid,
    login: &Login,
) -> Result<Uuid, Error> {
    let platform = provider.platform().name;
    let (account_id, generation) = db
        .connect_account(workspace_id, platform, &login.external_id, &login.handle, &login.base_url)
        .await?;
    let place = Place::Credential { workspace_id, account_id, generation };
    let sealed = login.session.seal(vault, place, &login.base_url).await?;
    let lifetime = provider.lifetime(&login.session);
    let stored = db
        .store_credential(
            account_id,
            generation,
            &sealed,
            lifetime.expires_at,
            lifetime.refresh_expires_at,
            None,
        )
        .await?;
    if !stored {
        return Err(Error::Refused(
            "somebody else connected this account at the same time; try again".into(),
        ));
    }
    Ok(account_id)
}

/// One line, without its end.
fn read_password(what: &str) -> Result<SecretString, Error> {
    let password = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("{what}: ")).map_err(cannot_read)?.into()
    } else {
        read_line(std::io::stdin().lock())?
    };
    if password.expose_secret().is_empty() {
        return Err(Error::Refused(
            "no password: give it as one line on standard input, or on a terminal".into(),
        ));
    }
    Ok(password)
}

fn read_line(input: impl BufRead) -> Result<SecretString, Error> {
    // Large enough from the start: a text that grows leaves copies behind.
    let mut line = String::with_capacity(MAX_PASSWORD + 2);
    let read = input.take(MAX_PASSWORD as u64 + 2).read_line(&mut line);
    let password = SecretString::from(line.trim_end_matches(['\r', '\n']));
    let long = line.len() > MAX_PASSWORD + 1;
    line.zeroize();
    read.map_err(cannot_read)?;
    if long { Err(Error::Refused("the password is too long".into())) } else { Ok(password) }
}

fn cannot_read(error: std::io::Error) -> Error {
    Error::Refused(format!("the password can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        for (input, password) in
            [("abc\nmore", "abc"), ("abc\r\n", "abc"), ("a b ", "a b "), ("", ""), ("\n", "")]
        {
            assert_eq!(read_line(input.as_bytes()).unwrap().expose_secret(), password);
        }
        let long = "x".repeat(MAX_PASSWORD + 10);
        let refused = read_line(long.as_bytes()).unwrap_err().to_string();
        assert!(!refused.contains('x'), "{refused}");
        assert!(read_line(&[0xff, 0xfe, b'\n'][..]).is_err());
    }
}
