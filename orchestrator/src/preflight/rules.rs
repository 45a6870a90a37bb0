//! The rules of the preflight: from what a probe found to findings, each with its remedy.

use super::{Finding, Severity};
use crate::facts::{Facts, Preflight};
use crate::release;

/// How far the clocks of host and controller may be apart, in seconds.
const CLOCK_SKEW: i64 = 60;

/// How much of its size a database needs at the most as a packed dump; what is packed well needs a fraction.
const PACKED: u64 = 2;

/// What the upgrade wants of the host.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The tag to go to; `None`: the head of the branch.
    pub target: Option<&'a str>,
    /// The branch that is pulled.
    pub branch: &'a str,
    /// The installation's folder.
    pub ixp_root: &'a str,
    /// The web server's user.
    pub web_user: &'a str,
    /// Where backups go.
    pub backup_dir: &'a str,
    /// Whether a step is run as another user by sudo.
    pub sudo: bool,
    /// Whether memcached's restart is proved by a unit of systemd.
    pub memcached_unit: Option<&'a str>,
    /// The run that may hold the host already, because it is the one that is taken over.
    pub own_run: Option<&'a str>,
}

/// All findings of a host, the worst first.
pub fn find(asked: &Asked<'_>, facts: &Facts) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    findings.tree(asked, facts);
    findings.programs(asked, facts);
    findings.login(asked, facts);
    if let Some(preflight) = &facts.preflight {
        findings.php(asked, facts, preflight);
        findings.disk(asked, facts, preflight);
        findings.database(asked, preflight);
        findings.memcached(asked, facts, preflight);
        findings.ground(asked, preflight);
    }
    findings.traces(asked, facts);
    findings.0.sort_by_key(|finding| finding.severity);
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, severity: Severity, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let (what, remedy) = (what.into(), remedy.into());
        self.0.push(Finding { id: id.to_owned(), severity, what, remedy, skipped: None });
    }

    fn blocker(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Blocker, id, what, remedy);
    }

    fn warning(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Warning, id, what, remedy);
    }

    fn note(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Note, id, what, remedy);
    }

    fn tree(&mut self, asked: &Asked<'_>, facts: &Facts) {
        if !facts.modified_files.is_empty() {
            self.blocker(
                "tree-modified",
                format!("tracked files are modified: {}", few(&facts.modified_files)),
                format!("look at them (git -C {} diff); keep what is yours outside of tracked files, then git checkout them", asked.ixp_root),
            );
        }
        let what = asked
            .target
            .map_or_else(|| format!("the branch {}", asked.branch), |tag| format!("the tag {tag}"));
        if facts.remote_lacks_target {
            self.blocker(
                "upstream",
                format!("upstream does not have {what}"),
                "git ls-remote origin lists what it has; --to TAG names another",
            );
        } else if facts.remote_commit.is_none() {
            let remote = facts.remote.as_deref().unwrap_or("origin");
            self.blocker(
                "upstream",
                format!("upstream ({remote}) does not answer for {what}"),
                format!(
                    "on the host, as {}: git -C {} ls-remote origin",
                    facts.tree_owner.as_deref().unwrap_or("the tree's owner"),
                    asked.ixp_root
                ),
            );
        }
    }

    fn programs(&mut self, asked: &Asked<'_>, facts: &Facts) {
        let php = facts.php.as_deref();
        if php.is_none() {
            self.blocker(
                "php-missing",
                "php does not answer",
                "install it, or name it in the inventory: php = \"…\"",
            );
        }
        match facts.composer.as_deref() {
            None => self.blocker(
                "composer-missing",
                "composer does not answer (is it fit for this PHP?)",
                "install composer 2.2 (the last for PHP 7.0), or name it: composer = \"php ./composer.phar\"",
            ),
            Some(composer) => {
                let version = composer.split(' ').nth(2).and_then(release::numbers);
                let old = php.and_then(release::numbers).is_some_and(|php| php < (7, 2));
                if old && version.is_some_and(|version| version >= (2, 3)) {
                    self.blocker(
                        "composer-version",
                        format!("{composer} needs PHP 7.2.5, and PHP is {}", php.unwrap_or_default()),
                        "install composer 2.2 LTS: composer self-update --2.2",
                    );
                }
            }
        }
        if facts.bower.is_none() {
            self.blocker(
                "bower-missing",
                "bower does not answer, and IXP Manager v4 has its front end from it",
                "npm install -g bower; or name it: bower = \"…\"",
            );
        }
        let wanted = asked.target.and_then(release::php_for);
        if let (Some(range), Some(php)) = (wanted, php)
            && release::numbers(php).is_some_and(|php| !range.has(php))
        {
            self.blocker(
                "php-version",
                format!(
                    "{} needs PHP {range}, and the command line has {php}; composer would not notice",
                    asked.target.unwrap_or_default()
                ),
                "install that PHP beside the other, and name it: php = \"php7.0\"",
            );
        }
    }

    fn php(&mut self, _: &Asked<'_>, facts: &Facts, preflight: &Preflight) {
        let missing: Vec<&str> = release::EXTENSIONS
            .into_iter()
            .filter(|name| !preflight.extensions.iter().any(|known| known == name))
            .collect();
        if !preflight.extensions.is_empty() && !missing.is_empty() {
            self.blocker(
                "php-extensions",
                format!("PHP has not the extensions {}", missing.join(", ")),
                "install them for this PHP, for instance: apt install php-mbstring php-mysql php-xml",
            );
        }
        let cli = facts.php.as_deref().and_then(release::numbers);
        let others: Vec<&str> = preflight
            .web_php
            .iter()
            .filter(|web| release::numbers(web).is_some_and(|web| Some(web) != cli))
            .map(String::as_str)
            .collect();
        if !others.is_empty() {
            self.warning(
                "web-php",
                format!(
                    "the web server has PHP {}, and the command line {}",
                    others.join(", "),
                    facts.php.as_deref().unwrap_or("?")
                ),
                "let both be the same: php = \"…\" in the inventory, or the pool of the web server",
            );
        }
    }

    fn login(&mut self, asked: &Asked<'_>, facts: &Facts) {
        for (user, why) in &facts.sudo_refused {
            if asked.sudo {
                let said = if why.is_empty() { String::new() } else { format!(": {why}") };
                self.blocker(
                    "sudo",
                    format!("the login may not become {user} without a password{said}"),
                    format!(
                        "in sudoers: {} ALL=({user}) NOPASSWD: ALL",
                        facts.login_user.as_deref().unwrap_or("LOGIN")
                    ),
                );
            }
        }
        if let Some(skew) = facts.clock_skew.filter(|skew| skew.abs() > CLOCK_SKEW) {
            let way = if skew > 0 { "ahead of" } else { "behind" };
            self.warning(
                "clock-skew",
                format!(
                    "its clock is {}s {way} this machine's: times in reports and logs do not fit",
                    skew.abs()
                ),
                "timedatectl set-ntp true",
            );
        }
        if facts.maintenance == Some(true) {
            self.note("in-maintenance", "the site is in maintenance", "whoever closed it opens it again: ixporch leaves it closed, unless an earlier run of it closed it");
        }
    }

    fn disk(&mut self, asked: &Asked<'_>, facts: &Facts, preflight: &Preflight) {
        let components = preflight.components_bytes.unwrap_or(0);
        let needed = (preflight.database_bytes.unwrap_or(0) / PACKED).saturating_add(components);
        if let Some(free) = preflight.backup_free.filter(|free| *free < needed) {
            self.blocker(
                "disk-backup",
                format!("{} free for backups in {}, and up to {} are needed (half the database, and what composer and bower installed)", mebibytes(free), asked.backup_dir, mebibytes(needed)),
                "free space there, or let backup_dir be another folder; fewer are kept with backup_keep",
            );
        }
        let needed = components.saturating_mul(2).max(64 << 20);
        if let Some(free) = facts.free_bytes.filter(|free| *free < needed) {
            self.blocker(
                "disk-installation",
                format!(
                    "{} free in {}, and composer and bower may need {}",
                    mebibytes(free),
                    asked.ixp_root,
                    mebibytes(needed)
                ),
                "free space on that disk",
            );
        }
    }

    fn database(&mut self, _: &Asked<'_>, preflight: &Preflight) {
        if let Some(trouble) = &preflight.database_trouble {
            self.blocker(
                "database-unreachable",
                format!("the database does not answer with the settings of .env: {trouble}"),
                "is it running? do DB_HOST, DB_USERNAME and DB_PASSWORD of .env still hold?",
            );
            return;
        }
        let (user, name) = (&preflight.database_user, &preflight.database_name);
        if !preflight.missing_rights.is_empty() {
            let rights = preflight.missing_rights.join(", ");
            self.blocker(
                "database-rights",
                format!(
                    "the database user {user} has not the rights that a dump and its restore need: {rights}"
                ),
                format!("as the database's administrator: GRANT {rights} ON `{name}`.* TO {user}"),
            );
        }
        if !preflight.programs.is_empty()
            && !preflight.programs.iter().any(|program| program == "mysqldump" || program == "mariadb-dump")
        {
            self.blocker(
                "dump-program",
                "neither mysqldump nor mariadb-dump is there to make a dump with",
                "install the client of the database: apt install default-mysql-client",
            );
        }
        if let Some(database) =
            preflight.database.as_deref().filter(|database| database.to_ascii_lowercase().contains("mariadb"))
        {
            self.warning("database-family", format!("the database is {database}: IXP Manager supports MySQL only, and with MariaDB some columns stay pending for ever"), "test on a copy first; schema_never_converges = \"accept\" where that is known");
        }
        if !preflight.other_engines.is_empty() {
            self.note(
                "database-engines",
                format!(
                    "not all tables are InnoDB: {}; they are locked while they are dumped",
                    few(&preflight.other_engines)
                ),
                "ALTER TABLE … ENGINE = InnoDB",
            );
        }
        if !preflight.foreign_definers.is_empty() {
            self.warning(
                "database-definers",
                format!(
                    "{user} may not create in their owner's name: {}; after a restore they are {user}'s",
                    few(&preflight.foreign_definers)
                ),
                "ixporch views recreate makes them the database user's beforehand; or GRANT SUPER",
            );
        }
        if preflight.validate.is_some_and(|code| code & 2 != 0) {
            self.warning(
                "schema-drift",
                "the schema is not in sync with the installed release before the upgrade",
                "ixporch schema diff shows how; ixporch schema fix mends it",
            );
        }
    }

    fn memcached(&mut self, asked: &Asked<'_>, facts: &Facts, preflight: &Preflight) {
        if let Some(why) = &preflight.memcached_silent {
            let (severity, used) = if preflight.memcached_used_by.is_empty() {
                (Severity::Warning, "the application does not name it as a cache".to_owned())
            } else {
                (
                    Severity::Blocker,
                    format!("the application uses it ({})", preflight.memcached_used_by.join(", ")),
                )
            };
            self.add(
                severity,
                "memcached-silent",
                format!("memcached does not answer ({why}), and {used}"),
                "start it, or name its address: memcached = { address = \"…\" }",
            );
        }
        let unit = facts.memcached.as_deref().unwrap_or_default();
        if let Some(name) = asked.memcached_unit.filter(|_| !unit.is_empty() && !unit.starts_with("loaded")) {
            self.warning(
                "memcached-unit",
                format!("systemd does not know {name}: the default restart command will fail"),
                "memcached = { restart = \"…\", service = \"none\" }",
            );
        }
    }

    fn ground(&mut self, asked: &Asked<'_>, preflight: &Preflight) {
        if !preflight.foreign_files.is_empty() {
            let user = asked.web_user;
            let found: Vec<String> = preflight
                .foreign_files
                .iter()
                .map(|line| {
                    let mut words = line.splitn(3, ' ');
                    let (folder, count, sample) = (words.next(), words.next(), words.next());
                    format!(
                        "{} in {} (such as {})",
                        count.unwrap_or("?"),
                        folder.unwrap_or("?"),
                        sample.unwrap_or("?")
                    )
                })
                .collect();
            self.blocker(
                "ownership",
                format!(
                    "files are not {user}'s: {}; composer, bower and the application cannot write there",
                    found.join("; ")
                ),
                format!("chown -R {user}: in {} what is named", asked.ixp_root),
            );
        }
        if !preflight.jobs.is_empty() {
            self.warning("artisan-jobs", format!("artisan is running: {}", few(&preflight.jobs)), "wait for its end: what runs goes on while the site is closed, and the upgrade waits for it (quiet_timeout)");
        }
    }

    fn traces(&mut self, asked: &Asked<'_>, facts: &Facts) {
        if let Some(lock) = facts.traces.lock.as_ref().filter(|lock| Some(lock.run.as_str()) != asked.own_run)
        {
            // Its lock keeps others away by itself, and may be given back in time.
            self.warning(
                "host-locked",
                format!("locked by {}", lock.holder()),
                "wait for its end (--lock-wait), or ixporch lock show",
            );
        }
        let lock = facts.traces.lock.as_ref().map(|lock| lock.run.as_str());
        let old = facts.traces.ledgers.iter().filter(|ledger| Some(ledger.run.as_str()) != lock).count();
        if old > 0 {
            self.note(
                "leftovers",
                format!("{old} ledgers of earlier runs are left on it"),
                "ixporch ledger list shows them, ixporch ledger clean removes them",
            );
        }
    }
}

/// The first of some things, and how many more there are.
fn few(things: &[String]) -> String {
    let shown: Vec<&str> = things.iter().take(3).map(String::as_str).collect();
    let more = things.len().saturating_sub(shown.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
