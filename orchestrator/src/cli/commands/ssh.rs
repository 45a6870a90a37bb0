//! `ixporch ssh check`: how each host is reached, phase by phase, and whom its login can become.

use std::collections::BTreeMap;

use clap::Args;
use ixporch_inventory::{Become, Host, JUMP_KEYS, Source};
use serde_json::{Value, json};

use crate::cli::access::{ANSWER, Access, Answers, Progress, Question};
use crate::cli::args::{Connecting, Format, InventoryFile, Selection};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::secrets;
use crate::cli::settings::Settings;
use crate::cli::waiting::Waiting;
use crate::ledger::{self, StepOutput};
use crate::report::{self, PassedPhase, Reached, Users};
use crate::state::ExitCode;
use crate::transport::{Passed, Trace};

/// Arguments of `ssh`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch ssh check\n  ixporch ssh check ixp1 --accept-new")]
pub struct Ssh {
    /// What to do
    #[command(subcommand)]
    pub command: SshCommand,
}

/// What to do with connections.
#[derive(Debug, clap::Subcommand)]
pub enum SshCommand {
    /// Show how each host is reached, which phase takes how long, and whom the login can become; exit code 4 if one is not reached, 5 if a user cannot be become
    #[command(
        after_help = "Examples:\n  ixporch ssh check\n  ixporch ssh check '@prod'\n  ixporch ssh check ixp1 --accept-new"
    )]
    Check(SshCheck),
}

/// Arguments of `ssh check`.
#[derive(Debug, Args)]
pub struct SshCheck {
    /// Which inventory
    #[command(flatten)]
    pub file: InventoryFile,

    /// Only these hosts [default: all]: a selector as --limit of other commands takes it
    #[arg(value_name = "HOSTS")]
    pub hosts: Option<String>,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,
}

/// The settings that say how a host is reached, besides those that jump hosts have, too.
const BESIDES: [&str; 5] = ["transport", "become", "become_password", "become_password_command", "web_user"];

pub(in crate::cli) fn run(
    arguments: &Ssh,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let SshCommand::Check(arguments) = &arguments.command;
    let selection =
        Selection { file: arguments.file.clone(), limit: arguments.hosts.clone(), limit_file: None };
    let selector = load::selector(&selection)?;
    let inventory = load::fleet(&selection.file, selector.as_ref(), settings)?;
    let hosts = planning::selected(&inventory, selector.as_ref())?;
    let traces: BTreeMap<String, Trace> =
        hosts.iter().map(|host| (host.name.clone(), Trace::default())).collect();
    let access = Access {
        traces: traces.clone(),
        ..Access::new(settings, &selection.file.inventory, &inventory, &arguments.connecting)
    };
    let mut waiting = Waiting::begin(hosts.len(), printer);
    let tell = &mut |progress: Progress<'_, Users>| waiting.tell(&progress);
    let asked = access.ask_and_tell(&hosts, question, ANSWER, tell);
    let answers = planning::runtime()?.block_on(asked);
    let checked = Checked { answers: &answers, traces: &traces, settings };
    match printer.format {
        Format::Human => {
            let reached: Vec<Reached<'_>> = hosts.iter().map(|host| checked.reached(host)).collect();
            printer.result(&report::reached(printer.out, &reached));
        }
        Format::Json => {
            let hosts: Vec<Value> = hosts.iter().map(|host| checked.value(host)).collect();
            printer.json(&json!({ "format": 1, "hosts": hosts }));
        }
        Format::Jsonl => hosts.iter().for_each(|host| printer.json(&checked.value(host))),
    }
    Ok(checked.exit())
}

/// Asks whom the login can become.
fn question(host: &Host) -> Question<Users> {
    let web_user = host.text("web_user").unwrap_or_default().to_owned();
    let wants = host.become_method() != Become::None;
    Box::new(move |ledger, place| {
        Box::pin(async move {
            let mut output = StepOutput::default();
            let asked = ledger::users(place, &web_user);
            ledger.answer_to(&asked, &mut output).await.map_err(|lost| lost.to_string())?;
            Ok(Users::read(&output.stdout.kept(), wants))
        })
    })
}

struct Checked<'a> {
    answers: &'a Answers<Users>,
    traces: &'a BTreeMap<String, Trace>,
    settings: &'a Settings,
}

impl Checked<'_> {
    fn reached<'h>(&'h self, host: &'h Host) -> Reached<'h> {
        let values = host.values();
        let shown = JUMP_KEYS.iter().chain(&BESIDES).filter_map(|key| Some((*key, values.get(key)?)));
        let resolved =
            shown.filter(|(_, resolved)| resolved.source != Source::BuiltIn).map(|(key, resolved)| {
                let value = match host.text(key).filter(|_| key.ends_with("password_command")) {
                    Some(command) => secrets::shown(command),
                    None => resolved.value.to_toml(),
                };
                (key, value, resolved.source.to_string())
            });
        Reached {
            host: &host.name,
            login: crate::plan::login(host, &self.settings.user),
            settings: resolved.collect(),
            passed: self.passed(host),
            users: self.answers.get(&host.name).map(Result::as_ref),
        }
    }

    fn passed(&self, host: &Host) -> Vec<PassedPhase> {
        let passed = self.traces.get(&host.name).map(Trace::all).unwrap_or_default();
        let phase = |Passed { phase, took, detail }| PassedPhase {
            name: phase.name(),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            detail,
        };
        passed.into_iter().map(phase).collect()
    }

    fn value(&self, host: &Host) -> Value {
        let reached = self.reached(host);
        let settings: Vec<Value> = reached
            .settings
            .iter()
            .map(|(key, value, from)| json!({ "setting": key, "value": value, "from": from }))
            .collect();
        let phases: Vec<Value> = reached.passed.iter().map(phase).collect();
        let mut value = json!({
            "host": reached.host, "login": reached.login, "settings": settings, "phases": phases,
        });
        let Some(object) = value.as_object_mut() else { return value };
        match reached.users {
            Some(Ok(users)) => object.insert("users".to_owned(), users.value()),
            Some(Err(why)) => object.insert("error".to_owned(), (*why).clone().into()),
            None => None,
        };
        value
    }

    fn exit(&self) -> ExitCode {
        if self.answers.values().any(Result::is_err) {
            return ExitCode::Unreachable;
        }
        let all = self.answers.values().flatten().all(Users::is_enough);
        if all { ExitCode::Success } else { ExitCode::Failed }
    }
}

fn phase(passed: &PassedPhase) -> Value {
    json!({ "phase": passed.name, "milliseconds": passed.milliseconds, "detail": passed.detail })
}
