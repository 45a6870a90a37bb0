//! The database, and memcached, where Doctrine caches its metadata.

use super::super::Severity;
use super::{Asked, Findings, few};
use crate::facts::{Facts, Preflight};
use crate::release;

impl Findings {
    /// What is in the database, or is at work on it, that a change of its tables meets.
    fn contents(&mut self, preflight: &Preflight) {
        if !preflight.broken_views.is_empty() {
            self.warning(
                "views-broken",
                format!(
                    "views do not work, so a backup keeps only their definitions: {}",
                    few(&preflight.broken_views)
                ),
                "if they are of tools/sql/views.sql, the upgrade recreates them; drop the others",
            );
        }
        if !preflight.long_transactions.is_empty() {
            self.warning(
                "database-transactions",
                format!(
                    "transactions are open that changes of their tables would wait for: {}",
                    few(&preflight.long_transactions)
                ),
                "wait until they end, or end the session as the database's administrator: KILL NUMBER",
            );
        }
        if let Some(first) = preflight.zero_dates.first() {
            let (table, column) = first.split_once('.').unwrap_or((first, "?"));
            self.warning(
                "database-zero-dates",
                format!(
                    "columns hold dates of zero, which the server's sql_mode refuses when their table is changed: {}",
                    few(&preflight.zero_dates)
                ),
                format!(
                    "UPDATE `{table}` SET `{column}` = NULL WHERE CAST(`{column}` AS CHAR(10)) = '0000-00-00'"
                ),
            );
        }
    }

    pub(super) fn database(&mut self, asked: &Asked<'_>, facts: &Facts, preflight: &Preflight) {
        if let Some(trouble) = &preflight.database_trouble {
            self.blocker(
                "database-unreachable",
                format!("the database does not answer with the settings of .env: {trouble}"),
                "check that it is running, and that DB_HOST, DB_USERNAME and DB_PASSWORD in .env are correct",
            );
            return;
        }
        if let Some(trouble) = &preflight.dump_trouble {
            self.blocker(
                "dump-trial",
                format!("a dump could not be made: {trouble}"),
                "perhaps a view uses a missing table or column; recreate the views: ixporch views recreate --limit HOSTNAME",
            );
        }
        self.contents(preflight);
        self.settings(asked, preflight);
        self.web_settings(preflight);
        let (user, name) = (&preflight.database_user, &preflight.database_name);
        if !preflight.missing_rights.is_empty() {
            let rights = preflight.missing_rights.join(", ");
            self.blocker(
                "database-rights",
                format!(
                    "the database user {user} lacks the privileges that a dump and its restore need: {rights}"
                ),
                format!("as the database's administrator: GRANT {rights} ON `{name}`.* TO {user}"),
            );
        }
        // The pulled release is at least as new as the installed one.
        let installed = facts.version.as_deref().and_then(release::numbers);
        self.binary_log(asked, installed, preflight);
        if !preflight.programs.is_empty()
            && !preflight.programs.iter().any(|program| program == "mysqldump" || program == "mariadb-dump")
        {
            self.blocker(
                "dump-program",
                "neither mysqldump nor mariadb-dump is installed, so no dump can be made",
                "install the client of the database: apt install default-mysql-client",
            );
        } else if !preflight.programs.is_empty()
            && !preflight.programs.iter().any(|program| program == "mysql" || program == "mariadb")
        {
            self.blocker(
                "dump-program",
                "neither mysql nor mariadb is installed, so no dump can be loaded",
                "install the client of the database: apt install default-mysql-client",
            );
        }
        self.server(asked, preflight);
        if !preflight.other_engines.is_empty() {
            self.note(
                "database-engines",
                format!(
                    "not all tables are InnoDB: {}; they are locked while they are dumped",
                    few(&preflight.other_engines)
                ),
                "for each of them: ALTER TABLE NAME ENGINE = InnoDB",
            );
        }
        if !preflight.foreign_definers.is_empty() {
            self.warning(
                "database-definers",
                format!(
                    "{user} cannot create these with their DEFINER: {}; a restore would change it to {user}",
                    few(&preflight.foreign_definers)
                ),
                format!(
                    "recreate them as {user} now (those of views.sql: ixporch views recreate --limit HOSTNAME), or GRANT SUPER"
                ),
            );
        }
        if let Some(code) = preflight.validate.filter(|code| !matches!(code, 0..=3)) {
            self.blocker(
                "application-silent",
                format!(
                    "artisan does not answer before the upgrade (doctrine:schema:validate: exit code {code})"
                ),
                format!(
                    "on the host, as {}: php artisan doctrine:schema:validate in {}",
                    asked.web_user, asked.ixp_root
                ),
            );
        }
        if preflight.validate.is_some_and(|code| matches!(code, 2 | 3)) {
            let shown = if preflight.drift.is_empty() {
                String::new()
            } else {
                format!(": {}", few(&preflight.drift))
            };
            self.warning(
                "schema-drift",
                format!("the schema is not in sync with the installed release before the upgrade{shown}"),
                "show all of it: ixporch schema diff --limit HOSTNAME; fix it: ixporch schema fix --limit HOSTNAME",
            );
        }
    }

    /// Whether the server takes writes, and is the one that the application uses.
    fn settings(&mut self, asked: &Asked<'_>, preflight: &Preflight) {
        if !preflight.read_only.is_empty() {
            self.blocker(
                "database-read-only",
                format!("the database server takes no writes: {} is on", preflight.read_only.join(", ")),
                "is it a replica? check DB_HOST in .env; else, as its administrator: SET GLOBAL read_only = 0",
            );
        }
        if !preflight.cached_settings.is_empty() {
            self.blocker(
                "settings-cached",
                format!("the application and .env name different databases: {}; the backup would be of another one than the upgrade changes", preflight.cached_settings.join("; ")),
                format!("make .env right, then, as {}: php artisan config:clear in {}", asked.web_user, asked.ixp_root),
            );
        }
    }

    /// Whether the web server itself names another database: its environment counts before `.env`.
    fn web_settings(&mut self, preflight: &Preflight) {
        if !preflight.web_settings.is_empty() {
            self.blocker(
                "web-settings",
                format!("the web server and .env name different databases: {}; the backup and the schema update would be of another one than the site uses", preflight.web_settings.join("; ")),
                "make both the same: take the variables out of the web server's configuration and reload it, or correct .env",
            );
        }
    }

    /// With a binary log, only SUPER may create a trigger or a function, unless the server is configured to trust
    /// others.
    fn binary_log(&mut self, asked: &Asked<'_>, installed: Option<(u32, u32)>, preflight: &Preflight) {
        let Some(objects) = &preflight.distrusted else { return };
        let to = asked.release.and_then(release::numbers).or(installed);
        let has_trigger = to.is_some_and(|to| to >= release::TRIGGER_SINCE);
        let what = if !objects.is_empty() {
            format!("a restore could not recreate {objects}")
        } else if has_trigger {
            "the trigger of this release's views.sql cannot be created".to_owned()
        } else {
            return;
        };
        let user = &preflight.database_user;
        self.blocker(
            "database-binary-log",
            format!("{what}: the binary log is on, and {user} may not create triggers or functions"),
            "as the database's administrator: SET GLOBAL log_bin_trust_function_creators = 1, and set it in my.cnf",
        );
    }

    /// Checks the database server's family and version.
    fn server(&mut self, asked: &Asked<'_>, preflight: &Preflight) {
        let Some(database) = preflight.database.as_deref() else { return };
        if database.to_ascii_lowercase().contains("mariadb") {
            let strict = preflight.sql_mode.contains("ONLY_FULL_GROUP_BY");
            let mode = if strict { "; ONLY_FULL_GROUP_BY refuses SQL that MySQL accepts" } else { "" };
            self.warning("database-family", format!("the database is {database}: IXP Manager supports MySQL only, and with MariaDB some column changes stay pending after each update{mode}"), "test on a copy first; if you know about the pending changes, set schema_never_converges = \"accept\"");
            return;
        }
        let wanted = asked.release.and_then(release::mysql_for);
        if let (Some(wanted), Some(found)) = (wanted, release::numbers(database))
            && found < wanted
        {
            self.warning(
                "database-version",
                format!(
                    "the database is MySQL {database}, and {} wants {}.{}",
                    asked.release.unwrap_or_default(),
                    wanted.0,
                    wanted.1
                ),
                "upgrade the database server first",
            );
        }
    }

    pub(super) fn memcached(&mut self, asked: &Asked<'_>, facts: &Facts, preflight: &Preflight) {
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
                "start it, or set its address in the inventory: memcached = { address = \"…\" }",
            );
        }
        if !matches!(preflight.doctrine_cache.as_str(), "" | "array" | "memcached" | "void") {
            self.warning(
                "other-cache",
                format!("Doctrine keeps its metadata in `{}`, which a restart of memcached does not clear: the schema may be compared with outdated metadata", preflight.doctrine_cache),
                "set DOCTRINE_CACHE=memcached or array in .env, or clear that cache in the memcached restart command, too",
            );
        }
        let has_extension = preflight.extensions.iter().any(|name| name == "memcached");
        if !preflight.memcached_used_by.is_empty() && !preflight.extensions.is_empty() && !has_extension {
            self.blocker(
                "php-extensions",
                "PHP lacks the extension memcached, and .env names it as a cache",
                "install it for this PHP, for instance: apt install php-memcached",
            );
        }
        self.unit(asked, facts.memcached.as_deref().unwrap_or_default());
    }

    /// The systemd unit of memcached, by its load and active state.
    fn unit(&mut self, asked: &Asked<'_>, state: &str) {
        let Some(name) = asked.memcached_unit.filter(|_| !state.is_empty()) else { return };
        let severity = if asked.restarts_unit { Severity::Blocker } else { Severity::Warning };
        let other = "set in the inventory: memcached = { restart = \"…\", service = \"none\" }";
        match state.split_once(' ').unwrap_or((state, "")) {
            ("masked", _) => self.add(
                severity,
                "memcached-unit",
                format!("{name} is masked, so systemd does not start it: the restart command will fail"),
                format!("systemctl unmask {name}; or {other}"),
            ),
            ("loaded", "failed") => self.add(
                severity,
                "memcached-unit",
                format!("{name} has failed, and after too many starts systemd refuses to start it again"),
                format!("look why (systemctl status {name}), then: systemctl reset-failed {name}; systemctl start {name}"),
            ),
            ("loaded", _) => {}
            _ => self.warning(
                "memcached-unit",
                format!("systemd does not know {name}: the default restart command will fail"),
                other,
            ),
        }
    }
}
