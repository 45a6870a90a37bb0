//! What can be typed besides the upgrade: correcting schemas, maintenance mode, procedures and commands.

use std::time::Duration;

use clap::Args;

use super::{Approvals, Connecting, RunOptions, Selection, Waves, time};

/// What to do with the schemas of hosts.
#[derive(Debug, clap::Subcommand)]
pub enum SchemaCommand {
    /// Tell whether the mapping is correct and the database in sync with it; exit code 5 where not
    Validate(Look),
    /// Show the SQL that would bring the databases into line, grouped by what it is
    Diff(Look),
    /// Bring the databases into line: memcached, review, update, memcached, validation
    Fix(Change),
}

/// What to do with the views of databases.
#[derive(Debug, clap::Subcommand)]
pub enum ViewsCommand {
    /// Make the views and triggers of tools/sql/views.sql anew; they are never left half dropped for want of a right
    Recreate(Change),
}

/// Arguments of `views`.
#[derive(Debug, Args)]
pub struct Views {
    /// What to do with them
    #[command(subcommand)]
    pub command: ViewsCommand,
}

/// A look at hosts, which changes nothing but what an option asks for.
#[derive(Debug, Args)]
pub struct Look {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// Restart memcached first: Doctrine keeps its metadata there, and where that is warm, answers from it
    #[arg(long)]
    pub restart_memcached: bool,

    /// With --restart-memcached: start without asking
    #[arg(short, long)]
    pub yes: bool,
}

/// A change of hosts.
#[derive(Debug, Args)]
pub struct Change {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// Which waves
    #[command(flatten)]
    pub waves: Waves,

    /// How a run is carried out
    #[command(flatten)]
    pub options: RunOptions,

    /// Start without asking
    #[arg(short, long)]
    pub yes: bool,

    /// What is approved beforehand
    #[command(flatten)]
    pub approvals: Approvals,
}

/// Arguments of `memcached`.
#[derive(Debug, Args)]
pub struct Memcached {
    /// What to do with it
    #[command(subcommand)]
    pub command: MemcachedCommand,
}

/// What to do with memcached.
#[derive(Debug, clap::Subcommand)]
pub enum MemcachedCommand {
    /// Restart it, and prove that it was started anew
    Restart(Change),
}

/// Arguments of `maintenance`.
#[derive(Debug, Args)]
pub struct Maintenance {
    /// What to do with it
    #[command(subcommand)]
    pub command: MaintenanceCommand,
}

/// What to do with maintenance mode.
#[derive(Debug, clap::Subcommand)]
pub enum MaintenanceCommand {
    /// Close sites; an upgrade leaves a site closed that it found closed
    On(Change),
    /// Open sites, whoever closed them
    Off(Change),
    /// Tell which sites are closed, and since when
    Status {
        /// Which hosts
        #[command(flatten)]
        selection: Selection,

        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,
    },
}

/// Arguments of `entities`.
#[derive(Debug, Args)]
pub struct Entities {
    /// What to do with them
    #[command(subcommand)]
    pub command: EntitiesCommand,
}

/// What to do with Doctrine's entities.
#[derive(Debug, clap::Subcommand)]
pub enum EntitiesCommand {
    /// Generate them and the proxies anew from the mapping files; refused where `development` is not set
    Regenerate(Change),
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The procedure: the name of a built-in one, or a file
    pub procedure: String,

    /// On what, and how
    #[command(flatten)]
    pub change: Change,
}

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// The command changes something: it is run wave by wave, never repeated, and asked about first
    #[arg(long)]
    pub change: bool,

    /// With --change: start without asking
    #[arg(short, long)]
    pub yes: bool,

    /// How long it may take on a host
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub timeout: Duration,

    /// Program and arguments, as the login user runs them; no shell takes part
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}
