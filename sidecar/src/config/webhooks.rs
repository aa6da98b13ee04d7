//! `[webhooks.<platform>]` and `[webhooks.<platform>.<name>]`: where platforms may send webhooks to, and how they are told from
//! others. Settings of an endpoint without a name may be variables: `CRIER_WEBHOOK_TIKTOK_SECRETS_FILE` and so on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::reader::Reader;
use crate::error::Error;
use crate::hooks::{self, Endpoint, Endpoints, Keys, Scheme};
use crate::secrets::private_file;

const SETTINGS: [&str; 3] = ["secrets_file", "verify_token", "account"];
/// The most secrets of an endpoint: each is tried with each delivery.
const MAX_SECRETS: usize = 10;
const MAX_NAME: usize = 40;

/// An endpoint whose secrets are not read yet.
#[derive(Debug, Clone)]
pub(super) struct EndpointFile {
    platform: &'static str,
    name: Option<String>,
    secrets_file: PathBuf,
    verify_token: Option<SecretString>,
    account: Option<String>,
}

pub(super) fn resolve(read: &mut Reader<'_>) -> Vec<EndpointFile> {
    let mut found: BTreeMap<(&'static str, Option<String>), BTreeMap<&'static str, String>> = BTreeMap::new();
    for (key, value) in read.section("webhooks") {
        match place_of(&key) {
            Ok((endpoint, setting)) => match value {
                toml::Value::String(text) if !text.is_empty() => {
                    found.entry(endpoint).or_default().insert(setting, text);
                }
                other => read.problem(format!(
                    "webhooks.{key} must be a text that is not empty, not {}",
                    other.type_str()
                )),
            },
            Err(problem) => read.problem(format!("webhooks.{key} is not a setting: {problem}")),
        }
    }
    for scheme in hooks::ALL {
        for setting in SETTINGS {
            if let Some(value) = read.variable(&variable(scheme.platform, setting)) {
                found.entry((scheme.platform, None)).or_default().insert(setting, value);
            }
        }
    }
    found.into_iter().filter_map(|(endpoint, settings)| complete(read, endpoint, settings)).collect()
}

fn variable(platform: &str, setting: &str) -> String {
    format!("CRIER_WEBHOOK_{}_{}", platform.to_ascii_uppercase(), setting.to_ascii_uppercase())
}

type Place = ((&'static str, Option<String>), &'static str);

/// `tiktok.secrets_file` or `tiktok.name.secrets_file`.
fn place_of(key: &str) -> Result<Place, String> {
    let parts: Vec<&str> = key.split('.').collect();
    let (platform, name, setting) = match parts[..] {
        [platform, setting] => (platform, None, setting),
        [platform, name, setting] => (platform, Some(name), setting),
        _ => return Err("it is [webhooks.<platform>] or [webhooks.<platform>.<name>]".into()),
    };
    let Some(scheme) = Scheme::find(platform) else {
        let known: Vec<_> = hooks::ALL.iter().map(|scheme| scheme.platform).collect();
        return Err(format!("the platforms that send webhooks are {}", known.join(", ")));
    };
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if name.is_some_and(|name| !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_allowed)) {
        return Err(format!("a name has 1 to {MAX_NAME} of a-z, 0-9, - and _"));
    }
    let setting = SETTINGS.into_iter().find(|known| *known == setting);
    let setting = setting.ok_or_else(|| format!("an endpoint has {}", SETTINGS.join(", ")))?;
    Ok(((scheme.platform, name.map(str::to_owned)), setting))
}

fn complete(
    read: &mut Reader<'_>,
    (platform, name): (&'static str, Option<String>),
    mut settings: BTreeMap<&'static str, String>,
) -> Option<EndpointFile> {
    let section = source(platform, name.as_deref()).replace('/', ".");
    let verify_token = settings.remove("verify_token").map(SecretString::from);
    let needs_token = Scheme::find(platform).is_some_and(|scheme| scheme.needs_token);
    match (needs_token, &verify_token) {
        (true, None) => read.problem(format!(
            "webhooks.{section}.verify_token is missing: {platform} asks for it when the endpoint is set up"
        )),
        (false, Some(_)) => {
            read.problem(format!("webhooks.{section}.verify_token is of no use: {platform} sends none"));
        }
        _ => {}
    }
    let Some(secrets_file) = settings.remove("secrets_file") else {
        read.problem(format!(
            "webhooks.{section}.secrets_file is missing: nothing is accepted without a secret"
        ));
        return None;
    };
    let account = settings.remove("account");
    Some(EndpointFile { platform, name, secrets_file: secrets_file.into(), verify_token, account })
}

fn source(platform: &str, name: Option<&str>) -> String {
    name.map_or_else(|| platform.to_owned(), |name| format!("{platform}/{name}"))
}

/// The endpoints with their secrets.
pub(super) fn load(files: &[EndpointFile]) -> Result<Endpoints, Error> {
    files.iter().map(endpoint).collect()
}

fn endpoint(file: &EndpointFile) -> Result<Endpoint, Error> {
    let source = source(file.platform, file.name.as_deref());
    let refused = |problem: &str| {
        let path = file.secrets_file.display();
        Error::Refused(format!("webhook secrets {path} of {source}: {problem}"))
    };
    let scheme = Scheme::find(file.platform).ok_or_else(|| refused("no such platform"))?;
    let secrets = read_secrets(&file.secrets_file, &refused)?;
    let bad = secrets.iter().enumerate().find_map(|(at, (line, _))| {
        let problem = (scheme.check_secret)(line)?;
        Some(refused(&format!("secret {} {problem}", at + 1)))
    });
    if let Some(bad) = bad {
        return Err(bad);
    }
    let secrets = secrets.into_iter().map(|(_, secret)| secret).collect();
    let keys = Keys { secrets, verify_token: file.verify_token.clone() };
    Ok(Endpoint { source, scheme, keys, account: file.account.clone() })
}

/// One secret a line, of a file that nobody but its owner can read; empty lines and those that begin with `#` aside.
fn read_secrets(
    path: &Path,
    refused: &impl Fn(&str) -> Error,
) -> Result<Vec<(Zeroizing<String>, SecretString)>, Error> {
    let bytes = private_file::read(path, "read the webhook secrets", |open| refused(&open))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| refused("it is not text"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let secrets: Vec<_> =
        lines.map(|line| (Zeroizing::new(line.to_owned()), SecretString::from(line))).collect();
    match secrets.len() {
        0 => Err(refused("it holds no secret: one a line")),
        1..=MAX_SECRETS => Ok(secrets),
        _ => Err(refused("it holds more than 10 secrets: take the old ones out")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn resolved(text: &str, env: &[(&str, &str)]) -> Result<Vec<EndpointFile>, Vec<String>> {
        let env: std::collections::HashMap<_, _> = env.iter().copied().collect();
        let look = |name: &str| env.get(name).map(|value| (*value).to_owned());
        let mut read = Reader::new(text, &look);
        let files = resolve(&mut read);
        match read.finish() {
            Ok(()) => Ok(files),
            Err(Error::Config(problems)) => Err(problems),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn endpoints_have_names_or_none() {
        let text = "[webhooks.facebook]\nsecrets_file = 'a'\nverify_token = 'canary'\n[webhooks.facebook.second-app]\n\
                    secrets_file = 'b'\nverify_token = 'c'\n[webhooks.ghost.acme]\nsecrets_file = 'd'\naccount = 'site'";
        let variables =
            [("CRIER_WEBHOOK_TIKTOK_SECRETS_FILE", "e"), ("CRIER_WEBHOOK_FACEBOOK_SECRETS_FILE", "f")];
        let files = resolved(text, &variables).unwrap();
        let shown: Vec<_> = files
            .iter()
            .map(|file| (source(file.platform, file.name.as_deref()), file.secrets_file.to_str().unwrap()))
            .collect();
        let expected =
            [("facebook", "f"), ("facebook/second-app", "b"), ("ghost/acme", "d"), ("tiktok", "e")];
        assert_eq!(shown, expected.map(|(source, file)| (source.to_owned(), file)));
        assert!(!format!("{files:?}").contains("canary"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let text = "[webhooks.myspace]\nsecrets_file = 'a'\n[webhooks.tiktok]\nsecret_file = 'a'\nverify_token = 'x'\n\
                    [webhooks.slack.\"Ärger\"]\nsecrets_file = 'a'\n[webhooks.x]\nsecrets_file = 1\n[webhooks.facebook]\n\
                    secrets_file = 'a'\n[webhooks.x.a.b]\nsecrets_file = 'a'";
        let problems = resolved(text, &[]).unwrap_err();
        for part in [
            "webhooks.myspace.secrets_file is not a setting",
            "webhooks.tiktok.secret_file is not a setting",
            "webhooks.tiktok.verify_token is of no use",
            "webhooks.tiktok.secrets_file is missing",
            "webhooks.slack.Ärger.secrets_file is not",
            "webhooks.x.secrets_file must be a text",
            "webhooks.facebook.verify_token is missing",
            "webhooks.x.a.b.secrets_file is not",
        ] {
            assert!(problems.iter().any(|problem| problem.starts_with(part)), "{part} in {problems:#?}");
        }
        assert_eq!(problems.len(), 8, "{problems:#?}");
    }

    #[test]
    fn secrets_are_the_lines_of_a_private_file() {
        let path = std::env::temp_dir().join(format!("crierd-webhooks-{}", uuid::Uuid::new_v4()));
        let load = |platform: &str, text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let platform = Scheme::find(platform).unwrap().platform;
            let file = EndpointFile {
                platform,
                name: None,
                secrets_file: path.clone(),
                verify_token: None,
                account: None,
            };
            load(&[file])
        };
        let endpoints = load("tiktok", "# of 2026\ncanary-new\n\n canary-old \n", 0o600).unwrap();
        assert_eq!(endpoints.get("tiktok").unwrap().keys.secrets.len(), 2);
        assert!(endpoints.get("tiktok/x").is_none() && endpoints.get("slack").is_none());
        assert!(!format!("{endpoints:?}").contains("canary"), "{endpoints:?}");
        let error = |platform, text, mode| load(platform, text, mode).unwrap_err().to_string();
        assert!(error("tiktok", "canary", 0o644).contains("chmod 0400"));
        assert!(error("tiktok", "# nothing\n", 0o600).contains("holds no secret"));
        let many = "canary\n".repeat(11);
        assert!(error("tiktok", &many, 0o600).contains("more than 10"));
        let bad = error("discord", "canary-is-no-key", 0o600);
        assert!(bad.contains("secret 1 is no public key") && !bad.contains("canary"), "{bad}");
        std::fs::remove_file(&path).unwrap();
    }
}
