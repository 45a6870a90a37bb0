//! Embedded hosts: SSH servers inside this process, on loopback, each with a tree of its own.
//!
//! SSH, `sh` and git (with an upstream of its own) are real. PHP with artisan, composer, bower,
//! memcached and the database are stand-ins: the shell scripts in `stand-ins/`, which say so.

mod host;
mod server;

use std::path::{Path, PathBuf};

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};

pub use host::EmbeddedHost;

/// Some embedded hosts with a key that they take.
pub struct EmbeddedFleet {
    folder: PathBuf,
    /// The hosts, in the order in which they were asked for.
    pub hosts: Vec<EmbeddedHost>,
}

fn new_key() -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("a key can be made")
}

impl EmbeddedFleet {
    /// Starts hosts of these names, with their trees below `folder`. Must be called within a runtime.
    pub async fn start(folder: &Path, names: &[&str]) -> Self {
        let key = new_key();
        let key_text = key.to_openssh(LineEnding::LF).expect("a key can be written");
        write_private(&folder.join("key"), key_text.as_bytes());
        let mut hosts = Vec::new();
        for name in names {
            hosts.push(EmbeddedHost::start(folder, name, key.public_key().clone()).await);
        }
        let fleet = Self { folder: folder.to_owned(), hosts };
        fleet.write_known_hosts();
        fleet
    }

    fn write_known_hosts(&self) {
        let lines: String = self.hosts.iter().map(EmbeddedHost::known_hosts_line).collect();
        std::fs::write(self.folder.join("known_hosts"), lines).expect("known_hosts can be written");
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> &EmbeddedHost {
        self.hosts.iter().find(|host| host.name == name).expect("a host of this name")
    }

    /// Writes an inventory of all hosts, one wave per group; `more` is added to each host's settings.
    pub fn inventory(&self, groups: &[(&str, &[&str])], more: &str) -> PathBuf {
        use std::fmt::Write;
        let user = server::user();
        let mut text = format!(
            "format = 1\n[defaults]\nuser = \"{user}\"\nweb_user = \"{user}\"\nbecome = \"none\"\n\
             identity_files = [\"key\"]\nknown_hosts = [\"known_hosts\"]\nschema_approval = \"any\"\n"
        );
        for (group, _) in groups {
            writeln!(text, "[groups.{group}]").unwrap();
        }
        for host in &self.hosts {
            let of: Vec<String> = groups
                .iter()
                .filter(|(_, names)| names.contains(&host.name.as_str()))
                .map(|(g, _)| format!("{g:?}"))
                .collect();
            writeln!(
                text,
                "[hosts.{}]\naddress = \"127.0.0.1\"\nport = {}\ngroups = [{}]\nixp_root = \"{}\"\n{}{more}",
                host.name,
                host.port,
                of.join(", "),
                host.root().display(),
                host.programs(),
            )
            .unwrap();
        }
        for (group, _) in groups {
            writeln!(text, "[[waves]]\nname = \"{group}\"\nhosts = \"@{group}\"").unwrap();
        }
        let path = self.folder.join("inventory.toml");
        std::fs::write(&path, text).expect("the inventory can be written");
        path
    }
}

fn write_private(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .expect("a private file can be made");
    file.write_all(bytes).expect("a private file can be written");
}
