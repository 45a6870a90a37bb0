//! Many hosts behind one jump host, a real sshd with its own limits.

use ixporch_tests::sshd::Sshd;

use crate::stage::Stage;

/// So many hosts are behind it.
const HOSTS: usize = 30;

/// Hosts behind a bastion with these lines in its configuration.
fn behind(lines: &str) -> Option<(Stage, Sshd)> {
    let names: Vec<String> = (1..=HOSTS).map(|number| format!("h{number}")).collect();
    let stage = Stage::new(&[("all", &names.iter().map(String::as_str).collect::<Vec<_>>())]);
    let bastion = Sshd::start_configured(stage.folder.path(), "bastion", lines)?;
    let known_hosts = stage.folder.path().join("known_hosts");
    let text = std::fs::read_to_string(&known_hosts).unwrap() + &bastion.known_hosts_line(bastion.port);
    std::fs::write(&known_hosts, text).unwrap();
    let user =
        String::from_utf8(std::process::Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let jump = format!(
        "jump = [\"bastion\"]\n[jumps.bastion]\naddress = \"127.0.0.1\"\nport = {}\nuser = \"{}\"\n\
         identity_files = [\"key\"]\nknown_hosts = [\"known_hosts\"]\n\n[hosts.h1]\n",
        bastion.port,
        user.trim()
    );
    stage.change_inventory("[hosts.h1]\n", &jump);
    Some((stage, bastion))
}

#[test]
fn thirty_hosts_share_a_few_logins_on_their_bastion() {
    // MaxStartups as OpenSSH has it: of more than ten that have not logged in, some are dropped.
    let Some((stage, bastion)) = behind("LogLevel INFO\nMaxStartups 10:30:100\n") else { return };
    let ended = stage.run(&["status"]);
    assert_eq!(ended.code, 0, "{ended}");
    let logins = bastion.logged("Accepted publickey");
    ixporch_tests::say(&format!("{HOSTS} hosts, status: {logins} logins on the bastion"));
    assert!((1..=4).contains(&logins), "{logins} logins");
    let ended = stage.run(&["exec", "--", "true"]);
    assert_eq!(ended.code, 0, "{ended}");
    let logins = bastion.logged("Accepted publickey") - logins;
    ixporch_tests::say(&format!("{HOSTS} hosts, exec: {logins} logins on the bastion"));
    assert!((1..=4).contains(&logins), "{logins} logins");
}

#[test]
fn what_a_bastion_refuses_is_not_tried_again_for_each_host() {
    let Some((stage, bastion)) = behind("LogLevel VERBOSE\nDenyUsers *\n") else { return };
    let ended = stage.run(&["status"]);
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("(not tried again)"), "{ended}");
    assert_eq!(bastion.logged("Connection from"), 1 + PROBES, "{ended}");
}

/// The connections by which the test itself waits for the server.
const PROBES: usize = 1;
