//! The report as JSON, format 1 (`docs/report.md`). Fields are only ever added.

use serde_json::{Value, json};

use super::Names;
use super::host::is_way_back;
use super::open_steps::{Completion, Subject, completion};
use super::schema::{schema_document, schema_groups};
use super::versions::{backup, slowest, versions};
use super::{note, reason, step_reason, unmet};
use crate::event::{Approval, EvidenceSource};
use crate::plan::{HostPlan, PlannedWave};
use crate::schema::Fingerprint;
use crate::state::{Debt, GivenEvidence, HostState, LinkGap, RunState, StepState, TakenRisk};

/// The JSON document of a run.
pub fn document(names: &Names, state: &RunState) -> Value {
    let Some(header) = &state.header else { return json!({ "format": 1 }) };
    json!({
        "format": 1,
        "run": header.run,
        "ixporch": header.ixporch,
        "operator": header.operator,
        "inventory": header.inventory,
        "procedure": header.plan.procedure,
        "target": header.plan.target,
        "plan_digest": header.plan_digest,
        "in_no_wave": header.plan.unplaced,
        "started": state.started,
        "last_event": state.last,
        "finished": state.exit_code.is_some(),
        "interrupted": state.interrupted,
        "resumed": state.resumed,
        "kind": header.kind,
        "follows": header.follows,
        "instead_of": header.takes_over(),
        "exit_code": state.exit_code.unwrap_or_else(|| state.exit().code()),
        "schema": schema_document(&schema_groups(state)),
        "approved_schemas": approvals(&state.approved_schemas),
        "approved_waves": approvals(&state.approved_waves),
        "evidence": state.evidence.iter().map(given).collect::<Vec<_>>(),
        "risks_taken": risks(state),
        "waves": header.plan.waves.iter().map(|wave| wave_value(names, state, wave)).collect::<Vec<_>>(),
    })
}

fn approvals(given: &[(String, Approval)]) -> Value {
    let one = |(what, approval): &(String, Approval)| json!({ "of": what, "by": approval.by, "origin": approval.origin, "reason": approval.reason });
    given.iter().map(one).collect()
}

fn given(given: &GivenEvidence) -> Value {
    json!({
        "source": given.source.to_string(),
        "is_file": matches!(given.source, EvidenceSource::File(_)),
        "signer": given.signer,
        "run": given.evidence.run,
        "hosts": given.evidence.hosts.iter().map(|host| &host.host).collect::<Vec<_>>(),
    })
}

fn risks(state: &RunState) -> Value {
    let taken = |taken: &TakenRisk| {
        let Approval { by, origin, reason } = &taken.approval;
        json!({ "of": taken.of(), "unmet": unmet::texts(&taken.unmet), "unmet_data": taken.unmet, "by": by, "origin": origin, "reason": reason })
    };
    state.risks_taken.iter().map(taken).collect()
}

/// The JSON of one host of a run: its part of [`document`].
pub fn host_document(names: &Names, state: &RunState, host: &str) -> Value {
    state.plan_of(host).map_or(Value::Null, |plan| host_value(names, state, plan))
}

fn wave_value(names: &Names, state: &RunState, wave: &PlannedWave) -> Value {
    let held = state.held_waves.iter().find(|held| held.wave == wave.name);
    json!({
        "name": wave.name,
        "not_begun": held.map(|held| reason::text(&held.reason)),
        "reason": held.map(|held| &held.reason),
        "evidence_unmet": held.map(|held| unmet::texts(&held.unmet)),
        "evidence_unmet_data": held.map(|held| &held.unmet),
        "hosts": wave.hosts.iter().map(|plan| host_value(names, state, plan)).collect::<Vec<_>>(),
    })
}

fn host_value(names: &Names, state: &RunState, plan: &HostPlan) -> Value {
    let nothing = HostState::default();
    let host = state.hosts.get(&plan.host).unwrap_or(&nothing);
    let subject = Subject { host: &plan.host, limit: &plan.host };
    let open_step = |debt: &Debt| {
        let Completion { command, alone, by_hand } = completion(names, state, subject, debt);
        let completed = names.is_completed(&plan.host, &debt.step);
        let command = command.filter(|_| !completed);
        json!({ "step": debt.step, "since": debt.since, "completed": completed, "completed_by": command, "alone": alone, "by_hand": by_hand })
    };
    let debts: Vec<Value> = host.debts_in_order(Some(plan)).into_iter().map(open_step).collect();
    let moved = versions(state, plan, host);
    let slowest =
        slowest(host).map(|(step, milliseconds)| json!({ "step": step.id, "milliseconds": milliseconds }));
    json!({
        "host": plan.host,
        "release_before": moved.release_before,
        "release_after": moved.release_after,
        "commit_before": moved.commit_before,
        "commit_after": moved.commit_after,
        "backup": backup(state, host),
        "slowest_step": slowest,
        "outcome": host.outcome,
        "why": reason::text(&host.reasons),
        "reasons": host.reasons,
        "failing_step": host.failing_step().filter(|_| !host.outcome.is_some_and(crate::event::HostOutcome::is_good)).map(|step| &step.id),
        "stays_closed": plan.stays_closed,
        "pending_schema": host.pending(plan).map(|changes| changes.fingerprint.digits().to_owned()),
        "approved_schema": host.approved.as_ref().map(Fingerprint::digits),
        "approved_schema_by": host.approved_by,
        "unproven_schema": host.unproven.as_ref().map(Fingerprint::digits),
        "awaits_review_since": host.awaits.as_ref().map(|review| review.since),
        "awaits_review_until": host.awaits.as_ref().map(|review| review.until),
        "went_back": host.went_back,
        "locked": host.locked,
        "held_by": host.held_by,
        "steps_kept_by": host.keeper,
        "link_gaps": host.gaps.iter().map(link_gap).collect::<Vec<_>>(),
        "work_since": names.work_since(&plan.host).map(|since| json!({ "run": since.run, "deed": since.deed })),
        "debts": debts,
        "notes": note::texts(&plan.notes),
        "notes_data": plan.notes,
        "findings": plan.findings,
        "blocked": note::blocked(plan),
        "blocked_data": plan.blocked,
        "steps": host.steps.iter().map(|step| step_value(plan, step)).collect::<Vec<_>>(),
    })
}

fn step_value(plan: &HostPlan, step: &StepState) -> Value {
    let planned = plan.step(&step.id);
    let mut value = json!({
        "step": step.id,
        "title": planned.map(|planned| &planned.title),
        "effect": planned.map(|planned| planned.effect),
        "started": step.started,
        "undone": step.undone && !is_way_back(plan, step),
        "way_back": is_way_back(plan, step),
    });
    if let (Some(value), Some(said)) = (value.as_object_mut(), &step.resolution) {
        let said = json!({ "done": said.done, "reason": said.reason, "by": said.by });
        value.insert("resolution".to_owned(), said);
    }
    let ended = match &step.end {
        None => json!({ "outcome": null, "milliseconds": null }),
        Some(end) => json!({
            "outcome": end.outcome,
            "why": step_reason::of(end),
            "reason": end.reason,
            "exit_code": end.exit_code,
            "proven": end.proven,
            "milliseconds": end.milliseconds,
            "stdout": stream(&end.stdout),
            "stderr": stream(&end.stderr),
            "pending_statements": end.pending_statements.as_ref().map(|statements| statements.iter().map(ToString::to_string).collect::<Vec<_>>()),
        }),
    };
    if let (Some(value), Value::Object(ended)) = (value.as_object_mut(), ended) {
        value.extend(ended);
    }
    value
}

fn link_gap(gap: &LinkGap) -> Value {
    json!({ "from": gap.from, "to": gap.to, "step": gap.step, "why": gap.why.to_string() })
}

fn stream(captured: &crate::event::Captured) -> Value {
    json!({ "bytes": captured.bytes, "dropped": captured.dropped, "tail": captured.tail.to_string() })
}
