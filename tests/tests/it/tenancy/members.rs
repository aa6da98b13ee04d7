//! Who belongs to a workspace, and who decides about it.

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::wait::wait_until;
use uuid::Uuid;

use super::app_role;

/// A workspace with a member of each role, and their sessions.
struct Team {
    superuser: Session,
    role: String,
    workspace: Uuid,
    owner: User,
    admin: User,
    editor: User,
    viewer: User,
    stranger: User,
}

struct User {
    id: Uuid,
    session: Session,
}

impl Team {
    async fn new() -> Self {
        let database = Database::shared().await;
        let superuser = database.connect().await;
        let role = app_role(&superuser).await;
        let user = async || {
            let (id, session) = (Uuid::new_v4(), database.connect_as(&role).await);
            session.run(&format!("SET crier.user_id = '{id}'")).await;
            User { id, session }
        };
        let owner = user().await;
        let workspace =
            owner.session.value("SELECT crier.create_workspace('a team', $1)", &[&owner.id]).await;
        let team = Self {
            workspace,
            owner,
            admin: user().await,
            editor: user().await,
            viewer: user().await,
            stranger: user().await,
            superuser,
            role: role.clone(),
        };
        for (user, role) in [(&team.admin, "admin"), (&team.editor, "editor"), (&team.viewer, "viewer")] {
            let added = format!("SELECT crier.add_member('{workspace}', '{}', '{role}')", user.id);
            assert_eq!(team.superuser.text(&added).await, "t");
            assert_eq!(team.superuser.text(&added).await, "f", "expected a member to stay what they are");
        }
        team
    }

    async fn roles(&self) -> String {
        let sql = format!(
            "SELECT string_agg(role, ',' ORDER BY array_position('{{owner,admin,editor,viewer}}', role)) \
             FROM crier.workspace_member WHERE workspace_id = '{}'",
            self.workspace
        );
        self.superuser.text(&sql).await
    }

    fn set_role(&self, user: &User, role: &str) -> String {
        format!("SELECT crier.set_member_role('{}', '{}', '{role}')", self.workspace, user.id)
    }

    fn remove(&self, user: &User) -> String {
        format!("SELECT crier.remove_member('{}', '{}')", self.workspace, user.id)
    }

    fn invite(&self, user: &User, role: &str) -> String {
        format!("SELECT crier.invite_member('{}', '{}', '{role}')", self.workspace, user.id)
    }

    fn call(&self, function: &str) -> String {
        format!("SELECT crier.{function}('{}')", self.workspace)
    }
}

#[tokio::test]
async fn an_admin_decides_about_those_below_and_an_owner_about_all() {
    let team = Team::new().await;
    let (owner, admin) = (&team.owner, &team.admin);
    for call in [
        team.set_role(owner, "viewer"),
        team.set_role(&team.editor, "admin"),
        team.set_role(&team.viewer, "owner"),
        team.set_role(admin, "owner"),
        team.remove(owner),
        team.invite(&team.stranger, "admin"),
    ] {
        let refusal = admin.session.refusal(&call).await;
        assert_eq!((refusal.code.as_str(), refusal.detail.as_str()), ("42501", "not_allowed"), "{call}");
        assert!(!refusal.hint.is_empty());
    }
    // nor is what an owner has promised to be made less
    owner.session.text(&team.invite(&team.stranger, "admin")).await;
    let lower = admin.session.refusal(&team.invite(&team.stranger, "viewer")).await;
    assert_eq!((lower.code.as_str(), lower.detail.as_str()), ("42501", "not_allowed"), "{lower}");
    let invited = format!("SELECT role FROM crier.list_invitations('{}')", team.workspace);
    assert_eq!(owner.session.text(&invited).await, "admin");
    owner.session.text(&team.invite(&team.stranger, "editor")).await;
    admin.session.text(&team.invite(&team.stranger, "viewer")).await;
    assert_eq!(owner.session.text(&invited).await, "viewer");
    admin.session.text(&team.set_role(&team.viewer, "editor")).await;
    admin.session.text(&team.set_role(&team.viewer, "viewer")).await;
    owner.session.text(&team.set_role(&team.editor, "admin")).await;
    assert_eq!(team.roles().await, "owner,admin,admin,viewer");
    // another admin is not below, but everybody may step down
    assert_eq!(admin.session.refusal(&team.set_role(&team.editor, "viewer")).await.code, "42501");
    team.editor.session.text(&team.set_role(&team.editor, "editor")).await;
    admin.session.text(&team.remove(&team.viewer)).await;
    assert_eq!(team.roles().await, "owner,admin,editor");
    let refusal = admin.session.refusal(&team.remove(&team.viewer)).await;
    let unknown = admin.session.refusal(&team.remove(&team.stranger)).await;
    assert_eq!((refusal.code, refusal.detail), ("P0002".into(), "not_found".into()));
    assert_eq!(unknown.code, "P0002");
    for function in ["delete_workspace", "list_invitations"] {
        assert_eq!(team.editor.session.refusal(&team.call(function)).await.code, "42501", "{function}");
    }
    let members = format!("SELECT user_id, role FROM crier.list_members('{}', p_limit => 2)", team.workspace);
    let first = team.editor.session.text(&members).await;
    let last = first.lines().last().and_then(|line| line.split('|').next()).expect("a member").to_owned();
    let rest = members.replace("p_limit => 2", &format!("'{last}'"));
    assert_eq!(first.lines().count() + team.editor.session.text(&rest).await.lines().count(), 3);
}

#[tokio::test]
async fn nobody_becomes_a_member_without_saying_so() {
    let team = Team::new().await;
    let stranger = &team.stranger;
    let added = format!("SELECT crier.add_member('{}', '{}')", team.workspace, stranger.id);
    assert_eq!(
        team.owner.session.refusal(&added).await.code,
        "42501",
        "expected it to be for trusted callers"
    );
    team.admin.session.text(&team.invite(stranger, "editor")).await;
    assert_eq!(stranger.session.text("SELECT count(*) FROM crier.my_workspaces()").await, "0");
    let mine = "SELECT name, role, invited_by FROM crier.my_invitations()";
    assert_eq!(stranger.session.text(mine).await, format!("a team|editor|{}", team.admin.id));
    assert_eq!(team.viewer.session.text(mine).await, "", "expected others to see nothing of it");
    let of_team = format!("SELECT user_id, role FROM crier.list_invitations('{}')", team.workspace);
    assert_eq!(team.owner.session.text(&of_team).await, format!("{}|editor", stranger.id));
    // the invitation of somebody else is none
    let accept = team.call("accept_invitation");
    let elsewhere = team.owner.session.refusal(&accept).await;
    assert_eq!((elsewhere.code.as_str(), elsewhere.detail.as_str()), ("P0002", "not_found"));
    assert_eq!(stranger.session.text(&accept).await, "editor");
    assert_eq!(stranger.session.text("SELECT role FROM crier.my_workspaces()").await, "editor");
    assert_eq!(stranger.session.refusal(&accept).await.code, "P0002", "expected it to be used up");
    let again = team.owner.session.refusal(&team.invite(stranger, "viewer")).await;
    assert_eq!(again.message, format!("user {} is a member already", stranger.id));
    stranger.session.text(&team.call("leave_workspace")).await;
    assert_eq!(stranger.session.refusal(&team.call("leave_workspace")).await.code, "P0002");

    // turned down, withdrawn, over, and of somebody who is no admin any more
    let count = "SELECT count(*) FROM crier.my_invitations()";
    let withdraw = format!("SELECT crier.withdraw_invitation('{}', '{}')", team.workspace, stranger.id);
    for end in ["decline", "withdraw", "over", "demoted"] {
        team.admin.session.text(&team.invite(stranger, "viewer")).await;
        assert_eq!(stranger.session.text(count).await, "1", "{end}");
        match end {
            "decline" => {
                let decline = team.call("decline_invitation");
                assert_eq!(stranger.session.text(&decline).await, "t");
                assert_eq!(stranger.session.text(&decline).await, "f");
            }
            "withdraw" => {
                assert_eq!(team.owner.session.text(&withdraw).await, "t");
                assert_eq!(team.owner.session.text(&withdraw).await, "f");
            }
            "over" => {
                let over = "UPDATE crier.workspace_invitation SET expires_at = now()";
                team.superuser.run(over).await;
            }
            _ => {
                team.owner.session.text(&team.set_role(&team.admin, "editor")).await;
            }
        }
        assert_eq!(stranger.session.text(count).await, "0", "{end}");
        assert_eq!(stranger.session.refusal(&accept).await.code, "P0002", "{end}");
    }
}

#[tokio::test]
async fn a_workspace_has_a_hundred_open_invitations_at_most() {
    let team = Team::new().await;
    let many = format!(
        "SELECT count(crier.invite_member('{}', crier.new_id(), p_valid_for => '1 hour')) FROM generate_series(1, 100)",
        team.workspace
    );
    assert_eq!(team.admin.session.text(&many).await, "100");
    let one_more = team.admin.session.refusal(&team.invite(&team.stranger, "viewer")).await;
    assert!(one_more.message.contains("has 100 open invitations already"), "{one_more}");
    team.superuser.run("UPDATE crier.workspace_invitation SET expires_at = now()").await;
    team.admin.session.text(&team.invite(&team.stranger, "viewer")).await;
    assert_eq!(team.superuser.text("SELECT count(*) FROM crier.workspace_invitation").await, "1");
}

#[tokio::test]
async fn the_last_owner_stays() {
    let team = Team::new().await;
    let owner = &team.owner;
    for call in [team.set_role(owner, "viewer"), team.remove(owner), team.call("leave_workspace")] {
        let refusal = owner.session.refusal(&call).await;
        assert_eq!(refusal.message, format!("workspace {} would have no owner", team.workspace), "{call}");
        assert_eq!((refusal.code.as_str(), refusal.hint.is_empty()), ("22023", false));
        // nor can a trusted caller take it away
        if !call.contains("leave") {
            assert_eq!(team.superuser.refusal(&call).await.code, "22023", "{call}");
        }
    }
    let transfer =
        |user: &User| format!("SELECT crier.transfer_ownership('{}', '{}')", team.workspace, user.id);
    assert_eq!(owner.session.refusal(&transfer(&team.stranger)).await.code, "P0002");
    assert_eq!(team.admin.session.refusal(&transfer(&team.admin)).await.code, "42501");
    owner.session.text(&transfer(&team.viewer)).await;
    assert_eq!(team.roles().await, "owner,admin,admin,editor");
    let mine = "SELECT role FROM crier.my_workspaces()";
    assert_eq!(team.viewer.session.text(mine).await, "owner");
    assert_eq!(owner.session.text(mine).await, "admin");
    // to oneself: nothing changes
    team.viewer.session.text(&transfer(&team.viewer)).await;
    assert_eq!(team.roles().await, "owner,admin,admin,editor");
    team.superuser.text(&transfer(owner)).await;
    assert_eq!(team.roles().await, "owner,admin,admin,editor");
    assert_eq!(owner.session.text(mine).await, "owner");
}

/// What the second of two owners is told who both step down at once.
async fn both_step_down(isolation: &str) -> String {
    let team = Team::new().await;
    team.owner.session.text(&team.set_role(&team.admin, "owner")).await;
    let (one, two) = (&team.owner, &team.admin);
    for session in [&one.session, &two.session] {
        session.run(&format!("BEGIN ISOLATION LEVEL {isolation}")).await;
        session.text("SELECT count(*) FROM crier.workspace_member").await;
    }
    one.session.text(&team.set_role(one, "viewer")).await;
    let second = team.set_role(two, "viewer");
    let (refusal, ()) = tokio::join!(two.session.refusal(&second), async {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        wait_until("the second to wait for the first", "1".to_owned(), async || {
            team.superuser.text(waits).await
        })
        .await;
        one.session.run("COMMIT").await;
    });
    two.session.run("ROLLBACK").await;
    assert_eq!(team.roles().await, "owner,editor,viewer,viewer", "{isolation}");
    refusal.code
}

#[tokio::test]
async fn two_owners_do_not_leave_at_once() {
    assert_eq!(both_step_down("READ COMMITTED").await, "22023");
    // its snapshot still has two owners: what is committed counts
    assert_eq!(both_step_down("REPEATABLE READ").await, "22023");
    assert_eq!(both_step_down("SERIALIZABLE").await, "22023");
}

#[tokio::test]
async fn a_right_that_was_taken_away_meanwhile_is_gone() {
    let team = Team::new().await;
    team.owner.session.run("BEGIN").await;
    team.owner.session.text(&team.set_role(&team.admin, "viewer")).await;
    let removes = team.remove(&team.editor);
    let (refusal, ()) = tokio::join!(team.admin.session.refusal(&removes), async {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        wait_until("the admin to wait", "1".to_owned(), async || team.superuser.text(waits).await).await;
        team.owner.session.run("COMMIT").await;
    });
    assert_eq!(refusal.code, "42501", "{refusal}");
    assert_eq!(team.roles().await, "owner,editor,viewer,viewer");
}

#[tokio::test]
async fn an_old_snapshot_keeps_no_right_alive() {
    let team = Team::new().await;
    let (editor, viewer) = (&team.editor, &team.viewer);
    let enqueue = format!("SELECT crier.enqueue('k', workspace_id => '{}')", team.workspace);
    let job = editor.session.text(&enqueue).await;
    let cancel = format!("SELECT crier.cancel_jobs(ARRAY['{job}'::uuid])");
    for session in [&editor.session, &viewer.session] {
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
        assert_eq!(session.text("SELECT count(*) FROM crier.my_workspaces()").await, "1");
    }
    team.owner.session.text(&team.remove(editor)).await;
    team.owner.session.text(&team.set_role(viewer, "editor")).await;
    assert_eq!(editor.session.text(&cancel).await, "");
    assert_eq!(editor.session.refusal(&enqueue).await.code, "P0002");
    viewer.session.text(&enqueue).await;
}

#[tokio::test]
async fn a_stranger_has_nobody_wait() {
    let team = Team::new().await;
    team.owner.session.run("BEGIN").await;
    team.owner.session.text(&team.set_role(&team.editor, "viewer")).await;
    // the row is locked: who is no member is answered all the same, and at once
    for call in [team.remove(&team.viewer), team.call("accept_invitation"), team.call("delete_workspace")] {
        assert_eq!(team.stranger.session.refusal(&call).await.code, "P0002", "{call}");
    }
    team.owner.session.run("ROLLBACK").await;
}

#[tokio::test]
async fn a_workspace_gets_another_name() {
    let team = Team::new().await;
    let rename = format!("SELECT crier.rename_workspace('{}', 'renamed')", team.workspace);
    assert_eq!(team.admin.session.refusal(&rename).await.code, "42501");
    team.owner.session.text(&rename).await;
    assert_eq!(team.viewer.session.text("SELECT name FROM crier.my_workspaces()").await, "renamed");
}

#[tokio::test]
async fn policies_of_an_application_ask_who_is_a_member() {
    let team = Team::new().await;
    let (workspace, role) = (team.workspace, &team.role);
    team.superuser
        .run(&format!(
            "CREATE TABLE public.note (workspace_id uuid NOT NULL, text text); \
             ALTER TABLE public.note ENABLE ROW LEVEL SECURITY; \
             GRANT SELECT, INSERT ON public.note TO {role}; \
             CREATE POLICY reads ON public.note FOR SELECT TO {role} USING (crier.is_workspace_member_fast(workspace_id)); \
             CREATE POLICY writes ON public.note FOR INSERT TO {role} \
                 WITH CHECK (workspace_id = ANY ((SELECT crier.my_workspace_ids_as('editor'))::uuid[])); \
             INSERT INTO public.note VALUES ('{workspace}', 'ours'), ('{}', 'others')",
            Uuid::new_v4()
        ))
        .await;
    let (reads, writes) =
        ("SELECT text FROM public.note", format!("INSERT INTO public.note VALUES ('{workspace}', 'new')"));
    assert_eq!(team.viewer.session.text(reads).await, "ours");
    assert_eq!(team.viewer.session.refusal(&writes).await.code, "42501");
    assert_eq!(team.stranger.session.text(reads).await, "");
    team.editor.session.text(&writes).await;
    assert_eq!(team.viewer.session.text(reads).await, "ours\nnew");
    let has = |role: &str| format!("SELECT crier.has_workspace_role('{workspace}', '{role}')");
    for (user, expected) in
        [(&team.viewer, "tfff"), (&team.editor, "ttff"), (&team.admin, "tttf"), (&team.owner, "tttt")]
    {
        let mut had = String::new();
        for role in ["viewer", "editor", "admin", "owner"] {
            had += &user.session.text(&has(role)).await;
        }
        assert_eq!(had, expected);
    }
    let odd = "SELECT crier.is_workspace_member_fast(NULL), crier.has_workspace_role(NULL, 'viewer')";
    assert_eq!(team.owner.session.text(odd).await, "f|f");
    assert_eq!(team.owner.session.refusal(&has("Owner")).await.code, "22023");
    let nobody = format!("RESET crier.user_id; SELECT crier.is_workspace_member_fast('{workspace}')");
    assert_eq!(team.owner.session.text(&nobody).await, "f");
    for call in ["crier.my_workspaces()", "crier.my_invitations()"] {
        assert_eq!(team.owner.session.text(&format!("SELECT count(*) FROM {call}")).await, "0", "{call}");
    }
    let leave = team.owner.session.refusal(&team.call("leave_workspace")).await;
    assert_eq!((leave.code.as_str(), leave.message.as_str()), ("42501", "this session names no user"));
}
