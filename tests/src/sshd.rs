//! A real OpenSSH server on loopback, with keys and a configuration of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running sshd; it ends with this.
pub struct Sshd {
    /// The port that it listens on.
    pub port: u16,
    folder: PathBuf,
    child: Child,
}

impl Sshd {
    /// Starts a server that takes the key `key` of `folder`. `None` where there is no sshd; where one is
    /// required (`IXPORCH_REQUIRE_SSHD=1`), its absence is a failure.
    pub fn start(folder: &Path) -> Option<Self> {
        Self::start_with(folder, "sshd", None)
    }

    /// The same with these lines before all others of its configuration: the first value of a setting counts.
    pub fn start_configured(folder: &Path, name: &str, lines: &str) -> Option<Self> {
        Self::start_all(folder, name, None, lines)
    }

    /// The same in a folder of this name, showing a host certificate for `principal`, which the authority
    /// `folder/authority` signed.
    pub fn start_with(folder: &Path, name: &str, principal: Option<&str>) -> Option<Self> {
        Self::start_all(folder, name, principal, "")
    }

    fn start_all(folder: &Path, name: &str, principal: Option<&str>, lines: &str) -> Option<Self> {
        let program = Path::new("/usr/sbin/sshd");
        if !program.exists() {
            assert!(std::env::var_os("IXPORCH_REQUIRE_SSHD").is_none(), "sshd is required and not installed");
            crate::say_not_run("there is no /usr/sbin/sshd");
            return None;
        }
        // sshd wants its privilege separation folder; only root can make it, and only root needs it.
        let _ = std::fs::create_dir_all("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let authority = folder.join("authority");
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(folder.join("host"))
            .status();
        assert!(made.expect("ssh-keygen can be run").success());
        let key = folder.with_file_name("key");
        let public = Command::new("ssh-keygen")
            .arg("-y")
            .arg("-f")
            .arg(&key)
            .output()
            .expect("ssh-keygen can be run")
            .stdout;
        std::fs::write(folder.join("authorized_keys"), public).expect("a file can be written");
        let configuration = format!(
            "{lines}Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nPidFile none\nAuthorizedKeysFile {0}/authorized_keys\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nPrintMotd no\nLogLevel ERROR\n",
            folder.display()
        );
        std::fs::write(folder.join("configuration"), configuration).expect("a file can be written");
        if let Some(principal) = principal {
            let sign = ["-q", "-I", "test", "-h", "-n", principal, "-s"];
            let signed =
                Command::new("ssh-keygen").args(sign).arg(&authority).arg(folder.join("host.pub")).status();
            assert!(signed.expect("ssh-keygen can be run").success());
            let line = format!("HostCertificate {}/host-cert.pub\n", folder.display());
            let text = std::fs::read_to_string(folder.join("configuration")).expect("it was written") + &line;
            std::fs::write(folder.join("configuration"), text).expect("a file can be written");
        }
        let log = std::fs::File::create(folder.join("log")).expect("a file can be made");
        let child = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(folder.join("configuration"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("sshd can be started");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Some(Self { port, folder, child })
    }

    /// The file of its configuration.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("configuration")
    }

    /// How many lines of its log have these words; its `LogLevel` says which lines there are.
    pub fn logged(&self, words: &str) -> usize {
        let log = std::fs::read_to_string(self.folder.join("log")).expect("the log was made");
        log.lines().filter(|line| line.contains(words)).count()
    }

    /// Its line in `known_hosts`, as it is seen through `port`.
    pub fn known_hosts_line(&self, port: u16) -> String {
        let key = std::fs::read_to_string(self.folder.join("host.pub")).expect("the key was made");
        format!("[127.0.0.1]:{port} {key}")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
