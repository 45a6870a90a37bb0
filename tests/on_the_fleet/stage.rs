//! The fleet for one test at a time, and the program where it can reach the hosts.

use std::sync::{Mutex, MutexGuard};

use ixporch_tests::fleet::Fleet;
use ixporch_tests::program::{Ended, Program};
use tempfile::TempDir;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(crate) const HOSTS: [&str; 4] = ["h1", "h2", "h3", "h4"];

/// The fleet, reset to before any upgrade, and the program with an empty home.
pub(crate) struct Stage {
    pub(crate) fleet: Fleet,
    pub(crate) program: Program,
    _home: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// `None` where there is no fleet and none is required: the test has said so.
    pub(crate) fn new() -> Option<Self> {
        Self::of(&HOSTS)
    }

    /// The same, for a test that looks at these hosts alone: the others stand as they are.
    pub(crate) fn of(hosts: &[&str]) -> Option<Self> {
        let stage = Self::bare()?;
        stage.fleet.fleet(&[&["reset"], hosts].concat());
        stage.warm_caches(hosts);
        Some(stage)
    }

    /// The fleet as it stands, for a test that resets hosts itself.
    pub(crate) fn bare() -> Option<Self> {
        // A test that failed while it had the fleet leaves nothing that a reset would not mend.
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(fleet) = Fleet::find() else {
            ixporch_tests::say_not_run("the fleet is not up (tests/fleet/fleet up)");
            return None;
        };
        let home = tempfile::tempdir().unwrap();
        let program =
            Program::new(env!("CARGO_BIN_EXE_ixporch-under-test"), home.path()).behind(&Fleet::controller());
        Some(Self { fleet, program, _home: home, _turn: turn })
    }

    /// One validation fills Doctrine's cache in memcached, as a page view does: only then can it be stale.
    fn warm_caches(&self, hosts: &[&str]) {
        for host in hosts {
            self.artisan(host, "doctrine:schema:validate");
        }
    }

    /// Runs an artisan command on a host, without SSH; gives its output and its exit code.
    pub(crate) fn artisan(&self, host: &str, command: &str) -> (String, i32) {
        let script = format!("cd /srv/ixpmanager; sudo -u www-data php artisan {command}; echo \"exit $?\"");
        let said = self.fleet.on(host, &script);
        let (text, code) = said.rsplit_once("exit ").unwrap_or((&said, "-1"));
        (text.to_owned(), code.parse().unwrap_or(-1))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let inventory = self.fleet.inventory();
        let mut all = arguments.to_vec();
        all.extend(["--inventory", &inventory]);
        self.program.run(&all)
    }

    pub(crate) fn upgrade(&self) -> Ended {
        self.run(&["upgrade", "--yes"])
    }

    /// The outcome of every host of the last run, with its failing step.
    pub(crate) fn outcomes(&self) -> Vec<(String, String, String)> {
        let report = self.program.json(&["--format", "json", "report"]);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
        let waves = report["waves"].as_array().unwrap().iter();
        waves
            .flat_map(|wave| wave["hosts"].as_array().unwrap())
            .map(|host| (text(&host["host"]), text(&host["outcome"]), text(&host["failing_step"])))
            .collect()
    }

    pub(crate) fn describe(&self, host: &str) -> String {
        self.fleet.on(host, "git -c safe.directory='*' -C /srv/ixpmanager describe --tags")
    }

    pub(crate) fn in_maintenance(&self, host: &str) -> bool {
        self.fleet.on(host, "test -e /srv/ixpmanager/storage/framework/down && echo yes") == "yes"
    }

    /// Runs SQL as MariaDB's root.
    pub(crate) fn sql(&self, host: &str, statement: &str) -> String {
        self.fleet.on(host, &format!("mysql --batch --skip-column-names ixp -e \"{statement}\""))
    }

    /// What a host is made of: branch and commit, database, libraries and front-end components, without their times.
    pub(crate) fn made_of(&self, host: &str) -> String {
        self.fleet.on(
            host,
            "cd /srv/ixpmanager; git -c safe.directory='*' rev-parse --abbrev-ref HEAD; git -c safe.directory='*' rev-parse HEAD; git -c safe.directory='*' status --porcelain
             mysqldump --skip-dump-date ixp 2>/dev/null | sha256sum
             # Without composer's own account, which tells with which options it was called.
             find vendor public/bower_components -type f ! -name 'installed.*' | sort | xargs sha256sum | sha256sum
             ls storage/framework",
        )
    }

    /// Writes an inventory beside the program's home: the fleet's, with its paths made whole, and with these waves.
    pub(crate) fn inventory_with(&self, waves: &str, approval: &str) -> String {
        let text = std::fs::read_to_string(self.fleet.inventory()).unwrap();
        let folder = std::path::Path::new(&self.fleet.inventory()).parent().unwrap().join("var");
        let hosts = text.split("[[waves]]").next().unwrap();
        let text = hosts
            .replace("schema_approval = \"any\"", &format!("schema_approval = \"{approval}\""))
            .replace("\"var/", &format!("\"{}/", folder.display()));
        let path = self.program.home().join("inventory.toml");
        std::fs::write(&path, text + waves).unwrap();
        path.display().to_string()
    }

    /// Sets a host up as IXP Manager's installation scripts leave it: all of it is root's but what the web server writes.
    pub(crate) fn as_installed_by_script(&self, host: &str) {
        self.fleet.on(
            host,
            "cd /srv/ixpmanager; chown -R root: .; chown -R www-data: storage database/Proxies vendor bower.json public/bower_components; chmod -R ug+rwX,o+rX .",
        );
    }

    /// Makes a host count the bodies of steps, and hold this one at this point: `step.start` or `step.end`.
    pub(crate) fn hold(&self, host: &str, point: &str) {
        let witness = Fleet::root_of(host).join("usr/local/bin/timeout");
        std::fs::write(&witness, include_str!("witness.sh")).unwrap();
        self.fleet.on(
            host,
            &format!(
                "chmod 755 /usr/local/bin/timeout; mkdir -p /var/lib/witness/hold /var/lib/witness/held
                 touch /var/lib/witness/bodies /var/lib/witness/hold/{point}; chmod -R a+rwX /var/lib/witness"
            ),
        );
    }

    /// Whether it is held there.
    pub(crate) fn is_held(host: &str, point: &str) -> bool {
        Fleet::root_of(host).join(format!("var/lib/witness/held/{point}")).exists()
    }

    /// Lets it go on.
    pub(crate) fn let_go(host: &str, point: &str) {
        // It may be gone already.
        let _ = std::fs::remove_file(Fleet::root_of(host).join(format!("var/lib/witness/hold/{point}")));
    }

    /// When memcached was started, by systemd's monotonic clock.
    pub(crate) fn memcached_start(&self, host: &str) -> u64 {
        let said =
            self.fleet.on(host, "systemctl show -p ActiveEnterTimestampMonotonic --value memcached.service");
        said.parse().unwrap_or_else(|_| panic!("{host}: {said}"))
    }

    /// How often memcached has been started since boot.
    pub(crate) fn memcached_starts(&self, host: &str) -> usize {
        let said =
            self.fleet.on(host, "journalctl --no-pager -o cat -u memcached.service | grep -c '^Started'");
        said.parse().unwrap_or_else(|_| panic!("{host}: {said}"))
    }

    /// Everything that a plan could have changed: the tree, the database, process starts, the homes.
    pub(crate) fn state(&self, host: &str) -> String {
        self.fleet.on(
            host,
            "cd /srv/ixpmanager; find . -printf '%p %s %T@ %u %m\\n' | sort | sha256sum
             mysqldump --skip-dump-date --all-databases 2>/dev/null | sha256sum
             systemctl show -p ActiveEnterTimestampMonotonic memcached mariadb ixp-web ssh cron 2>/dev/null
             find /home /root /var/www /tmp /usr/local -mindepth 1 -printf '%p %s %T@\\n' 2>/dev/null | grep -v lesshst | sort | sha256sum",
        )
    }

    /// A release of one host's own: the published one with something changed by a script in its tree.
    pub(crate) fn publish_changed(&self, host: &str, tag: &str, script: &str) {
        self.fleet.fleet(&["publish", tag, host]);
        let cache =
            std::env::var("IXPORCH_FLEET_CACHE").unwrap_or_else(|_| "/var/cache/ixporch-fleet".to_owned());
        let bare = std::path::PathBuf::from(cache).join(format!("hub/git/{host}/ixpmanager.git"));
        let tree = tempfile::tempdir().unwrap();
        let script = format!(
            "set -e; export HOME={home}; git config --global safe.directory '*'; git config --global user.email a@example.net; git config --global user.name a
             git clone -q --branch master {bare} tree; cd tree; {script}; git add -A; git commit -qm changed; git push -q origin HEAD:master",
            home = tree.path().display(),
            bare = bare.display()
        );
        let done =
            std::process::Command::new("sh").args(["-c", &script]).current_dir(tree.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}
