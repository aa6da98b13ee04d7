//! API keys, by which machines call.

use super::route;
use crate::db::api::{Kind, function};
use crate::http::api::route::Answer::{Row, Rows, Value};
use crate::http::api::route::Route;
use crate::http::api::schemas::{API_KEY, NEW_API_KEY};

pub(super) const ROUTES: &[Route] = &[
    route!(Get "/v1/api-keys" "The API keys of a workspace, the newest first, without what they are shown by.",
        function!(list_api_keys(p_workspace_id uuid)) => Rows(&API_KEY)),
    route!(secret Post "/v1/api-keys" "Makes an API key, which acts as viewer, editor or admin of a workspace. The key is told this once.",
        function!(create_api_key(
            p_workspace_id uuid, p_name text, p_role text = "'viewer'", p_expires_at timestamptz = "NULL"
        )) => Row(&NEW_API_KEY)),
    route!(Delete "/v1/api-keys/{key_id}" "Ends an API key at once. False: it was revoked before.",
        function!(revoke_api_key(p_key_id uuid)) => Value("revoked", Kind::Bool)),
];
