//! A plan for people: per wave, alike hosts folded together.

use std::fmt::Write;

use super::findings::findings;
use super::{Paint, duration, note};
use crate::digest;
use crate::event::RunKind;
use crate::plan::{
    Argument, Command, HostAction, HostPlan, Plan, PlannedProof, PlannedStep, PlannedWave, fold_names,
};
use crate::procedure::{ArgumentText, BuiltInScript, Effect};
use crate::text::harmless_line;

/// Where IXP Manager's release notes are.
const RELEASES: &str = "https://github.com/inex/IXP-Manager/releases";

/// The plan of a run of this kind as text; `commands` shows what is run, otherwise only the steps' titles.
pub fn plan(paint: Paint, kind: RunKind, plan: &Plan, commands: bool) -> String {
    let moves_code = kind.is_upgrade();
    let target = match &plan.target {
        _ if !moves_code => String::new(),
        Some(tag) => format!("   to {tag}"),
        None => "   to the head of each host's branch".to_owned(),
    };
    let mut text = format!("plan {}   procedure {}{target}\n", digest::short(&plan.digest()), plan.procedure);
    if plan.hosts_to_upgrade() > 0 {
        text.push_str(&paint.dim("* changes the host; the other steps only look\n"));
    }
    for wave in &plan.waves {
        text.push_str(&wave_text(paint, wave, moves_code, commands));
    }
    let found = findings(paint, plan, false, None);
    if !found.is_empty() {
        let _ = write!(text, "\n{}\n{found}", paint.strong("preflight"));
    }
    if moves_code && plan.hosts_to_upgrade() > 0 {
        let notes = plan.target.as_ref().map_or(String::new(), |tag| format!("/tag/{tag}"));
        let _ = writeln!(
            text,
            "\n{}",
            paint.warn(&format!("releases may ask for more, read their notes first: {RELEASES}{notes}"))
        );
    }
    if !plan.unplaced.is_empty() {
        let folded = fold_names(plan.unplaced.iter().map(String::as_str));
        let _ = writeln!(text, "\n{} {folded}", paint.warn("in no wave, so nothing is done:"));
    }
    text
}

/// Hosts of which a person would read the same are shown together.
fn wave_text(paint: Paint, wave: &PlannedWave, moves_code: bool, commands: bool) -> String {
    let settings = paint.dim(&settings(wave, moves_code));
    let mut text = format!("\n{}{settings}\n", paint.strong(&format!("wave {}", wave.name)));
    let mut groups: Vec<((String, String), Vec<&str>)> = Vec::new();
    for host in &wave.hosts {
        let shown = host_text(paint, host, commands);
        match groups.iter_mut().find(|(known, _)| *known == shown) {
            Some((_, names)) => names.push(&host.host),
            None => groups.push((shown, vec![&host.host])),
        }
    }
    for ((heading, body), names) in groups {
        let count = if names.len() > 1 { format!(" ({})", names.len()) } else { String::new() };
        let folded = paint.strong(&format!("{}{count}", fold_names(names.iter().copied())));
        let _ = write!(text, "  {folded}{heading}\n{body}");
    }
    text
}

/// What is shown of a host: what follows its name, and the lines below it.
fn host_text(paint: Paint, host: &HostPlan, commands: bool) -> (String, String) {
    let release = host.release.as_deref().map_or(String::new(), |release| format!("  from {release}"));
    let upstream = match (&host.action, host.upstream.as_deref().and_then(|commit| commit.get(..12))) {
        (HostAction::Steps(_), Some(commit)) => format!(" to {commit}"),
        _ => String::new(),
    };
    let heading = format!("{release}{upstream}{}", action_words(paint, &host.action));
    let mut body = String::new();
    for note in &host.notes {
        let _ = writeln!(body, "    {} {}", paint.warn("note:"), note::text(note));
    }
    for step in host.steps() {
        body.push_str(&step_text(paint, step, commands));
    }
    (heading, body)
}

fn settings(wave: &PlannedWave, moves_code: bool) -> String {
    let mut words = Vec::new();
    if wave.gate != ixporch_inventory::GateKind::Auto {
        words.push(format!("gate {:?}", wave.gate).to_lowercase());
    }
    words.extend(wave.parallel.map(|parallel| format!("{parallel} at a time")));
    // Only upgrades demand evidence.
    let requires = wave.requires.as_ref().filter(|_| moves_code);
    words.extend(requires.map(|requires| format!("requires evidence of {requires}")));
    words.extend(wave.soak_seconds.map(|seconds| format!("soak {}", duration(seconds.saturating_mul(1000)))));
    if words.is_empty() { String::new() } else { format!("  ({})", words.join(", ")) }
}

pub(super) fn action_words(paint: Paint, action: &HostAction) -> String {
    match action {
        HostAction::Steps(steps) => format!("  {} steps", steps.len()),
        HostAction::Current => format!("  {}", paint.good("current: nothing to do")),
        HostAction::PlannedLater => {
            format!("  {}", paint.warn("has not answered yet: it is planned and started when it does"))
        }
        HostAction::Unreachable(why) => {
            format!("  {}", paint.bad(&format!("unreachable: {}", why.lines().next().unwrap_or_default())))
        }
    }
}

fn step_text(paint: Paint, step: &PlannedStep, commands: bool) -> String {
    let mark = match step.effect {
        Effect::Check => " ",
        Effect::Change => "*",
    };
    let mut text = format!("    {mark} {:26} {}\n", step.id, step.title);
    let mut conditions = Vec::new();
    conditions.extend(step.when_exists.as_deref().map(|path| {
        let shown = if commands { path } else { path.rsplit('/').next().unwrap_or(path) };
        format!("skipped if {shown} does not exist")
    }));
    if commands {
        conditions
            .extend(step.unless_exists.as_deref().map(|path| format!("fails if {path} already exists")));
        conditions.extend(step.proof.as_ref().map(proof_words));
        if !step.debts.is_empty() {
            conditions.push(format!("must be followed by: {}", step.debts.join(", ")));
        }
    }
    conditions.extend(step.release.as_ref().map(|_| release_words(&step.command)));
    if step.when_schema_pending {
        conditions.push("skipped if no schema change is pending".to_owned());
    }
    match step.schema_review {
        Some(ixporch_inventory::SchemaApproval::Review) => {
            conditions.push("a person approves the SQL first".to_owned());
        }
        Some(ixporch_inventory::SchemaApproval::Additive) => {
            conditions.push("a person approves the SQL first, except additions".to_owned());
        }
        Some(ixporch_inventory::SchemaApproval::Any) => {
            conditions.push("schema changes need no approval (schema_approval = any)".to_owned());
        }
        None => {}
    }
    for condition in conditions {
        let _ = writeln!(text, "        {}", paint.dim(&condition));
    }
    if commands {
        for line in command_lines(&step.command) {
            let _ = writeln!(text, "        {}", paint.dim(&harmless_line(&line)));
        }
    }
    text
}

/// What is run, in one line.
pub fn command_line(command: &Command) -> String {
    command_lines(command).swap_remove(0).trim_start_matches("$ ").to_owned()
}

/// The command as a person would type it; a script as its lines, with who runs it where. One that ixporch carries is only
/// named.
fn command_lines(command: &Command) -> Vec<String> {
    let Some((interpreter, script)) = command.script() else {
        return run_lines(command);
    };
    let user = command.user.as_deref().map_or(String::new(), |user| format!(" as {user}"));
    let folder = command.cwd.as_deref().map_or(String::new(), |folder| format!(" in {folder}"));
    let values: Vec<String> =
        command.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let with = if values.is_empty() { String::new() } else { format!(", with {}", values.join(" ")) };
    let argument = || ArgumentText::of_text(script).map(|text| text.file_name().to_owned());
    if let Some(name) = BuiltInScript::file_name_of(script).or_else(argument) {
        return vec![format!(
            "{interpreter} script {name}{user}{folder}; its text: ixporch procedure show {name}"
        )];
    }
    let kind = if interpreter == "sh" { String::new() } else { format!(" for {interpreter}") };
    let heading = format!("script{kind}{user}{folder}{with}:");
    std::iter::once(heading).chain(script.trim().lines().map(|line| format!("  {line}"))).collect()
}

/// The command with the names of texts that ixporch carries in their place, and where these texts are found.
fn run_lines(command: &Command) -> Vec<String> {
    let mut shown = command.clone();
    let mut lines = Vec::new();
    for argument in &mut shown.argv {
        let Some(text) = ArgumentText::of_text(argument) else { continue };
        let name = text.file_name();
        *argument = Argument::from(format!("{{{name}}}"));
        lines.push(format!("  {{{name}}}: ixporch procedure show {name}"));
    }
    lines.insert(0, format!("$ {}", shown.to_operator_line()));
    lines
}

/// What a step of a release does.
fn release_words(command: &Command) -> String {
    let value = |name: &str| command.environment.get(name).map(String::as_str);
    let words = value("COMMAND").and_then(|words| serde_json::from_str::<Vec<String>>(words).ok());
    let what = match words {
        Some(words) => words.join(" "),
        None => value("STATEMENT").unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
    };
    format!("done once, if there is anything to do: {what}")
}

fn proof_words(proof: &PlannedProof) -> String {
    match proof {
        PlannedProof::Exists(path) => format!("proof: {path} exists"),
        PlannedProof::Absent(path) => format!("proof: {path} does not exist"),
        PlannedProof::MemcachedRestarted { unit: Some(unit), .. } => {
            format!("proof: {unit} was restarted")
        }
        PlannedProof::MemcachedRestarted { unit: None, address, .. } => {
            format!("proof: memcached on {address} was restarted")
        }
        PlannedProof::NoRows { query, .. } => {
            format!("proof: no rows of {}", query.split_whitespace().collect::<Vec<_>>().join(" "))
        }
    }
}
