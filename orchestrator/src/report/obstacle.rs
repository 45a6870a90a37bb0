//! What stands against a request about runs, in words.

use std::fmt::Write;

use ixporch_inventory::suggest;

use crate::event::{Candidate, Deed, FollowUpKind, LeftOut, Obstacle, RunKind};
use crate::facts::HostKind;
use crate::history::Since;
use crate::plan::{fold_names, quote};
use crate::text::harmless_line;

/// A message, and what to type next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What stands against it.
    pub message: String,
    /// What to type next, a line for each possibility.
    pub help: Option<String>,
}

/// How a person types what they ask for.
fn typed(follow_up: &FollowUpKind, run: &str) -> String {
    match follow_up {
        FollowUpKind::Resume => format!("resume {run}"),
        FollowUpKind::Rerun { only_failed: true } => format!("resume {run} --rerun failed"),
        FollowUpKind::Rerun { only_failed: false } => format!("resume {run} --rerun unfinished"),
        FollowUpKind::Rollback => format!("rollback {run}"),
        FollowUpKind::Settle { host } => format!("settle {run} {}", harmless_line(host)),
        // What is approved or recorded must be typed anyway: the report names it.
        FollowUpKind::Approve | FollowUpKind::Resolve { .. } => format!("report {run}"),
    }
}

/// What a person asks for, as a noun.
fn noun(follow_up: &FollowUpKind) -> &'static str {
    match follow_up {
        FollowUpKind::Resume => "resume",
        FollowUpKind::Rerun { .. } => "rerun",
        FollowUpKind::Rollback => "rollback",
        FollowUpKind::Settle { .. } => "settlement",
        FollowUpKind::Approve => "approval",
        FollowUpKind::Resolve { .. } => "resolution",
    }
}

/// Words an obstacle; `program` is what a person types, `shorten` shows a run.
pub fn obstacle(obstacle: &Obstacle, program: &str, shorten: &dyn Fn(&str) -> String) -> Words {
    let (message, help) = match obstacle {
        Obstacle::NoRun => (
            "no run is recorded that changes hosts".to_owned(),
            Some(format!("list all runs: {program} runs")),
        ),
        Obstacle::NoRunOf { inventory, others } => {
            let others: Vec<String> = others.iter().map(|other| harmless_line(other)).collect();
            (
                format!(
                    "no run of {} is recorded that changes hosts; there are runs of {}",
                    harmless_line(inventory),
                    others.join(", ")
                ),
                Some(format!("list all runs: {program} runs")),
            )
        }
        Obstacle::WhichRun { follow_up, last, candidates } => {
            which_run(follow_up, last.as_deref(), candidates, program, shorten)
        }
        Obstacle::Unread { follow_up, run } => (
            format!("run {} may be the one that is meant, but its journal cannot be read", shorten(run)),
            Some(format!(
                "check all journals: {program} runs verify\nif another run is meant, name it: {program} {}",
                typed(follow_up, "RUN")
            )),
        ),
        Obstacle::NothingAwaited { run } => {
            let run = shorten(run);
            (
                format!("run {run} has ended: nothing of it waits for an approval"),
                Some(format!("list the runs: {program} runs")),
            )
        }
        Obstacle::NotBegun { run } => (
            format!("run {} was cut off before its first event: it did nothing", shorten(run)),
            Some(format!("list all runs: {program} runs")),
        ),
        Obstacle::TakenOver { follow_up, run, by, hosts } => {
            taken_over(follow_up, &shorten(run), &shorten(by), hosts, program)
        }
        Obstacle::LeavesBehind { follow_up, run, hosts } => {
            let run = shorten(run);
            let all = match follow_up {
                FollowUpKind::Rerun { .. } => FollowUpKind::Rerun { only_failed: false },
                other => other.clone(),
            };
            let all = format!("{program} {}", typed(&all, &run));
            (
                format!("run {run} has not ended on {}: finish or include these hosts first", folded(hosts)),
                Some(format!("resume it first: {program} resume {run}\nor take all of its hosts: {all}")),
            )
        }
        Obstacle::NotRerun { run, kind, follows, hosts } => {
            not_rerun(&shorten(run), *kind, follows.as_deref().map(shorten).as_deref(), hosts, program)
        }
        Obstacle::NotEnded { run, host } => {
            let run = shorten(run);
            (
                format!("run {run} has not ended on {host}: resuming it completes the open steps"),
                Some(format!("{program} resume {run}")),
            )
        }
        Obstacle::NoHostLeft { follow_up, run, left_out } => {
            no_host_left(follow_up, &shorten(run), left_out, program, shorten)
        }
        Obstacle::NoneSelected { run, known } => {
            let run = shorten(run);
            (
                format!("run {run} has none of the selected hosts; it has {}", folded(known)),
                Some(format!("see what the run did: {program} report {run}")),
            )
        }
        Obstacle::NoSuchHost { run, host, known } => (
            format!("run {} has no host `{}`", shorten(run), harmless_line(host)),
            suggest::help(host, known.iter().map(String::as_str)),
        ),
        Obstacle::WorkSince { host, run, deed } => work_since(host, &shorten(run), *deed, program, None),
    };
    Words { message, help }
}

/// The beginning of a run's id (a UUIDv7) that tells its time to the millisecond: no two runs of a controller share it, as a
/// rule, and every command takes it.
pub(super) fn short_id(run: &str) -> String {
    const SHOWN: usize = 13;
    const UUID: usize = 36;
    let shown = run.get(..SHOWN).filter(|_| run.len() == UUID);
    shown.unwrap_or(run).to_owned()
}

/// Why a host is left out of a follow-up of the run `run`.
pub fn left_out(why: &LeftOut, program: &str, run: Option<&str>, shorten: &dyn Fn(&str) -> String) -> Words {
    let again = || run.map(|run| format!("plan again: {program} resume {run} --rerun unfinished"));
    let (message, help) = match why {
        LeftOut::NotInInventory => (
            "the inventory no longer has the host, or has another address, installation or user for it"
                .to_owned(),
            None,
        ),
        LeftOut::WorkSince { run: by, deed } => work_since("it", &shorten(by), *deed, program, run),
        LeftOut::StartUnknown => {
            ("an earlier run stopped on this host, so its state before the run is not known".to_owned(), None)
        }
        LeftOut::ProofGone { by, hosts } => (
            format!(
                "run {} rolled {} back, so this run's results there are no longer valid",
                shorten(by),
                folded(hosts)
            ),
            again(),
        ),
        LeftOut::NotSelected => {
            ("it was not selected".to_owned(), run.map(|run| format!("{program} resume {run}")))
        }
        LeftOut::NotPlanned => (
            "it had not answered when the run was cut off, so no step was planned for it".to_owned(),
            again(),
        ),
        LeftOut::OtherKind { planned, now } => {
            let word = |kind: Option<&HostKind>| kind.map_or("not known".to_owned(), HostKind::to_string);
            let (planned, now) = (word(planned.as_ref()), word(now.as_ref()));
            (format!("it was {planned} when this was planned, and is {now}"), again())
        }
        LeftOut::KindUnknown { failure } => {
            (format!("cannot read its PHP and database version: {failure}"), None)
        }
    };
    Words { message, help }
}

/// The hosts that are left out, each with why; those with the same reason together.
fn no_host_left(
    follow_up: &FollowUpKind,
    run: &str,
    left_out: &[(String, LeftOut)],
    program: &str,
    shorten: &dyn Fn(&str) -> String,
) -> (String, Option<String>) {
    let mut message = format!("the {} of run {run} is not possible on any selected host:", noun(follow_up));
    let mut told: Vec<(&LeftOut, Vec<String>)> = Vec::new();
    for (host, why) in left_out {
        match told.iter_mut().find(|(known, _)| *known == why) {
            Some((_, hosts)) => hosts.push(host.clone()),
            None => told.push((why, vec![host.clone()])),
        }
    }
    let mut helps = Vec::new();
    for (why, hosts) in told {
        let words = self::left_out(why, program, None, shorten);
        let _ = write!(message, "\n  {}: {}", folded(&hosts), words.message);
        helps.extend(words.help.filter(|help| !helps.contains(help)));
    }
    if helps.is_empty() {
        helps.push(format!("see what the run did: {program} report {run}"));
    }
    (message, Some(helps.join("\n")))
}

/// What another run did on a host since.
pub(super) fn since(since: &Since) -> String {
    let run = short_id(&since.run);
    match since.deed {
        Deed::Changed => format!("run {run} changed the host"),
        Deed::RollingBack => format!("run {run} began to roll the host back"),
        Deed::RolledBack => format!("run {run} rolled the host back"),
        Deed::Unreadable => format!("run {run} may have changed the host; its journal cannot be read"),
    }
}

pub(super) fn work_since(
    host: &str,
    run: &str,
    deed: Deed,
    program: &str,
    meant: Option<&str>,
) -> (String, Option<String>) {
    match deed {
        Deed::Changed => (
            format!("run {run} has changed {host} since"),
            Some(match meant {
                Some(meant) => format!(
                    "see what it did: {program} report {run}\nplan again: {program} resume {meant} --rerun unfinished"
                ),
                None => {
                    format!("see what it did, and whether it is to be undone first: {program} report {run}")
                }
            }),
        ),
        Deed::RollingBack => (
            format!("run {run} began to roll {host} back"),
            Some(format!("complete that: {program} resume {run}")),
        ),
        Deed::RolledBack => {
            (format!("run {run} rolled {host} back"), Some(format!("{program} report {run}")))
        }
        Deed::Unreadable => (
            format!("the journal of run {run} cannot be read, and that run may have changed {host}"),
            Some(format!("check all journals: {program} runs verify")),
        ),
    }
}

fn which_run(
    follow_up: &FollowUpKind,
    last: Option<&Candidate>,
    candidates: &[Candidate],
    program: &str,
    shorten: &dyn Fn(&str) -> String,
) -> (String, Option<String>) {
    let mut message = match last {
        Some(last) => format!(
            "the last run is {} ({}), and its {} is not possible; name the run that is meant:",
            shorten(&last.run),
            last.kind,
            noun(follow_up)
        ),
        None if candidates.len() == 1 => {
            "no run of this inventory can be meant, but one of another:".to_owned()
        }
        None => "several runs may be meant; name one:".to_owned(),
    };
    for Candidate { run, kind, inventory, started, hosts } in candidates {
        let started = started.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
        let _ = write!(
            message,
            "\n  {}  {kind}  {started}  {}  {}",
            shorten(run),
            harmless_line(inventory),
            folded(hosts)
        );
    }
    let run = candidates.first().map_or_else(|| "RUN".to_owned(), |first| shorten(&first.run));
    (message, Some(format!("{program} {}", typed(follow_up, &run))))
}

fn taken_over(
    follow_up: &FollowUpKind,
    run: &str,
    by: &str,
    hosts: &[String],
    program: &str,
) -> (String, Option<String>) {
    match follow_up {
        FollowUpKind::Rollback => (
            format!("run {by} took {} over from run {run}", folded(hosts)),
            Some(format!(
                "roll back run {by}: {program} rollback {by}\nroll back the other hosts of run {run}: {program} rollback {run} --limit {}",
                quote(&all_but(hosts))
            )),
        ),
        _ => (
            format!("run {run} was taken over by run {by}"),
            Some(format!(
                "{program} resume {by}\nif that run never began: {program} resume {run} --rerun unfinished"
            )),
        ),
    }
}

fn not_rerun(
    run: &str,
    kind: RunKind,
    follows: Option<&str>,
    hosts: &[String],
    program: &str,
) -> (String, Option<String>) {
    let hosts = hosts.join(",");
    let of = follows.unwrap_or(run);
    match kind {
        RunKind::Rollback => (
            format!("run {run} is a rollback: it is not run again from its journal"),
            Some(format!("{program} rollback {of} --limit {hosts}")),
        ),
        RunKind::Settle => (
            format!("run {run} settles run {of}: it is not run again from its journal"),
            Some(format!("{program} settle {of} {}", hosts.split(',').next().unwrap_or("HOST"))),
        ),
        RunKind::Upgrade | RunKind::Procedure | RunKind::Exec | RunKind::Backup | RunKind::Look => (
            format!("run {run} is of the kind {kind}: it is not run again from its journal"),
            Some(format!("repeat the command with --limit {hosts}")),
        ),
    }
}

/// The selector of all hosts but these.
fn all_but(hosts: &[String]) -> String {
    hosts.iter().fold("*".to_owned(), |selector, host| format!("{selector},!{host}"))
}

fn folded(hosts: &[String]) -> String {
    fold_names(hosts.iter().map(String::as_str))
}
