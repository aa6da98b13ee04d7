//! Uploads, one at a time, each under a name that is made first and can be asked for: an upload whose answer was lost is found
//! again, and one that is made twice is only in the library twice.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::media::Attachment;
use crier_core::platform::wordpress::PLATFORM;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, MEDIA, is_address, read};
use crate::media::{Fetcher, Picture};
use crate::providers::answer::Phase;
use crate::providers::key::new_key;
use crate::providers::{Account, Failure, Post};

/// How long an upload may take.
const UPLOAD_TIME: Duration = Duration::from_secs(5 * 60);
const FIELDS: &str = "_fields=id,slug,source_url,author";

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// What the names of the uploads begin with.
    #[serde(default)]
    name: String,
    /// The images that are uploaded, in the order of the post.
    #[serde(default)]
    pub(super) images: Vec<Image>,
}

/// An image in the site's library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Image {
    pub(super) id: u64,
    pub(super) address: String,
}

/// An upload as the site shows it.
#[derive(Deserialize)]
struct Shown {
    id: u64,
    slug: String,
    source_url: String,
    author: u64,
}

impl Shown {
    fn image(self) -> Result<Image, Failure> {
        if is_address(&self.source_url) {
            return Ok(Image { id: self.id, address: self.source_url });
        }
        Err(Failure::new(ErrorClass::Transient, "the site answered with an upload that has no address"))
    }
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(
    site: &Api<'_>,
    fetcher: &Fetcher,
    account: &Account,
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    let mut prepared = parse(prepared);
    let media = post.attachments()?;
    let index = prepared.images.len() + 1;
    let Some(attachment) = media.get(prepared.images.len()) else { return Ok(None) };
    if prepared.name.is_empty() {
        prepared.name = format!("crier-{}", new_key(SystemTime::now())?);
        return Ok(Some(json!(prepared)));
    }
    let name = format!("{}-{index}", prepared.name);
    let image = match find(site, account, &name).await? {
        Some(image) => image,
        None => upload(site, fetcher, &name, index, attachment).await?,
    };
    prepared.images.push(image);
    Ok(Some(json!(prepared)))
}

/// An earlier upload under the same name.
async fn find(site: &Api<'_>, account: &Account, name: &str) -> Result<Option<Image>, Failure> {
    let path = format!("{MEDIA}?slug={name}&context=edit&{FIELDS}");
    let shown: Vec<Shown> = read(Phase::Prepare, site.get(&path).await)?;
    let ours = |shown: &Shown| shown.slug == name && shown.author.to_string() == account.external_id;
    shown.into_iter().find(ours).map(Shown::image).transpose()
}

async fn upload(
    site: &Api<'_>,
    fetcher: &Fetcher,
    name: &str,
    index: usize,
    attachment: &Attachment,
) -> Result<Image, Failure> {
    let Picture { bytes, mime_type, .. } = fetcher.picture(&PLATFORM, index, attachment).await?;
    let ending = match mime_type.rsplit('/').next().unwrap_or_default() {
        "jpeg" => "jpg",
        other => other,
    };
    let file =
        Part::bytes(bytes).file_name(format!("{name}.{ending}")).mime_str(mime_type).map_err(|_| {
            Failure::new(ErrorClass::ContentInvalid, format!("{mime_type:?} is no type of a file"))
        })?;
    let mut form = Form::new().text("slug", name.to_owned());
    if !attachment.alt.is_empty() {
        form = form.text("alt_text", attachment.alt.clone());
    }
    let request = site.request(Method::POST, &format!("{MEDIA}?{FIELDS}")).multipart(form.part("file", file));
    read::<Shown>(Phase::Prepare, site.send(request.timeout(UPLOAD_TIME)).await)?.image()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let image = Image { id: 7, address: "https://a.example/a.png".into() };
        let prepared = Prepared { name: "crier-1".into(), images: vec![image] };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!([1]), json!({"images": [{"id": "../x", "address": 1}]})] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }
}
