//! Logins that need more than a key: passwords, second factors, certificates, bastions, and passwords for sudo and su.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use ixporch_tests::fleet::Fleet;

use crate::stage::Stage;

/// The password of a login of the fleet that must give it to sudo.
const SUDO: &str = "swordfish";
/// Another one, with a blank and what a shell would expand.
const ROOT: &str = "r00t $HOME `id`";

fn ssh_keygen(arguments: &[&str]) {
    let status = Command::new("ssh-keygen").args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "ssh-keygen {arguments:?}");
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A command that prints a password, which stands in a file.
fn printing(stage: &Stage, name: &str, password: &str) -> String {
    let file = stage.program.home().join(name);
    std::fs::write(&file, format!("{password}\n")).unwrap();
    format!("cat {}", file.display())
}

/// An inventory with these tables; the fleet's host keys are known.
fn inventory(stage: &Stage, tables: &str) -> String {
    let keys = stage.fleet.state();
    let text = format!(
        "format = 1\n[defaults]\nuser = \"ops\"\nidentity_files = [\"{0}/id_ed25519\"]\nknown_hosts = [\"{0}/known_hosts\"]\n\
         schema_approval = \"any\"\nhealth_successes = 1\nhealth_timeout = \"6s\"\nssh_config = \"none\"\n{tables}",
        keys.display()
    );
    let path = stage.program.home().join("logins.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Looks for a password on a host, again and again, until `/root/enough` is there.
fn watch(stage: &Stage, host: &str, password: &str) {
    let script =
        include_str!("watch.sh").replace("'secret #1'", &format!("'{}'", password.replace('\'', "'\\''")));
    std::fs::write(Fleet::root_of(host).join("root/watch.sh"), script).unwrap();
    stage.fleet.on(host, "rm -f /root/enough; setsid sh /root/watch.sh >/dev/null 2>&1 </dev/null &");
}

/// Where a password is on a host, during and after.
fn seen(stage: &Stage, host: &str) -> String {
    stage.fleet.on(
        host,
        "touch /root/enough; sleep 0.3; sort /root/seen | uniq -c
         journalctl --no-pager 2>/dev/null | grep -F -f /root/pattern
         grep -rlF -f /root/pattern /home /var/tmp /tmp /var/backups /var/log /run /srv/ixpmanager/storage /root/.ixporch 2>/dev/null",
    )
}

#[test]
fn an_upgrade_behind_a_bastion_with_a_certificate_and_a_sudo_password_leaves_no_password() {
    let Some(stage) = Stage::of(&["h1", "h2", "h3", "h4"]) else { return };
    let home = stage.program.home().to_owned();
    for name in ["gate", "authority", "login"] {
        ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &text(&home.join(name))]);
    }
    ssh_keygen(&[
        "-q",
        "-s",
        &text(&home.join("authority")),
        "-I",
        "x",
        "-n",
        "opspw",
        &text(&home.join("login.pub")),
    ]);
    let public = |name: &str| std::fs::read_to_string(home.join(name).with_extension("pub")).unwrap();
    // The bastion: another user with another key.
    stage.fleet.on("h4", &format!("id gate 2>/dev/null || useradd -m gate; install -d -o gate -m 700 /home/gate/.ssh; echo '{}' > /home/gate/.ssh/authorized_keys; chown gate /home/gate/.ssh/authorized_keys", public("gate").trim()));
    // The host: a certificate alone lets in, and sudo wants a password.
    stage.fleet.on("h1", &format!("echo '{}' > /etc/ssh/authority.pub; echo 'TrustedUserCAKeys /etc/ssh/authority.pub' > /etc/ssh/sshd_config.d/a.conf; systemctl reload ssh", public("authority").trim()));
    stage.fleet.on("h2", "rm /etc/sudoers.d/ops");
    let pipe = Fleet::root_of("h2").join("root/password");
    std::fs::write(&pipe, format!("root:{ROOT}\n")).unwrap();
    stage.fleet.on("h2", "chpasswd < /root/password; rm /root/password");
    stage.fleet.fleet(&["publish", "v4.6.0", "h1", "h2", "h3"]);
    let (sudo, su) = (printing(&stage, "sudo", SUDO), printing(&stage, "su", ROOT));
    let [h1, h2, h3, h4] = crate::stage::HOSTS.map(Fleet::address);
    let inventory = inventory(
        &stage,
        &format!(
            "[jumps.gate]\naddress = \"{h4}\"\nuser = \"gate\"\nidentity_files = [\"gate\"]\n\
             [hosts.h1]\naddress = \"{h1}\"\nuser = \"opspw\"\njump = [\"gate\"]\nidentity_files = [\"login\"]\n\
             become_password_command = \"{sudo}\"\nurl = \"http://{h1}\"\n\
             [hosts.h2]\naddress = \"{h2}\"\nbecome = \"su\"\nbecome_password_command = \"{su}\"\nurl = \"http://{h2}\"\n\
             [hosts.h3]\naddress = \"{h3}\"\ntransport = \"openssh\"\njump = [\"gate\"]\nurl = \"http://{h3}\"\n\
             [[waves]]\nname = \"all\"\nhosts = \"h*\"\n"
        ),
    );
    for (host, password) in [("h1", SUDO), ("h2", ROOT)] {
        watch(&stage, host, password);
    }
    let ended = stage.program.run(&["upgrade", "--yes", "--inventory", &inventory]);
    assert_eq!(ended.code, 0, "{ended}");
    for (host, password) in [("h1", SUDO), ("h2", ROOT)] {
        assert_eq!(stage.describe(host), "v4.6.0");
        assert_eq!(seen(&stage, host), "", "{host}");
        std::fs::remove_file(home.join(if host == "h1" { "sudo" } else { "su" })).unwrap();
        let found = Command::new("grep").args(["-rlF", password]).arg(&home).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "the controller's files");
    }
    assert_eq!(stage.describe("h3"), "v4.6.0", "by OpenSSH's client");
    // The step's user is still who it was: a root login has no other rights here.
    let owners = "stat -c %U /srv/ixpmanager/storage/framework /srv/ixpmanager/.git/HEAD | xargs";
    assert_eq!(stage.fleet.on("h1", owners), "www-data www-data");
}

#[test]
fn a_wrong_password_for_sudo_is_tried_once_and_named() {
    let Some(stage) = Stage::of(&["h1", "h2"]) else { return };
    with_key(&stage, "h1");
    stage.fleet.on("h2", "echo 'Defaults:ops requiretty' >> /etc/sudoers.d/ops");
    let wrong = printing(&stage, "wrong", "mackerel");
    let (h1, h2) = (Fleet::address("h1"), Fleet::address("h2"));
    let inventory = inventory(
        &stage,
        &format!(
            "become_password_command = \"{wrong}\"\n[hosts.h1]\naddress = \"{h1}\"\nuser = \"opspw\"\n[hosts.h2]\naddress = \"{h2}\"\n"
        ),
    );
    let ended = stage.program.run(&["check", "--to", "v4.6.0", "--inventory", &inventory]);
    assert_eq!(ended.code, 4, "{ended}");
    for words in [
        "sudo refused the password; it is not tried again here",
        "you must have a tty to run sudo",
        "Defaults:ops !requiretty",
    ] {
        assert!(ended.stdout.contains(words), "{words} is not in\n{ended}");
    }
    assert!(!format!("{ended}").contains("mackerel"), "{ended}");
    let tries = stage
        .fleet
        .on("h1", "journalctl --no-pager -t sudo 2>/dev/null | grep -c 'incorrect password attempt'");
    assert_eq!(tries, "1");
}

/// What `exec -- id -un` as opspw on both hosts ends with; `more` goes into the inventory's defaults.
fn exec(stage: &Stage, more: &str, askpass: Option<&Path>) -> (Option<i32>, String) {
    let (h1, h2) = (Fleet::address("h1"), Fleet::address("h2"));
    let hosts = format!(
        "[hosts.h1]\naddress = \"{h1}\"\nuser = \"opspw\"\n[hosts.h2]\naddress = \"{h2}\"\nuser = \"opspw\"\n"
    );
    let inventory = inventory(stage, &format!("{more}{hosts}"));
    let mut command = stage.program.command(&["exec", "--inventory", &inventory, "--", "id", "-un"]);
    if let Some(program) = askpass {
        command.env("SSH_ASKPASS", program);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

/// Lets the login opspw in by the fleet's key, too.
fn with_key(stage: &Stage, host: &str) {
    stage.fleet.on(
        host,
        "install -d -o opspw -m 700 /home/opspw/.ssh; cp /home/ops/.ssh/authorized_keys /home/opspw/.ssh/
         chown opspw /home/opspw/.ssh/authorized_keys",
    );
}

/// Puts lines before all others of a host's sshd.
fn configure(stage: &Stage, host: &str, lines: &str) {
    let file = Fleet::root_of(host).join("etc/ssh/sshd_config.d/a.conf");
    std::fs::write(file, lines).unwrap();
    stage.fleet.on(host, "systemctl reload ssh");
}

#[test]
fn passwords_and_second_factors_are_asked_for_once() {
    let Some(stage) = Stage::of(&["h1", "h2"]) else { return };
    let home = stage.program.home().to_owned();
    let askpass = home.join("askpass");
    let script = format!("#!/bin/sh\necho \"$1\" >> '{}'\necho '{SUDO}'\n", text(&home.join("asked")));
    std::fs::write(&askpass, script).unwrap();
    std::fs::set_permissions(&askpass, std::fs::Permissions::from_mode(0o755)).unwrap();

    // A key, and then a password, by PAM's questions.
    for host in ["h1", "h2"] {
        with_key(&stage, host);
        configure(
            &stage,
            host,
            "AuthenticationMethods publickey,keyboard-interactive\nKbdInteractiveAuthentication yes\n",
        );
    }
    let (code, said) = exec(&stage, "", None);
    assert_eq!(code, Some(4), "{said}");
    for words in ["and then asked for more (it offers: keyboard-interactive)", "SSH_ASKPASS"] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    let (code, said) = exec(&stage, "", Some(&askpass));
    assert_eq!(code, Some(0), "{said}");
    let asked = std::fs::read_to_string(home.join("asked")).unwrap();
    assert_eq!(asked.lines().count(), 1, "one question of two hosts is answered once: {asked}");

    // A password alone, in either way, by a command.
    configure(&stage, "h1", "AuthenticationMethods password\nPasswordAuthentication yes\n");
    configure(&stage, "h2", "AuthenticationMethods keyboard-interactive\nKbdInteractiveAuthentication yes\n");
    let right = printing(&stage, "right", SUDO);
    let (code, said) = exec(&stage, &format!("password_command = \"{right}\"\n"), None);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("opspw"), "{said}");
    let wrong = printing(&stage, "wrong", "mackerel");
    let (code, said) = exec(&stage, &format!("password_command = \"{wrong}\"\n"), None);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("the host took none of") && !said.contains("mackerel"), "{said}");
    for host in ["h1", "h2"] {
        // sshd counts one refusal, PAM another line of it.
        let tries = stage.fleet.on(host, "journalctl --no-pager -t sshd 2>/dev/null | grep -c 'Failed '");
        assert!(tries.parse::<usize>().unwrap() <= 1, "{host}: {tries}");
    }
}

#[test]
fn the_rules_of_sudo_that_are_printed_are_enough_for_an_upgrade() {
    let Some(stage) = Stage::of(&["h1"]) else { return };
    stage.fleet.fleet(&["publish", "v4.6.0", "h1"]);
    let rules = stage.run(&["sudoers", "--limit", "h1"]);
    assert_eq!(rules.code, 0, "{rules}");
    assert!(rules.stdout.contains("ops ALL=(www-data) NOPASSWD: ALL"), "{rules}");
    let file = Fleet::root_of("h1").join("etc/sudoers.d/ops");
    std::fs::remove_file(&file).unwrap();
    // The rules are found out by a login that has none yet, too.
    let again = stage.run(&["sudoers", "--limit", "h1"]);
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    assert_eq!(lines(&again.stdout), lines(&rules.stdout), "{again}");
    std::fs::write(&file, &rules.stdout).unwrap();
    assert_eq!(
        stage.fleet.on("h1", "chmod 440 /etc/sudoers.d/ops; visudo -cf /etc/sudoers.d/ops"),
        "/etc/sudoers.d/ops: parsed OK"
    );
    let ended = stage.run(&["upgrade", "--yes", "--limit", "h1"]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.describe("h1"), "v4.6.0");
    let back = stage.program.run(&["rollback", "--yes"]);
    assert_eq!(back.code, 0, "{back}");
    let refused =
        stage.fleet.on("h1", "journalctl --no-pager -t sudo 2>/dev/null | grep -c 'command not allowed'");
    assert_eq!(refused, "0");
}

#[test]
fn a_person_is_asked_once_for_the_password_of_sudo() {
    let Some(stage) = Stage::of(&["h1", "h2"]) else { return };
    let (h1, h2) = (Fleet::address("h1"), Fleet::address("h2"));
    for host in ["h1", "h2"] {
        with_key(&stage, host);
    }
    let hosts = format!(
        "become_password = \"ask\"\n[hosts.h1]\naddress = \"{h1}\"\n[hosts.h2]\naddress = \"{h2}\"\n"
    );
    let inventory = inventory(&stage, &hosts);
    let text = std::fs::read_to_string(&inventory).unwrap();
    std::fs::write(&inventory, text.replace("user = \"ops\"", "user = \"opspw\"")).unwrap();
    let arguments = ["ssh", "check", "--inventory", &inventory];
    let (code, shown) = stage.program.at_a_terminal(&arguments, &format!("{SUDO}\n"));
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.matches("Password of opspw for sudo").count(), 1, "{shown}");
    assert_eq!(shown.matches("runs as                  root").count(), 2, "{shown}");
    // Without a terminal nobody can be asked, and what to do is said.
    let ended = stage.program.run(&arguments);
    assert_eq!(ended.code, 4, "{ended}");
    for words in
        ["sudo asks for a password, and there is none: nobody can be asked", "become_password_command"]
    {
        assert!(ended.stdout.contains(words), "{words} is not in\n{ended}");
    }
}
