//! No form is taken that is not of a page of the session.

use super::tenants::{member, two};

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let two = two().await;
    let owner = member(&two.url, &two.ours, 3).await;
    let other = member(&two.url, &two.ours, 2).await;
    let post = two.ours.names["POST"].as_str();
    let path = owner.path("/do/cancel");
    let (own, others) = (owner.form_token().await, other.form_token().await);
    assert_ne!(own, others);
    let state = async || two.sql.text(&format!("SELECT state FROM crier.posts WHERE id = '{post}'")).await;
    let before = state().await;
    for (csrf, site) in [
        ("", "same-origin"),
        ("x", "same-origin"),
        (others.as_str(), "same-origin"),
        (own.as_str(), "cross-site"),
        (own.as_str(), "same-site"),
        (own.as_str(), "none"),
    ] {
        let mut request = owner.form(&path, &[("csrf", csrf), ("post", post)]).build().expect("a request");
        request.headers_mut().insert("sec-fetch-site", site.parse().expect("a value"));
        let status = owner.client.execute(request).await.expect("an answer").status();
        assert_eq!(status.as_u16(), 403, "{csrf:?} from {site}");
    }
    owner.send(owner.form(&path, &[("post", post)])).await.is(403);
    let change = format!("/schedules/{}/change", two.ours.names["SCHEDULE"]);
    let forms = ["/posts", "/schedules", &change, "/accounts/connect", "/accounts/confirm"]
        .map(|path| owner.path(path));
    for path in forms.into_iter().chain(["/dashboard/sign-out".to_owned(), "/dashboard/zone".into()]) {
        owner.send(owner.form(&path, &[("zone", "UTC"), ("content", "x")])).await.is(403);
    }
    // nor one that a page of another site can send without asking, nor by a link
    owner.send(owner.request(reqwest::Method::POST, &path).json(&[("csrf", &own)])).await.is(400);
    let got = owner.get(&format!("{path}?csrf={own}&post={post}")).await;
    assert_eq!(got.status, 405, "{got:?}");
    assert_eq!(state().await, before);
    // the control
    owner.send(owner.form(&path, &[("csrf", &own), ("post", post)])).await.is(303);
    assert_ne!(state().await, before);
}
