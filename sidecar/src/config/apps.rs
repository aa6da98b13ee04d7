//! `[platforms.<name>]`: the operator's own app on a platform, and where the platform is; and what processes videos for Bluesky.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crier_core::platform;
use secrecy::SecretString;

use super::reader::Reader;
use crate::address::check_base;
use crate::error::Error;
use crate::providers::{App, Apps, Endpoints, VideoService};
use crate::secrets::private_file;

/// The platforms that an operator may have an app on.
fn platforms() -> BTreeSet<&'static str> {
    platform::ALL.iter().map(|platform| platform.name).collect()
}

/// A setting of a platform and its variable.
fn setting(platform: &str, name: &str) -> (String, String) {
    let variable = format!("CRIER_{}_{}", platform.to_uppercase(), name.to_uppercase());
    (format!("platforms.{platform}.{name}"), variable)
}

/// An app whose secret is not read yet.
#[derive(Debug, Clone)]
pub(super) struct AppFile {
    platform: &'static str,
    client_id: String,
    client_secret_file: Option<PathBuf>,
}

pub(super) fn resolve(read: &mut Reader<'_>) -> Vec<AppFile> {
    let mut apps = Vec::new();
    for platform in platforms() {
        let (id, file) = (setting(platform, "client_id"), setting(platform, "client_secret_file"));
        let client_secret_file = read.text(&file.0, &file.1).map(PathBuf::from);
        match read.text(&id.0, &id.1) {
            Some(client_id) => apps.push(AppFile { platform, client_id, client_secret_file }),
            None if client_secret_file.is_some() => {
                read.missing(&id.0, &id.1, "the secret is of no use alone");
            }
            None => {}
        }
    }
    apps
}

/// Where platforms are reached, and how, where that is not the usual way.
pub(super) fn endpoints(read: &mut Reader<'_>) -> Vec<(&'static str, Endpoints)> {
    let of = |platform| {
        let mut address = |name| {
            let (key, variable) = setting(platform, name);
            let url = read.text(&key, &variable)?;
            let refused = |why| format!("{key} is {url:?}: {why}; it must be like https://api.example/x");
            check_base(&url).map_err(|why| read.problem(refused(why))).ok()
        };
        let (server, authorize_url, token_url) =
            (address("server"), address("authorize_url"), address("token_url"));
        (platform, Endpoints { server, authorize_url, token_url, api_version: api_version(read, platform) })
    };
    platforms().into_iter().map(of).collect()
}

/// The version of its API that is spoken: a word that goes into addresses and headers.
fn api_version(read: &mut Reader<'_>, platform: &str) -> Option<String> {
    let (key, variable) = setting(platform, "api_version");
    let version = read.text(&key, &variable)?;
    let fits = version.len() <= 20 && version.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    if !fits {
        read.problem(format!("{key} is {version:?}; it must be like v26.0 or 202610"));
    }
    fits.then_some(version)
}

/// `platforms.bluesky.video_service`: an address, or `none`.
pub(super) fn video_service(read: &mut Reader<'_>) -> VideoService {
    let key = "platforms.bluesky.video_service";
    match read.text(key, "CRIER_BLUESKY_VIDEO_SERVICE").as_deref() {
        None => VideoService::Usual,
        Some("none") => VideoService::None,
        Some(url) => match check_base(url) {
            Ok(url) => VideoService::At(url),
            Err(why) => {
                read.problem(format!(
                    "{key} is {url:?}: {why}; it must be like https://video.bsky.app, or none"
                ));
                VideoService::Usual
            }
        },
    }
}

/// The apps with their secrets.
pub(super) fn load(apps: &[AppFile]) -> Result<Apps, Error> {
    let load = |app: &AppFile| {
        let client_secret = app.client_secret_file.as_deref().map(read_secret).transpose()?;
        Ok((app.platform, App { client_id: app.client_id.clone(), client_secret }))
    };
    apps.iter().map(load).collect()
}

/// The first line of a file that nobody but its owner can read.
fn read_secret(path: &Path) -> Result<SecretString, Error> {
    let refused = |problem: String| Error::Refused(format!("client secret {}: {problem}", path.display()));
    let bytes = private_file::read(path, "read the client secret", refused)?;
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.lines().next()).unwrap_or_default();
    match text.trim() {
        "" => Err(refused("its first line holds no text".into())),
        secret => Ok(secret.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use secrecy::ExposeSecret;

    fn app(file: Option<PathBuf>) -> AppFile {
        AppFile { platform: "x", client_id: "id".into(), client_secret_file: file }
    }

    #[test]
    fn a_secret_is_the_first_line_of_a_private_file() {
        let path = std::env::temp_dir().join(format!("crierd-app-{}", uuid::Uuid::new_v4()));
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            load(&[app(Some(path.clone()))])
        };
        let apps = write("canary-secret\n# the app of 2026\n", 0o600).unwrap();
        let secret = apps.get("x").unwrap().client_secret.as_ref().unwrap();
        assert_eq!(secret.expose_secret(), "canary-secret");
        assert!(!format!("{apps:?}").contains("canary"), "{apps:?}");
        let open = write("canary-secret", 0o644).unwrap_err().to_string();
        assert!(open.contains("chmod 0400") && !open.contains("canary"), "{open}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(write("\n", 0o600).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(load(&[app(Some(path))]).is_err());
    }

    #[test]
    fn a_video_service_is_an_address_or_none() {
        let read = |text: &str| {
            let text = format!("[platforms.bluesky]\nvideo_service = '{text}'");
            let mut read = Reader::new(&text, &|_| None);
            let found = video_service(&mut read);
            read.finish().map(|()| found)
        };
        assert_eq!(read("none").unwrap(), VideoService::None);
        let at = VideoService::At("https://video.example".into());
        assert_eq!(read("https://video.example/").unwrap(), at);
        assert!(read("http://127.0.0.1:8/bluesky").is_ok());
        for bad in
            ["", "video.example", "http://video.example", "https://10.0.0.1", "https://a:b@video.example"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_version_is_a_word() {
        let read = |text: &str| {
            let text = format!("[platforms.instagram]\napi_version = '{text}'");
            let mut read = Reader::new(&text, &|_| None);
            let found = endpoints(&mut read).into_iter().find(|(name, _)| *name == "instagram").unwrap().1;
            read.finish().map(|()| found.api_version)
        };
        assert_eq!(read("v27.0").unwrap().as_deref(), Some("v27.0"));
        for bad in ["v27/0", "v 27", "", &"2".repeat(21)] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_app_may_have_no_secret() {
        let apps = load(&[app(None)]).unwrap();
        assert!(apps.get("x").unwrap().client_secret.is_none() && apps.get("y").is_none());
    }
}
