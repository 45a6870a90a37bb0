//! One file per subcommand.

pub(super) mod init;
pub(super) mod inventory;
pub(super) mod logs;
pub(super) mod plan;
pub(super) mod procedure;
pub(super) mod report;
pub(super) mod runs;
pub(super) mod status;
pub(super) mod upgrade;
mod work;
