//! What one host, or somebody on it, does to harm others: the controller, the other hosts, its own root. In each test a
//! healthy host stands beside the hostile one, and is upgraded.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::stage::{Stage, host_of};

/// A healthy host and a hostile one.
fn two() -> Stage {
    Stage::new(&[("all", &["good", "bad"])])
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn reason(stage: &Stage, host: &str) -> String {
    host_of(&stage.report(), host)["why"].to_string()
}

#[test]
fn pending_sql_that_is_too_deep_for_a_stack_ends_no_other_hosts_upgrade() {
    let stage = two();
    stage.change_inventory("schema_approval = \"any\"", "schema_approval = \"additive\"");
    let deep = format!("ALTER TABLE cust ADD legacy INT DEFAULT {}1", "1+".repeat(60_000));
    stage.fleet.host("bad").drift(&deep);
    let ended = stage.upgrade();
    assert_eq!(ended.code, 7, "{ended}");
    assert_eq!((stage.outcome("good").as_str(), stage.outcome("bad").as_str()), ("upgraded", "held"));
    // Whatever reads the journal later reads that, too.
    for arguments in [
        &["report"][..],
        &["report", "--format", "json"],
        &["schema", "latest"],
        &["evidence", "show"],
        &["runs"],
    ] {
        let ended = stage.program.run(arguments);
        assert!((0..=8).contains(&ended.code) && !ended.stderr.contains("panicked"), "{arguments:?} {ended}");
    }
    assert!(stage.program.run(&["schema", "latest"]).stdout.contains("could not be read"));
}

#[test]
fn git_is_not_run_where_others_can_write_its_configuration() {
    for open in [".git/config", ".git/hooks", ".git", "."] {
        let stage = two();
        let host = stage.fleet.host("bad");
        let (root, ran) = (host.root(), host.folder().join("ran"));
        let monitor = host.folder().join("monitor");
        fs::write(&monitor, format!("#!/bin/sh\ntouch {}\n", ran.display())).unwrap();
        mode(&monitor, 0o755);
        let config = fs::read_to_string(root.join(".git/config")).unwrap();
        let config = format!("{config}[core]\n\tfsmonitor = {}\n\tsshCommand = {0}\n", monitor.display());
        fs::write(root.join(".git/config"), config).unwrap();
        // Group root has no members: only a mode for everybody opens it to others.
        mode(&root.join(open), 0o777);
        assert_eq!(stage.run(&["status"]).code, 0);
        let check = stage.run(&["check", "--limit", "bad"]);
        assert!(check.stdout.contains("tree-open") && check.stdout.contains(" go-w "), "{open}: {check}");
        let ended = stage.upgrade();
        assert_eq!(ended.code, 4, "{open}: {ended}");
        assert_eq!(
            (stage.outcome("good").as_str(), stage.outcome("bad").as_str()),
            ("upgraded", "not-started")
        );
        // A finding can be skipped; the lock is not taken there all the same.
        let skip =
            ["upgrade", "--yes", "--limit", "bad", "--skip-check", "tree-open", "--skip-check", "upstream"];
        let ended = stage.run(&[&skip[..], &["--reason", "trust me"]].concat());
        assert_ne!(ended.code, 0, "{open}: {ended}");
        assert!(
            reason(&stage, "bad").contains("can be written by other users"),
            "{open}: {}",
            reason(&stage, "bad")
        );
        assert!(!ran.exists(), "{open}: git ran a program that others could name");
        assert_eq!(host.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn programs_that_the_configuration_of_git_names_are_not_run() {
    let stage = two();
    let host = stage.fleet.host("bad");
    let (root, ran) = (host.root(), host.folder().join("ran"));
    let program = format!("#!/bin/sh\necho \"$0\" >> {}\n", ran.display());
    for name in ["monitor", "post-checkout", "post-merge", "reference-transaction"] {
        let path = host.folder().join(name);
        fs::write(&path, &program).unwrap();
        mode(&path, 0o755);
        fs::copy(&path, root.join(".git/hooks").join(name)).unwrap();
    }
    let config = fs::read_to_string(root.join(".git/config")).unwrap();
    let monitor = host.folder().join("monitor");
    fs::write(root.join(".git/config"), format!("{config}[core]\n\tfsmonitor = {}\n", monitor.display()))
        .unwrap();
    assert_eq!(stage.upgrade().code, 0);
    assert!(!ran.exists(), "{}", fs::read_to_string(&ran).unwrap());
}

#[test]
fn nothing_is_kept_in_a_folder_that_others_can_write_or_that_is_a_link() {
    type Shape<'a> = (&'a str, &'a dyn Fn(&Path));
    let shapes: [Shape<'_>; 4] = [
        ("can be written by other users", &|state| {
            fs::create_dir(state).unwrap();
            mode(state, 0o777);
        }),
        ("is a link", &|state| {
            fs::create_dir(state.with_extension("elsewhere")).unwrap();
            symlink(state.with_extension("elsewhere"), state).unwrap();
        }),
        ("can be written by other users", &|state| {
            fs::create_dir_all(state.join("runs")).unwrap();
            mode(state, 0o700);
            mode(&state.join("runs"), 0o777);
        }),
        ("is a link, or is not a folder", &|state| fs::write(state, "").unwrap()),
    ];
    for (words, shape) in shapes {
        let stage = two();
        shape(&stage.fleet.host("bad").folder().join(".ixporch"));
        let ended = stage.upgrade();
        assert_eq!(ended.code, 4, "{words}: {ended}");
        assert_eq!(
            (stage.outcome("good").as_str(), stage.outcome("bad").as_str()),
            ("upgraded", "not-started")
        );
        assert!(reason(&stage, "bad").contains(words), "{}", reason(&stage, "bad"));
        assert_eq!(stage.fleet.host("bad").asked(), Vec::<String>::new());
    }
}

#[test]
fn what_is_no_lock_in_the_place_of_a_lock_is_told_at_once_and_can_be_removed() {
    let places: [&dyn Fn(&Path); 3] = [
        &|lock| assert!(Command::new("mkfifo").arg(lock).status().unwrap().success()),
        &|lock| fs::create_dir_all(lock.join("full")).unwrap(),
        &|lock| symlink("/nonexistent", lock).unwrap(),
    ];
    for make in places {
        let stage = two();
        let lock = stage.fleet.host("bad").root().join(".git/ixporch.lock");
        make(&lock);
        let began = Instant::now();
        let shown = stage.run(&["lock", "show"]);
        assert!(shown.stdout.contains("which is no lock"), "{shown}");
        assert!(began.elapsed() < Duration::from_secs(20), "a pipe is not waited for");
        let ended = stage.upgrade();
        assert_ne!(ended.code, 0, "{ended}");
        assert_eq!(
            (stage.outcome("good").as_str(), stage.outcome("bad").as_str()),
            ("upgraded", "not-started")
        );
        assert!(reason(&stage, "bad").contains("is no lock"), "{}", reason(&stage, "bad"));
        let broken = stage.run(&["lock", "break", "bad", "--reason", "it is none"]);
        assert_eq!(broken.code, 0, "{broken}");
        assert!(fs::symlink_metadata(&lock).is_err());
        assert_eq!(stage.upgrade().code, 0);
    }
}

#[test]
fn a_backup_from_a_hostile_host_harms_no_terminal_and_fills_no_disk() {
    let stage = Stage::new(&[("all", &["bad"])]);
    let host = stage.fleet.host("bad");
    let folder = host.folder().join("backups/bad/0198aaaa");
    fs::create_dir_all(&folder).unwrap();
    let to = stage.folder.path().join("copy");
    let manifest = |text: &str| fs::write(folder.join("manifest.json"), text).unwrap();
    let fetch = |more: &[&str]| {
        let folder = to.display().to_string();
        let all = [&["backup", "fetch", "bad", "--to", &folder], more].concat();
        stage.run(&all)
    };
    fs::write(folder.join("x"), vec![b'x'; 5000]).unwrap();

    let digest = {
        let output = Command::new("sha256sum").arg(folder.join("x")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
    };
    let file = |name: &str, bytes: u64| {
        serde_json::json!({ "archives": { "a": { "file": name, "bytes": bytes, "sha256": digest } } })
            .to_string()
    };
    // More bytes than the manifest says, and a manifest without end.
    manifest(&file("x", 4999));
    let ended = fetch(&[]);
    assert_eq!(ended.code, 5, "{ended}");
    assert!(ended.stderr.contains("x is longer than 4.8 KiB"), "{ended}");
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1, "only the manifest is whole");
    fs::remove_dir_all(&to).unwrap();
    fs::File::create(folder.join("manifest.json")).unwrap().set_len(1 << 34).unwrap();
    let ended = fetch(&[]);
    assert_eq!(ended.code, 5, "{ended}");
    assert!(ended.stderr.contains("manifest.json is longer than 16.0 MiB") && !to.exists(), "{ended}");
    // Names that are none.
    for name in ["../x", "\u{1b}[2J", ".bashrc", "manifest.json"] {
        manifest(&file(name, 5000));
        let ended = fetch(&[]);
        assert_eq!(ended.code, 3, "{ended}");
        assert!(
            ended.stderr.contains("unsafe file") && !ended.stderr.contains('\u{1b}') && !to.exists(),
            "{ended}"
        );
    }
    // Nobody is there to be asked.
    manifest(&file("x", 2 << 30));
    let ended = fetch(&[]);
    assert_eq!(ended.code, 2, "{ended}");
    assert!(ended.stderr.contains("2.0 GiB") && ended.stderr.contains("--yes") && !to.exists(), "{ended}");
    // An honest one arrives.
    manifest(&file("x", 5000));
    let ended = fetch(&[]);
    assert_eq!(ended.code, 0, "{ended}");
    assert!(ended.stderr.contains("bad: 1 file, 4.8 KiB"), "{ended}");
    assert_eq!(fs::read(to.join("x")).unwrap().len(), 5000);
}

#[test]
fn runs_that_others_could_have_written_are_refused_with_the_command_that_closes_them() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let runs_folder = stage.folder.path().join(".local/state/ixporch");
    let run = runs_folder.join("runs").join(stage.last_run());
    for folder in [&runs_folder, &runs_folder.join("runs"), &run] {
        mode(folder, 0o770);
        for arguments in
            [&["report"][..], &["report", &stage.folder.path().display().to_string()], &["resume"], &["runs"]]
        {
            let ended = stage.program.run(arguments);
            if *folder != run || arguments[0] == "report" {
                assert_eq!(ended.code, 3, "{arguments:?} {ended}");
            }
        }
        let ended = stage.program.run(&["report", run.file_name().unwrap().to_str().unwrap()]);
        assert_eq!(ended.code, 3, "{ended}");
        let close = format!("help: look at what is in it; then close it: chmod go-w {}", folder.display());
        assert!(ended.stderr.contains(&close), "{ended}");
        mode(folder, 0o700);
    }
    assert_eq!(stage.program.run(&["report"]).code, 0);
    // An inventory is somebody's own choice: that is only said.
    mode(&stage.inventory, 0o666);
    let ended = stage.run(&["plan"]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(
        ended.stderr.matches("inventory.toml can be written by other users (mode 666)").count(),
        1,
        "{ended}"
    );
}

#[test]
fn a_backup_folder_that_others_can_change_stops_the_upgrade_before_anything_is_changed() {
    let stage = two();
    let bad = stage.fleet.host("bad");
    fs::create_dir(bad.folder().join("backups")).unwrap();
    mode(&bad.folder().join("backups"), 0o777);
    let ended = stage.upgrade();
    assert_eq!(ended.code, 4, "{ended}");
    assert_eq!((stage.outcome("good").as_str(), stage.outcome("bad").as_str()), ("upgraded", "not-started"));
    let check = stage.run(&["check", "--limit", "bad"]);
    assert!(check.stdout.contains("users other than root can change it"), "{check}");
    // The step looks again.
    let skip =
        ["upgrade", "--yes", "--limit", "bad", "--skip-check", "disk-backup", "--skip-check", "upstream"];
    let ended = stage.run(&[&skip[..], &["--reason", "trust me"]].concat());
    assert_eq!(ended.code, 5, "{ended}");
    assert!(ended.stdout.contains("backups can be written by other users: chown root"), "{ended}");
    assert_eq!(bad.describe(), "v4.4.0");
    assert!(!bad.in_maintenance());
}

#[test]
fn looking_writes_through_no_link_that_others_put_into_the_state_folder() {
    let stage = two();
    let bad = stage.fleet.host("bad");
    let open = bad.folder().join(".ixporch");
    let (ledger, secret) = (open.join("runs/none/bad"), bad.folder().join("secret"));
    fs::create_dir_all(&ledger).unwrap();
    mode(&open, 0o777);
    fs::write(&secret, "untouched").unwrap();
    symlink(&secret, ledger.join("connection")).unwrap();
    for arguments in [&["status"][..], &["check"], &["lock", "show"], &["schema", "diff"]] {
        assert!((0..=8).contains(&stage.run(arguments).code), "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(&secret).unwrap(), "untouched");
}
