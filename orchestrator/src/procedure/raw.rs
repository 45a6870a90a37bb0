//! A step as it was read, with its places in the text.

use std::ops::Range;

use super::Step;
use crate::release::Moment;

/// A step with the places that checks across steps need.
pub(super) struct RawStep {
    pub(super) id: Range<usize>,
    /// Those of its debts, in their order.
    pub(super) debts: Vec<Range<usize>>,
    /// Those of what takes it back, in their order.
    pub(super) undo: Vec<Range<usize>>,
    pub(super) when: Range<usize>,
    pub(super) step: Step,
    /// Whether it stands for the steps that releases need then.
    pub(super) release_steps: Option<Moment>,
}
