//! `ixporch logs`: what steps printed on a host.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use ixporch_inventory::suggest;

use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::which;
use crate::journal::LoadedRun;
use crate::report;
use crate::state::ExitCode;
use crate::text::RemoteText;

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch logs latest ixp1\n  ixporch logs latest ixp1 composer")]
pub struct Logs {
    /// Run id, the beginning of it, or `latest`
    pub run: String,

    /// Host of the run
    pub host: String,

    /// Step to show [default: all]
    pub step: Option<String>,
}

pub(in crate::cli) fn run(
    arguments: &Logs,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let run = settings.store.load(&which::shown(settings, &arguments.run, printer)?)?;
    let host = &arguments.host;
    let Some(state) = run.state.hosts.get(host) else {
        let mut error = CliError::usage(format!("the run has no host `{host}`"));
        error.help = suggest::help(host, run.state.hosts.keys().map(String::as_str));
        return Err(error);
    };
    let started: Vec<&str> = state.steps.iter().map(|step| step.id.as_str()).collect();
    if let Some(wanted) = &arguments.step
        && !started.contains(&wanted.as_str())
    {
        let mut error = CliError::usage(format!("no step `{wanted}` was started on {host}"));
        error.help = suggest::help(wanted, started.iter().copied());
        return Err(error);
    }
    let mut text = String::new();
    for step in
        started.into_iter().filter(|step| arguments.step.as_deref().is_none_or(|wanted| wanted == *step))
    {
        text.push_str(&step_text(&run, host, step, printer)?);
    }
    if state.steps.is_empty() {
        printer.say(&format!("no step was started on {host}"));
    }
    printer.result(&text);
    Ok(ExitCode::Success)
}

fn step_text(run: &LoadedRun, host: &str, step: &str, printer: Printer) -> Result<String, CliError> {
    let mut text = String::new();
    let Some(planned) = run.state.plan_of(host).and_then(|plan| plan.step(step)) else { return Ok(text) };
    let _ = writeln!(
        text,
        "{}",
        printer.out.strong(&format!("== {step}: {}", report::command_line(&planned.command)))
    );
    for (ending, name) in [("out", "standard output"), ("err", "standard error")] {
        let path: PathBuf =
            run.folder.join("output").join(host).join(format!("{:02}-{step}.{ending}", planned.number));
        match fs_err::read(&path) {
            Ok(bytes) => {
                let shown = RemoteText::from_bytes(&bytes).to_string();
                let _ = writeln!(text, "{}\n{}", printer.out.dim(&format!("-- {name}")), shown.trim_end());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(CliError::internal(error.to_string())),
        }
    }
    Ok(text)
}
