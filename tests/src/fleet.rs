//! The fleet of real hosts, by its own command `tests/fleet/fleet`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The fleet; it must be up.
pub struct Fleet {
    folder: PathBuf,
}

impl Fleet {
    /// The running fleet; `None` where it is not up. Where it is required (`IXPORCH_REQUIRE_FLEET=1`),
    /// its absence is a failure.
    pub fn find() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet");
        let fleet = Self { folder };
        let hosts = fleet.output(&["hosts"]);
        let up = hosts.status.success() && String::from_utf8_lossy(&hosts.stdout).lines().count() >= 4;
        assert!(
            up || std::env::var_os("IXPORCH_REQUIRE_FLEET").is_none(),
            "the fleet is required and not up: {}",
            String::from_utf8_lossy(&hosts.stderr)
        );
        up.then_some(fleet)
    }

    /// Starts the hosts of other kinds (`h-KIND`); gives those kinds that cannot be had, since Debian's archives do not have
    /// them now.
    pub fn start_kinds<'k>(&self, kinds: &[&'k str]) -> Vec<&'k str> {
        let start = |kind: &&&str| !self.output(&["up", "0", kind]).status.success();
        kinds.iter().filter(start).copied().collect()
    }

    /// The checked-in inventory of the hosts of other kinds.
    pub fn inventory_of_kinds(&self) -> String {
        self.folder.join("kinds.toml").display().to_string()
    }

    /// The checked-in inventory of its four hosts.
    pub fn inventory(&self) -> String {
        self.folder.join("inventory.toml").display().to_string()
    }

    /// Where the hosts can be reached from: words to put in front of a command.
    pub fn controller() -> [&'static str; 4] {
        ["ip", "netns", "exec", "ixporch-ctl"]
    }

    /// The address of a host.
    pub fn address(host: &str) -> String {
        let number: u32 = host.trim_start_matches('h').parse().expect("hosts are called h1, h2, …");
        format!("198.18.77.{}", 10 + number)
    }

    /// Where the key and the known host keys of the running fleet are.
    pub fn state(&self) -> PathBuf {
        self.folder.join("var")
    }

    /// The root folder of a host as this machine sees it, also while the host is without power.
    pub fn root_of(host: &str) -> PathBuf {
        let cache =
            std::env::var("IXPORCH_FLEET_CACHE").unwrap_or_else(|_| "/var/cache/ixporch-fleet".to_owned());
        Path::new(&cache).join("run").join(host).join("root")
    }

    /// Runs a command of the fleet; it must succeed.
    pub fn fleet(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(
            output.status.success(),
            "fleet {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs a shell script on a host as root, without SSH; gives what it printed, whatever its exit code.
    pub fn on(&self, host: &str, script: &str) -> String {
        String::from_utf8_lossy(&self.output(&["in", host, "sh", "-c", script]).stdout).trim().to_owned()
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(self.folder.join("fleet"))
            .args(arguments)
            .output()
            .expect("the fleet's command can be run")
    }
}
