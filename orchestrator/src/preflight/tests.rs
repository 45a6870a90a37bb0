//! A healthy host has no findings, and each problem has its own.

use std::sync::LazyLock;

use super::*;
use crate::facts::{Facts, Preflight};

/// A host as the documentation installs one.
fn healthy() -> Facts {
    Facts {
        describe: Some("v4.9.3".to_owned()),
        remote_commit: Some("a".repeat(40)),
        php: Some("7.0.33".to_owned()),
        composer: Some("Composer version 2.2.24 2024-06-10 22:51:52".to_owned()),
        bower: Some("1.8.14".to_owned()),
        memcached: Some("loaded active".to_owned()),
        free_bytes: Some(10 << 30),
        maintenance: Some(false),
        clock_skew: Some(1),
        preflight: Some(Preflight {
            extensions: crate::release::EXTENSIONS
                .iter()
                .chain(&["memcached"])
                .map(ToString::to_string)
                .collect(),
            web_php: vec!["7.0".to_owned()],
            components_bytes: Some(200 << 20),
            backup_free: Some(10 << 30),
            memcached_used_by: vec!["CACHE_DRIVER".to_owned()],
            database: Some("5.7.44-log".to_owned()),
            database_user: "ixp@localhost".to_owned(),
            database_name: "ixp".to_owned(),
            database_bytes: Some(1 << 30),
            programs: ["mysqldump", "mysql", "gzip", "tar"].map(str::to_owned).to_vec(),
            validate: Some(0),
            memory: Some(2 << 30),
            doctrine_cache: "memcached".to_owned(),
            ..Preflight::default()
        }),
        ..Facts::default()
    }
}

/// All releases on the way to the target that have gates.
static CONFIRMED: LazyLock<Vec<String>> = LazyLock::new(|| ["v4.8.0", "v4.9.0"].map(str::to_owned).to_vec());

fn asked() -> Asked<'static> {
    Asked {
        confirmed: &CONFIRMED,
        target: Some("v4.9.3"),
        release: Some("v4.9.3"),
        major: Some(4),
        restarts_unit: true,
        branch: "master",
        has_url: true,
        ixp_root: "/srv/ixpmanager",
        web_user: "www-data",
        backup_dir: "/var/backups/ixporch/a",
        sudo: true,
        memcached_unit: Some("memcached.service"),
        own_run: None,
        former: None,
    }
}

fn ids_of(change: impl FnOnce(&mut Facts)) -> Vec<(Severity, String)> {
    let mut facts = healthy();
    change(&mut facts);
    // Each upgrade to a tag is told which releases it goes through.
    let found = find(&asked(), &facts).into_iter().filter(|finding| finding.id != "release-notes");
    found.map(|finding| (finding.severity, finding.id)).collect()
}

#[test]
fn a_healthy_host_has_no_finding() {
    assert_eq!(ids_of(|_| {}), []);
}

#[test]
fn what_is_in_the_database_that_a_change_would_meet_is_found() {
    type Trouble = fn(&mut Preflight);
    let cases: [(&str, Trouble); 3] = [
        ("views-broken", |it| it.broken_views = vec!["v: references invalid".to_owned()]),
        ("database-transactions", |it| it.long_transactions = vec!["session 4 of ixp, for 80 s".to_owned()]),
        ("database-zero-dates", |it| it.zero_dates = vec!["cust.dateleave".to_owned()]),
    ];
    for (id, trouble) in cases {
        let found = ids_of(|facts| trouble(facts.preflight.as_mut().unwrap()));
        assert_eq!(found, [(Severity::Warning, id.to_owned())]);
        assert!(IDS.contains(&id), "{id}");
    }
}

#[test]
fn a_site_that_would_fail_the_checks_after_the_upgrade_is_found_before() {
    type Trouble = fn(&mut Facts);
    let cases: [(&str, Trouble); 3] = [
        ("site-unwell", |facts| {
            facts.site_trouble = Some(crate::facts::SiteTrouble::PingUnreadable);
        }),
        ("site-unwell", |facts| {
            facts.preflight.as_mut().unwrap().site_trouble = Some("no answer".to_owned());
        }),
        ("web-settings", |facts| {
            let found = "DB_DATABASE is old in /etc/php/7.0/fpm/pool.d/ixp.conf, and ixp in .env";
            facts.preflight.as_mut().unwrap().web_settings = vec![found.to_owned()];
        }),
    ];
    for (id, trouble) in cases {
        assert_eq!(ids_of(trouble), [(Severity::Blocker, id.to_owned())]);
        assert!(IDS.contains(&id), "{id}");
    }
}

#[test]
fn each_trouble_has_its_name_and_a_remedy() {
    type Trouble = fn(&mut Facts);
    let of = |facts: &mut Facts| facts.preflight.take().unwrap();
    let cases: [(&str, Severity, Trouble); 35] = [
        ("web-opcache", Severity::Warning, |facts| {
            facts.preflight.as_mut().unwrap().keeps_code = vec!["/etc/php/7.0/fpm/php.ini".to_owned()];
        }),
        ("php-url-fopen", Severity::Blocker, |facts| facts.preflight.as_mut().unwrap().asks_no_site = true),
        ("preflight-failed", Severity::Blocker, |facts| facts.preflight = None),
        ("dump-trial", Severity::Blocker, |facts| {
            facts.preflight.as_mut().unwrap().dump_trouble =
                Some("View 'ixp.v' references invalid".to_owned());
        }),
        ("dump-program", Severity::Blocker, |facts| {
            facts.preflight.as_mut().unwrap().programs.retain(|program| program != "mysql");
        }),
        ("application-silent", Severity::Blocker, |facts| {
            facts.preflight.as_mut().unwrap().validate = Some(255);
        }),
        ("settings-unreadable", Severity::Warning, |facts| {
            facts.preflight.as_mut().unwrap().unreadable = vec!["config/.ixp.php.swp".to_owned()];
        }),
        ("disk-backup", Severity::Blocker, |facts| {
            facts.preflight.as_mut().unwrap().backup_shut = Some("/var/backups".to_owned());
        }),
        ("releases-skipped", Severity::Warning, |facts| facts.version = Some("4.7.3".to_owned())),
        ("own-skin", Severity::Note, |facts| {
            facts.preflight.as_mut().unwrap().skins = vec!["resources/skins/lonap 12".to_owned()];
        }),
        ("web-php-extensions", Severity::Warning, |facts| {
            let lacks = ["fpm xdebug", "fpm mbstring"].map(str::to_owned).to_vec();
            facts.preflight.as_mut().unwrap().web_lacks = lacks;
        }),
        ("database-binary-log", Severity::Blocker, |facts| {
            // v4.9.3, which is asked for, creates a trigger.
            facts.preflight.as_mut().unwrap().distrusted = Some(String::new());
        }),
        ("database-version", Severity::Warning, |facts| {
            facts.preflight.as_mut().unwrap().database = Some("5.6.51".to_owned());
        }),
        ("database-family", Severity::Warning, |facts| {
            facts.preflight.as_mut().unwrap().database = Some("10.11.6-MariaDB".to_owned());
        }),
        ("other-cache", Severity::Warning, |facts| {
            facts.preflight.as_mut().unwrap().doctrine_cache = "redis".to_owned();
        }),
        ("memory", Severity::Warning, |facts| {
            facts.preflight.as_mut().unwrap().memory = Some(100 << 20);
        }),
        ("php-version", Severity::Blocker, |facts| {
            facts.php = Some("7.4.33".to_owned());
            facts.preflight.as_mut().unwrap().web_php = vec!["7.4".to_owned()];
        }),
        ("composer-version", Severity::Blocker, |facts| {
            facts.composer = Some("Composer version 2.7.1 x".to_owned());
        }),
        ("upstream", Severity::Blocker, |facts| facts.remote_commit = None),
        ("clock-skew", Severity::Warning, |facts| facts.clock_skew = Some(-300)),
        ("sudo", Severity::Blocker, |facts| facts.sudo_refused = vec![("root".to_owned(), String::new())]),
        ("memcached-unit", Severity::Warning, |facts| {
            facts.memcached = Some("not-found inactive".to_owned());
        }),
        ("memcached-unit", Severity::Blocker, |facts| facts.memcached = Some("masked inactive".to_owned())),
        ("memcached-unit", Severity::Blocker, |facts| facts.memcached = Some("loaded failed".to_owned())),
        ("git-locked", Severity::Blocker, |facts| facts.git_locked = true),
        ("target-older", Severity::Blocker, |facts| facts.version = Some("4.10.0".to_owned())),
        ("target-moved", Severity::Blocker, |facts| facts.local_target = Some("b".repeat(40))),
        ("database-read-only", Severity::Blocker, |facts| {
            facts.preflight.as_mut().unwrap().read_only = vec!["super_read_only".to_owned()];
        }),
        ("settings-cached", Severity::Blocker, |facts| {
            let found = "DB_HOST is a in bootstrap/cache/config.php, and b in .env";
            facts.preflight.as_mut().unwrap().cached_settings = vec![found.to_owned()];
        }),
        ("disk-installation", Severity::Blocker, |facts| facts.free_bytes = Some(1 << 20)),
        ("in-maintenance", Severity::Note, |facts| facts.maintenance = Some(true)),
        ("web-php", Severity::Warning, |facts| {
            facts.preflight.as_mut().unwrap().web_php = vec!["7.4".to_owned()];
        }),
        ("php-extensions", Severity::Blocker, |facts| {
            facts.preflight.as_mut().unwrap().extensions.retain(|name| name != "mbstring");
        }),
        ("database-rights", Severity::Blocker, |facts| {
            facts.preflight.as_mut().unwrap().missing_rights = vec!["TRIGGER".to_owned()];
        }),
        ("disk-backup", Severity::Blocker, |facts| {
            facts.preflight.as_mut().unwrap().backup_free = Some(100 << 20);
        }),
    ];
    for (id, severity, trouble) in cases {
        assert_eq!(ids_of(trouble), [(severity, id.to_owned())]);
        assert!(IDS.contains(&id), "{id}");
    }
    let mut facts = healthy();
    let preflight = of(&mut facts);
    facts.preflight = Some(Preflight { database_trouble: Some("refused".to_owned()), ..preflight });
    let found = find(&asked(), &facts);
    assert_eq!((found.len(), found[0].id.as_str()), (1, "database-unreachable"));
    assert!(!found[0].remedy.is_empty());
}

#[test]
fn what_releases_ask_for_is_asked_before_the_upgrade() {
    let found = |installed: &str, confirmed: &[String], rows: &[(&str, u64)]| {
        let mut facts = Facts { describe: Some(installed.to_owned()), ..healthy() };
        let rows = rows.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
        facts.preflight.as_mut().unwrap().release_rows = rows;
        let found = find(&Asked { confirmed, ..asked() }, &facts);
        let is_of_release =
            |finding: &Finding| finding.id.starts_with("release-") && finding.severity < Severity::Note;
        found.into_iter().filter(is_of_release).map(|it| (it.id, it.what, it.remedy)).collect::<Vec<_>>()
    };
    let [(id, what, remedy)] = found("v4.8.0", &[], &[]).try_into().unwrap();
    assert_eq!(id, GATES);
    assert!(what.contains("v4.9.0: Zend Framework is gone") && !what.contains("v4.8.0"), "{what}");
    assert!(remedy.ends_with("--confirm-release v4.9.0"), "{remedy}");
    assert_eq!(found("v4.8.0", &CONFIRMED, &[]), []);

    // Only what an upgrade goes through is asked.
    let duplicates = [("v4.6.0/duplicate-ipv4-addresses", 2)];
    let [(id, what, remedy)] = found("v4.5.0", &CONFIRMED, &duplicates).try_into().unwrap();
    assert_eq!(id, "release-check");
    assert!(what.starts_with("v4.6.0: 2 IPv4 addresses"), "{what}");
    assert!(remedy.contains("SELECT vlanid, address FROM ipv4address"), "{remedy}");
    assert_eq!(found("v4.6.0", &CONFIRMED, &duplicates), []);

    let console_servers = [("v4.8.0/split-conservers", 3)];
    let [(id, _, remedy)] = found("v4.7.3", &CONFIRMED, &console_servers).try_into().unwrap();
    assert_eq!(
        (id.as_str(), remedy.as_str()),
        ("release-step-skipped", "upgrade to v4.8.0 first: --to v4.8.0")
    );
    let [(id, _, remedy)] = found("v4.8.0", &CONFIRMED, &console_servers).try_into().unwrap();
    assert_eq!(id, "release-step-missing");
    assert!(remedy.ends_with("php artisan ixp-manager:upgrade:split-conservers"), "{remedy}");
    // What the upgrade does itself is not missing.
    assert_eq!(found("v4.9.0", &CONFIRMED, &[("v4.9.0/copy-contact-names", 3)]), []);
}

#[test]
fn another_target_is_refused_before_and_not_in_the_upgrade() {
    let ids = |target, change: fn(&mut Facts)| {
        let mut facts =
            Facts { version: Some("4.6.0".to_owned()), commit: Some("a".repeat(40)), ..healthy() };
        facts.branch = Some("master".to_owned());
        change(&mut facts);
        let found = find(&Asked { target, release: target, ..asked() }, &facts);
        let blockers = found.into_iter().filter(|finding| finding.severity == Severity::Blocker);
        blockers.map(|finding| finding.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(Some("v4.4.0"), |_| {}), ["target-older"]);
    assert!(ids(Some("v5.7.0"), |_| {}).contains(&"target-major".to_owned()));
    assert_eq!(ids(None, |_| {}), [""; 0]);
    assert_eq!(ids(None, |facts| facts.branch = None), ["tree-branch"]);
    assert_eq!(ids(None, |facts| facts.branch = Some("release-v4".to_owned())), ["tree-branch"]);
    assert_eq!(ids(Some("v4.6.1"), |facts| facts.branch = None), [""; 0], "a tag needs no branch");
}

#[test]
fn what_a_run_left_under_a_former_name_or_address_blocks() {
    let former = Some(("01a2", "`ixp1` at 192.0.2.1 port 22"));
    let found = find(&Asked { former, ..asked() }, &healthy());
    assert_eq!((found.len(), found[0].id.as_str(), found[0].severity), (1, "host-moved", Severity::Blocker));
    assert!(found[0].what.contains("when the host was `ixp1` at 192.0.2.1 port 22"), "{}", found[0].what);
    assert!(found[0].remedy.contains("ixporch report 01a2"), "{}", found[0].remedy);
}

#[test]
fn the_remedy_of_foreign_files_can_be_pasted() {
    let mut facts = healthy();
    facts.preflight.as_mut().unwrap().foreign_files =
        vec!["vendor 3 vendor/autoload.php".to_owned(), "$(reboot) 1 x".to_owned()];
    let found = find(&asked(), &facts);
    assert_eq!(found[0].remedy, "chown -R www-data: /srv/ixpmanager/vendor '/srv/ixpmanager/$(reboot)'");
}

#[test]
fn warnings_block_only_where_they_are_asked_to_and_a_skip_lets_its_own_finding_pass_alone() {
    let mut facts = healthy();
    facts.clock_skew = Some(600);
    facts.maintenance = Some(true);
    facts.bower = None;
    let mut findings = find(&asked(), &facts);
    let blocking = |policy: &PreflightPolicy, findings: &[Finding]| {
        findings
            .iter()
            .filter(|finding| finding.blocks(policy))
            .map(|finding| finding.id.clone())
            .collect::<Vec<_>>()
    };
    let strict = PreflightPolicy { strict: true, ..PreflightPolicy::default() };
    assert_eq!(blocking(&PreflightPolicy::default(), &findings), ["bower-missing"]);
    assert_eq!(blocking(&strict, &findings), ["bower-missing", "clock-skew"]);
    let skipping = PreflightPolicy {
        strict: true,
        skips: vec![("bower-missing".to_owned(), "by hand".to_owned())],
        confirmed: Vec::new(),
    };
    skipping.apply(&mut findings);
    assert_eq!(blocking(&skipping, &findings), ["clock-skew"]);
}

#[test]
fn a_tool_that_answers_late_is_not_missing() {
    let late = |facts: &mut Facts| (facts.bower, facts.late) = (None, vec!["bower".to_owned()]);
    assert_eq!(ids_of(late), [(Severity::Blocker, "answer-late".to_owned())]);
}

#[test]
fn a_tree_that_others_can_write_has_its_finding_alone() {
    let open = |facts: &mut Facts| {
        facts.remote_commit = None;
        facts.distrust = crate::facts::Distrust::parse("writable 775 /srv/ixpmanager/.git");
    };
    assert_eq!(ids_of(open), [(Severity::Blocker, "tree-open".to_owned())]);
}

#[test]
fn the_clock_of_a_host_may_say_anything() {
    for skew in [i64::MIN, i64::MAX] {
        let ids = ids_of(|facts| facts.clock_skew = Some(skew));
        assert_eq!(ids, [(Severity::Warning, "clock-skew".to_owned())]);
    }
}

#[test]
fn what_a_program_printed_is_told() {
    let told = |change: fn(&mut Facts)| {
        let mut facts = healthy();
        change(&mut facts);
        let [finding] = find(&asked(), &facts).try_into().unwrap();
        (finding.id, finding.what, finding.remedy)
    };
    let (id, what, remedy) = told(|facts| {
        facts.remote_commit = None;
        facts.tree_owner = Some("ixp".to_owned());
        let why = "fatal: detected dubious ownership in repository at '/srv/ixpmanager'";
        facts.troubles.insert("commit".to_owned(), why.to_owned());
    });
    assert_eq!(id, "git-refused");
    assert!(what.ends_with("dubious ownership in repository at '/srv/ixpmanager'"), "{what}");
    assert_eq!(remedy, "the folder and its .git must belong to one user: chown ixp /srv/ixpmanager");

    let (id, what, _) = told(|facts| {
        facts.remote_commit = None;
        facts.troubles.insert("remote-tag".to_owned(), "Permission denied (publickey).".to_owned());
    });
    assert_eq!((id.as_str(), what.ends_with("v4.9.3: Permission denied (publickey).")), ("upstream", true));

    let (id, what, remedy) = told(|facts| {
        facts.bower = None;
        facts.troubles.insert("bower".to_owned(), "sudo: bower: command not found".to_owned());
        facts.found_at.insert("bower".to_owned(), "/opt/node/bin/bower".to_owned());
    });
    assert_eq!((id.as_str(), what.ends_with("sudo: bower: command not found")), ("bower-missing", true));
    assert!(remedy.ends_with("in the inventory: bower = \"/opt/node/bin/bower\""), "{remedy}");

    let (id, what, _) = told(|facts| {
        let lines = [
            "tag v4.9.3 brings files that are here already, but not in git: move them away",
            "public/own.html",
        ];
        facts.target_refused = lines.map(str::to_owned).to_vec();
    });
    assert_eq!(id, "target-refused");
    assert!(what.ends_with("move them away (public/own.html)"), "{what}");

    let (id, what, _) = told(|facts| {
        facts.preflight = None;
        let why = "PHP Fatal error:  Uncaught Error: Call to undefined function proc_open()";
        facts.troubles.insert("preflight".to_owned(), why.to_owned());
    });
    assert_eq!((id.as_str(), what.ends_with("function proc_open()")), ("preflight-failed", true));
}

#[test]
fn a_branch_of_which_upstream_names_the_release_is_asked_as_a_target_is() {
    let found = |release| {
        let facts = Facts {
            describe: Some("v4.8.0".to_owned()),
            commit: Some("b".repeat(40)),
            branch: Some("master".to_owned()),
            ..healthy()
        };
        let found = find(&Asked { target: None, release, confirmed: &[], ..asked() }, &facts);
        found.into_iter().map(|it| (it.id, it.remedy)).collect::<Vec<_>>()
    };
    let gate = found(Some("v4.9.0")).remove(0);
    let other = Facts { php: Some("8.2.29".to_owned()), ..healthy() };
    let severity = |target| find(&Asked { target, ..asked() }, &other).remove(0).severity;
    assert_eq!((severity(None), severity(Some("v4.9.3"))), (Severity::Warning, Severity::Blocker));
    assert_eq!(gate.0, GATES);
    assert!(gate.1.ends_with("ixporch upgrade --confirm-release v4.9.0"), "{}", gate.1);
    let [(id, remedy)] = found(None).try_into().unwrap();
    assert_eq!((id.as_str(), remedy.as_str()), ("release-notes", "upgrade to a release with --to TAG"));
}
