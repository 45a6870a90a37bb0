//! Key files of every kind, their passphrases, and the agent. The keys are OpenSSH's own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::stage::Stage;

fn ssh_keygen(arguments: &[&str]) {
    let status = Command::new("ssh-keygen").args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "ssh-keygen {arguments:?}");
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn a_key_with_a_passphrase_is_opened_by_ssh_askpass() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    let folder = stage.folder.path();
    ssh_keygen(&["-q", "-p", "-N", "open sesame", "-f", &text(&folder.join("key"))]);
    let refused = stage.run(&["status"]);
    assert_eq!(refused.code, 4, "{refused}");
    assert!(refused.stdout.contains("it has a passphrase, and nobody can be asked"), "{refused}");

    let askpass = folder.join("askpass");
    std::fs::write(
        &askpass,
        format!("#!/bin/sh\necho \"$1\" >> '{}'\necho 'open sesame'\n", text(&folder.join("asked"))),
    )
    .unwrap();
    std::fs::set_permissions(&askpass, std::fs::Permissions::from_mode(0o755)).unwrap();
    let inventory = text(&stage.inventory);
    let status = |passphrase: &str| {
        let script = std::fs::read_to_string(&askpass).unwrap().replace("open sesame", passphrase);
        std::fs::write(&askpass, script).unwrap();
        let output = stage
            .program
            .command(&["status", "--inventory", &inventory])
            .env("SSH_ASKPASS", &askpass)
            .output()
            .unwrap();
        (
            output.status.code(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    let (code, said) = status("open sesame");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        std::fs::read_to_string(folder.join("asked")).unwrap().lines().count(),
        1,
        "it is asked for once, not once per host"
    );
    let (code, said) = status("xyzzy plugh");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("the passphrase is wrong") && !said.contains("xyzzy"), "{said}");
}

#[test]
fn the_agent_shows_its_keys() {
    let stage = Stage::new(&[("all", &["a"])]);
    let folder = stage.folder.path();
    let socket = folder.join("agent.sock");
    let mut agent =
        Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        std::thread::yield_now();
    }
    let add = Command::new("ssh-add")
        .arg("-q")
        .arg(folder.join("key"))
        .env("SSH_AUTH_SOCK", &socket)
        .status()
        .unwrap();
    std::fs::remove_file(folder.join("key")).unwrap();
    stage.change_inventory("identity_files = [\"key\"]\n", "");
    let inventory = text(&stage.inventory);
    let output = stage
        .program
        .command(&["status", "--inventory", &inventory])
        .env("SSH_AUTH_SOCK", &socket)
        .output()
        .unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(add.success());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_host_that_takes_none_of_our_keys_says_what_was_tried() {
    let stage = Stage::new(&[("all", &["a"])]);
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let key = stage.folder.path().join(kind);
        ssh_keygen(&["-q", "-t", kind, "-N", "", "-f", &text(&key)]);
    }
    stage.change_inventory("[\"key\"]", "[\"ed25519\", \"ecdsa\", \"rsa\", \"missing\"]");
    let ended = stage.run(&["status"]);
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("authentication as"), "{ended}");
    for name in ["/ed25519", "/ecdsa", "/rsa", "missing: no such file", "it offers: publickey"] {
        assert!(ended.stdout.contains(name), "{name}: {ended}");
    }
}
