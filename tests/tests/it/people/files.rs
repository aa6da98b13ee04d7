//! `crierd export posts` and `crierd import posts`.

use uuid::Uuid;

use super::Desk;

const TABLE: &str = "id,scheduled_at,zone,accounts,content,media,tags,state,url\r\n\
    a1,2030-12-02T09:00:00+01:00,Europe/Berlin,bluesky:alice.test bob.test,\"Hi, \"\"world\"\"\nsecond line 日本\",https://a.example/1.png A cat,\"x, y\",scheduled,\r\n\
    a2,2030-12-03 09:00,,alice.test,'=1+1,,,draft,\r\n\
    ,2030-12-04 09:00,,alice.test,no id,,,,\r\n\
    a4,2020-12-03 09:00,,alice.test,old news,,,published,https://b.example\r\n";

/// Text, stage, time and number of accounts of every post, sorted.
async fn all_posts(desk: &Desk, workspace: Uuid) -> String {
    let sql = format!(
        "SELECT p.content, p.stage, p.scheduled_at AT TIME ZONE 'UTC', cardinality(p.accounts), p.media, \
                ARRAY(SELECT tag FROM crier.post_tag g WHERE g.post_id = p.id ORDER BY 1) \
         FROM crier.post p WHERE workspace_id = '{workspace}' ORDER BY scheduled_at, content"
    );
    desk.sql.text(&sql).await
}

#[tokio::test]
async fn a_table_becomes_posts_once() {
    let desk = Desk::new().await;
    desk.write("posts.csv", TABLE);
    let import = ["import", "posts", "posts.csv", "--zone", "Europe/Berlin"];
    let shown = desk.run(&[&import[..], &["--dry-run"]].concat(), "");
    assert!(
        shown.ends_with(
            "3 post(s) would be imported; 1 passed over: what is published or given up is not made again\n"
        ),
        "{shown}"
    );
    assert_eq!(desk.posts().await, 0);

    let shown = desk.run(&import, "");
    assert!(shown.starts_with("line 2: ") && shown.contains("3 post(s) imported; 1 passed over"), "{shown}");
    assert!(shown.contains("draft, Tue 2030-12-03 09:00 +01:00 (Europe/Berlin)  alice.test"), "{shown}");
    assert_eq!(
        all_posts(&desk, desk.workspace).await,
        "Hi, \"world\"\nsecond line 日本|scheduled|2030-12-02 08:00:00|2|[{\"alt\": \"A cat\", \"url\": \"https://a.example/1.png\"}]|{x,y}\n\
         =1+1|draft|2030-12-03 08:00:00|1|[]|{}\n\
         no id|scheduled|2030-12-04 08:00:00|1|[]|{}"
    );
    // again, also what has no id; one that was changed in the file is the same post still
    desk.write("posts.csv", &TABLE.replace("Hi,", "Ho,"));
    let shown = desk.run(&import, "");
    assert_eq!(
        shown,
        "0 post(s) imported; 3 are there already; 1 passed over: what is published or given up is not made again\n"
    );
    assert_eq!(desk.posts().await, 3);
    // in another workspace it is another post
    let (other, _) = desk.another().await;
    let other = other.to_string();
    let only = "content,scheduled_at,accounts,id\nHi,2030-12-02 09:00,alice.test,a1\n";
    assert!(
        desk.refused(&["import", "posts", "-", "--format", "csv"], only).contains("name it with --workspace")
    );
    desk.run(&["import", "posts", "-", "--format", "csv", "--workspace", &other, "--zone", "UTC"], only);
    assert_eq!(desk.posts().await, 4);
}

#[tokio::test]
async fn one_bad_line_and_nothing_is_imported() {
    let desk = Desk::new().await;
    let long = "x".repeat(301);
    let table = format!(
        "id,scheduled_at,accounts,content,state\n\
         1,2030-12-02 09:00,alice.test,good,\n\
         2,2030-12-02 09:00,nobody.test,x,\n\
         3,2020-12-01 09:00,alice.test,x,\n\
         4,,alice.test,x,\n\
         5,2030-12-02 09:00,,x,\n\
         6,2030-12-02 09:00,alice.test,{long},\n\
         7,2030-12-02 09:00,alice.test,x,soon\n\
         1,2030-12-02 10:00,alice.test,x,\n\
         ,2030-12-02 09:00,alice.test,same,\n\
         ,2030-12-02 09:00,alice.test,same,\n\
         12,tomorrow,alice.test,x,\n\
         13,2030-12-02 09:00,alice.test,good,\n"
    );
    let said = desk.refused(&["import", "posts", "-", "--format", "csv", "--zone", "UTC"], &table);
    let lines: Vec<_> = said.lines().collect();
    let expected = [
        ("line 3: ", "no account \"nobody.test\""),
        ("line 4: ", "its time has passed: Tue 2020-12-01 09:00 +00:00 (UTC)"),
        ("line 5: ", "it has no time"),
        ("line 6: ", "it names no account: fill in accounts, or give --to"),
        ("line 7: ", "301"),
        ("line 8: ", "no state \"soon\""),
        ("line 9: ", "line 2 has the same id"),
        ("line 11: ", "the same post as in line 10"),
        ("line 12: ", "scheduled_at is \"tomorrow\""),
    ];
    assert_eq!(lines.len(), expected.len() + 1, "{said}");
    for (line, (number, part)) in lines.iter().zip(expected) {
        assert!(line.starts_with(number) && line.contains(part), "expected {number}{part} in {line}");
    }
    assert_eq!(lines[9], "crierd: 9 line(s) can't be imported, so nothing was");
    assert_eq!(desk.posts().await, 0);
    assert_eq!(desk.sql.text("SELECT count(*) FROM crier.post_import").await, "0");
    // an account for those that name none
    let good = "id,scheduled_at,accounts,content\n5,2030-12-02 09:00,,x\n6,2030-12-02 09:00,bob.test,y\n";
    let shown =
        desk.run(&["import", "posts", "-", "--format", "csv", "--zone", "UTC", "--to", "alice.test"], good);
    assert!(shown.contains("(UTC)  alice.test\n") && shown.contains("(UTC)  bob.test\n"), "{shown}");
}

#[tokio::test]
async fn a_calendar_of_another_program_becomes_posts_once() {
    let desk = Desk::new().await;
    desk.write(
        "week.ics",
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@other\r\nDTSTART;TZID=Europe/Berlin:20301202T090000\r\n\
         SUMMARY:Title\r\nDESCRIPTION:A long\r\n  text\\, with\\nlines\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nUID:2@other\r\nDTSTART:20301203T080000Z\r\nSUMMARY:Second\r\nSTATUS:TENTATIVE\r\nCATEGORIES:a,b\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n",
    );
    let import = ["import", "posts", "week.ics", "--to", "alice.test", "--zone", "UTC"];
    let shown = desk.run(&import, "");
    assert!(
        shown.starts_with("line 3: ")
            && shown.contains("\nline 10: ")
            && shown.contains("2 post(s) imported\n"),
        "{shown}"
    );
    assert_eq!(
        all_posts(&desk, desk.workspace).await,
        "A long text, with\nlines|scheduled|2030-12-02 08:00:00|1|[]|{}\nSecond|draft|2030-12-03 08:00:00|1|[]|{a,b}"
    );
    assert_eq!(desk.run(&import, ""), "0 post(s) imported; 2 are there already\n");
    let recurs = "BEGIN:VEVENT\nUID:3\nDTSTART:20301203T080000Z\nRRULE:FREQ=DAILY\nSUMMARY:x\nEND:VEVENT\n";
    let said = desk.refused(&["import", "posts", "-", "--format", "ics", "--to", "alice.test"], recurs);
    assert!(said.starts_with("line 1: it recurs (RRULE)"), "{said}");
}

#[tokio::test]
async fn files_that_are_none_are_refused() {
    let desk = Desk::new().await;
    let refusal =
        |arguments: &[&str], input: &str| desk.refused(&[&["import", "posts"], arguments].concat(), input);
    assert!(refusal(&["nothing.csv"], "").contains("nothing.csv"));
    assert!(refusal(&["-"], "content\nx\n").contains("--format csv or --format ics?"));
    assert!(refusal(&["-", "--format", "csv"], "content\n").contains("no posts in -"));
    assert!(refusal(&["-", "--format", "ics"], "hello").contains("no posts in -"));
    assert!(refusal(&["-", "--format", "csv"], "text\nx\n").contains("no column \"text\""));
    std::fs::write(desk.deployment.dir().join("latin.csv"), b"content\nx\ncaf\xe9\n").expect("a file");
    assert!(refusal(&["latin.csv"], "").contains("line 3 is not UTF-8"));
    let many = format!("content\n{}", "x\n".repeat(10_001));
    assert!(refusal(&["-", "--format", "csv"], &many).contains("has 10001 posts; at most 10000"));
}

/// Two imports of one file at the same time make its posts once.
#[tokio::test]
async fn two_imports_of_one_file_at_once() {
    let desk = Desk::new().await;
    let mut table = "id,scheduled_at,accounts,content\n".to_owned();
    for n in 0..40 {
        table += &format!("p{n},2030-12-02 09:00,alice.test,post {n}\n");
    }
    desk.write("posts.csv", &table);
    let start = || {
        let mut command = desk.deployment.command();
        command.args(["import", "posts", "posts.csv", "--zone", "UTC"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        command.spawn().expect("crierd")
    };
    let (one, other) = (start(), start());
    let ended = [one, other].map(|child| child.wait_with_output().expect("its end"));
    let good = ended.iter().filter(|output| output.status.success()).count();
    assert!(good >= 1, "{ended:?}");
    for bad in ended.iter().filter(|output| !output.status.success()) {
        let said = String::from_utf8_lossy(&bad.stderr);
        assert!(said.contains("another import makes it at this moment"), "{said}");
    }
    assert_eq!(desk.posts().await, 40);
}

#[tokio::test]
async fn what_is_exported_is_imported_elsewhere_as_it_was() {
    let desk = Desk::new().await;
    desk.write("posts.csv", TABLE);
    desk.run(&["import", "posts", "posts.csv", "--zone", "Europe/Berlin"], "");
    let (other, _) = desk.another().await;
    crier_tests::stage::dummy_account(&desk.sql, other, "bob.test").await;
    let (here, other_id) = (desk.workspace.to_string(), other.to_string());
    let before = all_posts(&desk, desk.workspace).await;
    for (format, restored) in [("csv", 3), ("ics", 0)] {
        let export = [
            "export",
            "posts",
            "--format",
            format,
            "--from",
            "2030-11-01",
            "--to",
            "2030-12-31",
            "--zone",
            "Europe/Berlin",
        ];
        let exported = desk.run(&[&export[..], &["--workspace", &here]].concat(), "");
        if format == "csv" {
            assert!(
                exported.contains(
                    ",2030-12-02T09:00:00+01:00,Europe/Berlin,bluesky:alice.test bluesky:bob.test,"
                ),
                "{exported}"
            );
            assert!(exported.contains(",'=1+1,"), "{exported}");
        } else {
            assert!(
                exported.contains("DTSTART:20301202T080000Z\r\n") && exported.contains("STATUS:TENTATIVE"),
                "{exported}"
            );
        }
        // here they are what they are; elsewhere they are new, once, in whatever format
        let import = ["import", "posts", "-", "--format", format];
        let again = desk.run(&[&import[..], &["--workspace", &here]].concat(), &exported);
        assert_eq!(again, "0 post(s) imported; 3 are there already\n");
        let copied = desk.run(&[&import[..], &["--workspace", &other_id]].concat(), &exported);
        assert!(copied.contains(&format!("{restored} post(s) imported")), "{copied}");
        assert_eq!(all_posts(&desk, other).await, before);
    }
}

#[tokio::test]
async fn what_is_published_is_exported_and_not_published_again() {
    let desk = Desk::new().await;
    let printed = desk.run(&["post", "Out", "--to", "alice.test", "--at", "now"], "");
    let post = desk.made(&printed).await;
    let target = post["targets"][0]["id"].as_str().expect("a target").to_owned();
    desk.sql
        .run(&format!(
            "UPDATE crier.post_target SET state = 'published', url = 'https://bsky.app/x', published_at = now() WHERE id = '{target}'"
        ))
        .await;
    let (other, _) = desk.another().await;
    let (here, other) = (desk.workspace.to_string(), other.to_string());
    let exported = desk.run(&["export", "posts", "--format", "csv", "--workspace", &here], "");
    assert!(exported.contains(",Out,,,published,https://bsky.app/x\r\n"), "{exported}");
    let shown = desk.run(&["import", "posts", "-", "--format", "csv", "--workspace", &other], &exported);
    assert!(shown.starts_with("0 post(s) imported; 1 passed over"), "{shown}");
    assert_eq!(desk.posts().await, 1);
}
