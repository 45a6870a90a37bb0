//! What must hold between the steps of a procedure: ids, debts, the way back, the opening, the review.
//!
//! Each check finds all its mistakes, with their places.

use std::collections::BTreeMap;

use ixporch_inventory::{Problem, suggest};

use super::raw::RawStep;
use super::{Action, Condition, Effect, Reads};

/// All mistakes between the steps of the way there, the way back, and the looks at health.
pub(super) fn between(steps: &[RawStep], back: &[RawStep], health: &[RawStep], problems: &mut Vec<Problem>) {
    check_ids(steps.iter().chain(back).chain(health), problems);
    check_back(back, steps, problems);
    check_undo(steps, back, problems);
    check_health(health, problems);
    check_debts(steps, problems);
    check_review(steps, problems);
    check_opening(steps, problems);
    check_probes(steps.iter().chain(back).chain(health), problems);
}

fn check_ids<'r>(raws: impl Iterator<Item = &'r RawStep>, problems: &mut Vec<Problem>) {
    let mut known: BTreeMap<&str, &RawStep> = BTreeMap::new();
    for raw in raws {
        if let Some(first) = known.get(raw.step.id.as_str()) {
            problems.push(
                Problem::new(raw.id.clone(), format!("there are two steps `{}`", raw.step.id))
                    .related(first.id.clone(), "first one"),
            );
        } else {
            known.insert(&raw.step.id, raw);
        }
    }
}

/// The way back asks nobody, and makes no debts; only what takes back a step that pays owes it again.
fn check_back(back: &[RawStep], steps: &[RawStep], problems: &mut Vec<Problem>) {
    for raw in back {
        let depends = raw.step.when.contains(&Condition::SchemaPending);
        let owes_again = |debt: &String| {
            let payer = steps.iter().find(|step| step.step.id == *debt);
            payer.is_some_and(|payer| payer.step.undo.contains(&raw.step.id))
        };
        if !raw.step.debts.iter().all(owes_again)
            || raw.step.schema_review
            || !raw.step.undo.is_empty()
            || raw.step.alone
            || depends
        {
            let message = format!("`{}` is a step of the way back", raw.step.id);
            problems.push(Problem::new(raw.id.clone(), message).help(
                "remove its `debt`, its `undo`, its `alone`, its `gate`, and the condition `schema-pending`",
            ));
        }
    }
}

/// What takes something back is a step of the way back.
fn check_undo(steps: &[RawStep], back: &[RawStep], problems: &mut Vec<Problem>) {
    let known: Vec<&str> = back.iter().map(|raw| raw.step.id.as_str()).collect();
    for raw in steps {
        for (undo, span) in raw.step.undo.iter().zip(&raw.undo) {
            if !known.contains(&undo.as_str()) {
                problems.push(
                    Problem::new(span.clone(), format!("the way back has no step `{undo}`"))
                        .maybe_help(suggest::help(undo, known.iter().copied())),
                );
            }
        }
    }
}

/// Whether a host is well is only looked at.
fn check_health(health: &[RawStep], problems: &mut Vec<Problem>) {
    for raw in health {
        let step = &raw.step;
        let is_plain = step.debts.is_empty()
            && !step.schema_review
            && step.proof.is_none()
            && step.when_exists.is_none()
            && step.unless_exists.is_none()
            && !step.when.contains(&Condition::SchemaPending);
        if step.effect != Effect::Check || !is_plain {
            let message = format!("`{}` tells whether a host is well", step.id);
            problems.push(Problem::new(raw.id.clone(), message).help(
                "make it a check without `debt`, `gate`, `proof`, `when_exists`, `unless_exists` and the condition `schema-pending`",
            ));
        }
    }
}

/// The controller only looks, and only where there is an address.
fn check_probes<'r>(raws: impl Iterator<Item = &'r RawStep>, problems: &mut Vec<Problem>) {
    for raw in raws.filter(|raw| raw.step.action == Action::Probe) {
        let step = &raw.step;
        let is_plain = step.effect == Effect::Check
            && step.when.contains(&Condition::Url)
            && step.proof.is_none()
            && step.reads.is_none()
            && step.user.is_none()
            && step.when_exists.is_none()
            && step.unless_exists.is_none();
        if !is_plain {
            let message = format!("`{}` looks at the site from the controller", step.id);
            problems.push(
                Problem::new(raw.id.clone(), message)
                    .help("make it a check with when = [\"url\"], without `user`, `proof`, `reads`, `when_exists` and `unless_exists`"),
            );
        }
    }
}

/// A debt that no later step can pay would be owed for ever.
fn check_debts(raws: &[RawStep], problems: &mut Vec<Problem>) {
    for (index, raw) in raws.iter().enumerate() {
        let later: Vec<&str> = raws.iter().skip(index + 1).map(|other| other.step.id.as_str()).collect();
        for (debt, span) in raw.step.debts.iter().zip(&raw.debts) {
            if !later.contains(&debt.as_str()) {
                problems.push(
                    Problem::new(span.clone(), format!("no later step `{debt}` pays this debt"))
                        .maybe_help(suggest::help(debt, later.iter().copied())),
                );
            }
        }
    }
}

/// One step opens the site: by it is known whose maintenance a closed site is in.
fn check_opening(raws: &[RawStep], problems: &mut Vec<Problem>) {
    let opening: Vec<&RawStep> =
        raws.iter().filter(|raw| raw.step.when.contains(&Condition::OpenBefore)).collect();
    if let [first, second, ..] = opening.as_slice() {
        problems.push(
            Problem::new(second.when.clone(), "two steps run only where the site was open before")
                .related(first.when.clone(), "first one")
                .help("only the step that opens the site again says `open-before`"),
        );
    }
}

/// A review needs something to review, on every host and in every run in which it stands.
fn check_review(raws: &[RawStep], problems: &mut Vec<Problem>) {
    for (index, raw) in raws.iter().enumerate() {
        if !raw.step.schema_review && !raw.step.when.contains(&Condition::SchemaPending) {
            continue;
        }
        let always_before = |other: &RawStep| {
            other.step.reads == Some(Reads::DoctrinePendingSql)
                && other.step.when_exists.is_none()
                && other.step.when.iter().all(|condition| raw.step.when.contains(condition))
        };
        if !raws.iter().take(index).any(always_before) {
            problems.push(
                Problem::new(
                    raw.when.clone(),
                    format!("nothing before `{}` always finds out what is pending", raw.step.id),
                )
                .help(
                    "put a step with `reads = \"doctrine-pending-sql\"` before it, under no other conditions",
                ),
            );
        }
    }
}
