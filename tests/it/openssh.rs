//! What only a real OpenSSH server can show: its login, its certificates, the way through it.

use std::path::Path;
use std::process::Command;

use ixporch_tests::sshd::Sshd;

use crate::stage::Stage;

fn ssh_keygen(path: &Path, kind: &str) {
    let _ = std::fs::remove_file(path);
    let status =
        Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(status.success());
}

/// Lets the inventory's host mean this server.
fn point_at(stage: &Stage, sshd: &Sshd, known_hosts: &str) {
    let port = stage.fleet.host("a").port;
    stage.change_inventory(&format!("port = {port}\n"), &format!("port = {}\n", sshd.port));
    std::fs::write(stage.folder.path().join("known_hosts"), known_hosts).unwrap();
}

#[test]
fn every_kind_of_key_file_logs_in() {
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let stage = Stage::new(&[("all", &["a"])]);
        ssh_keygen(&stage.folder.path().join("key"), kind);
        let Some(sshd) = Sshd::start(stage.folder.path()) else { return };
        point_at(&stage, &sshd, &sshd.known_hosts_line(sshd.port));
        let ended = stage.run(&["status"]);
        assert_eq!(ended.code, 0, "{kind}: {ended}");
    }
}

#[test]
fn a_host_certificate_of_a_named_authority_is_trusted_and_one_for_another_name_is_not() {
    for (principal, code) in [("127.0.0.1", 0), ("192.0.2.1", 4)] {
        let stage = Stage::new(&[("all", &["a"])]);
        let folder = stage.folder.path();
        ssh_keygen(&folder.join("authority"), "ed25519");
        let Some(sshd) = Sshd::start_with(folder, "sshd", Some(principal)) else { return };
        let authority = std::fs::read_to_string(folder.join("authority.pub")).unwrap();
        point_at(&stage, &sshd, &format!("@cert-authority [127.0.0.1]:* {authority}"));
        let ended = stage.run(&["status"]);
        assert_eq!(ended.code, code, "{principal}: {ended}");
        if code == 4 {
            assert!(ended.stdout.contains("it is for 192.0.2.1, not for 127.0.0.1"), "{ended}");
        }
    }
}

#[test]
fn a_host_behind_a_jump_host_is_upgraded_and_each_key_on_the_way_is_verified() {
    let stage = Stage::new(&[("all", &["a"])]);
    let Some(sshd) = Sshd::start(stage.folder.path()) else { return };
    stage.change_inventory("groups = [\"all\"]\n", "groups = [\"all\"]\njump = [\"bastion\"]\n");
    let bastion = format!("[hosts.bastion]\naddress = \"127.0.0.1\"\nport = {}\n[[waves]]\n", sshd.port);
    stage.change_inventory("[[waves]]\n", &bastion);
    let refused = stage.run(&["status", "--limit", "a"]);
    assert_eq!(refused.code, 4, "{refused}");
    assert!(
        refused.stdout.contains("jump host `bastion`: the host key of `bastion` was refused"),
        "{refused}"
    );

    let known_hosts = stage.folder.path().join("known_hosts");
    let lines = std::fs::read_to_string(&known_hosts).unwrap() + &sshd.known_hosts_line(sshd.port);
    std::fs::write(&known_hosts, lines).unwrap();
    let ended = stage.run(&["upgrade", "--yes", "--limit", "a"]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.fleet.host("a").describe(), "v4.5.0");
}

#[test]
fn a_server_with_few_algorithms_is_reached_or_told_what_it_lacks() {
    let common = [
        "KexAlgorithms ecdh-sha2-nistp521\n",
        "KexAlgorithms ecdh-sha2-nistp256\nCiphers aes128-gcm@openssh.com\n",
        "KexAlgorithms diffie-hellman-group14-sha256\nCiphers aes128-ctr\nMACs hmac-sha1\n",
        "Ciphers aes256-ctr\nMACs hmac-sha1-etm@openssh.com\n",
    ];
    let other = [
        (
            "KexAlgorithms sntrup761x25519-sha512@openssh.com\n",
            "no common key exchange algorithm",
            "KexAlgorithms",
        ),
        ("Ciphers aes128-ctr\nMACs umac-64@openssh.com\n", "no common MAC algorithm", "MACs"),
    ];
    for lines in common {
        let stage = Stage::new(&[("all", &["a"])]);
        let Some(sshd) = Sshd::start_configured(stage.folder.path(), "sshd", lines) else { return };
        point_at(&stage, &sshd, &sshd.known_hosts_line(sshd.port));
        let ended = stage.run(&["status"]);
        assert_eq!(ended.code, 0, "{lines}: {ended}");
    }
    for (lines, why, setting) in other {
        let stage = Stage::new(&[("all", &["a"])]);
        let Some(sshd) = Sshd::start_configured(stage.folder.path(), "sshd", lines) else { return };
        point_at(&stage, &sshd, &sshd.known_hosts_line(sshd.port));
        let ended = stage.run(&["status"]);
        assert_eq!(ended.code, 4, "{lines}: {ended}");
        let help = format!("help: add one of these to {setting} in the server's sshd_config: ");
        assert!(ended.stdout.contains(why) && ended.stdout.contains(&help), "{ended}");
    }
}

#[test]
fn a_small_soft_limit_of_open_files_is_raised() {
    let names: Vec<String> = (1..=24).map(|number| format!("h{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let stage = Stage::new(&[("all", &names)]);
    let inventory = stage.inventory.display().to_string();
    let ended = stage.program.run_after("ulimit -S -n 24", &["status", "--inventory", &inventory]);
    assert_eq!(ended.code, 0, "{ended}");
    let ended = stage.program.run_after("ulimit -n 24", &["status", "--inventory", &inventory]);
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("too many files are open on this machine"), "{ended}");
    assert!(ended.stdout.contains("help: raise the limit (ulimit -n"), "{ended}");
}
