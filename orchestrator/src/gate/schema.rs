//! Whether pending schema changes may be executed.

use ixporch_inventory::SchemaApproval;

use super::SchemaMatch;
use crate::event::{Approval, Reason};
use crate::schema::{ChangeClass, SchemaChanges};

/// The result of a schema review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Review {
    /// They may be executed.
    Pass {
        /// The person or the policy that approved them.
        by: String,
        /// Whether it is a person.
        by_person: bool,
    },
    /// A person must be asked.
    Ask,
    /// A person must be asked, and nobody is there.
    Hold(Reason),
}

/// Whether `changes` may be executed: by the evidence of other hosts, by an earlier approval, or by policy. Evidence of
/// other changes overrules approvals and policy.
pub fn review(
    policy: SchemaApproval,
    changes: &SchemaChanges,
    approved: &[(String, Approval)],
    evidence: Option<SchemaMatch>,
    attended: bool,
) -> Review {
    match evidence {
        Some(SchemaMatch::Different(unmet)) => {
            return Review::Hold(Reason::EvidenceOfOther { unmet: Box::new(unmet) });
        }
        Some(SchemaMatch::Approved(by)) => return Review::Pass { by, by_person: true },
        Some(SchemaMatch::Executed) | None => {}
    }
    if let Some((_, approval)) = approved.iter().find(|(digits, _)| changes.fingerprint.is_named_by(digits)) {
        return Review::Pass { by: approval.by.clone(), by_person: true };
    }
    let by_policy =
        |policy: &str| Review::Pass { by: format!("schema_approval = \"{policy}\""), by_person: false };
    match policy {
        SchemaApproval::Any => return by_policy("any"),
        SchemaApproval::Additive if changes.class().is_none_or(|class| class <= ChangeClass::Additive) => {
            return by_policy("additive");
        }
        SchemaApproval::Additive | SchemaApproval::Review => {}
    }
    if attended {
        return Review::Ask;
    }
    Review::Hold(Reason::ReviewUnattended {
        pending: changes.fingerprint.clone(),
        summary: changes.summary(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Unmet;

    const ADD: &str = "ALTER TABLE cust ADD a INT DEFAULT NULL";
    const DROP: &str = "ALTER TABLE cust DROP b";

    fn answer(policy: SchemaApproval, statements: &[&str], approved: &[&str], attended: bool) -> Review {
        let approval = Approval { by: "ada".to_owned(), origin: "here".to_owned(), reason: String::new() };
        let approved: Vec<_> =
            approved.iter().map(|digits| ((*digits).to_owned(), approval.clone())).collect();
        review(policy, &SchemaChanges::read(statements.iter().copied()), &approved, None, attended)
    }

    #[test]
    fn additive_changes_pass_by_policy_and_nothing_else_does() {
        let passes = |statements: &[&str]| {
            matches!(
                answer(SchemaApproval::Additive, statements, &[], true),
                Review::Pass { by_person: false, .. }
            )
        };
        assert!(passes(&[ADD]));
        assert!(!passes(&[ADD, DROP]));
        assert!(!passes(&["ALTER TABLE cust CHANGE a a BIGINT NOT NULL"]));
        assert!(!passes(&["CALL mystery()"]));
    }

    #[test]
    fn an_approval_is_of_what_was_shown_and_of_nothing_else() {
        let shown = SchemaChanges::read([ADD]).fingerprint.to_string();
        let pass = Review::Pass { by: "ada".to_owned(), by_person: true };
        assert_eq!(answer(SchemaApproval::Review, &[ADD], &[&shown], false), pass);
        assert!(matches!(answer(SchemaApproval::Review, &[ADD, DROP], &[&shown], false), Review::Hold(_)));
        assert!(matches!(answer(SchemaApproval::Review, &[ADD], &[&shown[..6]], false), Review::Hold(_)));
        assert_eq!(answer(SchemaApproval::Review, &[ADD], &[], true), Review::Ask);
        assert!(matches!(
            answer(SchemaApproval::Any, &[DROP], &[], false),
            Review::Pass { by_person: false, .. }
        ));
    }

    #[test]
    fn what_staging_had_approved_passes_and_what_it_did_not_have_is_held_whatever_the_policy() {
        let changes = SchemaChanges::read([ADD]);
        let judged = |proven, policy| review(policy, &changes, &[], Some(proven), true);
        let by_staging = judged(SchemaMatch::Approved("ada on s1".to_owned()), SchemaApproval::Review);
        assert_eq!(by_staging, Review::Pass { by: "ada on s1".to_owned(), by_person: true });
        assert_eq!(judged(SchemaMatch::Executed, SchemaApproval::Review), Review::Ask);
        for policy in [SchemaApproval::Review, SchemaApproval::Additive, SchemaApproval::Any] {
            let other = Unmet::NoSchema { pending: changes.fingerprint.clone() };
            assert!(matches!(judged(SchemaMatch::Different(other), policy), Review::Hold(_)));
        }
    }
}
