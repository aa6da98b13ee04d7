//! Tokens: given, refreshed once, expired, revoked.

use hyper::Method;
use serde_json::{Value, json};

use super::{Answer, Api, send, text};

impl Api {
    /// A form to the token endpoint of an app without a secret.
    async fn form(&self, path: &str, form: &str) -> Answer {
        let request =
            self.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        send(request.body(form.to_owned())).await
    }

    async fn refresh(&self, token: &str) -> Answer {
        let form = format!("grant_type=refresh_token&client_id=app&refresh_token={token}");
        self.form("2/oauth2/token", &form).await
    }

    async fn me(&self, access: &str) -> Answer {
        send(self.request(Method::GET, "2/users/me").bearer_auth(access)).await
    }
}

fn refused(answer: &Answer) -> (u16, &str, &str) {
    let field = |name: &str| answer.body[name].as_str().unwrap_or_default();
    (answer.status, field("error"), field("error_description"))
}

const INVALID: (u16, &str, &str) = (400, "invalid_request", "Value passed for the token was invalid.");

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let api = Api::new();
    let me = json!({"data": {"id": api.id, "name": api.handle, "username": api.handle}});
    assert_eq!(api.me("first-access").await.ok(), me);
    let next = api.refresh("first-refresh").await.ok();
    assert_eq!((&next["token_type"], &next["expires_in"]), (&json!("bearer"), &json!(7_200)));
    assert!(text(&next["scope"]).contains("offline.access"), "{next}");
    let (access, refresh) = (text(&next["access_token"]), text(&next["refresh_token"]));
    assert_eq!(api.me(access).await.ok(), me);
    assert_eq!(refused(&api.refresh("first-refresh").await), INVALID);
    assert_eq!(refused(&api.refresh(access).await), INVALID, "an access token refreshes nothing");
    assert_eq!(api.me(refresh).await.status, 401, "a refresh token opens nothing");
    api.refresh(refresh).await.ok();
    let issued = api.sim.issued_tokens();
    for token in ["first-access", "first-refresh", access, refresh] {
        assert!(issued.iter().any(|known| known == token), "{token} was issued");
    }
}

#[tokio::test]
async fn a_strict_server_ends_the_tokens_of_an_account_whose_refresh_token_comes_twice() {
    let api = Api::new();
    api.sim.be_strict();
    let next = api.refresh("first-refresh").await.ok();
    assert_eq!(refused(&api.refresh("first-refresh").await), INVALID);
    assert_eq!(refused(&api.refresh(text(&next["refresh_token"])).await), INVALID);
    for access in ["first-access", text(&next["access_token"])] {
        assert_eq!(api.me(access).await.status, 401);
    }
}

#[tokio::test]
async fn tokens_expire_and_are_revoked() {
    let api = Api::new();
    let expired =
        json!({"title": "Unauthorized", "detail": "Unauthorized", "type": "about:blank", "status": 401});
    api.sim.platform("x").expire("bob");
    assert_eq!(api.me("first-access").await.body, expired);
    let next = api.refresh("first-refresh").await.ok();
    api.me(text(&next["access_token"])).await.ok();
    api.sim.platform("x").revoke("bob");
    assert_eq!(api.me(text(&next["access_token"])).await.body, expired, "X tells nothing apart");
    assert_eq!(refused(&api.refresh(text(&next["refresh_token"])).await), INVALID);
    let none = send(api.request(Method::GET, "2/users/me")).await;
    assert_eq!(none.body, expired);

    let sim = &api.sim;
    sim.add_account("x", "carol", "c-access:c-refresh");
    let revoke =
        async |token: &str| api.form("2/oauth2/revoke", &format!("client_id=app&token={token}")).await.ok();
    assert_eq!(revoke("c-access").await, json!({"revoked": true}));
    assert_eq!(api.me("c-access").await.status, 401);
    let next = api.refresh("c-refresh").await.ok();
    assert_eq!(revoke(text(&next["refresh_token"])).await, json!({"revoked": true}));
    assert_eq!(
        api.me(text(&next["access_token"])).await.status,
        401,
        "a refresh token takes the others along"
    );
    assert_eq!(revoke("unknown").await, json!({"revoked": true}));
}

#[tokio::test]
async fn an_app_says_who_it_is() {
    let api = Api::new();
    let basic = async |id: &str, secret: Option<&str>| {
        let request = api.request(Method::POST, "2/oauth2/token").basic_auth(id, secret);
        send(request.body("grant_type=refresh_token&refresh_token=nothing")).await
    };
    assert_eq!(refused(&basic("any", Some("secret")).await), INVALID);
    api.set(json!({"client_id": "app", "client_secret": "secret"}));
    let unknown = (401, "unauthorized_client", "Missing valid authorization header");
    assert_eq!(refused(&api.refresh("first-refresh").await), unknown, "without its secret");
    assert_eq!(refused(&basic("app", Some("wrong")).await), unknown);
    assert_eq!(refused(&basic("app", Some("secret")).await), INVALID);
    api.set(json!({"client_secret": Value::Null}));
    for (form, words) in [
        ("", "Missing required parameter [client_id]."),
        ("client_id=app", "Missing required parameter [grant_type]."),
        ("client_id=app&grant_type=refresh_token", "Missing required parameter [refresh_token]."),
        ("client_id=app&grant_type=password", "Value passed for the grant type [password] is not simulated."),
    ] {
        assert_eq!(refused(&api.form("2/oauth2/token", form).await), (400, "invalid_request", words));
    }
    api.refresh("first-refresh").await.ok();
}

#[tokio::test]
async fn accounts_have_handles_and_tokens_of_their_own() {
    let api = Api::new();
    assert!(api.id.len() == 19 && api.id.bytes().all(|byte| byte.is_ascii_digit()), "{}", api.id);
    for (handle, secret) in [
        ("BOB", "new"),
        ("bob.test", "new"),
        ("", "new"),
        ("sixteen_letters_", "new"),
        ("carol", ""),
        ("carol", "a:"),
        ("carol", "a:a"),
        ("carol", "first-access"),
        ("carol", "new:first-refresh"),
    ] {
        assert!(api.sim.platform("x").add_account(handle, secret).is_err(), "{handle:?} with {secret:?}");
    }
    api.sim.add_account("x", "carol", "new");
}
