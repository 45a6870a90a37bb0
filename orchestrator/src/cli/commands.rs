//! One file per subcommand.

pub(super) mod approve;
pub(super) mod backup;
pub(super) mod check;
pub(super) mod entities;
pub(super) mod evidence;
pub(super) mod exec;
pub(super) mod init;
pub(super) mod inventory;
pub(super) mod ledger;
pub(super) mod lock;
pub(super) mod logs;
pub(super) mod maintenance;
pub(super) mod memcached;
pub(super) mod plan;
pub(super) mod procedure;
pub(super) mod report;
pub(super) mod resolve;
pub(super) mod resume;
pub(super) mod rollback;
pub(super) mod run;
pub(super) mod runs;
pub(super) mod schema;
pub(super) mod settle;
pub(super) mod status;
pub(super) mod upgrade;
pub(super) mod views;
