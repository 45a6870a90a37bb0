//! One embedded host: its tree, its upstream, its stand-ins.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use russh::keys::{PrivateKey, PublicKey};
use tokio::net::TcpListener;

use super::{new_key, server};

const STAND_INS: [(&str, &str); 7] = [
    ("git", include_str!("stand-ins/git")),
    ("hold", include_str!("stand-ins/hold")),
    ("timeout", include_str!("stand-ins/timeout")),
    ("php", include_str!("stand-ins/php")),
    ("composer", include_str!("stand-ins/composer")),
    ("bower", include_str!("stand-ins/bower")),
    ("memcached-restart", include_str!("stand-ins/memcached-restart")),
];

/// An SSH server on loopback with an installation behind it.
pub struct EmbeddedHost {
    /// Its name.
    pub name: String,
    /// The port that it listens on.
    pub port: u16,
    folder: PathBuf,
    key: PrivateKey,
}

impl EmbeddedHost {
    pub(super) async fn start(folder: &Path, name: &str, accepted: PublicKey) -> Self {
        let folder = folder.join(name);
        for sub in ["bin", "upstream", "database", "hold", "held"] {
            std::fs::create_dir_all(folder.join(sub)).expect("a host's folder can be made");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback can be listened on");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let host = Self { name: name.to_owned(), port, folder, key: new_key() };
        host.install();
        server::serve(listener, host.key.clone(), accepted, host.folder.clone());
        host
    }

    /// The folder of the installation.
    pub fn root(&self) -> PathBuf {
        self.folder.join("ixpmanager")
    }

    /// The host's own folder, in which the stand-ins keep what they know.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The settings by which ixporch finds the stand-ins.
    pub(super) fn programs(&self) -> String {
        let bin = self.folder.join("bin");
        format!(
            "php = [\"{bin}/php\"]\ncomposer = [\"{bin}/composer\"]\nbower = [\"{bin}/bower\"]\n\
             memcached = {{ restart = [\"{bin}/memcached-restart\"], service = \"none\" }}\nbackup_dir = \"{backups}\"\n",
            bin = bin.display(),
            backups = self.folder.join("backups").display()
        )
    }

    /// Its line in `known_hosts`.
    pub fn known_hosts_line(&self) -> String {
        let key = self.key.public_key().to_openssh().expect("a key can be written");
        format!("[127.0.0.1]:{} {key}\n", self.port)
    }

    /// Makes every composer run on this host fail.
    pub fn break_composer(&self) {
        std::fs::write(self.folder.join("composer-is-broken"), "").expect("a file can be written");
    }

    /// Makes its schema update fail, after its first statement was executed.
    pub fn break_schema_update(&self) {
        std::fs::write(self.folder.join("schema-update-is-broken"), "").expect("a file can be written");
    }

    /// Makes `artisan up` say that the site is live, and do nothing; or lets it work again.
    pub fn break_up(&self, broken: bool) {
        let path = self.folder.join("up-is-broken");
        // It may not have been broken.
        let _ = if broken { std::fs::write(path, "") } else { std::fs::remove_file(path) };
    }

    /// Makes its backups fail.
    pub fn break_backup(&self) {
        std::fs::write(self.folder.join("backup-is-broken"), "").expect("a file can be written");
    }

    /// What the preflight's script finds on it: lines of names and values, between tabs.
    pub fn set_preflight(&self, lines: &str) {
        std::fs::write(self.folder.join("preflight"), lines).expect("a file can be written");
    }

    /// The tables of its database.
    pub fn tables(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("database/tables")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Lets composer work again.
    pub fn mend_composer(&self) {
        std::fs::remove_file(self.folder.join("composer-is-broken")).expect("it was broken");
    }

    /// Upstream's next release, `v4.5.0`: new code, one more table.
    pub fn publish_next_release(&self) {
        self.publish("4.5.0", "cust\nvirtualinterface\naudit_log\n");
    }

    /// Upstream's next release, by its version and the tables that it wants.
    pub fn publish(&self, version: &str, tables: &str) {
        let work = self.folder.join("upstream/work");
        release(&work, version, tables);
        git(&work, &["push", "--quiet", "--tags", "origin", "master"]);
    }

    /// Somebody changed its database by hand: this statement is pending until it is executed.
    pub fn drift(&self, statement: &str) {
        std::fs::write(self.folder.join("database/drift"), format!("{statement}\n")).expect("a drift");
    }

    /// Its database answers with another type than it is given: this statement is pending for ever.
    pub fn never_converge(&self, statement: &str) {
        std::fs::write(self.folder.join("database/never-converges"), format!("{statement}\n"))
            .expect("a drift");
    }

    /// Commits something to the installed tree that upstream does not have.
    pub fn commit_locally(&self) {
        std::fs::write(self.root().join("local.php"), "<?php\n").expect("a file can be written");
        git(&self.root(), &["add", "local.php"]);
        git(&self.root(), &["commit", "--quiet", "--message", "ours"]);
    }

    /// Its database says that this column has this type.
    pub fn set_column(&self, table: &str, column: &str, data_type: &str) {
        let line = format!("{table}\t{column}\t{data_type}\n");
        std::fs::write(self.folder.join("database/columns"), line).expect("a file can be written");
    }

    /// It has another version of PHP on the command line.
    pub fn set_php_version(&self, version: &str) {
        std::fs::write(self.folder.join("php-version"), version).expect("a file can be written");
    }

    /// What `git describe` says of the installation.
    pub fn describe(&self) -> String {
        git(&self.root(), &["describe", "--tags"])
    }

    /// Whether the site is in maintenance mode.
    pub fn in_maintenance(&self) -> bool {
        self.root().join("storage/framework/down").exists()
    }

    /// Makes a step wait at a point: `start`, `middle` or `end` of its body.
    pub fn hold(&self, step: &str, point: &str) {
        std::fs::write(self.folder.join(format!("hold/{step}.{point}")), "").expect("a file can be written");
    }

    /// Whether a step waits there.
    pub fn is_held(&self, step: &str, point: &str) -> bool {
        self.folder.join(format!("held/{step}.{point}")).exists()
    }

    /// Lets it go on.
    pub fn let_go(&self, step: &str, point: &str) {
        // It may never have been held.
        let _ = std::fs::remove_file(self.folder.join(format!("hold/{step}.{point}")));
    }

    /// Lets it go on wherever it waits.
    pub fn let_go_for_good(&self, step: &str) {
        for point in ["start", "middle", "end"] {
            self.let_go(step, point);
        }
    }

    /// The steps whose bodies began, in that order, as the host counted them.
    pub fn bodies(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("bodies")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The ledger's folder of a step, once it is there.
    pub fn ledger_of(&self, step: &str) -> Option<PathBuf> {
        let runs = std::fs::read_dir(self.folder.join(".ixporch/runs")).ok()?;
        let ledgers = runs.flatten().map(|run| run.path().join(&self.name));
        let steps = ledgers.flat_map(|ledger| std::fs::read_dir(ledger).into_iter().flatten().flatten());
        let wanted = format!("-{step}");
        steps.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with(&wanted)).max()
    }

    /// Whether anything of a step is running.
    pub fn is_running(&self, step: &str) -> bool {
        let process = self.ledger_of(step).map(|folder| folder.join("begun/process"));
        let text = process.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let session = text.split(' ').next().unwrap_or_default();
        !session.is_empty()
            && Command::new("pgrep").args(["-s", session]).output().is_ok_and(|found| found.status.success())
    }

    /// Kills everything of a step, as an out-of-memory killer or an impatient person would.
    pub fn kill_step(&self, step: &str) {
        let process = self.ledger_of(step).expect("it was claimed").join("begun/process");
        let text = std::fs::read_to_string(process).expect("it has begun");
        let session = text.split(' ').next().expect("a process id").to_owned();
        let status =
            Command::new("pkill").args(["-KILL", "-s", &session]).status().expect("pkill can be run");
        assert!(status.success(), "nothing of {step} was running");
    }

    /// What runs left on the host: ledgers, and the lock.
    pub fn leftovers(&self) -> Vec<String> {
        let lock = self.root().join(".git/ixporch.lock");
        let places = [self.folder.join(".ixporch"), lock];
        places.iter().filter(|path| path.exists()).map(|path| path.display().to_string()).collect()
    }

    /// The commands that the stand-ins were asked to run, in order.
    pub fn asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("asked")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn install(&self) {
        for (name, text) in STAND_INS {
            let path = self.folder.join("bin").join(name);
            std::fs::write(&path, text).expect("a stand-in can be written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
                .expect("and be made executable");
        }
        let (work, bare) = (self.folder.join("upstream/work"), self.folder.join("upstream/ixpmanager.git"));
        std::fs::create_dir_all(&work).expect("a folder can be made");
        git(&work, &["init", "--quiet", "--initial-branch=master"]);
        release(&work, "4.4.0", "cust\nvirtualinterface\n");
        git(&self.folder, &["clone", "--quiet", "--bare", "upstream/work", "upstream/ixpmanager.git"]);
        git(&work, &["remote", "add", "origin", &bare.display().to_string()]);
        git(&self.folder, &["clone", "--quiet", "upstream/ixpmanager.git", "ixpmanager"]);
        for (path, text) in [
            ("database/tables", "cust\nvirtualinterface\n"),
            ("database/metadata-cache", "cust\nvirtualinterface\n"),
            ("memcached", "100 5000\n"),
        ] {
            std::fs::write(self.folder.join(path), text).expect("a file can be written");
        }
    }
}

/// Commits and tags a release in upstream's work tree.
fn release(work: &Path, version: &str, tables: &str) {
    let write = |path: &str, text: &str| {
        let path = work.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
    };
    write("library/IXP/Version.php", &format!("<?php\ndefine( 'APPLICATION_VERSION', '{version}' );\n"));
    write("database/xml/tables", tables);
    write("artisan", "#!/usr/bin/env php\n");
    write("bower.json", "{ \"name\": \"ixp-manager\" }\n");
    write("tools/sql/views.sql", "CREATE VIEW view_cust_current_active AS SELECT 1;\n");
    write("composer.lock", &format!("{{ \"content-hash\": \"{version}\" }}\n"));
    write("database/Proxies/Customer.php", &format!("<?php // {version}\n"));
    write("storage/framework/.gitkeep", "");
    write(".gitignore", "/vendor\n/public\n/storage/framework/down\n");
    git(work, &["add", "--all"]);
    git(work, &["commit", "--quiet", "--message", &format!("Release {version}")]);
    git(work, &["tag", &format!("v{version}")]);
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=upstream",
            "-c",
            "user.email=upstream@example.net",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        // The same release is the same commit on every host.
        .env("GIT_AUTHOR_DATE", "2017-05-09T12:00:00Z")
        .env("GIT_COMMITTER_DATE", "2017-05-09T12:00:00Z")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(folder)
        .output()
        .expect("git can be run");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
