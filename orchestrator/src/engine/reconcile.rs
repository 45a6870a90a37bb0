//! Reconciles the journal with the host before a lane goes on: did a schema change begin that an earlier session allowed?

use super::claim::answered;
use super::lane::{Lane, is_for_good};
use super::link::{Link, NoLink};
use crate::event::Reason;
use crate::state::{ITSELF, Resolution, StepState};
use crate::text::RemoteText;

impl Lane {
    /// Records a schema change that never began as not done, so that it is reviewed again before it starts: the pending
    /// changes and their approval may be outdated.
    ///
    /// # Errors
    /// The host could not be asked.
    pub(super) async fn reconcile_schema_change(&mut self) -> Result<(), Reason> {
        let is_open = |known: &StepState| {
            let planned = self.plan.step(&known.id);
            known.is_unknown() && known.resolution.is_none() && planned.is_some_and(is_for_good)
        };
        let Some(known) = self.before.steps.iter().find(|known| is_open(known)) else { return Ok(()) };
        let (id, attempt, boot) = (known.id.clone(), known.attempt, known.boot.clone());
        let (Some(route), Some(step)) = (&self.route, self.plan.step(&id)) else { return Ok(()) };
        let mut link = match Link::connect(route, &self.events).await {
            Ok(link) => link,
            Err(NoLink::Interrupted) => return Err(Reason::Interrupted),
            Err(NoLink::Unreachable(failure)) => return Err(Reason::Unreachable { failure }),
        };
        let asked = async {
            let ledger = link.ledger().await?;
            // After a reboot a missing claim proves nothing: it may have been lost with the power.
            if boot.as_deref() != Some(ledger.boot()) {
                return Ok(true);
            }
            answered(ledger.has_begun(step, attempt, self.before.went_back)).await
        };
        let found = asked.await;
        link.close().await;
        if found.map_err(|lost| Reason::Unreachable { failure: RemoteText::from(lost.0.as_str()) })? {
            return Ok(());
        }
        let why = "the host never began it, and what was approved is looked at again";
        self.events.never_began(&id, why).await;
        if let Some(known) = self.before.steps.iter_mut().find(|known| known.id == id) {
            known.resolution =
                Some(Resolution { done: false, reason: why.to_owned(), by: ITSELF.to_owned() });
        }
        Ok(())
    }

    /// Whether a schema change may have begun in an earlier session.
    pub(super) fn has_changed_the_schema(&self) -> bool {
        let mut begun = self.before.steps.iter().filter(|known| known.may_have_begun());
        begun.any(|known| self.plan.step(&known.id).is_some_and(is_for_good))
    }
}
