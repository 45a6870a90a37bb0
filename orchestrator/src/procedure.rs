//! Procedures: an ordered list of steps as data.
//!
//! Owns what a step is and how a procedure is read. Must not know any host: placeholders stay
//! placeholders until the plan is built. The format is described in `docs/procedure.md`.

mod argument_text;
mod built_in;
mod checks;
mod php_files;
mod raw;
mod read;
mod release_steps;
mod template;

use std::collections::BTreeMap;
use std::time::Duration;

use ixporch_inventory::Problems;
use serde::{Deserialize, Serialize};

pub use argument_text::ArgumentText;
pub use built_in::BuiltInScript;
pub use template::{Placeholder, Template};

use crate::digest;
use crate::script::Script;

/// The procedure that is used where none is named.
pub const DEFAULT_PROCEDURE: &str = "ixp-manager-v4";

/// What the procedure of one command is called.
pub const EXEC: &str = "exec";

/// What the procedure is called that takes a run back.
pub const ROLLBACK: &str = "rollback";

/// What the procedure is called that pays what a run owes.
pub const SETTLE: &str = "settle";

/// Procedures that change nothing of an installation: they are about its backups.
pub const BACKUP_ONLY: [&str; 2] = ["backup-prune", "backup-rehearse"];

/// The built-in procedures by name.
const BUILT_IN: &[(&str, &str)] = &[
    ("backup-list", include_str!("../procedures/backup-list.toml")),
    ("backup-prune", include_str!("../procedures/backup-prune.toml")),
    ("backup-rehearse", include_str!("../procedures/backup-rehearse.toml")),
    ("backup-verify", include_str!("../procedures/backup-verify.toml")),
    ("entities-regenerate", include_str!("../procedures/entities-regenerate.toml")),
    ("ixp-manager-v4", include_str!("../procedures/ixp-manager-v4.toml")),
    ("maintenance-off", include_str!("../procedures/maintenance-off.toml")),
    ("maintenance-on", include_str!("../procedures/maintenance-on.toml")),
    ("maintenance-status", include_str!("../procedures/maintenance-status.toml")),
    ("memcached-restart", include_str!("../procedures/memcached-restart.toml")),
    ("schema-diff", include_str!("../procedures/schema-diff.toml")),
    ("schema-fix", include_str!("../procedures/schema-fix.toml")),
    ("schema-validate", include_str!("../procedures/schema-validate.toml")),
    ("views-recreate", include_str!("../procedures/views-recreate.toml")),
];

/// A validated procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// Its name.
    pub name: String,
    /// Digest of its text, and of that of the built-in scripts that it runs.
    pub digest: String,
    /// Whether it is for hosts alone that say `development = true`.
    pub development_only: bool,
    /// Its steps, in order; ids are unique.
    pub steps: Vec<Step>,
    /// What takes a host back to its start, in order: of those that undo steps, only those whose steps may have begun.
    /// Their ids are others than those of the steps.
    pub back: Vec<Step>,
    /// What tells whether an upgraded host is well: checks that are made again and again.
    pub health: Vec<Step>,
}

/// Whether a step only looks or changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Read-only; may be repeated.
    Check,
    /// Changes the host; never repeated blindly.
    Change,
}

/// What a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// An argument vector; no shell takes part.
    Run(Vec<Template>),
    /// A POSIX shell script; values arrive in its environment.
    Script(Script),
    /// A PHP script that ixporch carries.
    BuiltIn(BuiltInScript),
    /// A look at the web site from the controller; the host takes no part.
    Probe,
    /// A step of a release: an artisan command or a statement.
    Release(ReleaseAction),
}

/// What a step of a release runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseAction {
    /// The release's tag.
    pub release: String,
    /// An artisan command; its question is answered with yes.
    pub artisan: Vec<String>,
    /// A statement, if it is no command.
    pub sql: String,
    /// What it is still to be done for: a query.
    pub rows: String,
    /// Whether that query alone tells, also long after: then the step can be done later, too.
    pub tells_later: bool,
}

/// What must hold on the host when the step has done its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A path exists.
    Exists(Template),
    /// A path does not exist.
    Absent(Template),
    /// memcached has been started later than the step.
    MemcachedRestarted,
    /// A query of the installation's database returns no rows.
    NoRows(String),
}

/// When a step is part of a host's upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Only with `--to`.
    Target,
    /// Only without `--to`.
    NoTarget,
    /// Only where the site was open before the run (or closed by an earlier run of ixporch).
    OpenBefore,
    /// The same, for steps that follow the opening.
    OpenAfter,
    /// Only where the site is not in maintenance when the plan is made.
    OpenNow,
    /// Only where the schema review found pending statements.
    SchemaPending,
    /// Only with `--restart-memcached`.
    RestartMemcached,
    /// Only where the inventory knows the address of the web site.
    Url,
    /// Only where the inventory says how what writes to the database by itself is stopped.
    Writers,
    /// Only where the inventory says that local files are kept.
    LocalFiles,
    /// Only where the releases that are installed have checks.
    ReleaseChecks,
}

/// How a step's output is read where its exit code says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// `doctrine:schema:update --sql`.
    DoctrinePendingSql,
    /// `doctrine:schema:update --force`.
    DoctrineSchemaUpdate,
    /// `doctrine:schema:update --sql` once more, after `--force`: nothing may be pending any more.
    DoctrineConverged,
    /// `doctrine:schema:validate`, whose exit code is a sum of what is wrong.
    DoctrineValidate,
    /// The line `version …` of the built-in scripts that look at health.
    Version,
    /// The built-in script `composition`.
    Composition,
    /// The built-in script `columns`: which of the pending changes narrow one of them.
    Columns,
}

/// One remote action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its id, kebab-case, unique and never renamed.
    pub id: String,
    /// What it does, for people.
    pub title: String,
    /// Whether it changes anything.
    pub effect: Effect,
    /// What it runs.
    pub action: Action,
    /// Where it runs; the login folder where absent.
    pub cwd: Option<Template>,
    /// Who it runs as; the login user where absent.
    pub user: Option<Template>,
    /// Its environment, besides what the login gives.
    pub environment: BTreeMap<String, Template>,
    /// How long it may take on the host.
    pub timeout: Duration,
    /// What must hold afterwards.
    pub proof: Option<Proof>,
    /// The steps that are owed from this one's start until they succeed.
    pub debts: Vec<String>,
    /// The steps of the way back that take back what it did.
    pub undo: Vec<String>,
    /// Whether it can be run whatever is done of the other steps, where it is owed.
    pub alone: bool,
    /// The steps of other procedures which its success completes too, if an earlier run left them open.
    pub completes: Vec<String>,
    /// When it is part of a host's upgrade; all must hold.
    pub when: Vec<Condition>,
    /// It is skipped on a host that does not have this path.
    pub when_exists: Option<Template>,
    /// It is refused on a host that has this path: somebody put it there since the plan was made.
    pub unless_exists: Option<Template>,
    /// How its output is read.
    pub reads: Option<Reads>,
    /// The name under which its standard output is kept as an artefact.
    pub capture: Option<String>,
    /// Whether a schema review stands before it.
    pub schema_review: bool,
    /// Whether what it prints is what the procedure is run for: reports show it.
    pub show: bool,
}

impl Step {
    /// The release that it is a step of: it is done once.
    pub fn release(&self) -> Option<&str> {
        match &self.action {
            Action::Release(action) => Some(&action.release),
            _ => None,
        }
    }
}

impl Procedure {
    /// Parses and validates the text of a procedure; `origin` names it in messages.
    ///
    /// # Errors
    /// All mistakes of the text at once, each with its place.
    pub fn parse(origin: &str, source: &str) -> Result<Self, Problems> {
        read::procedure(origin, source)
    }

    /// The built-in procedure of this name.
    ///
    /// # Errors
    /// `None` where there is none of this name; mistakes in a built-in text are found by a test.
    pub fn built_in(name: &str) -> Option<Result<Self, Problems>> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(name, text))
    }

    /// The step that opens the site again: whoever is owed it was closed by us.
    pub fn opening(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.when.contains(&Condition::OpenBefore))
    }

    /// The place of the step that closes the site: the one that is paid by the opening.
    pub fn closing_number(&self) -> Option<u32> {
        let opening = self.opening()?;
        let at = self.steps.iter().position(|step| step.debts.contains(&opening.id))?;
        u32::try_from(at + 1).ok()
    }

    /// Whether the way back opens the site by a step of its own.
    pub fn opens_on_the_way_back(&self) -> bool {
        let Some(opening) = self.opening() else { return true };
        self.steps.iter().any(|step| step.debts.contains(&opening.id) && !step.undo.is_empty())
    }

    /// Whether it brings the code to a target: only then can a host already be there.
    pub fn moves_code(&self) -> bool {
        let depends = |step: &Step| {
            step.when.iter().any(|condition| matches!(condition, Condition::Target | Condition::NoTarget))
        };
        self.steps.iter().any(depends)
    }

    /// The procedure of one command, given as an argument vector, that the login user runs.
    pub fn of_command(argv: &[String], effect: Effect, timeout: Duration) -> Self {
        let text = serde_json::to_vec(&(argv, effect, timeout.as_secs())).unwrap_or_default();
        let step = Step {
            id: "exec".to_owned(),
            title: "Run the command".to_owned(),
            effect,
            action: Action::Run(argv.iter().map(|word| Template::literal(word)).collect()),
            cwd: None,
            user: None,
            environment: BTreeMap::new(),
            timeout,
            proof: None,
            debts: Vec::new(),
            undo: Vec::new(),
            alone: false,
            completes: Vec::new(),
            when: Vec::new(),
            when_exists: None,
            unless_exists: None,
            reads: None,
            capture: None,
            schema_review: false,
            show: true,
        };
        Self {
            name: EXEC.to_owned(),
            digest: digest::sha256(&text),
            development_only: false,
            steps: vec![step],
            back: Vec::new(),
            health: Vec::new(),
        }
    }

    /// Whether it is that of one command.
    pub fn is_one_command(&self) -> bool {
        self.name == EXEC
    }

    /// Whether it changes anything on a host, with or without what only an option asks for.
    pub fn changes(&self, restarts_memcached: bool) -> bool {
        let takes_part =
            |step: &&Step| restarts_memcached || !step.when.contains(&Condition::RestartMemcached);
        self.steps.iter().filter(takes_part).any(|step| step.effect == Effect::Change)
    }

    /// The names of the built-in procedures.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The text of the built-in procedure of this name.
    pub fn built_in_text(name: &str) -> Option<&'static str> {
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }
}

#[cfg(test)]
mod tests;
