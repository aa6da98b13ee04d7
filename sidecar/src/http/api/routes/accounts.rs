//! Accounts, their limits, and how they are connected.

use super::route;
use crate::db::api::{Kind, function, only};
use crate::http::api::route::Answer::{Done, Made, Maybe, Page, Row, Rows, Value};
use crate::http::api::route::Route;
use crate::http::api::schemas::{ACCOUNT, ACTION, LIMIT, MAY_ACT, SLOTS, TOKEN};

pub(super) const ROUTES: &[Route] = &[
    route!(Get "/v1/accounts" "The connected accounts, the newest first.", only::ACCOUNTS => Page(&ACCOUNT)),
    route!(Get "/v1/accounts/{account_id}" "An account.", only::ACCOUNT => Row(&ACCOUNT)),
    route!(Delete "/v1/accounts/{account_id}" "Disconnects an account: its tokens are destroyed, and what is planned with it is canceled.",
        function!(delete_account(account_id uuid)) => Done),
    route!(Post "/v1/accounts/{account_id}/pause" "Lets an account rest until it is resumed. False: it rests already.",
        function!(pause_account(account_id uuid, reason text = "NULL")) => Value("paused", Kind::Bool)),
    route!(Post "/v1/accounts/{account_id}/resume" "Has a paused account go on, with what waited for it. False: it was not paused.",
        function!(resume_account(account_id uuid)) => Value("resumed", Kind::Bool)),
    route!(Get "/v1/accounts/tokens" "How long the tokens of accounts live, when they are renewed, and how that failed.",
        function!(token_status(p_account_ids _uuid)) => Rows(&TOKEN)),
    route!(secret Post "/v1/accounts/connect" "Begins to connect an account: a ticket, good once and for five minutes, for the person's browser.",
        function!(begin_connect(
            workspace_id uuid, platform text, return_url text, server text = "NULL", account_id uuid = "NULL"
        )) => Value("ticket", Kind::Text)),
    route!(secret Post "/v1/accounts/confirm" "Confirms that the person who came back is the user who began to connect an account.",
        function!(confirm_connect(secret text)) => Value("ticket", Kind::Text)),
    route!(Get "/v1/accounts/{account_id}/limits" "Every limit of an account, and what is left of it.",
        function!(rate_limit_status(p_account_id uuid)) => Rows(&LIMIT)),
    route!(Put "/v1/accounts/{account_id}/limits" "Sets a limit of an account, in the place of its platform's; without max it goes back.",
        function!(set_rate_limit(p_account_id uuid, p_action text, p_per interval, p_max int4 = "NULL")) => Done),
    route!(Get "/v1/accounts/{account_id}/limits/{action}" "Whether an account may do an action now.",
        function!(check_rate_limit(p_account_id uuid, p_action text)) => Row(&MAY_ACT)),
    route!(Post "/v1/accounts/{account_id}/record" "Counts what an account did beside its jobs. False: over a limit.",
        function!(record_action(p_account_id uuid, p_action text, p_count int4 = "1", p_within_limits bool = "false"))
        => Value("within_limits", Kind::Bool)),
    route!(Put "/v1/accounts/{account_id}/block" "Lets no job of an account, or none of an action, be handed out before a time.",
        function!(block_account(p_account_id uuid, p_until timestamptz, p_action text = "NULL", p_reason text = "NULL"))
        => Done),
    route!(Delete "/v1/accounts/{account_id}/block" "Lifts a block. False: there was none.",
        function!(unblock_account(p_account_id uuid, p_action text = "NULL")) => Value("unblocked", Kind::Bool)),
    route!(Get "/v1/accounts/{account_id}/slots" "The times of the week at which an account likes to publish.",
        function!(get_slots(account_id uuid)) => Row(&SLOTS)),
    route!(Put "/v1/accounts/{account_id}/slots" "Sets those times, in a zone.",
        function!(set_slots(account_id uuid, zone text, slots jsonb)) => Done),
    route!(Get "/v1/accounts/{account_id}/next-slot" "The next slot of an account that no post has.",
        function!(next_slot(account_id uuid, after timestamptz = "now()")) => Maybe("next_slot", Kind::Time)),
    route!(Post "/v1/accounts/{account_id}/actions" "Has an account like, follow or send_dm at a time.", function!(act(
        account_id uuid, action text, subject text, text text = "NULL", run_at timestamptz = "now()"
    )) => Made("/v1/actions/")),
    route!(Get "/v1/actions/{action_id}" "What an account did or is to do besides publishing.",
        function!(get_action(action_id uuid)) => Row(&ACTION)),
    route!(Post "/v1/actions/{action_id}/resolve" "Says of an unconfirmed message whether it was sent: done or absent.",
        function!(resolve_action(action_id uuid, outcome text)) => Value("state", Kind::Text)),
];
