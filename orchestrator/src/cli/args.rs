//! What can be typed before a command, and the commands. The arguments of a command are in its own file.

mod hosts;
mod preflight;
mod relying;
mod values;
mod work;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

pub use hosts::{Connecting, InventoryFile, Selection, Waves};
pub use preflight::Preflight;
pub use relying::Relying;
pub use work::{Approvals, Change, Look, RunOptions, Work};

pub(super) use values::{fingerprint, time};

use super::commands::approve::Approve;
use super::commands::backup::Backup;
use super::commands::check::Check;
use super::commands::entities::Entities;
use super::commands::evidence::Evidence;
use super::commands::exec::Exec;
use super::commands::init::Init;
use super::commands::inventory::Inventory;
use super::commands::ledger::Ledger;
use super::commands::lock::Lock;
use super::commands::logs::Logs;
use super::commands::maintenance::Maintenance;
use super::commands::memcached::Memcached;
use super::commands::plan::Plan;
use super::commands::procedure::Procedure;
use super::commands::report::Report;
use super::commands::resolve::Resolve;
use super::commands::resume::Resume;
use super::commands::rollback::Rollback;
use super::commands::run::Run;
use super::commands::schema::Schema;
use super::commands::settle::Settle;
use super::commands::status::Status;
use super::commands::upgrade::Upgrade;
use super::commands::views::Views;
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
