//! Logins by OAuth and the apps at servers.

use super::{Case, INVALID, NOT_FOUND, NULL, TOO_LARGE};

pub(super) const CONNECTING: &[Case] = &[
    ("begin_connect(NULL, 'x', 'https://a/')", NULL, "workspace_id"),
    ("begin_connect('NO', 'x', 'https://a/')", NOT_FOUND, "workspace NO"),
    ("begin_connect('WS', 'X', 'https://a/')", INVALID, "platform \"X\""),
    ("begin_connect('WS', 'x', 'a')", INVALID, "return_url is not an http address"),
    ("begin_connect('WS', 'x', 'https://a/', account_id => 'NO')", NOT_FOUND, "account NO"),
    ("begin_connect('WS', 'x', 'https://a/', account_id => 'OTHER')", NOT_FOUND, "account OTHER"),
    ("begin_connect('WS', 'x', 'https://a/', account_id => 'ACC')", INVALID, "account ACC: is on bluesky"),
    ("begin_connect('WS', 'x', 'https://a/', repeat('x', 2001))", TOO_LARGE, "server has 2001"),
    ("take_oauth_state(NULL, '\\x00')", NULL, "p_stage"),
    ("take_oauth_state('ticket', NULL)", NULL, "p_hash"),
    ("take_oauth_state('answered', sha256('x'))", INVALID, "p_stage is \"answered\""),
    ("take_oauth_state('ticket', 'the secret itself')", INVALID, "p_hash is not a hash"),
    ("keep_oauth_state(NULL, 'NO', 'login', sha256('x'), SEALED)", NULL, "p_workspace_id"),
    ("keep_oauth_state('WS', NULL, 'login', sha256('x'), SEALED)", NULL, "p_state_id"),
    ("keep_oauth_state('WS', 'NO', 'ticket', sha256('x'), SEALED)", INVALID, "p_stage is \"ticket\""),
    (
        "keep_oauth_state('WS', 'NO', 'login', sha256('x'), 'in clear')",
        INVALID,
        "p_sealed is not a sealed value",
    ),
    ("keep_oauth_state('WS', 'NO', 'login', sha256('x'), SEALED)", NULL, "p_browser_hash"),
    (
        "keep_oauth_state('WS', 'NO', 'login', sha256('x'), SEALED, 'x')",
        INVALID,
        "p_browser_hash is not a hash",
    ),
    ("end_oauth_state(NULL, 'NO')", NULL, "p_workspace_id"),
    ("get_app_registration('myspace', 's', 'r')", INVALID, "myspace"),
    ("get_app_registration('mastodon', NULL, 'r')", NULL, "p_server"),
    ("get_app_registration('mastodon', 's', ' ')", INVALID, "p_redirect_uri"),
    ("begin_app_registration('mastodon', 's', 'r', -1)", INVALID, "p_generation is -1"),
    ("begin_app_registration('mastodon', 's', 'r', 0, '2 days')", INVALID, "lease"),
    ("store_app_registration('NO', 0, SEALED)", INVALID, "p_generation is 0"),
    ("store_app_registration('NO', 1, 'in clear')", INVALID, "p_sealed is not a sealed value"),
    ("note_app_registration('NO', 1, NULL)", NULL, "p_known"),
    ("cleanup_expired_oauth_states_batch(0)", INVALID, "p_batch is 0"),
    ("cleanup_expired_oauth_states_batch(p_max_ms => 600001)", INVALID, "p_max_ms is 600001"),
    ("cleanup_expired_oauth_states_batch(p_pause_ms => -1)", INVALID, "p_pause_ms is -1"),
];
