//! How findings of the preflight are taken.

use clap::Args;

use crate::cli::error::CliError;
use crate::preflight::{IDS, PreflightPolicy};
use crate::release;

/// How findings are taken.
#[derive(Debug, Clone, Default, Args)]
pub struct Preflight {
    /// Treat preflight warnings as blockers
    #[arg(long)]
    pub strict: bool,

    /// Ignore the preflight finding with this id; needs --reason
    #[arg(long, value_name = "ID")]
    pub skip_check: Vec<String>,

    /// Confirm that what this release asks of you is known and done, such as v4.9.0
    #[arg(long, value_name = "TAG")]
    pub confirm_release: Vec<String>,
}

impl Preflight {
    /// Which findings block a host; `reason` is recorded with each one that is skipped.
    pub(in crate::cli) fn policy(&self, reason: &str) -> Result<PreflightPolicy, CliError> {
        if let Some(id) = self.skip_check.iter().find(|id| !IDS.contains(&id.as_str())) {
            let mut error = CliError::usage(format!("there is no preflight finding `{id}`"));
            error.help = ixporch_inventory::suggest::help(id, IDS)
                .or_else(|| Some("list the findings with their ids: ixporch check".to_owned()));
            return Err(error);
        }
        if !self.skip_check.is_empty() && reason.trim().is_empty() {
            return Err(CliError::usage("--skip-check needs a reason")
                .help("add --reason \"the file is generated\"; it is recorded in the journal"));
        }
        confirmable(&self.confirm_release)?;
        let skips = self.skip_check.iter().map(|id| (id.clone(), reason.to_owned())).collect();
        Ok(PreflightPolicy { strict: self.strict, skips, confirmed: self.confirm_release.clone() })
    }
}

/// Whether all of these are releases that a person can confirm.
pub(in crate::cli) fn confirmable(tags: &[String]) -> Result<(), CliError> {
    let known = || release::all().map(|release| release.tag.as_str());
    let Some(tag) = tags.iter().find(|tag| !known().any(|known| known == tag.as_str())) else {
        return Ok(());
    };
    let mut error = CliError::usage(format!("there is no release `{tag}` to confirm"));
    error.help = ixporch_inventory::suggest::help(tag, known());
    Err(error)
}
