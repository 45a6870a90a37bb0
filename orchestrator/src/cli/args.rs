//! What can be typed. Every help text of the program is here.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

use crate::procedure::DEFAULT_PROCEDURE;

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
    /// Show what an upgrade would do; changes nothing
    Plan(Plan),
    /// Upgrade the hosts, wave after wave
    Upgrade(Upgrade),
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
#[derive(Debug, Args)]
pub struct InventoryFile {
    /// The inventory
    #[arg(short, long, value_name = "FILE", env = "IXPORCH_INVENTORY", default_value = "inventory.toml")]
    pub inventory: PathBuf,
}

/// Which hosts of it.
#[derive(Debug, Args)]
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
#[derive(Debug, Args)]
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
    /// Print the text of a built-in procedure, to start an own one from
    Show {
        /// Its name
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

    /// Start without asking. Pending schema changes are still asked about at the terminal; without one, such a
    /// host is held in maintenance (exit code 7), unless its `schema_approval` is `any`
    #[arg(short, long)]
    pub yes: bool,
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
