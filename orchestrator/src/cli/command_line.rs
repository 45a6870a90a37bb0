//! The command line: what is typed before a command, and the commands. The arguments of a command are in its own file.

use std::path::PathBuf;

use clap::Parser;

use super::args::{Format, When};
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
use super::commands::runs::Runs;
use super::commands::schema::Schema;
use super::commands::settle::Settle;
use super::commands::ssh::Ssh;
use super::commands::status::Status;
use super::commands::sudoers::Sudoers;
use super::commands::upgrade::Upgrade;
use super::commands::views::Views;

/// Upgrade fleets of IXP Manager hosts over SSH, without an agent.
#[derive(Debug, Parser)]
#[command(name = "ixporch", version, max_term_width = 110)]
#[command(after_help = "Examples:
  ixporch init               # write an inventory, then edit it
  ixporch check              # run the preflight checks
  ixporch plan               # read what an upgrade would do
  ixporch upgrade            # do it, wave by wave
  ixporch report             # read the outcome, host by host
  ixporch resume             # after an interruption: complete the run
  ixporch rollback           # or restore the hosts to their state before it")]
pub struct Arguments {
    /// Format of results on standard output; progress goes to standard error
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub format: Format,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    pub color: When,

    /// Folder that holds the runs [default: `$XDG_STATE_HOME/ixporch`]
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
    /// Check an inventory, list its hosts or explain their settings
    Inventory(Inventory),
    /// Check or print a procedure
    Procedure(Procedure),
    /// Show what is installed on the hosts; changes nothing
    Status(Status),
    /// Show how hosts are reached, phase by phase; changes nothing
    Ssh(Ssh),
    /// Run preflight checks on all hosts; changes nothing
    Check(Check),
    /// Show what an upgrade would do; changes nothing
    Plan(Plan),
    /// Print the rules of sudo that an upgrade needs; changes nothing
    Sudoers(Sudoers),
    /// Upgrade the hosts, wave by wave
    Upgrade(Upgrade),
    /// Resume an interrupted run, or rerun the hosts it did not finish
    Resume(Resume),
    /// List, verify, download or delete backups
    Backup(Backup),
    /// Restore hosts to their state before a run
    Rollback(Rollback),
    /// Complete the steps that a run left open on a host
    Settle(Settle),
    /// Record the outcome of a step whose result is unknown
    Resolve(Resolve),
    /// Show or break the locks of hosts
    Lock(Lock),
    /// List or delete the ledgers that runs left on the hosts
    Ledger(Ledger),
    /// Approve a wave or schema changes that a run waits for
    Approve(Approve),
    /// Export the results of a run as evidence for other waves or controllers
    Evidence(Evidence),
    /// Show the schema changes of a run, or validate, compare or fix the schemas of hosts
    Schema(Schema),
    /// Recreate the database views
    Views(Views),
    /// Restart memcached
    Memcached(Memcached),
    /// Turn maintenance mode on or off, or show where it is on
    Maintenance(Maintenance),
    /// Regenerate Doctrine's entities and proxies (development hosts only)
    Entities(Entities),
    /// Run a built-in procedure or one of your own
    Run(Run),
    /// Run a command on the hosts and show its output by host
    Exec(Exec),
    /// List, verify, archive or delete the runs of this controller
    Runs(Runs),
    /// Show the report of a run
    Report(Report),
    /// Show the output of a run's steps on a host
    Logs(Logs),
}

#[cfg(test)]
mod tests;
