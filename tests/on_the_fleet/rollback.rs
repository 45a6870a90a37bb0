//! Hosts that fail are what they were before: compared by checksum, not by what ixporch says.

use std::process::{Command, Stdio};

use ixporch_tests::wire::until;

use crate::stage::{HOSTS, Stage};

/// Everything of a host that an upgrade changes: commit, branch, tree, every file of the installation with its owner, mode and
/// content, the database with its rows, which services run, and whether the site is closed. Caches of composer and bower are no part of it, nor is
/// in whose name views and triggers are, nor the character set that MySQL writes beside a column's collation.
pub(crate) fn whole(stage: &Stage, host: &str) -> String {
    stage.fleet.on(
        host,
        "cd /srv/ixpmanager; git -c safe.directory='*' rev-parse --abbrev-ref HEAD; git -c safe.directory='*' rev-parse HEAD
         git -c safe.directory='*' status --porcelain
         mysqldump $(mysqldump --help 2>/dev/null | grep -q set-gtid-purged && echo --set-gtid-purged=OFF) --skip-dump-date --routines --events ixp | sed 's/DEFINER=`[^`]*`@`[^`]*`//; s/^\\(  `.*\\) CHARACTER SET [a-z0-9]*/\\1/' | sha256sum
         find . \\( -path ./.git -o -path ./storage/.cache -o -path ./storage/.local -o -path ./storage/.config \\) -prune -o -printf '%p %u %g %m %y\\n' | sort | sha256sum
         find . \\( -path ./.git -o -path ./storage/.cache \\) -prune -o -type f -print | sort | xargs sha256sum | sha256sum
         for unit in apache2 nginx mariadb mysql memcached; do echo $unit $(systemctl is-active $unit); done
         ls storage/framework; php -r '$answer = file_get_contents(\"http://127.0.0.1/\", false, stream_context_create([\"http\" => [\"ignore_errors\" => true]])); echo isset($http_response_header) ? $http_response_header[0] : \"no answer\", \" \", $answer;' 2>&1",
    )
}

fn inventory(stage: &Stage) -> String {
    let waves =
        "[[waves]]\nname = \"all\"\nhosts = \"h*\"\nmax_failures = \"100%\"\non_failure = \"rollback\"\n";
    stage.inventory_with(waves, "any")
}

/// One line of the table: what was broken, and how it ended.
struct Cell<'a> {
    host: &'a str,
    /// The step that fails; empty: none does.
    step: &'a str,
    fault: &'a str,
}

/// A fault that stays: the service is down on the way back, too, and its restart is owed.
const DEAD_SERVICE: &str = "memcached does not start";

/// Every host ended as its cell says, and who failed is what it was.
fn compare(stage: &Stage, cells: &[Cell<'_>], before: &[String]) {
    let outcomes = stage.outcomes();
    for (cell, before) in cells.iter().zip(before) {
        let stays = if cell.fault == DEAD_SERVICE { "memcached failed" } else { "memcached active" };
        let before = &before.replace("memcached active", stays);
        let (_, outcome, step) = outcomes.iter().find(|(host, ..)| host == cell.host).unwrap();
        let wanted = if cell.step.is_empty() { "upgraded" } else { "rolled-back" };
        assert_eq!((outcome.as_str(), step.as_str()), (wanted, cell.step), "{}: {}", cell.host, cell.fault);
        let now = whole(stage, cell.host);
        if !cell.step.is_empty() {
            assert_eq!(&now, before, "{} ({}) is not what it was", cell.host, cell.fault);
        }
        let differences = if now == *before { "none" } else { "the new release" };
        let (step, fault) = (cell.step, cell.fault);
        ixporch_tests::say(&format!("{step:26} {fault:60} {outcome:12} differences: {differences}"));
        let left = stage.fleet.on(
            cell.host,
            "ls -d /home/ops/.ixporch /root/.ixporch /srv/ixpmanager/.git/ixporch.lock 2>/dev/null",
        );
        assert_eq!(left, "", "{}", cell.host);
    }
}

/// The second of three statements contradicts the data: what the first one did is committed by then.
const CONTRADICTION: &str =
    "ALTER TABLE cust MODIFY name VARCHAR(300); UPDATE cust SET name = REPEAT('x', 300) WHERE id = 1";

/// Enough rows that a restore takes its time.
const MANY_ROWS: &str = "CREATE TABLE many (id INT PRIMARY KEY, t VARCHAR(255)) SELECT seq AS id, REPEAT(MD5(seq), 6) AS t FROM seq_1_to_150000";

#[test]
fn what_fails_before_the_site_is_open_is_taken_back_also_by_a_controller_that_is_killed_meanwhile() {
    let Some(stage) = Stage::new() else { return };
    let cells = [
        Cell { host: "h1", step: "composer", fault: "composer.lock is broken" },
        Cell { host: "h2", step: "frontend", fault: "bower.json names what is not there" },
        Cell {
            host: "h3",
            step: "schema-update",
            fault: "the second of three statements contradicts the data",
        },
        Cell { host: "h4", step: "memcached-before-schema", fault: DEAD_SERVICE },
    ];
    stage.publish_changed("h1", "v4.6.0", "echo '{ broken' > composer.lock");
    stage.publish_changed("h2", "v4.6.0", "sed -i s,bower/select2,bower/no-such-component, bower.json");
    stage.fleet.fleet(&["publish", "v4.6.0", "h3", "h4"]);
    stage.sql("h3", CONTRADICTION);
    stage.sql("h3", MANY_ROWS);
    stage.fleet.on("h4", "mkdir -p /etc/systemd/system/memcached.service.d; printf '[Service]\\nExecStartPre=/bin/false\\n' > /etc/systemd/system/memcached.service.d/broken.conf; systemctl daemon-reload");
    // Whatever runs on the host meanwhile: neither its arguments nor its environment may hold the password.
    let watch = ixporch_tests::fleet::Fleet::root_of("h3").join("root/watch.sh");
    std::fs::write(watch, include_str!("watch.sh")).unwrap();
    stage.fleet.on("h3", "setsid sh /root/watch.sh >/dev/null 2>&1 </dev/null &");
    stage.as_installed_by_script("h2");
    stage.hold("h3", "database-back.start");
    let before = HOSTS.map(|host| whole(&stage, host));

    let inventory = inventory(&stage);
    let mut command = stage.program.command(&["upgrade", "--yes", "--inventory", &inventory]);
    let mut controller = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(until("h3 is about to go back", || Stage::is_held("h3", "database-back.start")));
    // What --force did before it failed is committed: only the dump knows what was there before.
    assert_eq!(stage.sql("h3", "SHOW TABLES LIKE 'audit_log'"), "audit_log");
    Stage::let_go("h3", "database-back.start");
    let begun = "ls /var/backups/ixporch/h3/*/restore-begun 2>/dev/null";
    let is_restoring = || !stage.fleet.on("h3", begun).is_empty();
    runtime.block_on(until("h3 restores its database", is_restoring));
    controller.kill().unwrap();
    controller.wait().unwrap();
    let resumed = stage.program.run(&["resume"]);
    // memcached is owed.
    assert_eq!(resumed.code, 6, "{resumed}");
    compare(&stage, &cells, &before);
    let owed = "open step: memcached-after-schema (since step memcached-back)";
    for words in [owed, "memcached does not run, and could not be started"] {
        let report = stage.program.run(&["report", "latest", "--host", "h4"]);
        assert!(report.stdout.contains(words), "{words} is not in\n{report}");
    }
    stage.fleet.on(
        "h4",
        "rm /etc/systemd/system/memcached.service.d/broken.conf; systemctl daemon-reload; systemctl reset-failed memcached",
    );
    let settled = stage.program.run(&["settle", "latest", "h4", "--yes"]);
    assert_eq!(settled.code, 0, "{settled}");
    assert_eq!(stage.fleet.on("h4", "systemctl is-active memcached"), "active");
    // The restore began once, by the journal and by the host.
    let journal = format!("cat {}/.local/state/ixporch/runs/*/journal.jsonl", stage.program.home().display());
    let journal = Command::new("sh").args(["-c", &journal]).output().unwrap();
    let journal = String::from_utf8_lossy(&journal.stdout).into_owned();
    let starts = journal
        .lines()
        .filter(|line| line.contains("\"step-started\"") && line.contains("database-back"))
        .count();
    assert_eq!(starts, 1);
    assert_eq!(stage.fleet.on("h3", "grep -c '^database-back$' /var/lib/witness/bodies"), "1");
    stage.fleet.on("h3", "touch /root/enough; sleep 0.3");
    let looks: usize = stage.fleet.on("h3", "wc -l < /root/looks").parse().unwrap();
    assert!(looks > 20, "{looks} looks");
    assert_eq!(stage.fleet.on("h3", "sort /root/seen | uniq -c"), "");
    assert!(!journal.contains("secret #1"));
    let found = Command::new("grep").args(["-rlF", "secret #1"]).arg(stage.program.home()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    for host in HOSTS {
        assert_eq!(
            stage
                .fleet
                .on(host, "grep -rlF 'secret #1' /home /var/tmp /tmp /var/backups /var/log 2>/dev/null"),
            "",
            "{host}"
        );
    }
}

#[test]
fn what_fails_late_or_when_the_site_is_open_is_taken_back_and_the_others_are_upgraded() {
    let Some(stage) = Stage::new() else { return };
    let cells = [
        Cell { host: "h1", step: "memcached-after-schema", fault: "memcached starts once and not again" },
        Cell { host: "h2", step: "maintenance-off", fault: "the new release cannot open the site" },
        Cell { host: "h3", step: "health-web", fault: "the health URL answers 500" },
        Cell { host: "h4", step: "", fault: "none" },
    ];
    stage.fleet.fleet(&["publish", "v4.6.0", "h1", "h4"]);
    stage.publish_changed("h2", "v4.6.0", "sed -i 's/unlink(/is_file(/' app/Console/Up.php");
    stage.publish_changed(
        "h3",
        "v4.6.0",
        "sed -i 's/^try {/http_response_code(500); exit; try {/' public/index.php",
    );
    stage.fleet.on("h1", "mkdir -p /etc/systemd/system/memcached.service.d; printf '[Unit]\\nStartLimitIntervalSec=600\\nStartLimitBurst=1\\n' > /etc/systemd/system/memcached.service.d/once.conf; systemctl daemon-reload; systemctl reset-failed memcached");
    stage.as_installed_by_script("h4");
    let before = HOSTS.map(|host| whole(&stage, host));
    let ended = stage.program.run(&["upgrade", "--yes", "--inventory", &inventory(&stage)]);
    assert_eq!(ended.code, 5, "{ended}");
    compare(&stage, &cells, &before);
    // systemd had given up on it.
    assert_eq!(stage.fleet.on("h1", "systemctl is-active memcached"), "active");
    // What git wrote as root belongs to whom it belonged.
    let owners =
        "cd /srv/ixpmanager; stat -c %U bower.json composer.lock database/Proxies/* | sort | uniq -c | xargs";
    assert_eq!(stage.fleet.on("h4", owners), "1 root 4 www-data");

    // By hand: a host that was upgraded is taken back, as long as nothing was written to it since.
    stage.sql("h4", "INSERT INTO cust (name) VALUES ('written since')");
    let refused = stage.program.run(&["rollback", "--yes", "--limit", "h4"]);
    assert_eq!(refused.code, 5, "{refused}");
    assert!(refused.stdout.contains("written since the site was opened again: cust"), "{refused}");
    assert!(!stage.in_maintenance("h4"), "nothing was begun: its site stays open");
    assert_eq!(stage.sql("h4", "SELECT COUNT(*) FROM cust"), "3", "nothing was lost");
    let time = refused
        .stdout
        .split("--discard-writes-since ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    let back = stage.program.run(&["rollback", "--yes", "--limit", "h4", "--discard-writes-since", &time]);
    assert_eq!(back.code, 0, "{back}");
    assert_eq!(whole(&stage, "h4"), before[3]);
    assert_ne!(stage.fleet.on("h4", "ls /var/backups/ixporch/h4/*/discarded.sql.*"), "");
}

#[test]
fn without_a_good_backup_nothing_irreversible_is_begun() {
    let Some(stage) = Stage::new() else { return };
    let cells = [
        Cell { host: "h1", step: "backup", fault: "the dump is truncated while it is written" },
        Cell { host: "h2", step: "backup", fault: "the disk is full while it is written" },
        Cell { host: "h3", step: "backup", fault: "the database user lost a grant" },
        Cell { host: "h4", step: "schema-review", fault: "the new release's mapping is broken" },
    ];
    stage.fleet.fleet(&["publish", "v4.6.0", "h1", "h2", "h3"]);
    stage.publish_changed("h4", "v4.6.0", "echo '<broken' > database/xml/Entities.Customer.dcm.xml");
    for host in ["h1", "h2"] {
        stage.sql(host, MANY_ROWS);
    }
    stage.fleet.on("h1", "setsid sh -c 'while :; do for f in /var/backups/ixporch/h1/*.new/database.sql.*; do [ -s $f ] && truncate -s 100 $f && exit; done; done' >/dev/null 2>&1 </dev/null &");
    stage.fleet.on(
        "h2",
        "mkdir -p /var/backups/ixporch/h2; mount -t tmpfs -o size=200k none /var/backups/ixporch/h2",
    );
    stage.sql("h3", "REVOKE SHOW VIEW ON ixp.* FROM ixp@'127.0.0.1'");
    let before = HOSTS.map(|host| whole(&stage, host));
    let inventory = inventory(&stage);
    let upgrade = ["upgrade", "--yes", "--inventory", &inventory];
    // The preflight would keep two of them from being started: here somebody lets that pass.
    let skips = ["--skip-check", "disk-backup", "--skip-check", "database-rights", "--reason", "a try"];
    let ended = stage.program.run(&[&upgrade[..], &skips].concat());
    assert_eq!(ended.code, 5, "{ended}");
    compare(&stage, &cells, &before);
    for words in ["GRANT SHOW VIEW ON `ixp`.* TO 'ixp'@'127.0.0.1'", "is the disk full?"] {
        assert!(ended.stdout.contains(words), "{words} is not in\n{ended}");
    }
}

#[test]
fn what_fails_between_the_schema_and_the_opening_is_taken_back() {
    let Some(stage) = Stage::new() else { return };
    let cells = [
        Cell { host: "h1", step: "schema-verify", fault: "a column that stays pending for ever" },
        Cell { host: "h2", step: "views", fault: "views.sql cannot be run to its end" },
        Cell { host: "h3", step: "health-application", fault: "a layout loads what is not there" },
        Cell { host: "h4", step: "opening-mark", fault: "the backups' disk is full by then" },
    ];
    let layout = "mkdir -p resources/views/layouts; echo '<script src=\"bower_components/jquery/dist/none.js\">' > resources/views/layouts/ixpv4.foil.php";
    // MariaDB calls this collation by another name, and Doctrine takes that for another one.
    let never = "sed -i 's,length=\"50\" nullable=\"true\"/>,length=\"50\" nullable=\"true\"><options><option name=\"collation\">utf8_general_ci</option></options></field>,' database/xml/Entities.Customer.dcm.xml";
    stage.publish_changed("h1", "v4.6.0", never);
    stage.publish_changed(
        "h2",
        "v4.6.0",
        "echo 'CREATE VIEW broken AS SELECT nothing FROM nowhere;' >> tools/sql/views.sql",
    );
    stage.publish_changed("h3", "v4.6.0", layout);
    stage.fleet.fleet(&["publish", "v4.6.0", "h4"]);
    stage.as_installed_by_script("h2");
    stage.fleet.on(
        "h4",
        "mkdir -p /var/backups/ixporch/h4; mount -t tmpfs -o size=40m none /var/backups/ixporch/h4
         setsid sh -c 'until ls /var/backups/ixporch/h4/*-*/manifest.json; do :; done; dd if=/dev/zero of=/var/backups/ixporch/h4/full bs=64k' >/dev/null 2>&1 </dev/null &",
    );
    let before = HOSTS.map(|host| whole(&stage, host));
    let ended = stage.program.run(&["upgrade", "--yes", "--inventory", &inventory(&stage)]);
    assert_eq!(ended.code, 5, "{ended}");
    compare(&stage, &cells, &before);
    for words in [
        "never-converges: still pending although executed: 1 change",
        "Table 'ixp.nowhere' doesn't exist",
        "bower_components/jquery/dist/none.js",
        "opening.json could not be written",
    ] {
        assert!(ended.stdout.contains(words), "{words} is not in\n{ended}");
    }
}

#[test]
fn what_fails_by_the_machine_is_taken_back_and_the_others_are_upgraded() {
    let Some(stage) = Stage::new() else { return };
    let cells = [
        Cell { host: "h1", step: "composer", fault: "the disk is full" },
        Cell { host: "h2", step: "schema-recheck", fault: "the database's server is killed" },
        Cell { host: "h3", step: "", fault: "none" },
        Cell { host: "h4", step: "migrate", fault: "Laravel's own migration breaks" },
    ];
    stage.fleet.fleet(&["publish", "v4.6.0", "h1", "h2", "h3"]);
    let broken = "echo \"<?php return 'CREATE TABLE';\" > database/migrations/2014_10_12_100000_create_password_resets_table.php";
    stage.publish_changed("h4", "v4.6.0", broken);
    stage.fleet.on("h1", "cd /srv/ixpmanager; cp -a vendor /root/vendor; mount -t tmpfs -o size=$(du -sk vendor | cut -f1)k none vendor; cp -a /root/vendor/. vendor/; chown www-data: vendor; sudo -u www-data dd if=/dev/zero of=vendor/full bs=1k 2>/dev/null");
    for point in ["schema-recheck.start", "code-back.start"] {
        stage.hold("h2", point);
    }
    // What root gives back must not be what the web user makes of it meanwhile.
    stage.as_installed_by_script("h3");
    stage.fleet.on(
        "h3",
        "cd /srv/ixpmanager; sudo -u www-data mkdir -p storage/p/etc; touch storage/p/etc/shadow; chmod 666 storage/p/etc/shadow; touch \"storage/x
33 33 644 .\"; chown www-data storage/x*
         setsid sh -c 'until ls /var/backups/ixporch/h3.owners.*-* >/dev/null 2>&1; do :; done; cd /srv/ixpmanager; mv storage/p storage/q; ln -s / storage/p' >/dev/null 2>&1 </dev/null &",
    );
    let before = HOSTS.map(|host| whole(&stage, host));
    let inventory = inventory(&stage);
    let mut command = stage.program.command(&["upgrade", "--yes", "--inventory", &inventory]);
    let mut controller = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(until("h2 looks again", || Stage::is_held("h2", "schema-recheck.start")));
    stage.fleet.on("h2", "systemctl kill --signal=KILL mariadb");
    Stage::let_go("h2", "schema-recheck.start");
    runtime.block_on(until("h2 goes back", || Stage::is_held("h2", "code-back.start")));
    let answers = || stage.fleet.on("h2", "mysqladmin ping 2>/dev/null") == "mysqld is alive";
    runtime.block_on(until("the database is there again", answers));
    Stage::let_go("h2", "code-back.start");
    assert_eq!(controller.wait().unwrap().code(), Some(5));
    compare(&stage, &cells, &before);
    assert_eq!(
        stage.fleet.on("h3", "stat -c '%U %G %a' /etc/shadow /srv/ixpmanager | xargs"),
        "root shadow 640 root root 775"
    );
    assert_eq!(stage.fleet.on("h3", "cd /srv/ixpmanager; readlink storage/p; stat -c %U bower.json database/Proxies/* | sort -u | xargs"), "/\nwww-data");
    // Laravel's own table is made too, and its `migrate` asks nothing.
    assert_eq!(stage.sql("h3", "SELECT COUNT(*) FROM migrations"), "1");
}
