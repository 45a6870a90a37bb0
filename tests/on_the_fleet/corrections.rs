//! The document's chapter on correcting database issues, on real hosts.

use crate::stage::Stage;

#[test]
fn the_host_that_drifted_is_named_and_fixed_and_the_one_in_sync_is_not_touched() {
    let Some(stage) = Stage::new() else { return };
    stage.sql("h2", "ALTER TABLE cust DROP autsys");
    let validated = stage.run(&["schema", "validate"]);
    assert_eq!(validated.code, 5, "{validated}");
    assert!(validated.stdout.contains("h2  failed"), "{validated}");
    let why = "the mapping is correct; the database is not in sync with it (exit code 2)";
    assert_eq!(validated.stdout.matches(why).count(), 1, "{validated}");
    let compared = stage.run(&["schema", "diff"]);
    assert!(
        compared.stdout.contains("h2: 1 addition\n  + ALTER TABLE cust ADD autsys INT DEFAULT NULL"),
        "{compared}"
    );

    let before = stage.made_of("h1");
    let starts = stage.memcached_starts("h2");
    let fixed = stage.run(&["schema", "fix", "--yes", "--limit", "h1,h2"]);
    assert_eq!(fixed.code, 0, "{fixed}");
    assert_eq!(stage.made_of("h1"), before);
    assert_eq!(stage.memcached_starts("h2"), starts + 2);
    assert_eq!(stage.run(&["schema", "validate"]).code, 0);

    // What the database says of its columns tells what a change would cut off.
    stage.sql("h3", "ALTER TABLE cust MODIFY name VARCHAR(300) NOT NULL");
    let narrows = stage.run(&["schema", "diff", "--limit", "h2,h3"]);
    assert!(narrows.stdout.contains("(narrows a column of varchar(300))"), "{narrows}");
}

#[test]
fn views_are_made_anew_or_stay_as_they_were() {
    let Some(stage) = Stage::new() else { return };
    let objects = |host: &str| {
        stage.fleet.on(host, "mysqldump --no-data --triggers --skip-dump-date ixp | grep -v '^-- Host' | sha256sum; ls -A /tmp | grep -v systemd")
    };
    // h1 lost its objects, h2's database user lost a right, h3's file fails half-way, h4 has them as root's.
    stage.sql("h1", "DROP VIEW view_cust_current_active; DROP TRIGGER cust_added");
    stage.sql("h2", "REVOKE TRIGGER ON ixp.* FROM ixp@'127.0.0.1'");
    let more =
        "DROP VIEW IF EXISTS view_cust_current_active; CREATE VIEW broken AS SELECT no_such FROM cust;";
    stage.fleet.on("h3", &format!("echo '{more}' >> /srv/ixpmanager/tools/sql/views.sql"));
    let untouched = objects("h2");
    let ended = stage.run(&["views", "recreate", "--yes"]);
    assert_eq!(ended.code, 5, "{ended}");
    let outcomes: Vec<String> =
        stage.outcomes().into_iter().map(|(host, how, _)| host + " " + &how).collect();
    assert_eq!(outcomes, ["h1 done", "h2 failed", "h3 failed", "h4 done"], "{ended}");
    assert!(ended.stdout.contains("trigger cust_added recreated"), "{ended}");

    let definers = "SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'ixp' UNION ALL SELECT DEFINER FROM information_schema.TRIGGERS";
    for host in ["h1", "h4"] {
        assert_eq!(stage.sql(host, definers), "ixp@127.0.0.1\nixp@127.0.0.1", "{host}");
    }
    let denied = "the database user lacks privileges; nothing was changed";
    assert!(ended.stdout.contains(denied) && ended.stdout.contains("TRIGGER command denied"), "{ended}");
    assert_eq!(objects("h2"), untouched);
    // What the file dropped and did not make again is there again; its former owner was root.
    let put_back = "view view_cust_current_active: restored, now owned by the database user (before: `root`@`localhost`)";
    assert!(ended.stdout.contains(put_back), "{ended}");
    assert_eq!(stage.sql("h3", "SELECT COUNT(*) FROM view_cust_current_active"), "2");
    assert_eq!(
        stage.sql("h3", "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'ixp'"),
        "view_cust_current_active"
    );
    // Neither the password nor a file that holds it is left anywhere.
    let journal = format!("grep -rlF 'secret #1' {}", stage.program.home().display());
    let found = std::process::Command::new("sh").args(["-c", &journal]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    for host in crate::stage::HOSTS {
        assert_eq!(
            stage.fleet.on(host, "ls /tmp | grep -v systemd; grep -rlF 'secret #1' /home /root /var/tmp"),
            "",
            "{host}"
        );
    }
}

#[test]
fn a_password_that_cannot_be_read_is_not_told() {
    let Some(stage) = Stage::of(&["h1"]) else { return };
    stage.fleet.on("h1", "echo 'DB_PASSWORD=hunter2 with a blank' >> /srv/ixpmanager/.env");
    let ended = stage.run(&["views", "recreate", "--yes", "--limit", "h1"]);
    assert_eq!(ended.code, 5, "{ended}");
    assert!(ended.stdout.contains(".env cannot be read: "), "{ended}");
    let journal = format!("grep -rl hunter2 {}", stage.program.home().display());
    let found = std::process::Command::new("sh").args(["-c", &journal]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}
