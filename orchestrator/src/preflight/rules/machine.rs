//! The machine: login and sudo, clock, disk and memory, file owners, running jobs, and leftovers of earlier runs.

use super::{Asked, Findings, few, mebibytes};
use crate::facts::{Facts, Preflight};

/// The maximum difference between the clocks of host and controller, in seconds.
const CLOCK_SKEW: u64 = 60;

/// A compressed dump needs at most the database's size divided by this; usually much less.
const PACKED: u64 = 2;

/// The memory that composer may need, in bytes; with less the kernel may kill it.
const MEMORY: u64 = 512 << 20;

impl Findings {
    pub(super) fn login(&mut self, asked: &Asked<'_>, facts: &Facts) {
        for (user, why) in &facts.sudo_refused {
            if asked.sudo {
                let said = if why.is_empty() { String::new() } else { format!(": {why}") };
                self.blocker(
                    "sudo",
                    format!("the login cannot become {user} without a password{said}"),
                    format!(
                        "set become_password_command in the inventory (or become_password = \"ask\"); or in sudoers: {} ALL=({user}) NOPASSWD: ALL",
                        facts.login_user.as_deref().unwrap_or("LOGIN")
                    ),
                );
            }
        }
        if let Some(skew) = facts.clock_skew.filter(|skew| skew.unsigned_abs() > CLOCK_SKEW) {
            let way = if skew > 0 { "ahead of" } else { "behind" };
            self.warning(
                "clock-skew",
                format!(
                    "its clock is {}s {way} this machine's: times in reports and logs do not match",
                    skew.unsigned_abs()
                ),
                "timedatectl set-ntp true",
            );
        }
        if facts.maintenance == Some(true) {
            self.note("in-maintenance", "the site is in maintenance", "ixporch leaves it closed, unless an earlier run of ixporch closed it; open it: ixporch maintenance off --limit HOSTNAME");
        }
    }

    pub(super) fn disk(&mut self, asked: &Asked<'_>, facts: &Facts, preflight: &Preflight) {
        let components = preflight.components_bytes.unwrap_or(0);
        let needed = (preflight.database_bytes.unwrap_or(0) / PACKED).saturating_add(components);
        if let Some(free) = preflight.backup_free.filter(|free| *free < needed) {
            self.blocker(
                "disk-backup",
                format!("{} are free for backups in {}, and up to {} are needed (half the database, and what composer and bower installed)", mebibytes(free), asked.backup_dir, mebibytes(needed)),
                "free space there, or set backup_dir to another folder, or keep fewer backups with backup_keep",
            );
        }
        let needed = components.saturating_mul(2).max(64 << 20);
        if let Some(free) = facts.free_bytes.filter(|free| *free < needed) {
            self.blocker(
                "disk-installation",
                format!(
                    "{} are free in {}, and composer and bower may need {}",
                    mebibytes(free),
                    asked.ixp_root,
                    mebibytes(needed)
                ),
                "free space on that disk",
            );
        }
        if let Some(shut) = &preflight.backup_shut {
            self.blocker(
                "disk-backup",
                format!("{} cannot enter {shut}, and backups are stored below it", asked.web_user),
                format!("chmod o+x {shut}, or set backup_dir to another folder"),
            );
        }
        if let Some(foreign) = &preflight.backup_foreign {
            self.blocker(
                "disk-backup",
                format!("{foreign} is not a folder of {}, and backups are stored in it", asked.web_user),
                "move it away, or set backup_dir to another folder",
            );
        }
        if let Some(shared) = &preflight.backup_shared {
            self.blocker(
                "disk-backup",
                format!("{shared} is a link, or users other than root can change it; ixporch stores root's data there"),
                format!("chown root {shared}; chmod 711 {shared}"),
            );
        }
        if !preflight.unreadable.is_empty() {
            self.warning(
                "settings-unreadable",
                format!(
                    "{} cannot read {}: they are not in the backup",
                    asked.web_user,
                    few(&preflight.unreadable)
                ),
                format!("let {} read them, or remove them", asked.web_user),
            );
        }
        if let Some(memory) = preflight.memory.filter(|memory| *memory < MEMORY) {
            self.warning(
                "memory",
                format!(
                    "{} of memory and swap are free, and composer may need {}",
                    mebibytes(memory),
                    mebibytes(MEMORY)
                ),
                "stop programs that use it, or add swap for the time of the upgrade",
            );
        }
    }

    pub(super) fn machine(&mut self, asked: &Asked<'_>, preflight: &Preflight) {
        if !preflight.foreign_files.is_empty() {
            let user = asked.web_user;
            let (mut found, mut folders) = (Vec::new(), Vec::new());
            for line in &preflight.foreign_files {
                let mut words = line.splitn(3, ' ');
                let folder = words.next().unwrap_or("?");
                let (count, sample) = (words.next().unwrap_or("?"), words.next().unwrap_or("?"));
                found.push(format!("{count} in {folder} (such as {sample})"));
                let path = format!("{}/{folder}", asked.ixp_root);
                folders.push(shlex::try_quote(&path).unwrap_or_default().into_owned());
            }
            self.blocker(
                "ownership",
                format!(
                    "files not owned by {user}: {}; composer, bower and the application cannot write there",
                    found.join("; ")
                ),
                format!("chown -R {user}: {}", folders.join(" ")),
            );
        }
        if !preflight.jobs.is_empty() {
            self.warning("artisan-jobs", format!("artisan is running: {}", few(&preflight.jobs)), "wait until it ends: it keeps running while the site is closed, and the upgrade waits for it (quiet_timeout)");
        }
    }

    pub(super) fn leftovers(&mut self, asked: &Asked<'_>, facts: &Facts) {
        if let Some((run, former)) = asked.former {
            self.blocker(
                "host-moved",
                format!("run {run} left open steps or an unfinished upgrade here, when the host was {former}"),
                format!("name it so in the inventory again, and complete them: ixporch status --limit HOSTNAME; what the run did: ixporch report {run}; if it is over: --skip-check host-moved --reason WHY"),
            );
        }
        if let Some(lock) =
            facts.leftovers.lock.as_ref().filter(|lock| Some(lock.run.as_str()) != asked.own_run)
        {
            // Only a warning: the lock itself keeps others away, and may be released in time.
            self.warning(
                "host-locked",
                format!("locked by {}", lock.holder()),
                "wait until that run ends (--lock-wait), or show the lock: ixporch lock show --limit HOSTNAME",
            );
        }
        let lock = facts.leftovers.lock.as_ref().map(|lock| lock.run.as_str());
        let old = facts.leftovers.ledgers.iter().filter(|ledger| Some(ledger.run.as_str()) != lock).count();
        if old > 0 {
            self.note(
                "leftovers",
                format!("{old} ledgers of earlier runs are left on it"),
                "list them: ixporch ledger list --limit HOSTNAME; delete them: ixporch ledger clean --limit HOSTNAME",
            );
        }
    }
}
