//! What a run demands of other runs.

use clap::Args;

use super::values::reason;

/// What a run demands of others.
#[derive(Debug, Clone, Default, Args)]
pub struct Relying {
    /// Start only where this matches every host: a run of this controller, or a file that `ixporch evidence` wrote
    #[arg(long, value_name = "RUN|FILE")]
    pub requires_run: Option<String>,

    /// Go on although evidence is missing or does not match; the reason stands in the journal and in every report
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub accept_risk: Option<String>,
}
