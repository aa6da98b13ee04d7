//! Whose a token is: a member's, who may administer pages of organizations and then publishes for these with the same token.

use crier_core::error_class::ErrorClass;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::api::{Api, encoded, read};
use crate::providers::Failure;
use crate::providers::answer::{Fields, Phase};
use crate::providers::failure::clean;

/// The most characters of a name.
const MAX_NAME: usize = 100;
/// The most characters of an id.
const MAX_ID: usize = 60;
/// The most pages of a member that are asked for, a hundred at a time.
const MAX_LISTS: usize = 3;
/// Who may publish for an organization.
const ROLES: [&str; 4] =
    ["ADMINISTRATOR", "CONTENT_ADMINISTRATOR", "CONTENT_ADMIN", "DIRECT_SPONSORED_CONTENT_POSTER"];

const PERSON: &str = "urn:li:person:";
const ORGANIZATION: &str = "urn:li:organization:";

/// Whether an author is a member, not a page.
pub(super) fn is_member(author: &str) -> bool {
    author.starts_with(PERSON)
}

/// Whether it can be an author. It goes into addresses.
pub(super) fn is_author(urn: &str) -> bool {
    let id = urn.strip_prefix(PERSON).or_else(|| urn.strip_prefix(ORGANIZATION)).unwrap_or_default();
    (1..=MAX_ID).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// An account: its URN and its name.
pub(super) type Named = (String, String);

/// The member that a token is of.
pub(super) async fn member(api: &Api<'_>) -> Result<Named, Failure> {
    let Fields(me): Fields<Me> = read(Phase::Login, api.userinfo().await)?;
    let (urn, name) = (format!("{PERSON}{}", me.sub), clean(&me.name, MAX_NAME));
    if !is_author(&urn) || name.trim().is_empty() {
        return Err(Failure::new(ErrorClass::Transient, "the answer names no member"));
    }
    Ok((urn, name))
}

#[derive(Deserialize)]
struct Me {
    sub: String,
    name: String,
}

/// Finds out whose token it is, or whether it may publish for the page that is named: `organization:7`.
pub(super) async fn login(api: &Api<'_>, handle: &str) -> Result<Named, Failure> {
    let (urn, name) = member(api).await?;
    let named = handle.trim().trim_start_matches('@');
    let number = named.strip_prefix("urn:li:").unwrap_or(named).strip_prefix("organization:");
    if let Some(number) = number {
        let page = format!("{ORGANIZATION}{number}");
        if !is_author(&page) || !organizations(api).await?.contains(&page) {
            let message =
                format!("the access token is of {name}, who may not publish for the organization {number}");
            return Err(Failure::new(ErrorClass::Permission, message));
        }
        readable(api, &page).await?;
        return Ok((page.clone(), name_of(api, &page).await?));
    }
    let is_theirs =
        [name.as_str(), &urn, &urn[PERSON.len()..]].iter().any(|own| own.eq_ignore_ascii_case(named));
    if !is_theirs {
        return Err(Failure::new(
            ErrorClass::Permission,
            format!("the access token is of {name}, not of {named}"),
        ));
    }
    Ok((urn, name))
}

/// Without that, nobody could tell after a lost answer whether a post is there.
async fn readable(api: &Api<'_>, page: &str) -> Result<(), Failure> {
    let path = format!("posts?q=author&author={}&count=1", encoded(page));
    let posts = read::<IgnoredAny>(Phase::Login, api.get(&path).await);
    posts.map(drop).map_err(|failure| match failure.class {
        ErrorClass::Permission => {
            let message =
                "the access token does not let the page's own posts be read: it needs r_organization_social";
            Failure { message: message.to_owned(), ..failure }
        }
        _ => failure,
    })
}

/// The pages that the member may publish for.
pub(super) async fn pages(api: &Api<'_>) -> Result<Vec<Named>, Failure> {
    let mut pages = Vec::new();
    for urn in organizations(api).await? {
        let name = name_of(api, &urn).await?;
        pages.push((urn, name));
    }
    Ok(pages)
}

#[derive(Deserialize)]
struct List {
    elements: Vec<Value>,
}

async fn organizations(api: &Api<'_>) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = Vec::new();
    for list in 0..MAX_LISTS {
        let path = format!("organizationAcls?q=roleAssignee&state=APPROVED&count=100&start={}", list * 100);
        let Fields(List { elements }) = read(Phase::Login, api.get(&path).await)?;
        let is_last = elements.len() < 100;
        let text = |element: &Value, name: &str| element[name].as_str().map(str::to_owned);
        let may = |element: &&Value| {
            element["state"] == "APPROVED"
                && element["role"].as_str().is_some_and(|role| ROLES.contains(&role))
        };
        // it had another name before
        let urns = elements.iter().filter(may).filter_map(|element| {
            text(element, "organization").or_else(|| text(element, "organizationTarget"))
        });
        for urn in urns.filter(|urn| is_author(urn) && !is_member(urn)) {
            if !found.contains(&urn) {
                found.push(urn);
            }
        }
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// The name of a page. Who may publish for it may not always read it; then its number stands for it.
async fn name_of(api: &Api<'_>, page: &str) -> Result<String, Failure> {
    let number = page.strip_prefix(ORGANIZATION).unwrap_or_default();
    let told: Result<Value, Failure> = read(Phase::Login, api.get(&format!("organizations/{number}")).await);
    let name = match &told {
        Ok(told) => told["localizedName"].as_str().map(|name| clean(name, MAX_NAME)),
        Err(failure) if failure.class == ErrorClass::Permission => None,
        Err(failure) => return Err(failure.clone()),
    };
    Ok(name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| format!("organization:{number}")))
}
