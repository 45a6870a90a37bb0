//! The preflight on real hosts: every fault is found, and nothing is changed by looking.

use crate::stage::{HOSTS, Stage};

/// What is wrong on which host, by the id of the finding.
const FAULTS: [(&str, &str, &str); 21] = [
    ("h1", "tree-modified", "echo >> /srv/ixpmanager/artisan"),
    ("h1", "bower-missing", "mv /usr/local/bin/bower /usr/local/bin/bower-away"),
    ("h1", "schema-drift", "mysql ixp -e 'ALTER TABLE cust DROP autsys CASCADE'"),
    (
        "h2",
        "upstream",
        "git -c safe.directory='*' -C /srv/ixpmanager remote set-url origin git://hub.fleet.test/no-such.git",
    ),
    ("h2", "database-rights", "mysql -e \"REVOKE TRIGGER ON ixp.* FROM ixp@'127.0.0.1'\""),
    (
        "h2",
        "leftovers",
        "sudo -u ops sh -c 'mkdir -p ~/.ixporch/runs/01a20000-0000-7000-8000-000000000000/h2/01-x'; sudo -u ops touch /home/ops/.ixporch/runs/01a20000-0000-7000-8000-000000000000/h2/01-x/spec",
    ),
    ("h3", "memcached-silent", "systemctl stop memcached"),
    ("h3", "ownership", "chown root /srv/ixpmanager/vendor/autoload.php"),
    (
        "h3",
        "artisan-jobs",
        "cd /srv/ixpmanager; setsid sudo -u www-data php -r 'sleep(300);' artisan irrdb:update-prefix-db >/dev/null 2>&1 </dev/null &",
    ),
    ("h3", "in-maintenance", "sudo -u www-data touch /srv/ixpmanager/storage/framework/down"),
    ("h1", "git-locked", "touch /srv/ixpmanager/.git/index.lock"),
    ("h2", "database-read-only", "mysql -e 'SET GLOBAL read_only = 1'"),
    (
        "h3",
        "settings-cached",
        "cd /srv/ixpmanager; mkdir -p bootstrap/cache; echo '<?php return [\"database\" => [\"default\" => \"mysql\", \"connections\" => [\"mysql\" => [\"host\" => \"elsewhere\", \"database\" => \"ixp\", \"username\" => \"ixp\"]]]];' > bootstrap/cache/config.php; chown -R www-data bootstrap",
    ),
    ("h3", "target-refused", "chown root /srv/ixpmanager/database/xml"),
    ("h4", "git-refused", "chown root /srv/ixpmanager"),
    ("h1", "site-unwell", "systemctl stop ixp-web"),
    (
        "h1",
        "web-settings",
        "mkdir -p /etc/php/8.2/fpm/pool.d; printf '[www]\\nuser = www-data\\nenv[DB_DATABASE] = other\\n' > /etc/php/8.2/fpm/pool.d/ixp.conf",
    ),
    ("h4", "memcached-unit", "systemctl mask memcached"),
    ("h4", "composer-missing", "mv /usr/bin/composer /usr/bin/composer-away"),
    ("h4", "disk-backup", "mount -t tmpfs -o size=16k none /var/backups"),
    ("h4", "sudo", "echo 'ops ALL=(www-data) NOPASSWD: ALL' > /etc/sudoers.d/ops"),
];

#[test]
fn every_fault_is_found_with_its_remedy_and_nothing_is_changed() {
    let Some(stage) = Stage::new() else { return };
    for (host, _, script) in FAULTS {
        stage.fleet.on(host, script);
    }
    let before = HOSTS.map(|host| stage.state(host));
    let checked = stage.run(&["--format", "json", "check", "--to", "v4.6.0"]);
    assert_eq!(checked.code, 5, "{checked}");
    let document: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    let findings = |host: &str| {
        let hosts = document["hosts"].as_array().unwrap();
        let found = hosts.iter().find(|value| value["host"] == host).unwrap();
        found["findings"].as_array().unwrap().clone()
    };
    for (host, id, _) in FAULTS {
        let found = findings(host);
        let finding = found.iter().find(|finding| finding["id"] == id);
        let finding = finding.unwrap_or_else(|| panic!("{id} was not found on {host}: {found:#?}"));
        assert!(
            !finding["remedy"].as_str().unwrap().is_empty() && !finding["what"].as_str().unwrap().is_empty()
        );
        let others: Vec<&str> = HOSTS.into_iter().filter(|other| *other != host).collect();
        let is_there = |other: &&str| findings(other).iter().any(|finding| finding["id"] == id);
        let planted = |other: &&str| FAULTS.iter().any(|(host, planted, _)| host == other && *planted == id);
        assert_eq!(
            others.iter().find(|other| is_there(other) && !planted(other)),
            None,
            "{id} was found elsewhere"
        );
    }
    // What the whole fleet has is told once.
    let shown = stage.run(&["check", "--to", "v4.6.0"]);
    assert_eq!(shown.stdout.matches("v4.6.0 needs PHP 7.0 or newer, below 7.1").count(), 1, "{shown}");
    assert!(shown.stdout.contains("php-version            h[1-4]: "), "{shown}");
    assert_eq!(HOSTS.map(|host| stage.state(host)), before, "the preflight changed something");
    // An upgrade begins on none of them.
    let ended = stage.run(&["upgrade", "--yes", "--to", "v4.6.0"]);
    assert_eq!(ended.code, 4, "{ended}");
    assert_eq!(HOSTS.map(|host| stage.state(host)), before);
}
