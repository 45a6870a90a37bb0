//! The files in `orchestrator/procedures/php/`, and how a script is put together from them.
//!
//! A file names the files that it needs in lines `// uses: settings.php, client.php` at its beginning. A script is its own
//! file behind all that it needs. `tests/scripts/texts` follows the same rule.

/// How each file begins.
const OPENING: &str = "<?php\n";

/// How a line begins that names needed files; such lines are no part of a script.
const USES: &str = "// uses: ";

macro_rules! files {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../procedures/php/", $name))),)*]
    };
}

/// All files by their names.
const FILES: &[(&str, &str)] = files![
    "archive.php",
    "artisan-watched.php",
    "back-check.php",
    "backup-checks.php",
    "backup-database.php",
    "backup-files.php",
    "backup-keep.php",
    "backup-list.php",
    "backup-prune.php",
    "backup-site.php",
    "backup-verify.php",
    "backup.php",
    "backups.php",
    "below.php",
    "bytes.php",
    "caches-clear.php",
    "client.php",
    "closed.php",
    "columns.php",
    "components-restore.php",
    "composition.php",
    "count.php",
    "database-restore.php",
    "definitions.php",
    "dump.php",
    "error-log.php",
    "health-application.php",
    "health-closed.php",
    "health-web.php",
    "http.php",
    "jobs.php",
    "limits.php",
    "load.php",
    "memcached-flush.php",
    "opening-mark.php",
    "owners-record.php",
    "owners-restore.php",
    "owners.php",
    "preflight-backups.php",
    "preflight-database.php",
    "preflight-files.php",
    "preflight-machine.php",
    "preflight-php.php",
    "preflight-releases.php",
    "preflight-schema.php",
    "preflight-settings.php",
    "preflight-web.php",
    "preflight.php",
    "programs.php",
    "progress.php",
    "prune.php",
    "quiet.php",
    "release-check.php",
    "release-step.php",
    "restore-check.php",
    "restore.php",
    "rows.php",
    "sessions.php",
    "settings.php",
    "site-trouble.php",
    "tables.php",
    "tell.php",
    "users.php",
    "views-back.php",
    "views-recreate.php",
    "watch-locks.php",
];

/// A file without its opening: the names of the files that it needs, and the rest.
fn parts(text: &'static str) -> (Vec<&'static str>, &'static str) {
    let mut uses = Vec::new();
    let mut rest = text.strip_prefix(OPENING).unwrap_or(text);
    while let Some((names, after)) = rest.strip_prefix(USES).and_then(|line| line.split_once('\n')) {
        uses.extend(names.split(", "));
        rest = after;
    }
    (uses, rest)
}

/// The script of this file: each needed file once, before the files that need it. The tests make sure that all names are
/// known and that no file needs itself, so this cannot fail.
pub(super) fn assemble(name: &str) -> String {
    let mut text = String::new();
    add(name, &mut Vec::new(), &mut text);
    text
}

fn add(name: &str, seen: &mut Vec<&'static str>, text: &mut String) {
    let Some(&(name, file)) = FILES.iter().find(|(known, _)| *known == name) else { return };
    if seen.contains(&name) {
        return;
    }
    seen.push(name);
    let (uses, body) = parts(file);
    for used in uses {
        add(used, seen, text);
    }
    text.push_str(body);
}

#[cfg(test)]
mod tests;
