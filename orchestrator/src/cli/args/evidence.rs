//! Arguments about evidence: what a run demands, and what another one proved.

use std::path::PathBuf;

use clap::Args;

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

/// Arguments of `evidence`.
#[derive(Debug, Args)]
pub struct Evidence {
    /// The run, the beginning of its id, or `latest`
    #[arg(default_value = "latest")]
    pub run: String,

    /// Only the hosts of this wave
    #[arg(long, value_name = "NAME")]
    pub wave: Option<String>,

    /// The SSH key to sign with: a private key, or a public one whose other half an agent holds [default: the agent's
    /// first key, else the usual ones]
    #[arg(long, value_name = "FILE", conflicts_with = "no_sign")]
    pub sign_with: Option<PathBuf>,

    /// Do not sign
    #[arg(long)]
    pub no_sign: bool,
}

/// A reason that says something.
fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a reason is needed: it stands in the journal and in every report".to_owned());
    }
    Ok(text.to_owned())
}
