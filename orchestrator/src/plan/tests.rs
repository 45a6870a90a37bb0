//! What a plan is built from, and what it says.

use std::collections::{BTreeMap, BTreeSet};

use ixporch_inventory::{Inventory, Selector};

use super::*;
use crate::facts::{Facts, Preflight};
use crate::procedure::Procedure;

const INVENTORY: &str = r#"
format = 1
[defaults]
user = "ops"
[groups.staging]
[groups.prod]
memcached = { restart = "service memcached restart" }
[hosts.staging]
groups = ["staging"]
[hosts.ixp1]
groups = ["prod"]
[hosts.ixp2]
groups = ["prod"]
composer = ["php7.0", "./composer.phar"]
[[waves]]
name = "staging"
hosts = "@staging"
[[waves]]
name = "prod"
hosts = "@prod"
"#;

pub(super) fn facts() -> Facts {
    Facts {
        commit: Some("a".repeat(40)),
        branch: Some("master".to_owned()),
        remote_commit: Some("b".repeat(40)),
        tree_owner: Some("root".to_owned()),
        login_user: Some("ops".to_owned()),
        maintenance: Some(false),
        describe: Some("v4.4.0".to_owned()),
        php: Some("7.0.33".to_owned()),
        composer: Some("Composer version 2.2.24".to_owned()),
        bower: Some("1.8.14".to_owned()),
        preflight: Some(Preflight::default()),
        ..Facts::default()
    }
}

fn plan_with(facts: &Facts, closed_by_us: &[&str], options: &Options) -> Result<Plan, PlanError> {
    let inventory = Inventory::parse("test", INVENTORY).unwrap();
    let procedure = Procedure::built_in("ixp-manager-v4").unwrap().unwrap();
    let probes: BTreeMap<String, ProbeResult> =
        inventory.hosts.iter().map(|host| (host.name.clone(), Ok(facts.clone()))).collect();
    let opening = LeftBehind {
        owed: BTreeSet::from(["maintenance-off".to_owned()]),
        closed: Some("maintenance-off".to_owned()),
        unfinished: true,
        ..LeftBehind::default()
    };
    let left = closed_by_us.iter().map(|name| ((*name).to_owned(), opening.clone())).collect();
    build(&Request {
        inventory: &inventory,
        procedure: &procedure,
        facts: &probes,
        left: &left,
        options,
        default_user: "me",
    })
}

fn ids(plan: &HostPlan) -> Vec<&str> {
    plan.steps().iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn the_eight_steps_of_the_document_are_planned_in_order() {
    let plan = plan_with(&facts(), &[], &Options::default()).unwrap();
    let waves: Vec<(&str, usize)> =
        plan.waves.iter().map(|wave| (wave.name.as_str(), wave.hosts.len())).collect();
    assert_eq!(waves, [("staging", 1), ("prod", 2)]);
    assert_eq!(
        ids(plan.host("ixp1").unwrap()),
        [
            "tree-check",
            "fetch",
            "target-check",
            "release-check",
            "maintenance-on",
            "closed-check",
            "quiet",
            "backup-folder",
            "owners-record",
            "backup",
            "proxies-restore",
            "code-pull",
            "ownership",
            "composer",
            "frontend",
            "memcached-before-schema",
            "schema-review",
            "schema-columns",
            "schema-recheck",
            "schema-update",
            "memcached-after-schema",
            "schema-verify",
            "migrate",
            "split-conservers",
            "copy-contact-names",
            "views",
            "bgp-sessions",
            "caches",
            "health-application",
            "opening-mark",
            "maintenance-off",
            "error-log",
            "composition"
        ]
    );
}

#[test]
fn settings_reach_the_commands() {
    let plan = plan_with(&facts(), &[], &Options::default()).unwrap();
    let command = |host: &str, id: &str| plan.host(host).unwrap().step(id).unwrap().command.clone();
    assert_eq!(command("ixp2", "composer").argv[..3], ["php7.0", "./composer.phar", "install"]);
    assert_eq!(command("ixp1", "memcached-before-schema").argv, ["service", "memcached", "restart"]);
    assert_eq!(
        command("staging", "memcached-before-schema").argv,
        ["systemctl", "restart", "memcached.service"]
    );
    assert_eq!(command("ixp1", "code-pull").user.as_deref(), Some("root"));
    assert_eq!(command("ixp1", "code-pull").switch, Switch::Sudo);
    assert_eq!(command("ixp1", "composer").environment["HOME"], "/srv/ixpmanager/storage");
}

#[test]
fn with_a_target_the_tag_is_fetched_checked_and_checked_out() {
    let options = Options { target: Some("v4.5.0".to_owned()), limit: None, ..Options::default() };
    let plan = plan_with(&facts(), &[], &options).unwrap();
    let ixp1 = plan.host("ixp1").unwrap();
    assert_eq!(
        [&ids(ixp1)[1..6], &ids(ixp1)[10..12]].concat(),
        [
            "fetch-tags",
            "target-check",
            "release-check",
            "maintenance-on",
            "closed-check",
            "proxies-restore",
            "code-checkout"
        ]
    );
    assert_eq!(ixp1.step("target-check").unwrap().command.environment["TARGET"], "v4.5.0");
    let health = ixp1.step("health-application").unwrap();
    assert_eq!(health.command.environment["TARGET_VERSION"], "4.5.0");
    let bad = Options { target: Some("--upload-pack=x".to_owned()), limit: None, ..Options::default() };
    assert_eq!(plan_with(&facts(), &[], &bad), Err(PlanError::Target("--upload-pack=x".to_owned())));
}

/// The plan of a host with this release and what earlier runs left there, to v4.9.3.
fn plan_left(installed: &str, left: LeftBehind) -> HostPlan {
    let inventory = Inventory::parse("test", INVENTORY).unwrap();
    let procedure = Procedure::built_in("ixp-manager-v4").unwrap().unwrap();
    let facts = Facts { describe: Some(installed.to_owned()), ..facts() };
    let request = Request {
        inventory: &inventory,
        procedure: &procedure,
        facts: &BTreeMap::from([("ixp1".to_owned(), Ok(facts))]),
        left: &BTreeMap::from([("ixp1".to_owned(), left)]),
        options: &Options { target: Some("v4.9.3".to_owned()), ..Options::default() },
        default_user: "ops",
    };
    build(&request).unwrap().host("ixp1").unwrap().clone()
}

#[test]
fn steps_of_a_release_are_planned_where_it_is_installed_or_was() {
    let planned = |installed: &str, unfinished: bool| {
        plan_left(installed, LeftBehind { unfinished, ..LeftBehind::default() })
    };
    let of_releases = |plan: &HostPlan| -> Vec<String> {
        plan.steps().iter().filter(|step| step.release.is_some()).map(|step| step.id.clone()).collect()
    };
    let upgrade = planned("v4.8.0", false);
    assert_eq!(of_releases(&upgrade), ["copy-contact-names", "bgp-sessions"]);
    let step = upgrade.step("copy-contact-names").unwrap();
    assert_eq!(
        step.command.environment["COMMAND"],
        r#"["php","artisan","ixp-manager:upgrade:copy-contact-names"]"#
    );
    assert!(step.command.environment["ROWS"].contains("user_id IS NOT NULL"));
    assert_eq!(step.undo, ["restore-check", "quiet-back", "restore-recheck", "database-back"]);
    assert!(upgrade.step("bgp-sessions").unwrap().command.environment["STATEMENT"].starts_with("INSERT"));
    // An earlier run may have ended between the code and the step.
    for unfinished in [false, true] {
        let again = of_releases(&planned("v4.9.0", unfinished));
        assert_eq!(again, ["copy-contact-names", "bgp-sessions"]);
    }
}

#[test]
fn what_is_done_once_and_was_begun_by_an_earlier_run_waits_for_a_person() {
    let begun = LeftBehind {
        unfinished: true,
        begun_once: BTreeMap::from([("copy-contact-names".to_owned(), "r1".to_owned())]),
        ..LeftBehind::default()
    };
    let blocked = plan_left("v4.9.0", begun).blocked;
    let step = "copy-contact-names".to_owned();
    assert_eq!(
        blocked,
        Some(Blocking::ReleaseStepBegun { step, run: "r1".to_owned(), host: "ixp1".to_owned() })
    );
}

#[test]
fn a_host_at_the_target_with_an_open_site_is_current() {
    let there = Facts { remote_commit: facts().commit, ..facts() };
    let plan = plan_with(&there, &[], &Options::default()).unwrap();
    assert_eq!(plan.hosts_to_upgrade(), 0);
    let closed = Facts { maintenance: Some(true), ..there };
    assert_eq!(plan_with(&closed, &[], &Options::default()).unwrap().hosts_to_upgrade(), 3);
}

#[test]
fn a_site_that_was_closed_before_stays_closed_and_owes_no_opening() {
    let closed = Facts { maintenance: Some(true), ..facts() };
    let plan = plan_with(&closed, &["ixp2"], &Options::default()).unwrap();
    let theirs = plan.host("ixp1").unwrap();
    assert!(!ids(theirs).contains(&"maintenance-on") && !ids(theirs).contains(&"maintenance-off"));
    assert!(theirs.notes.contains(&Note::StaysClosed));
    let ours = plan.host("ixp2").unwrap();
    assert!(!ids(ours).contains(&"maintenance-on") && ids(ours).contains(&"maintenance-off"));
    assert!(ours.owed.contains("maintenance-off") && theirs.owed.is_empty());
}

#[test]
fn a_site_that_was_opened_by_hand_is_owed_nothing() {
    let plan = plan_with(&facts(), &["ixp2"], &Options::default()).unwrap();
    assert!(plan.host("ixp2").unwrap().owed.is_empty());
}

#[test]
fn a_host_on_which_a_run_broke_off_is_not_current_although_somebody_opened_its_site() {
    let there = Facts { remote_commit: facts().commit, ..facts() };
    let plan = plan_with(&there, &["ixp2"], &Options::default()).unwrap();
    assert_eq!(plan.host("ixp1").unwrap().action, HostAction::Current);
    assert!(ids(plan.host("ixp2").unwrap()).contains(&"composer"));
}

#[test]
fn a_site_of_which_nothing_is_known_is_closed_and_opened_unless_it_turns_out_to_be_closed() {
    let unknown = Facts { maintenance: None, ..facts() };
    let plan = plan_with(&unknown, &["ixp2"], &Options::default()).unwrap();
    let host = plan.host("ixp1").unwrap();
    assert!(
        ids(host).contains(&"maintenance-on") && ids(host).contains(&"maintenance-off") && !host.stays_closed
    );
    assert!(host.step("maintenance-on").unwrap().unless_exists.is_some());
    let ours = plan.host("ixp2").unwrap();
    assert!(!ids(ours).contains(&"maintenance-on") && ids(ours).contains(&"maintenance-off"));
}

#[test]
fn a_limit_keeps_the_waves_in_order() {
    let options =
        Options { target: None, limit: Some(Selector::parse("ixp2,staging").unwrap()), ..Options::default() };
    let plan = plan_with(&facts(), &[], &options).unwrap();
    let hosts: Vec<&str> = plan.hosts().map(|(_, host)| host.host.as_str()).collect();
    assert_eq!(hosts, ["staging", "ixp2"]);
}

#[test]
fn the_digest_is_of_what_will_run_and_not_of_what_was_free_on_a_disk() {
    let plan = plan_with(&facts(), &[], &Options::default()).unwrap();
    let digest = |facts: &Facts| plan_with(facts, &[], &Options::default()).unwrap().digest();
    let fuller = Facts { free_bytes: Some(1 << 30), boot_id: Some("x".to_owned()), ..facts() };
    assert_eq!(plan.digest(), digest(&Facts { clock_skew: Some(90), ..fuller }));
    // One that has no room left is not begun; how little it has makes no other plan.
    let full = |bytes| digest(&Facts { free_bytes: Some(bytes), ..facts() });
    assert!(full(1) != plan.digest() && full(1) == full(1 << 20));
    let root = Facts { login_user: Some("root".to_owned()), ..facts() };
    assert_ne!(plan.digest(), plan_with(&root, &[], &Options::default()).unwrap().digest());
}

#[test]
fn a_plan_survives_the_journal() {
    let plan = plan_with(&facts(), &[], &Options::default()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn a_plan_of_an_older_journal_keeps_its_preflight_policy() {
    let strict = PreflightPolicy { strict: true, ..PreflightPolicy::default() };
    let options = Options { preflight_policy: strict, ..Options::default() };
    let plan = plan_with(&facts(), &[], &options).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    let older = text.replace("\"preflight_policy\":", "\"rigour\":");
    assert_ne!(older, text);
    assert_eq!(serde_json::from_str::<Plan>(&older).unwrap(), plan);
}
