//! Communities, and whether an account sees there what it has written itself. Lists leave out what it has blocked and what an admin
//! has hidden, also of its own: so what they don't show there proves nothing.

use crier_core::error_class::ErrorClass;
use serde::Deserialize;

use super::api::{Api, read};
use super::session::Me;
use crate::providers::Failure;
use crate::providers::answer::Phase;

/// What is written there: the list of comments leaves out less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Post,
    Comment,
}

#[derive(Deserialize)]
struct CommunityAnswer {
    community_view: CommunityView,
}

#[derive(Deserialize)]
struct CommunityView {
    community: Community,
    #[serde(default)]
    blocked: bool,
}

#[derive(Deserialize)]
struct Community {
    id: u64,
    instance_id: u64,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    removed: bool,
}

#[derive(Deserialize)]
struct PostAnswer {
    post_view: PostView,
}

#[derive(Deserialize)]
struct PostView {
    post: Post,
}

#[derive(Deserialize)]
struct Post {
    community_id: u64,
}

/// The id of the community that a query names, where the account sees what it writes there.
pub(super) async fn seen_by(
    me: &Me,
    server: &Api<'_>,
    phase: Phase,
    query: &str,
    kind: Kind,
) -> Result<u64, Failure> {
    let CommunityAnswer { community_view } = read(phase, server.get(&format!("community?{query}")).await)?;
    let CommunityView { community, blocked } = community_view;
    let is_post = kind == Kind::Post;
    let hiding = [
        (blocked, "the account has blocked the community"),
        (me.blocks(community.instance_id), "the account has blocked the server of the community"),
        (is_post && community.hidden, "an admin of the account's server has hidden the community"),
        (is_post && (community.deleted || community.removed), "the community was deleted"),
    ];
    let Some((_, why)) = hiding.into_iter().find(|(hides, _)| *hides) else { return Ok(community.id) };
    let message = format!(
        "{why}: the account does not see what it has written there, so that a lost answer could not be settled"
    );
    Err(Failure::new(ErrorClass::Permission, message))
}

/// The community of a post.
pub(super) async fn of_post(server: &Api<'_>, phase: Phase, post: u64) -> Result<u64, Failure> {
    let PostAnswer { post_view } = read(phase, server.get(&format!("post?id={post}")).await)?;
    Ok(post_view.post.community_id)
}
