//! What can be typed. Every help text of the program is here.

mod backup;
mod corrections;
mod evidence;
mod leftovers;
mod preflight;
mod rollback;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

pub use backup::{Backup, BackupCommand};
pub use corrections::{
    Change, Entities, EntitiesCommand, Exec, Look, Maintenance, MaintenanceCommand, Memcached,
    MemcachedCommand, Run, SchemaCommand, Views, ViewsCommand,
};

pub use evidence::{Evidence, Relying};
pub use leftovers::{Ledger, LedgerCommand, Lock, LockCommand};
pub use preflight::{Check, Preflight};
pub use rollback::{Rollback, Settle};

use crate::procedure::DEFAULT_PROCEDURE;
use crate::schema::FINGERPRINT_DIGITS;

/// Upgrades fleets of IXP Manager hosts over SSH, without an agent.
#[derive(Debug, Parser)]
#[command(name = "ixporch", version, max_term_width = 110)]
pub struct Arguments {
    /// How results are shown on standard output; progress goes to standard error
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub format: Format,

    /// Whether to use colours
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    pub color: When,

    /// Where runs are kept [default: `$XDG_STATE_HOME/ixporch`]
    #[arg(long, global = true, value_name = "FOLDER", env = "IXPORCH_STATE_DIR")]
    pub state_dir: Option<PathBuf>,

    /// What to do
    #[command(subcommand)]
    pub command: Subcommand,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Write a commented inventory to start from
    Init(Init),
    /// Check, list or explain an inventory
    Inventory(Inventory),
    /// Check or show a procedure
    Procedure(Procedure),
    /// Show what is installed on the hosts; changes nothing
    Status(Status),
    /// Show what stands against an upgrade, on all hosts at once; changes nothing
    Check(Check),
    /// Show what an upgrade would do; changes nothing
    Plan(Plan),
    /// Upgrade the hosts, wave after wave
    Upgrade(Upgrade),
    /// Go on with a run that has no end, or run the hosts again that it left
    Resume(Resume),
    /// List, read again, copy or remove the backups of hosts
    Backup(Backup),
    /// Take the hosts of a run back to where they were before it
    Rollback(Rollback),
    /// Pay what a run still owes a host
    Settle(Settle),
    /// Say how a step had ended whose end nobody saw
    Resolve(Resolve),
    /// Show or break the locks of hosts
    Lock(Lock),
    /// List or remove what runs left on the hosts
    Ledger(Ledger),
    /// Approve a wave or schema changes of a run that waits for it
    Approve(Approve),
    /// Write down what a run proved, for waves and controllers that demand it
    Evidence(Evidence),
    /// Show the schema changes of a run; or validate, compare or fix the schemas of hosts
    Schema(Schema),
    /// Make the views of databases anew
    Views(Views),
    /// Restart memcached
    Memcached(Memcached),
    /// Close sites, open them, or tell whether they are closed
    Maintenance(Maintenance),
    /// Generate Doctrine's entities and proxies anew, on hosts for development alone
    Entities(Entities),
    /// Run a procedure: a built-in one, or an own file
    Run(Run),
    /// Run a command on the hosts, and show what it printed host by host
    Exec(Exec),
    /// List the runs of this controller
    Runs,
    /// Show the report of a run
    Report(Report),
    /// Show what a step printed on a host
    Logs(Logs),
}

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// One JSON document
    Json,
    /// One JSON document a line
    Jsonl,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// Where the output is a terminal and `NO_COLOR` is not set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The file to write; a file that is there is never overwritten
    #[arg(default_value = "inventory.toml")]
    pub file: PathBuf,
}

/// Which inventory.
#[derive(Debug, Clone, Args)]
pub struct InventoryFile {
    /// The inventory
    #[arg(short, long, value_name = "FILE", env = "IXPORCH_INVENTORY", default_value = "inventory.toml")]
    pub inventory: PathBuf,
}

/// Which hosts of it.
#[derive(Debug, Clone, Args)]
pub struct Selection {
    /// Which inventory
    #[command(flatten)]
    pub file: InventoryFile,

    /// Only these hosts: `name`, `glob-*`, `name[1-3,7]`, `@group`, `!not-this`, between commas
    #[arg(short, long, value_name = "SELECTOR")]
    pub limit: Option<String>,

    /// Only the hosts that this file lists, one selector a line
    #[arg(long, value_name = "FILE", conflicts_with = "limit")]
    pub limit_file: Option<PathBuf>,
}

/// How hosts are reached.
#[derive(Debug, Clone, Args)]
pub struct Connecting {
    /// How many hosts are worked on at once
    #[arg(short, long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub forks: u32,

    /// How many connections are made at once
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub connecting: u32,

    /// Record and accept host keys that are not known yet; a changed key is never accepted
    #[arg(long)]
    pub accept_new: bool,
}

/// What is to be done.
#[derive(Debug, Args)]
pub struct Work {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// The procedure: the name of a built-in one, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = DEFAULT_PROCEDURE)]
    pub procedure: String,

    /// The release to go to, a git tag such as v4.5.0 [default: the head of each host's branch]
    #[arg(long, value_name = "TAG")]
    pub to: Option<String>,

    /// Which waves
    #[command(flatten)]
    pub waves: Waves,
}

/// Which of the inventory's waves.
#[derive(Debug, Clone, Default, Args)]
pub struct Waves {
    /// Only this wave
    #[arg(long, value_name = "NAME", conflicts_with_all = ["from_wave", "until_wave"])]
    pub wave: Option<String>,

    /// This wave and those after it
    #[arg(long, value_name = "NAME")]
    pub from_wave: Option<String>,

    /// Those before this wave, and it
    #[arg(long, value_name = "NAME")]
    pub until_wave: Option<String>,
}

/// Arguments of `inventory`.
#[derive(Debug, Args)]
pub struct Inventory {
    /// What to do with it
    #[command(subcommand)]
    pub command: InventoryCommand,
}

/// What to do with an inventory.
#[derive(Debug, clap::Subcommand)]
pub enum InventoryCommand {
    /// Check an inventory and show all its mistakes
    Check(InventoryFile),
    /// List hosts with their address, groups and wave
    List(Selection),
    /// Show every setting of a host, and where it comes from
    Explain {
        /// Which inventory
        #[command(flatten)]
        file: InventoryFile,
        /// The host
        host: String,
    },
    /// Print the JSON Schema of inventories, for editors
    Schema,
}

/// Arguments of `procedure`.
#[derive(Debug, Args)]
pub struct Procedure {
    /// What to do with it
    #[command(subcommand)]
    pub command: ProcedureCommand,
}

/// What to do with a procedure.
#[derive(Debug, clap::Subcommand)]
pub enum ProcedureCommand {
    /// Check a procedure and show all its mistakes
    Check {
        /// The name of a built-in procedure, or a file
        procedure: String,
    },
    /// Print the text of a built-in procedure, to start an own one from, or of a script that one runs
    Show {
        /// Its name; that of a script ends in .php
        #[arg(default_value = "ixp-manager-v4")]
        procedure: String,
    },
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// What is to be done
    #[command(flatten)]
    pub work: Work,

    /// Exit with 10 where there is something to do
    #[arg(long)]
    pub exit_code: bool,
}

/// Arguments of `upgrade`.
#[derive(Debug, Args)]
pub struct Upgrade {
    /// What is to be done
    #[command(flatten)]
    pub work: Work,

    /// How a run is carried out
    #[command(flatten)]
    pub options: RunOptions,

    /// How long to wait for hosts that another run has locked, such as 10m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    pub lock_wait: Duration,

    /// Start without asking. Gates of waves and pending schema changes are still asked about at the terminal;
    /// without one they hold (exit code 7), unless they are approved, or `schema_approval` lets them pass
    #[arg(short, long)]
    pub yes: bool,

    /// What is approved beforehand
    #[command(flatten)]
    pub approvals: Approvals,

    /// What is demanded of other runs
    #[command(flatten)]
    pub relying: Relying,

    /// How findings of the preflight are taken
    #[command(flatten)]
    pub preflight: Preflight,
}

/// What a person approves.
#[derive(Debug, Clone, Default, Args)]
pub struct Approvals {
    /// Let this wave start
    #[arg(long, value_name = "WAVE")]
    pub approve: Vec<String>,

    /// Let these schema changes be executed wherever they are pending: their fingerprint, as `ixporch schema` shows it
    #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
    pub approve_schema: Vec<String>,

    /// Why; it stands in the journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
}

/// How a run is carried out.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Leave the run's ledgers on the hosts; `ixporch ledger` lists and removes them
    #[arg(long)]
    pub keep_ledger: bool,

    /// Show what steps print as they print it: `|` is standard output, `!` standard error
    #[arg(long)]
    pub live: bool,
}

/// A length of time such as `90s` or `10m`.
fn time(text: &str) -> Result<Duration, String> {
    if text == "0s" {
        return Ok(Duration::ZERO);
    }
    ixporch_inventory::value::parse_time(text).map_err(|refusal| refusal.why)
}

/// The digits of a fingerprint.
fn fingerprint(text: &str) -> Result<String, String> {
    let is_digits = text.chars().all(|c| c.is_ascii_hexdigit());
    if is_digits && (FINGERPRINT_DIGITS..=64).contains(&text.len()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!(
        "a fingerprint is at least {FINGERPRINT_DIGITS} of the digits 0-9 and a-f, as `ixporch schema` shows it"
    ))
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// The run, or the beginning of its id
    #[arg(default_value = "latest")]
    pub run: String,

    /// Start a new run instead, for the hosts that this one left; those that were never started are always among them
    #[arg(long, value_enum, value_name = "WHICH")]
    pub rerun: Option<Rerun>,

    /// The inventory, where it is not where the run found it any more
    #[arg(short, long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// How a run is carried out
    #[command(flatten)]
    pub options: RunOptions,

    /// What is approved
    #[command(flatten)]
    pub approvals: Approvals,

    /// What is demanded of other runs
    #[command(flatten)]
    pub relying: Relying,

    /// With --rerun: start without asking
    #[arg(short, long, requires = "rerun")]
    pub yes: bool,
}

/// Which hosts of a run are run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rerun {
    /// Those that failed, could not be reached, or were not started
    Failed,
    /// All that are neither upgraded nor current
    Unfinished,
}

/// Arguments of `resolve`.
#[derive(Debug, Args)]
pub struct Resolve {
    /// The run, the beginning of its id, or `latest`
    pub run: String,

    /// The host
    pub host: String,

    /// The step whose end nobody saw
    #[arg(long, value_name = "STEP")]
    pub step: String,

    /// How it had ended, by a person's own look at the host
    #[arg(long = "as", value_enum, value_name = "HOW")]
    pub verdict: Verdict,

    /// What was looked at; it stands in the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// How a step had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Verdict {
    /// It did its work: the run goes on after it
    Done,
    /// It did nothing that stays: the run starts it again
    NotDone,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The run, or the beginning of its id
    #[arg(default_value = "latest")]
    pub run: String,

    /// Only this host, with all its steps
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Schema {
    /// The run, or the beginning of its id: its hosts are shown by what is pending on them, or was
    #[arg(default_value = "latest")]
    pub run: String,

    /// What to do with the schemas of hosts
    #[command(subcommand)]
    pub command: Option<SchemaCommand>,
}

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// The run, the beginning of its id, or `latest`
    pub run: String,

    /// Let this wave start
    #[arg(long, value_name = "WAVE", required_unless_present = "schema")]
    pub wave: Vec<String>,

    /// Let these schema changes be executed: their fingerprint, as `ixporch schema RUN` shows it
    #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
    pub schema: Vec<String>,

    /// Why; it stands in the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// The run, the beginning of its id, or `latest`
    pub run: String,

    /// The host
    pub host: String,

    /// The step; without it, all steps
    pub step: Option<String>,
}
