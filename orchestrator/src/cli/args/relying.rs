//! What a run demands of other runs.

use clap::Args;

use super::values::reason;

/// What a run demands of others.
#[derive(Debug, Clone, Default, Args)]
pub struct Relying {
    /// Start only if this evidence matches every host: a run of this controller, or a file from `ixporch evidence` (write its path with a `/`)
    #[arg(long, value_name = "RUN|FILE")]
    pub requires_run: Option<String>,

    /// Continue although evidence is missing or does not match; the reason is recorded in the journal and all reports
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub accept_risk: Option<String>,
}
