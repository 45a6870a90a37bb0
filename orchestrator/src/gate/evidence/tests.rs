//! Evidence against the hosts of a wave: what matches, and every way in which something does not.

use ixporch_inventory::GateKind;
use ixporch_inventory::value::Amount;

use super::*;
use crate::event::{Envelope, Evidence, RunEvent, RunHeader, SchemaEvidence};
use crate::facts::{Composition, Database};
use crate::plan::sample;
use crate::schema::Narrowed;
use crate::text::RemoteText;

const ADD: &str = "ALTER TABLE cust ADD a INT DEFAULT NULL";
const DROP: &str = "ALTER TABLE cust DROP b";
const HOUR: Duration = Duration::from_secs(3600);

fn target() -> String {
    "a".repeat(40)
}

fn composition(php: &str, family: &str) -> Composition {
    Composition {
        commit: Some(target()),
        php: Some(php.to_owned()),
        database: Some(Database { family: family.to_owned(), version: "1".to_owned() }),
        ..Composition::default()
    }
}

fn evidence(host: &str) -> HostEvidence {
    HostEvidence {
        host: host.to_owned(),
        wave: "staging".to_owned(),
        run: "r1".to_owned(),
        procedure: "test".to_owned(),
        procedure_digest: "digest".to_owned(),
        outcome: Some(HostOutcome::Upgraded),
        ended: Some(Timestamp::UNIX_EPOCH),
        seen: None,
        healthy: true,
        soak_seconds: None,
        composition: composition("7.0.33", "MySQL"),
        schema: Some(schema(&[ADD], Some("ada"))),
    }
}

fn schema(statements: &[&str], approved_by: Option<&str>) -> SchemaEvidence {
    SchemaEvidence {
        fingerprint: SchemaChanges::read(statements.iter().copied()).fingerprint,
        statements: statements.iter().map(|statement| RemoteText::from(*statement)).collect(),
        narrowed: Narrowed::default(),
        approved_by: approved_by.map(str::to_owned),
    }
}

fn requirement(known: &[HostEvidence]) -> Requirement {
    Requirement {
        source: EvidenceSource::Wave("staging".to_owned()),
        witnesses: known
            .iter()
            .map(|evidence| Witness { host: evidence.host.clone(), evidence: Ok(evidence.clone()) })
            .collect(),
        max_age: HOUR,
    }
}

/// A wave of one host of PHP 7.0 with MySQL that would go to the target.
fn wave() -> PlannedWave {
    let mut wave = sample::wave("prod", ["p1"]);
    for host in &mut wave.hosts {
        host.upstream = Some(target());
        host.composition = Some(composition("7.0.1", "MySQL"));
    }
    PlannedWave { gate: GateKind::Auto, max_failures: Amount::Count(0), ..wave }
}

fn plan() -> Plan {
    Plan { procedure_digest: "digest".to_owned(), ..sample::plan(vec![wave()]) }
}

fn found(known: &[HostEvidence], wave: &PlannedWave, seconds_later: i64) -> Vec<Unmet> {
    let now = Timestamp::from_second(seconds_later).unwrap();
    unmet(&requirement(known), &plan(), wave, now)
}

fn source() -> EvidenceSource {
    EvidenceSource::Wave("staging".to_owned())
}

#[test]
fn what_matches_in_every_way_is_met() {
    assert_eq!(found(&[evidence("s1")], &wave(), 60), []);
}

#[test]
fn each_way_in_which_the_proof_is_weak_is_told_with_its_host() {
    let weak = |change: fn(&mut HostEvidence)| {
        let mut weak = evidence("s2");
        change(&mut weak);
        found(&[evidence("s1"), weak], &wave(), 60)
    };
    let host = || "s2".to_owned();
    let failed = Unmet::NotUpgraded { source: source(), host: host(), outcome: HostOutcome::Failed };
    assert_eq!(weak(|s2| s2.outcome = Some(HostOutcome::Failed)), [failed]);
    assert_eq!(weak(|s2| s2.outcome = None), [Unmet::NotEnded { source: source(), host: host() }]);
    assert_eq!(weak(|s2| s2.healthy = false), [Unmet::NotWatched { source: source(), host: host() }]);
    let other_text = Unmet::OtherProcedure {
        source: source(),
        host: host(),
        procedure: "test".to_owned(),
        procedure_digest: "other".to_owned(),
        planned: "test".to_owned(),
    };
    assert_eq!(weak(|s2| s2.procedure_digest = "other".to_owned()), [other_text]);
    assert_eq!(weak(|s2| s2.ended = None), [Unmet::EndNotKnown { source: source(), host: host() }]);
    let other_commit = |proved: Option<String>| {
        let host = "p1".to_owned();
        [Unmet::OtherCommit { host, target: target(), proved_by: "s2".to_owned(), proved }]
    };
    assert_eq!(weak(|s2| s2.composition.commit = Some("b".repeat(40))), other_commit(Some("b".repeat(40))));
    assert_eq!(weak(|s2| s2.composition.commit = None), other_commit(None));
    // Another kind beside the right one does no harm.
    assert_eq!(weak(|s2| s2.composition = composition("8.1.0", "MariaDB")), []);
}

#[test]
fn evidence_that_is_too_old_of_the_future_or_missing_is_none() {
    let (host, ended) = (|| "s1".to_owned(), Timestamp::UNIX_EPOCH);
    let old = Unmet::TooOld { source: source(), host: host(), ended, max_age_seconds: 3600 };
    assert_eq!(found(&[evidence("s1")], &wave(), 3661), std::slice::from_ref(&old));
    // A risk that was accepted earlier covers it an hour later.
    assert_eq!(found(&[evidence("s1")], &wave(), 7200), [old]);
    let future = Unmet::InFuture { source: source(), host: host(), ended };
    assert_eq!(found(&[evidence("s1")], &wave(), -3600), [future]);
    let nothing = Witness { host: host(), evidence: Err(NoEvidence::Unreachable) };
    let none = Requirement { witnesses: vec![nothing], ..requirement(&[]) };
    let missing = unmet(&none, &plan(), &wave(), Timestamp::UNIX_EPOCH);
    let because = NoEvidence::Unreachable;
    assert_eq!(missing, [Unmet::NoEvidence { source: source(), host: host(), because }]);
    let nobody = unmet(&requirement(&[]), &plan(), &wave(), Timestamp::UNIX_EPOCH);
    assert_eq!(nobody, [Unmet::NoHost { source: source() }]);
}

#[test]
fn a_host_of_another_kind_or_another_target_is_told() {
    let differs = |change: fn(&mut HostPlan)| {
        let mut wave = wave();
        wave.hosts.iter_mut().for_each(change);
        found(&[evidence("s1")], &wave, 60)
    };
    let host = || "p1".to_owned();
    let other_kind = |php: &str, family: &str| {
        let kind = |php: &str, family: &str| composition(php, family).kind().unwrap();
        let proved = vec![kind("7.0.33", "MySQL")];
        [Unmet::OtherKind { host: host(), kind: kind(php, family), proved }]
    };
    assert_eq!(
        differs(|p1| p1.composition = Some(composition("7.0.1", "MariaDB"))),
        other_kind("7.0.1", "MariaDB")
    );
    assert_eq!(
        differs(|p1| p1.composition = Some(composition("7.1.0", "MySQL"))),
        other_kind("7.1.0", "MySQL")
    );
    assert_eq!(differs(|p1| p1.composition = None), [Unmet::KindNotKnown { host: host() }]);
    assert_eq!(differs(|p1| p1.upstream = None), [Unmet::TargetNotKnown { host: host() }]);
    // Where nothing would be done nothing has to match.
    let current = differs(|p1| {
        p1.upstream = None;
        p1.action = HostAction::Current;
    });
    assert_eq!(current, []);
}

#[test]
fn a_schema_is_proved_by_hosts_of_its_kind_and_by_what_they_printed() {
    let kind = composition("7.0.9", "MySQL").kind().unwrap();
    let proven = |statements: &[&str], known: &[HostEvidence]| {
        let changes = SchemaChanges::read(statements.iter().copied());
        schema_match(&[requirement(known)], Some(&kind), &changes)
    };
    assert_eq!(proven(&[ADD], &[evidence("s1")]), Some(SchemaMatch::Approved("ada on s1".to_owned())));
    assert_eq!(proven(&[], &[evidence("s1")]), None, "nothing has to be proved");
    let mut by_policy = evidence("s1");
    by_policy.schema = Some(schema(&[ADD], None));
    assert_eq!(proven(&[ADD], &[by_policy]), Some(SchemaMatch::Executed));
    let fingerprint = SchemaChanges::read([ADD, DROP]).fingerprint;
    let a_drop_more = Unmet::OtherSchema {
        pending: fingerprint.clone(),
        proved_by: "s1".to_owned(),
        proved: SchemaChanges::read([ADD]).fingerprint,
        only_here: vec![RemoteText::from(DROP)],
        only_there: Vec::new(),
    };
    assert_eq!(proven(&[ADD, DROP], &[evidence("s1")]), Some(SchemaMatch::Different(a_drop_more)));
    // What a file claims its fingerprint to be is not believed.
    let mut liar = evidence("s1");
    liar.schema = Some(SchemaEvidence { fingerprint, ..schema(&[ADD], Some("mallory")) });
    assert!(matches!(proven(&[ADD, DROP], &[liar]), Some(SchemaMatch::Different(_))));
    // What was pending where it then failed was not proved.
    let mut failed = evidence("s1");
    failed.outcome = Some(HostOutcome::Failed);
    let no_schema = Unmet::NoSchema { pending: SchemaChanges::read([ADD]).fingerprint };
    assert_eq!(proven(&[ADD], &[failed]), Some(SchemaMatch::Different(no_schema)));
    let mut other_kind = evidence("s1");
    other_kind.composition = composition("7.0.9", "MariaDB");
    assert!(matches!(proven(&[ADD], &[other_kind]), Some(SchemaMatch::Different(_))));
    assert!(matches!(
        schema_match(&[requirement(&[evidence("s1")])], None, &SchemaChanges::read([ADD])),
        Some(SchemaMatch::Different(_))
    ));
}

/// A run that upgraded `s1` at the beginning of time, and was given `elsewhere` about it.
fn run_with(elsewhere: HostEvidence) -> RunState {
    let mut staging = sample::wave("staging", ["s1"]);
    for host in &mut staging.hosts {
        host.composition = Some(composition("7.0.1", "MySQL"));
    }
    let prod =
        PlannedWave { requires: Some("staging".to_owned()), required_hosts: vec!["s1".to_owned()], ..wave() };
    let plan = sample::plan(vec![staging, prod]);
    let header = RunHeader { plan, ..crate::event::sample::header("r2", &[]) };
    let evidence = Evidence {
        run: "r1".to_owned(),
        inventory: String::new(),
        operator: String::new(),
        origin: String::new(),
        ixporch: String::new(),
        target: None,
        hosts: vec![elsewhere],
        missing: Vec::new(),
    };
    let given = RunEvent::EvidenceGiven {
        source: EvidenceSource::Wave("staging".to_owned()),
        signer: None,
        max_age_seconds: 3600,
        evidence: Box::new(evidence),
    };
    let host = "s1".to_owned();
    let events = [
        RunEvent::RunStarted(std::sync::Arc::new(header)),
        RunEvent::HostFinished { host, outcome: HostOutcome::Upgraded, reasons: Vec::new() },
        given,
    ];
    let at = Timestamp::UNIX_EPOCH;
    let envelopes: Vec<Envelope> =
        (1..).zip(events).map(|(sequence, event)| Envelope { sequence, at, event }).collect();
    RunState::fold(&envelopes)
}

#[test]
fn the_last_run_on_a_host_counts_whether_it_ended_or_not() {
    let later = Timestamp::from_second(60).unwrap();
    let earlier = Timestamp::from_second(-60).unwrap();
    let outcome = |elsewhere: HostEvidence| {
        let state = run_with(elsewhere);
        let wave = &state.header.as_ref().unwrap().plan.waves[1];
        requirements(&state, wave)[0].witnesses[0].evidence.as_ref().unwrap().outcome
    };
    // Another run is at work there, or was cut off: what this one proved does not stand any more.
    let going_on = HostEvidence { outcome: None, ended: None, seen: Some(later), ..evidence("s1") };
    assert_eq!(outcome(going_on), None);
    let cut_off_long_ago = HostEvidence { outcome: None, ended: None, seen: Some(earlier), ..evidence("s1") };
    assert_eq!(outcome(cut_off_long_ago), Some(HostOutcome::Upgraded));
    let failed = |at| HostEvidence { outcome: Some(HostOutcome::Failed), ended: Some(at), ..evidence("s1") };
    assert_eq!(outcome(failed(later)), Some(HostOutcome::Failed));
    assert_eq!(outcome(failed(earlier)), Some(HostOutcome::Upgraded));
}
