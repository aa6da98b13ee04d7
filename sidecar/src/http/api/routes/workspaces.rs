//! Workspaces, their members and figures.

use super::route;
use crate::db::api::{Kind, function};
use crate::http::api::route::Answer::{Done, Made, Rows, Value};
use crate::http::api::route::Route;
use crate::http::api::schemas::{INVITATION, MEMBER, MY_INVITATION, WORKSPACE};

pub(super) const ROUTES: &[Route] = &[
    route!(Get "/v1/workspaces" "The caller's workspaces, with their role in each.",
        function!(my_workspaces()) => Rows(&WORKSPACE)),
    route!(Post "/v1/workspaces" "Makes a workspace, which the caller owns.", function!(create_workspace(
        name text, owner_id uuid = "(pg_catalog.current_setting('request.jwt.claims')::jsonb ->> 'sub')::uuid"
    )) => Made("/v1/workspaces/"), "owner_id" = "null"),
    route!(Patch "/v1/workspaces/{workspace_id}" "Gives a workspace another name.",
        function!(rename_workspace(p_workspace_id uuid, p_name text)) => Done),
    route!(Delete "/v1/workspaces/{workspace_id}" "Deletes a workspace with all that is in it.",
        function!(delete_workspace(p_workspace_id uuid)) => Done),
    route!(Put "/v1/workspaces/{workspace_id}/approval" "Has posts approved by a role (admin, owner) before they are planned; without one, no longer.",
        function!(set_approval(workspace_id uuid, role text = "NULL")) => Done),
    route!(Post "/v1/workspaces/{workspace_id}/transfer" "Makes another member the owner, and the caller an admin.",
        function!(transfer_ownership(p_workspace_id uuid, p_user_id uuid)) => Done),
    route!(Post "/v1/workspaces/{workspace_id}/leave" "Takes the caller out of a workspace.",
        function!(leave_workspace(p_workspace_id uuid)) => Done),
    route!(Get "/v1/workspaces/{workspace_id}/members" "The members of a workspace by their ids. after: those beyond this id.",
        function!(list_members(p_workspace_id uuid, p_after uuid = "NULL", p_limit int4 = "1000")) => Rows(&MEMBER)),
    route!(Put "/v1/workspaces/{workspace_id}/members/{user_id}" "Gives a member another role.",
        function!(set_member_role(p_workspace_id uuid, p_user_id uuid, p_role text)) => Done),
    route!(Delete "/v1/workspaces/{workspace_id}/members/{user_id}" "Takes a member out of a workspace.",
        function!(remove_member(p_workspace_id uuid, p_user_id uuid)) => Done),
    route!(Get "/v1/workspaces/{workspace_id}/invitations" "The invitations that nobody has accepted yet.",
        function!(list_invitations(p_workspace_id uuid)) => Rows(&INVITATION)),
    route!(Post "/v1/workspaces/{workspace_id}/invitations" "Invites a user as viewer, editor or admin; answers with when that ends.",
        function!(invite_member(p_workspace_id uuid, p_user_id uuid, p_role text = "'viewer'", p_valid_for interval = "'7 days'"))
        => Value("expires_at", Kind::Time)),
    route!(Delete "/v1/workspaces/{workspace_id}/invitations/{user_id}" "Takes an invitation back. False: there is none.",
        function!(withdraw_invitation(p_workspace_id uuid, p_user_id uuid)) => Value("withdrawn", Kind::Bool)),
    route!(Get "/v1/invitations" "The caller's invitations.", function!(my_invitations()) => Rows(&MY_INVITATION)),
    route!(Post "/v1/invitations/{workspace_id}/accept" "Makes the caller a member of a workspace that has invited them.",
        function!(accept_invitation(p_workspace_id uuid)) => Value("role", Kind::Text)),
    route!(Delete "/v1/invitations/{workspace_id}" "Turns an invitation down. False: there is none.",
        function!(decline_invitation(p_workspace_id uuid)) => Value("declined", Kind::Bool)),
];
