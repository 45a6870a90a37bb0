use crate::stage::program;

const SIX_MISTAKES: &str = r#"format = 1

[defaults]
usr = "deploy"
ixp_root = "srv/ixpmanager"

[groups.prod]

[hosts.ixp1]
groups = ["prd"]
port = 70000

[hosts.ixp2]
address = "ixp1"
groups = ["prod"]

[[waves]]
name = "prod"
hosts = "@prod,ixp9"
"#;

#[test]
fn six_mistakes_are_shown_at_once_with_line_column_caret_and_help() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("bad.toml"), SIX_MISTAKES).unwrap();
    let ended = program(&home).run(&["inventory", "check", "--inventory", "bad.toml"]);
    assert_eq!(ended.code, 3);
    insta::assert_snapshot!(ended);
}

#[test]
fn a_good_inventory_is_listed_and_explained() {
    let home = tempfile::tempdir().unwrap();
    let text = r#"format = 1
[defaults]
user = "deploy"
[groups.old]
php = "php7.0"
user = "legacy"
[groups.prod]
user = "prod"
[hosts."ixp-staging.example.net"]
[hosts."ixp1.example.net"]
groups = ["old", "prod"]
address = "192.0.2.10"
port = 2222
[[waves]]
name = "first"
hosts = "ixp-*"
[[waves]]
name = "second"
hosts = "@prod"
"#;
    std::fs::write(home.path().join("inventory.toml"), text).unwrap();
    let program = program(&home);
    insta::assert_snapshot!("check", program.run(&["inventory", "check"]));
    insta::assert_snapshot!("list", program.run(&["inventory", "list"]));
    insta::assert_snapshot!("list_limited", program.run(&["inventory", "list", "--limit", "@prod"]));
    insta::assert_snapshot!("explain", program.run(&["inventory", "explain", "ixp1.example.net"]));
    insta::assert_snapshot!("explain_unknown", program.run(&["inventory", "explain", "ixp1.exmple.net"]));
    let explained = program.json(&["--format", "json", "inventory", "explain", "ixp1.example.net"]);
    assert_eq!(explained["settings"]["php"]["from"], "group");
    assert_eq!(explained["settings"]["php"]["line"], 5);
    assert_eq!(explained["settings"]["user"]["name"], "prod");
}

#[test]
fn a_selector_that_matches_nothing_is_an_error_with_a_suggestion() {
    let home = tempfile::tempdir().unwrap();
    let text = "format = 1\n[groups.prod]\n[hosts.ixp1]\ngroups = [\"prod\"]\n";
    std::fs::write(home.path().join("inventory.toml"), text).unwrap();
    let program = program(&home);
    for (limit, code) in
        [("@prd", 2), ("ixp2", 2), ("lab-*", 2), ("!@prod", 2), ("", 2), ("[", 2), ("@prod,!nobody", 2)]
    {
        let ended = program.run(&["inventory", "list", "--limit", limit]);
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{limit}: {ended}");
        assert!(ended.stderr.starts_with("error: "), "{limit}: {ended}");
    }
    std::fs::write(home.path().join("hosts.txt"), "# the first\nixp1   # really\n\n").unwrap();
    assert_eq!(program.run(&["inventory", "list", "--limit-file", "hosts.txt"]).code, 0);
}

#[test]
fn init_writes_a_valid_inventory_and_never_overwrites() {
    let home = tempfile::tempdir().unwrap();
    let program = program(&home);
    assert_eq!(program.run(&["init"]).code, 0);
    assert_eq!(program.run(&["inventory", "check"]).code, 0);
    let path = home.path().join("inventory.toml");
    std::fs::write(&path, "mine").unwrap();
    let ended = program.run(&["init"]);
    assert_eq!(ended.code, 2, "{ended}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn what_is_no_inventory_is_told_clearly() {
    let home = tempfile::tempdir().unwrap();
    let program = program(&home);
    let check = |name: &str, bytes: &[u8]| {
        std::fs::write(home.path().join(name), bytes).unwrap();
        let ended = program.run(&["inventory", "check", "--inventory", name]);
        assert_eq!(ended.code, 3, "{ended}");
        assert!(!ended.stderr.contains("panicked"), "{ended}");
        ended
    };
    insta::assert_snapshot!("empty_file", check("empty.toml", b""));
    insta::assert_snapshot!("no_toml", check("broken.toml", b"format = 1\n[hosts.a\nport = = 3\n"));
    let _ = check("binary.toml", &[0xff, 0xfe, 0x00, 0x01]);
    let _ = check("escape.toml", "format = 1\n[hosts.\"\\u001b[2J\"]\n".as_bytes());
    let missing = program.run(&["inventory", "check", "--inventory", "missing.toml"]);
    assert_eq!(missing.code, 3);
    assert!(missing.stderr.contains("missing.toml") && missing.stderr.contains("help: "), "{missing}");
}

/// No clock here: work that grows with the square of the hosts takes minutes in a debug build.
#[test]
fn an_inventory_of_many_hosts_is_checked_and_listed() {
    const HOSTS: usize = 20_000;
    let home = tempfile::tempdir().unwrap();
    let program = program(&home);
    let write = |settings: &str, waves: &str| {
        let mut text = "format = 1\n[groups.all]\n".to_owned();
        for number in 1..=HOSTS {
            let address = format!("10.0.{}.{}", number / 256, number % 256);
            text.extend(["[hosts.", &format!("h{number:05}"), "]\naddress = \"", &address, "\"\n", settings]);
        }
        std::fs::write(home.path().join("inventory.toml"), text + waves).unwrap();
    };

    write("groups = [\"all\"]\n", "[[waves]]\nname = \"first\"\nhosts = \"@all,!h[00001-10000]\"\n");
    let checked = program.run(&["inventory", "check"]);
    assert_eq!(checked.code, 0, "{checked}");
    assert!(checked.stdout.contains("hosts: 20000"), "{checked}");
    assert!(checked.stderr.contains("in no wave, which an upgrade skips: h[00001-10000]"), "{checked}");
    let listed = program.run(&["inventory", "list"]);
    assert_eq!(listed.stdout.lines().count(), HOSTS + 1);
    let listed = program.run(&["inventory", "list", "--limit", "h[10001-20000],!h*9"]);
    assert_eq!(listed.stdout.lines().count(), 9001);

    write("usr = \"x\"\n", "");
    let checked = program.run(&["inventory", "check"]);
    assert_eq!(checked.code, 3);
    assert!(checked.stderr.trim_end().ends_with("20000 mistakes in inventory.toml; the first 100 are shown"));
    assert_eq!(checked.stderr.matches("did you mean `user`?").count(), 100);
}
