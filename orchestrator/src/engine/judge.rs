//! Judges how a step ended from what the host reported (law 4). Pure.

use jiff::Timestamp;

use crate::event::{StepEnd, StepOutcome, StepReason};
use crate::facts::{self, PendingSql, SchemaUpdateEnd, ScriptReason};
use crate::ledger::{StepEnded, StepOutput};
use crate::plan::PlannedStep;
use crate::procedure::Reads;
use crate::schema::{self, Columns, Narrowed, SchemaChanges};
use crate::text::RemoteText;

/// The exit codes of `timeout(1)` when it ended the command: its own, that of the signal (busybox), and that of a kill.
const TIMED_OUT: [i32; 3] = [124, 143, 137];

/// The end of a step. `executed`: the statements that were pending before it, which a schema update executed.
pub(super) fn judge(
    step: &PlannedStep,
    ended: StepEnded,
    output: &StepOutput,
    executed: &[String],
) -> StepEnd {
    let (exit, proven, milliseconds) = match ended {
        StepEnded::Ran { exit, proven, milliseconds } => (exit, proven, milliseconds),
        StepEnded::Vanished { proven } => return vanished(proven, output),
        StepEnded::StillRunning => return unseen(StepReason::EarlierTryRuns, output),
        StepEnded::ClaimLost => return unseen(StepReason::HostRebooted, output),
        StepEnded::NotNeeded => {
            let path = step.when_exists.clone().unwrap_or_default();
            return StepEnd::skipped(StepReason::PathMissing { path });
        }
        StepEnded::Refused => {
            let path = step.unless_exists.clone().unwrap_or_default();
            return StepEnd::not_begun(StepReason::PathPresent { path });
        }
        StepEnded::Blind => {
            let path = step.unless_exists.clone().unwrap_or_default();
            return StepEnd::not_begun(StepReason::PathNotChecked { path, user: step.command.user.clone() });
        }
        StepEnded::NotStarted(failure) => {
            let failure = RemoteText::from(failure.as_str());
            return StepEnd::not_begun(StepReason::NotStarted { failure });
        }
    };
    let mut end = StepEnd {
        outcome: StepOutcome::Succeeded,
        reason: None,
        begun: true,
        exit_code: Some(exit),
        proven,
        milliseconds,
        stdout: output.stdout.captured(),
        stderr: output.stderr.captured(),
        pending_statements: None,
        composition: None,
        version: None,
        narrowed: None,
    };
    let finds_out = matches!(step.reads, Some(Reads::Composition | Reads::Columns));
    let checked = if finds_out {
        let timed_out = timed_out(step, exit, milliseconds);
        found_out(step, exit, timed_out, output, executed, &mut end);
        Ok(())
    } else {
        check(step, exit, proven, milliseconds, output, &mut end)
            .and_then(|()| converged(step, executed, &mut end))
    };
    if let Err((outcome, reason)) = checked {
        end.outcome = outcome;
        end.reason = Some(reason);
    }
    end
}

/// A step whose result is unknown.
pub(super) fn unseen(reason: StepReason, output: &StepOutput) -> StepEnd {
    let mut end = StepEnd::without_output(StepOutcome::Unknown, Some(reason));
    end.stdout = output.stdout.captured();
    end.stderr = output.stderr.captured();
    end
}

/// A step whose process disappeared without reporting a result. It succeeded only if its proof holds now and did not
/// before. If the proof does not hold, the step may still have done part of its work.
fn vanished(proven: Option<bool>, output: &StepOutput) -> StepEnd {
    let mut end = unseen(StepReason::ProcessGone { proof: proven }, output);
    if proven == Some(true) {
        end.outcome = StepOutcome::Succeeded;
    }
    end.proven = proven;
    end
}

/// Why the step timed out, if it did.
fn timed_out(step: &PlannedStep, exit: i32, milliseconds: u64) -> Option<StepReason> {
    let seconds = step.command.timeout_seconds;
    let is_over = TIMED_OUT.contains(&exit) && milliseconds >= seconds.saturating_mul(1000);
    is_over.then_some(StepReason::TimedOut { seconds })
}

/// Judges a step that only reads something. If it fails, less is known, but the host is as healthy as before.
fn found_out(
    step: &PlannedStep,
    exit: i32,
    timed_out: Option<StepReason>,
    output: &StepOutput,
    pending: &[String],
    end: &mut StepEnd,
) {
    let because = if exit != 0 {
        Some(timed_out.unwrap_or(StepReason::ExitCode { exit }))
    } else {
        (output.is_cut() || end.stdout.dropped > 0).then_some(StepReason::OutputIncomplete)
    };
    end.reason = because.map(|because| StepReason::NotDetermined { because: Box::new(because) });
    let text = RemoteText::from_bytes(&output.stdout.kept());
    match step.reads {
        Some(Reads::Composition) => end.composition = Some(facts::read_composition(text.raw())),
        _ if end.reason.is_none() => {
            let pending = pending.iter().map(String::as_str);
            end.narrowed = Some(SchemaChanges::narrowed(pending, &Columns::read(text.raw())));
        }
        _ => end.narrowed = Some(Narrowed::unknown()),
    }
}

/// Why a built-in script failed, if it tells.
fn script_reason(output: &StepOutput) -> Option<StepReason> {
    let told = facts::read_script_reason(&RemoteText::from_bytes(&output.stderr.kept()))?;
    Some(match told {
        ScriptReason::WritesSince { run, since } => {
            StepReason::WritesSince { run, since: Timestamp::from_second(since).ok()? }
        }
        ScriptReason::RestoreIncomplete { run } => StepReason::RestoreIncomplete { run },
        ScriptReason::MemcachedDown => StepReason::MemcachedDown,
    })
}

/// The outcome of a step that did not succeed, and why.
type Failure = (StepOutcome, StepReason);

fn failed(reason: StepReason) -> Result<(), Failure> {
    Err((StepOutcome::Failed, reason))
}

fn check(
    step: &PlannedStep,
    exit: i32,
    proven: Option<bool>,
    milliseconds: u64,
    output: &StepOutput,
    end: &mut StepEnd,
) -> Result<(), Failure> {
    if let Some(reason) = timed_out(step, exit, milliseconds) {
        return Err((StepOutcome::TimedOut, reason));
    }
    if step.reads == Some(Reads::DoctrineValidate) {
        let is_valid = facts::is_valid(exit, &RemoteText::from_bytes(&output.stdout.kept()));
        return if is_valid { Ok(()) } else { failed(StepReason::NotValid { exit }) };
    }
    if exit != 0 {
        return failed(script_reason(output).unwrap_or(StepReason::ExitCode { exit }));
    }
    if let Some(reads) = step.reads {
        if output.is_cut() {
            // Only its output says how it ended, and that was lost.
            return Err((StepOutcome::Unknown, StepReason::OutputLost));
        }
        read_output(reads, output, end)?;
    }
    // It did what it could, and something is left all the same.
    end.reason = script_reason(output).filter(|left| *left == StepReason::MemcachedDown);
    match (&step.proof, proven) {
        (None, _) | (Some(_), Some(true)) => Ok(()),
        (Some(proof), Some(false)) => failed(StepReason::ProofFailed { proof: proof.clone() }),
        (Some(_), None) => failed(StepReason::ProofNotChecked),
    }
}

fn read_output(reads: Reads, output: &StepOutput, end: &mut StepEnd) -> Result<(), Failure> {
    let text = RemoteText::from_bytes(&output.stdout.kept());
    match reads {
        Reads::DoctrinePendingSql | Reads::DoctrineConverged if end.stdout.dropped > 0 => {
            failed(StepReason::OutputTooLong)
        }
        Reads::DoctrinePendingSql | Reads::DoctrineConverged => match facts::read_pending_sql(&text) {
            PendingSql::InSync => {
                end.pending_statements = Some(Vec::new());
                Ok(())
            }
            PendingSql::Pending(statements) => {
                end.pending_statements =
                    Some(statements.iter().map(|statement| RemoteText::from(statement.as_str())).collect());
                Ok(())
            }
            PendingSql::Unreadable => failed(StepReason::PendingSqlUnreadable),
        },
        Reads::Version => {
            let version = text.raw().lines().rev().find_map(|line| line.strip_prefix("version "));
            end.version = version.map(|version| RemoteText::from(version.trim()));
            Ok(())
        }
        Reads::DoctrineValidate | Reads::Composition | Reads::Columns => Ok(()),
        Reads::DoctrineSchemaUpdate => match facts::read_schema_update(&text) {
            SchemaUpdateEnd::Executed(_) | SchemaUpdateEnd::InSync => Ok(()),
            SchemaUpdateEnd::Unreadable => failed(StepReason::UpdateNotConfirmed),
        },
    }
}

/// After a schema update nothing may be pending. Statements that stay pending although they were executed are named.
fn converged(step: &PlannedStep, executed: &[String], end: &mut StepEnd) -> Result<(), Failure> {
    if step.reads != Some(Reads::DoctrineConverged) {
        return Ok(());
    }
    let left: Vec<&str> = end.pending_statements.iter().flatten().map(RemoteText::raw).collect();
    let left = SchemaChanges::read(left);
    if left.changes.is_empty() {
        return Ok(());
    }
    let executed = SchemaChanges::read(executed.iter().map(String::as_str));
    let (not_executed, stays) = left.after(&executed);
    if !not_executed.is_empty() {
        return failed(StepReason::StillPending { summary: schema::summary(&not_executed) });
    }
    let summary = schema::summary(&stays);
    let accepted = step.may_never_converge;
    let reason = StepReason::NeverConverges { summary, accepted };
    if !accepted {
        return failed(reason);
    }
    end.reason = Some(reason);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlannedProof;
    use crate::plan::sample::step;

    fn judged(reads: Option<Reads>, proof: Option<PlannedProof>, ended: StepEnded, stdout: &str) -> StepEnd {
        let mut planned = step("x", None);
        planned.reads = reads;
        planned.proof = proof;
        planned.command.timeout_seconds = 2;
        let mut output = StepOutput::default();
        output.stdout.push(stdout.as_bytes());
        judge(&planned, ended, &output, &[])
    }

    fn ran(exit: i32, proven: Option<bool>) -> StepEnded {
        StepEnded::Ran { exit, proven, milliseconds: 2500 }
    }

    #[test]
    fn a_step_that_vanished_is_done_only_where_its_proof_says_so() {
        let vanished = |proven| judged(None, None, StepEnded::Vanished { proven }, "").outcome;
        assert_eq!(vanished(Some(true)), StepOutcome::Succeeded);
        assert_eq!(vanished(Some(false)), StepOutcome::Unknown);
        assert_eq!(vanished(None), StepOutcome::Unknown);
        assert_eq!(judged(None, None, StepEnded::ClaimLost, "").outcome, StepOutcome::Unknown);
    }

    #[test]
    fn artisan_up_is_not_believed_without_its_proof() {
        let absent = PlannedProof::Absent("/srv/down".to_owned());
        let proof = || Some(absent.clone());
        let end = judged(None, proof(), ran(0, Some(false)), "Application is now live.");
        assert_eq!(end.outcome, StepOutcome::Failed);
        assert_eq!(end.reason, Some(StepReason::ProofFailed { proof: absent.clone() }));
        assert_eq!(judged(None, proof(), ran(0, None), "").outcome, StepOutcome::Failed);
        assert_eq!(judged(None, proof(), ran(0, Some(true)), "").outcome, StepOutcome::Succeeded);
    }

    #[test]
    fn a_schema_update_that_exits_0_is_judged_by_its_words() {
        let read = |text| judged(Some(Reads::DoctrineSchemaUpdate), None, ran(0, None), text).outcome;
        assert_eq!(
            read("Database schema updated successfully! \"1\" query was executed"),
            StepOutcome::Succeeded
        );
        assert_eq!(read("Command Cancelled!"), StepOutcome::Failed);
    }

    #[test]
    fn a_built_in_script_tells_why_it_failed() {
        let mut output = StepOutput::default();
        output.stderr.push(b"ixporch-reason {\"code\":\"restore-incomplete\",\"run\":\"01a2\"}\n");
        let end = judge(&step("x", None), ran(1, None), &output, &[]);
        let reason = StepReason::RestoreIncomplete { run: "01a2".to_owned() };
        assert_eq!((end.outcome, end.reason), (StepOutcome::Failed, Some(reason)));
    }

    #[test]
    fn words_that_were_lost_leave_the_end_unknown() {
        let mut planned = step("x", None);
        planned.reads = Some(Reads::DoctrineSchemaUpdate);
        let mut output = StepOutput::default();
        output.ends_at(0, 0, false);
        assert_eq!(judge(&planned, ran(0, None), &output, &[]).outcome, StepOutcome::Unknown);
        assert_eq!(judge(&planned, ran(1, None), &output, &[]).outcome, StepOutcome::Failed);
        planned.reads = None;
        assert_eq!(judge(&planned, ran(0, None), &output, &[]).outcome, StepOutcome::Succeeded);
    }

    #[test]
    fn what_is_still_pending_after_an_update_fails_it_unless_it_never_converges() {
        const CHANGE: &str = "ALTER TABLE cust CHANGE a a LONGTEXT NOT NULL COMMENT '(DC2Type:json)'";
        const ADD: &str = "ALTER TABLE cust ADD b INT DEFAULT NULL";
        let verified = |pending: &[&str], accept: bool| {
            let mut planned = step("x", None);
            planned.reads = Some(Reads::DoctrineConverged);
            planned.may_never_converge = accept;
            let text = match pending {
                [] => {
                    "Nothing to update - your database is already in sync with the current entity metadata."
                        .to_owned()
                }
                some => format!(
                    "Checking if database connected to default entity manager needs updating...\n     {}",
                    some.join(";     \n")
                ),
            };
            let mut output = StepOutput::default();
            output.stdout.push(text.as_bytes());
            judge(&planned, ran(0, None), &output, &[ADD.to_owned(), CHANGE.to_owned()])
        };
        assert_eq!(verified(&[], false).outcome, StepOutcome::Succeeded);
        assert_eq!(verified(&[ADD], true).outcome, StepOutcome::Failed);
        assert_eq!(verified(&[CHANGE, ADD], true).outcome, StepOutcome::Failed);
        let stays = verified(&[CHANGE], false);
        assert_eq!(stays.outcome, StepOutcome::Failed);
        let never = |accepted| Some(StepReason::NeverConverges { summary: "1 change".to_owned(), accepted });
        assert_eq!(stays.reason, never(false));
        let accepted = verified(&[CHANGE], true);
        assert_eq!((accepted.outcome, accepted.reason), (StepOutcome::Succeeded, never(true)));
        // What was just added is given its own definition again, and no other one.
        let again = "ALTER TABLE cust CHANGE b b INT DEFAULT NULL";
        assert_eq!(verified(&[again, CHANGE], true).outcome, StepOutcome::Succeeded);
        let other = "ALTER TABLE cust CHANGE b b BIGINT DEFAULT NULL";
        let failed = verified(&[CHANGE, other, again], true);
        let summary = "1 change".to_owned();
        assert_eq!(failed.reason, Some(StepReason::StillPending { summary }), "only what was not executed");
    }

    #[test]
    fn the_deadline_is_told_from_a_command_with_the_same_code() {
        assert_eq!(judged(None, None, ran(124, None), "").outcome, StepOutcome::TimedOut);
        let mut planned = step("x", None);
        planned.command.timeout_seconds = 60;
        let end = judge(&planned, ran(124, None), &StepOutput::default(), &[]);
        assert_eq!(end.outcome, StepOutcome::Failed);
    }

    #[test]
    fn what_cannot_be_found_out_fails_nothing_and_says_so() {
        let found = |reads, exit, text: &str| judged(Some(reads), None, ran(exit, None), text);
        let composition = found(Reads::Composition, 255, "php 7.0.33\n");
        assert_eq!(composition.outcome, StepOutcome::Succeeded);
        let unknown = |because| Some(StepReason::NotDetermined { because: Box::new(because) });
        assert_eq!(composition.reason, unknown(StepReason::ExitCode { exit: 255 }));
        assert_eq!(composition.composition.and_then(|known| known.php).as_deref(), Some("7.0.33"));
        // Columns that were not read would be taken for harmless.
        let columns = found(Reads::Columns, 1, "cust\tname\tvarchar(255)\n");
        assert_eq!((columns.outcome, columns.narrowed), (StepOutcome::Succeeded, Some(Narrowed::unknown())));
        let deadline = judged(Some(Reads::Columns), None, ran(124, None), "");
        assert_eq!(deadline.outcome, StepOutcome::Succeeded);
        assert_eq!(deadline.reason, unknown(StepReason::TimedOut { seconds: 2 }));
    }

    #[test]
    fn a_missing_path_is_named() {
        let mut planned = step("x", None);
        planned.when_exists = Some("/srv/bower.json".to_owned());
        let end = judge(&planned, StepEnded::NotNeeded, &StepOutput::default(), &[]);
        let path = "/srv/bower.json".to_owned();
        let expected = (StepOutcome::Skipped, Some(StepReason::PathMissing { path }));
        assert_eq!((end.outcome, end.reason), expected);
    }
}
