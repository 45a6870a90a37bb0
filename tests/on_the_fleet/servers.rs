//! Servers that are not OpenSSH, and OpenSSH with settings of its own: for each what `ssh` does and what ixporch does, side by side.

use std::fmt::Write;
use std::process::{Command, Stdio};

use ixporch_tests::fleet::Fleet;

use crate::stage::Stage;

/// A server on a host.
struct Server {
    what: &'static str,
    port: u16,
    start: Start,
    /// Whether both must get in; if not, both must be refused.
    lets_in: bool,
}

/// How a server is started.
enum Start {
    /// By this shell line.
    By(&'static str),
    /// OpenSSH's, with these lines alone besides its host key.
    Sshd(&'static str),
}

const fn sshd(what: &'static str, port: u16, lines: &'static str, lets_in: bool) -> Server {
    Server { what, port, start: Start::Sshd(lines), lets_in }
}

const SERVERS: &[Server] = &[
    Server {
        what: "dropbear",
        port: 2201,
        start: Start::By(
            "mkdir -p /etc/dropbear; [ -e /etc/dropbear/key ] || dropbearkey -t ed25519 -f /etc/dropbear/key >/dev/null
             dropbear -r /etc/dropbear/key -p 2201 -P /run/dropbear.pid",
        ),
        lets_in: true,
    },
    Server {
        what: "tinyssh",
        port: 2202,
        start: Start::By(
            "[ -e /etc/tinyssh/matrix ] || tinysshd-makekey -q /etc/tinyssh/matrix
             setsid systemd-socket-activate -a --inetd -l 2202 tinysshd -l /etc/tinyssh/matrix >/dev/null 2>&1 </dev/null &",
        ),
        lets_in: true,
    },
    sshd("OpenSSH, its own settings", 2203, "", true),
    sshd("OpenSSH, curve25519 and chacha20 alone", 2204, "KexAlgorithms curve25519-sha256\nCiphers chacha20-poly1305@openssh.com", true),
    sshd("OpenSSH, nistp384 and aes256-ctr with hmac-sha2-512", 2205, "KexAlgorithms ecdh-sha2-nistp384\nCiphers aes256-ctr\nMACs hmac-sha2-512", true),
    sshd("OpenSSH, group16 and aes128-gcm", 2206, "KexAlgorithms diffie-hellman-group16-sha512\nCiphers aes128-gcm@openssh.com", true),
    sshd("OpenSSH, other users alone", 2207, "AllowUsers nobody", false),
    sshd("OpenSSH, one session for each connection", 2208, "MaxSessions 1", true),
    sshd("OpenSSH, a banner and a message of the day", 2209, "Banner /etc/issue\nPrintMotd yes", true),
    sshd("OpenSSH, a forced command", 2210, "ForceCommand echo no shell here", false),
    sshd("OpenSSH, internal-sftp alone", 2211, "ForceCommand internal-sftp", false),
    sshd("OpenSSH, no forwarding at all", 2212, "DisableForwarding yes", true),
    sshd("OpenSSH, keys renewed after little data", 2213, "RekeyLimit 1M 10s", true),
    sshd("OpenSSH, compression after authentication", 2214, "Compression delayed", true),
    sshd("OpenSSH, two tries for a login", 2215, "MaxAuthTries 2", true),
];

#[test]
fn whatever_ssh_reaches_is_reached() {
    let Some(stage) = Stage::of(&["h1"]) else { return };
    let address = Fleet::address("h1");
    let home = stage.program.home().to_owned();
    let key = stage.fleet.state().join("id_ed25519").display().to_string();
    let known_hosts = home.join("known_hosts");
    let mut inventory = format!(
        "format = 1\n[defaults]\naddress = \"{address}\"\nuser = \"ops\"\nssh_config = \"none\"\nidentity_files = [\"{key}\"]\nidentities_only = true\nknown_hosts = [\"known_hosts\"]\n"
    );
    let mut known = String::new();
    for server in SERVERS {
        match server.start {
            Start::By(line) => stage.fleet.on("h1", line),
            Start::Sshd(lines) => {
                let file = Fleet::root_of("h1").join(format!("etc/sshd.{}", server.port));
                let host_key = "UsePAM yes\nHostKey /etc/ssh/ssh_host_ed25519_key\nPidFile none\nSubsystem sftp internal-sftp\n";
                std::fs::write(file, format!("{host_key}{lines}\n")).unwrap();
                stage.fleet.on(
                    "h1",
                    &format!("mkdir -p /run/sshd; /usr/sbin/sshd -f /etc/sshd.{0} -p {0}", server.port),
                )
            }
        };
        let _ = writeln!(inventory, "[hosts.p{0}]\nport = {0}", server.port);
    }
    for server in SERVERS {
        // The one thing to wait for is that it listens.
        let scan = || {
            let port = server.port.to_string();
            let words =
                [&Fleet::controller()[..], &["ssh-keyscan", "-t", "ed25519", "-p", &port, &address]].concat();
            Command::new(words[0]).args(&words[1..]).stderr(Stdio::null()).output().unwrap().stdout
        };
        let lines = (0..50).map(|_| scan()).find(|lines| !lines.is_empty());
        let lines = lines.unwrap_or_else(|| panic!("{} does not answer", server.what));
        known.push_str(&String::from_utf8(lines).unwrap());
    }
    std::fs::write(&known_hosts, known).unwrap();
    std::fs::write(home.join("servers.toml"), inventory).unwrap();
    let inventory = home.join("servers.toml").display().to_string();
    let arguments = ["--format", "json", "exec", "--inventory", &inventory, "--", "id", "-un"];
    let ended = stage.program.run(&arguments);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
    let outcome = |port: u16| -> String {
        let name = format!("p{port}");
        let hosts =
            report["waves"].as_array().unwrap().iter().flat_map(|wave| wave["hosts"].as_array().unwrap());
        let host = hosts.into_iter().find(|host| host["host"] == name.as_str());
        host.and_then(|host| host["outcome"].as_str()).unwrap_or("?").to_owned()
    };
    let mut wrong = Vec::new();
    for server in SERVERS {
        let port = server.port.to_string();
        let known_hosts = format!("UserKnownHostsFile={}", known_hosts.display());
        let options = [
            "ssh",
            "-F",
            "none",
            "-T",
            "-i",
            &key,
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "BatchMode=yes",
            "-o",
            &known_hosts,
        ];
        let command = ["-p", &port, "-l", "ops", &address, "id", "-un"];
        let words = [&Fleet::controller()[..], &options, &command].concat();
        let by_ssh = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output().unwrap();
        let by_ssh = by_ssh.status.success() && by_ssh.stdout == b"ops\n";
        let ours = outcome(server.port);
        ixporch_tests::say(&format!(
            "{:55} ssh {:8} ixporch {ours}",
            server.what,
            if by_ssh { "reaches" } else { "does not" }
        ));
        if by_ssh != (ours == "done") || by_ssh != server.lets_in {
            wrong.push(server.what);
        }
    }
    stage
        .fleet
        .on("h1", "pkill -f '/etc/sshd[.]'; pkill dropbear; pkill systemd-socket-; rm -f /etc/sshd.*; true");
    assert_eq!(wrong, Vec::<&str>::new(), "{ended}");
}
