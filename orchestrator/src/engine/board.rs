//! The board: what persons have let pass so far, for every lane and gate to read. What comes while the run goes on is in the
//! journal before it stands there.

use futures::future;
use tokio::sync::{mpsc, watch};

use super::dispatch::RunEvents;
use super::{LateWord, WordOn, given};
use crate::event::{Approval, RunEvent};
use crate::schema::Fingerprint;
use crate::state::RunState;

use super::Job;

/// What stands on the board.
#[derive(Debug, Default)]
struct Approved {
    waves: Vec<String>,
    /// Digits of fingerprints, with whom.
    schemas: Vec<(String, Approval)>,
}

/// What can be read. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Board {
    approved: watch::Receiver<Approved>,
}

/// Who writes on it.
pub(super) struct Keeper {
    board: watch::Sender<Approved>,
}

impl Board {
    /// A board with what was approved before the session, and what it was started with.
    pub(super) fn open(before: &RunState, job: &Job) -> (Keeper, Self) {
        let known = before.approved_waves.iter().map(|(wave, _)| wave);
        let waves = known.chain(&job.approvals.waves).cloned().collect();
        let (board, approved) =
            watch::channel(Approved { waves, schemas: given::approved_schemas(before, job) });
        (Keeper { board }, Self { approved })
    }

    /// The schema changes that were let pass.
    pub(super) fn schemas(&self) -> Vec<(String, Approval)> {
        self.approved.borrow().schemas.clone()
    }

    /// Whether a wave was let start.
    pub(super) fn has_wave(&self, wave: &str) -> bool {
        self.approved.borrow().waves.iter().any(|known| known == wave)
    }

    /// Waits until somebody lets these schema changes pass.
    pub(super) async fn schema(&self, fingerprint: &Fingerprint) -> Approval {
        let named = |(digits, _): &&(String, Approval)| fingerprint.is_named_by(digits);
        let mut board = self.approved.clone();
        let found = board.wait_for(|approved| approved.schemas.iter().any(|known| named(&known))).await;
        let approval = found.ok().and_then(|approved| Some(approved.schemas.iter().find(named)?.1.clone()));
        match approval {
            Some(approval) => approval,
            // Nobody writes there any more.
            None => future::pending().await,
        }
    }

    /// Waits until somebody lets a wave start.
    pub(super) async fn wave(&self, wave: &str) {
        let mut board = self.approved.clone();
        let found = board.wait_for(|approved| approved.waves.iter().any(|known| known == wave)).await.is_ok();
        if !found {
            future::pending::<()>().await;
        }
    }
}

impl Keeper {
    /// Listens to what is said while the run goes on, until nobody can say anything any more.
    pub(super) async fn listen(self, words: Option<mpsc::Receiver<LateWord>>, events: RunEvents) {
        let Some(mut words) = words else { return future::pending().await };
        while let Some(LateWord { on, approval, taken }) = words.recv().await {
            let event = match &on {
                WordOn::Wave(wave) => {
                    RunEvent::WaveApproved { wave: wave.clone(), approval: approval.clone() }
                }
                WordOn::Schema(digits) => {
                    RunEvent::SchemaApproved { fingerprint: digits.clone(), approval: approval.clone() }
                }
            };
            events.tell(event).await;
            if events.settled().await.is_err() {
                // What is not in the journal was not said.
                continue;
            }
            self.board.send_modify(|approved| match on {
                WordOn::Wave(wave) => approved.waves.push(wave),
                WordOn::Schema(digits) => approved.schemas.push((digits, approval)),
            });
            // Whoever brought it may have ended.
            let _ = taken.send(());
        }
        // The board stays readable as long as the run goes on.
        future::pending::<()>().await;
    }
}
