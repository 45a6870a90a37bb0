//! Hosts that were left in the middle, and database sessions that stand in the way.

use crate::rollback::whole;
use crate::stage::Stage;
use crate::v4_8::{TO_V4_9, accepting, at_v4_8};

/// memcached does not start any more once the schema is that of v4.9.0.
const REFUSE_AFTER_SCHEMA: &str = r#"cat > /usr/local/sbin/refuse <<'END'
#!/bin/sh
! mysql -N ixp -e "SHOW TABLES LIKE 'bgp_sessions'" | grep -q .
END
chmod +x /usr/local/sbin/refuse
mkdir -p /etc/systemd/system/memcached.service.d
printf '[Service]\nExecStartPre=+/usr/local/sbin/refuse\n' > /etc/systemd/system/memcached.service.d/refuse.conf
systemctl daemon-reload"#;

/// A session of the application executes STATEMENT in a transaction, which it does not end.
const HOLD_A_TABLE: &str = r#"cat > /tmp/hold.php <<'END'
<?php
require '/srv/ixpmanager/app/bootstrap.php';
$connection = App\Kernel::entityManager()->getConnection();
$connection->beginTransaction();
$connection->executeQuery('STATEMENT')->fetchAllAssociative();
touch('/tmp/holds');
sleep(600);
END
cd /srv/ixpmanager
setsid sudo -u www-data php /tmp/hold.php >/tmp/hold.log 2>&1 </dev/null &
tries=0
until [ -e /tmp/holds ] || [ "$tries" = 100 ]; do tries=$((tries + 1)); sleep 0.1; done
cat /tmp/hold.log"#;

fn with_setting(inventory: &str, setting: &str) {
    let text = std::fs::read_to_string(inventory).unwrap();
    std::fs::write(inventory, text.replace("[defaults]\n", &format!("[defaults]\n{setting}\n"))).unwrap();
}

#[test]
fn a_host_left_between_schema_and_views_is_upgraded_by_the_next_run() {
    let Some(stage) = at_v4_8(&["h1"]) else { return };
    let inventory = accepting(&stage, "any");
    with_setting(&inventory, "on_failure = \"stop\"");
    let words = ["upgrade", "--yes", "--limit", "h1", "--inventory", &inventory];
    let upgrade = || stage.program.run(&[&words[..], &TO_V4_9].concat());
    // memcached fails after the schema is updated, and the view of v4.8.0 selects a column that is gone.
    stage.fleet.on("h1", REFUSE_AFTER_SCHEMA);
    let stopped = upgrade();
    assert_eq!(stopped.code, 6, "{stopped}");
    assert!(stage.outcomes()[0].2.starts_with("memcached-after-schema"), "{stopped}");
    assert!(stopped.stdout.contains("views"), "the report names what is owed: {stopped}");
    stage.fleet.on("h1", "rm -r /etc/systemd/system/memcached.service.d; systemctl daemon-reload; systemctl reset-failed memcached; systemctl restart memcached");
    let check = stage.program.run(&["check", "--limit", "h1", "--inventory", &inventory]);
    assert!(check.stdout.contains("views-broken"), "{check}");
    let ended = upgrade();
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.describe("h1"), "v4.9.0");
    assert!(!stage.in_maintenance("h1"));
    assert_eq!(stage.sql("h1", "SELECT COUNT(*) FROM copied_names"), "1");
}

#[test]
fn a_lock_of_another_session_is_waited_for_as_long_as_the_inventory_says_and_named() {
    let Some(stage) = Stage::of(&["h2"]) else { return };
    stage.fleet.fleet(&["publish", "v4.5.0", "h2"]);
    let inventory = stage.inventory_with("", "any");
    with_setting(&inventory, "lock_wait_timeout = \"5s\"");
    let before = whole(&stage, "h2");
    // A session of the application itself has read a table, which its change waits for; or has locked one, which the backup
    // cannot read then.
    let holds = [("SELECT * FROM cust", "schema-update"), ("LOCK TABLES virtualinterface WRITE", "backup")];
    for (statement, step) in holds {
        stage.fleet.on("h2", &HOLD_A_TABLE.replace("STATEMENT", statement));
        let ended = stage.program.run(&["upgrade", "--yes", "--limit", "h2", "--inventory", &inventory]);
        assert_eq!(ended.code, 5, "{ended}");
        assert!(
            ended.stdout.contains("(lock_wait_timeout) for a lock that another session holds: session "),
            "{ended}"
        );
        let (_, outcome, reason) = stage.outcomes().remove(0);
        assert!(outcome == "rolled-back" && reason.starts_with(step), "{reason}: {ended}");
        assert!(!stage.in_maintenance("h2"));
        stage.fleet.on("h2", "pkill -f hold.php; rm /tmp/holds");
        assert_eq!(whole(&stage, "h2"), before);
    }
    let again = stage.program.run(&["upgrade", "--yes", "--limit", "h2", "--inventory", &inventory]);
    assert_eq!(again.code, 0, "{again}");
}

#[test]
fn local_files_in_the_way_go_aside_and_come_back() {
    let Some(stage) = Stage::of(&["h4"]) else { return };
    let own = "echo theirs > public/own.html";
    stage.publish_changed(
        "h4",
        "v4.5.0",
        &format!("{own}; sed -i s,bower/jquery,bower/no-such-component, bower.json"),
    );
    stage.fleet.on("h4", "cd /srv/ixpmanager; echo mine > public/own.html; chown www-data: public/own.html; chmod 640 public/own.html");
    let before = whole(&stage, "h4");
    let inventory = stage.inventory_with("", "any");
    let upgrade = || stage.program.run(&["upgrade", "--yes", "--limit", "h4", "--inventory", &inventory]);
    let refused = upgrade();
    assert_eq!(refused.code, 4, "{refused}");
    assert!(refused.stdout.contains("public/own.html"), "{refused}");
    with_setting(&inventory, "local_files = \"keep\"");
    let back = upgrade();
    assert_eq!(
        stage.outcomes()[0],
        ("h4".to_owned(), "rolled-back".to_owned(), "frontend".to_owned()),
        "{back}"
    );
    assert_eq!(whole(&stage, "h4"), before);

    stage.publish_changed("h4", "v4.5.0", own);
    let ended = upgrade();
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.fleet.on("h4", "cat /srv/ixpmanager/public/own.html"), "theirs");
    let archive =
        "cd /srv/ixpmanager/.git/ixporch-local-files; tar -xOf $(ls -t *.tar | head -n 1) public/own.html";
    assert_eq!(stage.fleet.on("h4", archive), "mine");
    let rolled = stage.program.run(&["rollback", "latest", "--yes"]);
    assert_eq!(rolled.code, 0, "{rolled}");
    assert_eq!(whole(&stage, "h4"), before);
}
