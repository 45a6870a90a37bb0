//! Which hosts are meant, in which waves, and how they are reached.

use std::path::PathBuf;

use clap::Args;

/// Which inventory.
#[derive(Debug, Clone, Args)]
pub struct InventoryFile {
    /// Inventory file
    #[arg(short, long, value_name = "FILE", env = "IXPORCH_INVENTORY", default_value = "inventory.toml")]
    pub inventory: PathBuf,
}

/// Which hosts of it.
#[derive(Debug, Clone, Args)]
pub struct Selection {
    /// Which inventory
    #[command(flatten)]
    pub file: InventoryFile,

    /// Only these hosts [default: all]: `name`, `glob-*`, `name[1-3,7]`, `name[01-12]`, `@group`, `!not-this`, separated by commas
    #[arg(short, long, value_name = "SELECTOR", alias = "host")]
    pub limit: Option<String>,

    /// Only the hosts that this file lists, one selector per line
    #[arg(long, value_name = "FILE", conflicts_with = "limit")]
    pub limit_file: Option<PathBuf>,
}

/// Which of the inventory's waves.
#[derive(Debug, Clone, Default, Args)]
pub struct Waves {
    /// Only this wave
    #[arg(long, value_name = "NAME", conflicts_with_all = ["from_wave", "until_wave"])]
    pub wave: Option<String>,

    /// This wave and all later waves
    #[arg(long, value_name = "NAME")]
    pub from_wave: Option<String>,

    /// All earlier waves and this wave
    #[arg(long, value_name = "NAME")]
    pub until_wave: Option<String>,
}

/// How hosts are reached.
#[derive(Debug, Clone, Args)]
pub struct Connecting {
    /// Maximum number of hosts worked on at the same time
    #[arg(short, long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub forks: u32,

    /// Maximum number of logins at the same time, and of connections being opened to one address
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub connecting: u32,

    /// Accept and record unknown host keys; a changed key is never accepted
    #[arg(long)]
    pub accept_new: bool,
}
