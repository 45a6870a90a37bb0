//! `ixporch evidence`: what a run proved, as one file for other controllers.

use std::path::PathBuf;

use clap::Args;
use ixporch_inventory::suggest;

use crate::cli::error::CliError;
use crate::cli::evidence::{self, SigningKey};
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::targets::USUAL_KEYS;
use crate::cli::which;
use crate::state::ExitCode;

/// Arguments of `evidence`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ixporch evidence latest > staging.evidence.json
  ixporch evidence 0198c2 --wave staging --no-sign")]
pub struct Evidence {
    /// Run id, or the beginning of it
    #[arg(default_value = "latest")]
    pub run: String,

    /// Only the hosts of this wave
    #[arg(long, value_name = "NAME")]
    pub wave: Option<String>,

    /// SSH key to sign with: a private key, or a public key whose private key is in the agent [default: the agent's
    /// first key, or the usual key files]
    #[arg(long, value_name = "FILE", conflicts_with = "no_sign")]
    pub sign_with: Option<PathBuf>,

    /// Do not sign
    #[arg(long)]
    pub no_sign: bool,
}

pub(in crate::cli) fn run(
    arguments: &Evidence,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let run = settings.store.load(&which::shown(settings, &arguments.run, printer)?)?;
    let shown = settings.store.shorten(&run.id)?;
    if run.state.exit_code.is_none() {
        let how = if run.going_on { "is in progress" } else { "was interrupted" };
        let next = if run.going_on { "report" } else { "resume" };
        return Err(CliError::invalid(format!("run {shown} {how}: it proves nothing yet"))
            .help(format!("{} {next} {shown}", settings.program)));
    }
    if let Some(wave) = &arguments.wave {
        let waves = run.state.header.iter().flat_map(|header| &header.plan.waves);
        let known: Vec<&str> = waves.map(|wave| wave.name.as_str()).collect();
        if !known.contains(&wave.as_str()) {
            let mut error = CliError::usage(format!("run {shown} has no wave `{wave}`"));
            error.help = suggest::help(wave, known);
            return Err(error);
        }
    }
    if !run.state.kind().is_upgrade() {
        return Err(CliError::invalid(format!("run {shown} is not an upgrade: only upgrades give evidence"))
            .help(format!("{} runs", settings.program)));
    }
    let proved =
        evidence::of_run(settings, &settings.store.history()?, &run.state, arguments.wave.as_deref())?;
    let proved = proved.ok_or_else(|| CliError::invalid(format!("run {shown} has no events")))?;
    let (text, signer) = match (arguments.no_sign, &arguments.sign_with) {
        (true, _) => evidence::write(&proved, None)?,
        (false, Some(key)) => evidence::write(&proved, Some(&SigningKey::File(key.clone())))?,
        (false, None) => match key_at_hand(settings) {
            None => evidence::write(&proved, None)?,
            Some(key) => evidence::write(&proved, Some(&key)).or_else(|error| {
                printer.say(&printer.err.warn(&format!("not signed: {}", error.message())));
                evidence::write(&proved, None)
            })?,
        },
    };
    let note = match signer {
        Some(signer) => format!("signed with {}", signer.split(',').next().unwrap_or(&signer)),
        None => printer.err.warn("not signed: anyone who can write the file can change its content"),
    };
    printer.say(&note);
    printer.result(&format!("{text}\n"));
    Ok(ExitCode::Success)
}

/// The agent's first key, else the first of the usual ones. One that wants a passphrase is for people at a terminal.
fn key_at_hand(settings: &Settings) -> Option<SigningKey> {
    evidence::agents_first_key().or_else(|| {
        let paths = USUAL_KEYS.iter().map(|key| settings.local_path("".as_ref(), key));
        let mut usable = paths.filter(|path| path.is_file());
        usable.next().map(SigningKey::File)
    })
}
