//! Gates: whether a wave starts, whether more hosts of it start, and whether pending schema changes are approved. Pure
//! decisions.

mod evidence;
mod forecast;
mod schema;
mod threshold;
mod wave;

pub use evidence::{Requirement, SchemaMatch, Witness, kind_of, requirements, schema_match, unmet};
pub use forecast::may_start;
pub use schema::{Review, review};
pub use threshold::{Tally, Threshold, is_failure};
pub use wave::{Decision, before_wave};
