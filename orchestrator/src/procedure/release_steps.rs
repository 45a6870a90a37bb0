//! The steps of releases, in the place that a procedure gives them.
//!
//! Owns how release data become steps. Which of them are part of a host's upgrade is decided when its plan is built.

use std::collections::BTreeMap;

use super::raw::RawStep;
use super::{Action, Proof, ReleaseAction, Step, Template};
use crate::release::{self, Moment};

/// The steps of a procedure, with those of all releases instead of the steps that stand for them.
pub(super) fn put_in(raws: Vec<RawStep>) -> Vec<Step> {
    let mut instead: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut steps = Vec::new();
    for raw in raws {
        let Some(moment) = raw.release_steps else {
            steps.push(raw.step);
            continue;
        };
        let own: Vec<Step> = of_releases(moment, &raw.step).collect();
        instead.insert(raw.step.id, own.iter().map(|step| step.id.clone()).collect());
        steps.extend(own);
    }
    for step in &mut steps {
        let debts = std::mem::take(&mut step.debts).into_iter();
        step.debts =
            debts.flat_map(|debt| instead.get(&debt).cloned().unwrap_or_else(|| vec![debt])).collect();
    }
    steps
}

/// What all releases need at this moment; user, folder, time limit, debts and what takes them back are those of `of`.
fn of_releases(moment: Moment, of: &Step) -> impl Iterator<Item = Step> {
    let steps = release::all().flat_map(|release| release.steps.iter().map(move |step| (release, step)));
    steps.filter(move |(_, step)| step.when == moment).map(|(release, step)| Step {
        id: step.id.clone(),
        title: format!("{} ({})", step.title, release.tag),
        action: Action::Release(ReleaseAction {
            release: release.tag.clone(),
            artisan: step.artisan.clone().unwrap_or_default(),
            sql: step.sql.clone().unwrap_or_default(),
            rows: step.rows.clone(),
            tells_later: step.proof && step.when_exists.is_none(),
        }),
        proof: step.proof.then(|| Proof::NoRows(step.rows.clone())),
        when_exists: step
            .when_exists
            .as_ref()
            .or(step.needs.as_ref())
            .map(|path| Template::below_installation(path)),
        ..of.clone()
    })
}
