//! Whether pending schema changes may be executed.

use ixporch_inventory::SchemaApproval;

use crate::event::Approval;
use crate::schema::{ChangeClass, SchemaChanges};

/// What a schema review says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Review {
    /// They may, by this person or this policy.
    Pass(String),
    /// A person is asked.
    Ask,
    /// A person has to be asked, and none is here.
    Hold(String),
}

/// Whether `changes` may be executed, by policy or by what persons have let pass already.
pub fn review(
    policy: SchemaApproval,
    changes: &SchemaChanges,
    approved: &[(String, Approval)],
    attended: bool,
) -> Review {
    match policy {
        SchemaApproval::Any => return Review::Pass("schema_approval = \"any\"".to_owned()),
        SchemaApproval::Additive if changes.class().is_none_or(|class| class == ChangeClass::Additive) => {
            return Review::Pass("schema_approval = \"additive\"".to_owned());
        }
        SchemaApproval::Additive | SchemaApproval::Review => {}
    }
    if let Some((_, approval)) = approved.iter().find(|(digits, _)| changes.fingerprint.is_named_by(digits)) {
        return Review::Pass(approval.by.clone());
    }
    if attended {
        return Review::Ask;
    }
    Review::Hold(format!(
        "pending schema changes ({}: {}) wait for a person, and there is no terminal to ask at",
        changes.fingerprint,
        changes.summary()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADD: &str = "ALTER TABLE cust ADD a INT DEFAULT NULL";
    const DROP: &str = "ALTER TABLE cust DROP b";

    fn answer(policy: SchemaApproval, statements: &[&str], approved: &[&str], attended: bool) -> Review {
        let approval = Approval { by: "ada".to_owned(), origin: "here".to_owned(), reason: String::new() };
        let approved: Vec<_> =
            approved.iter().map(|digits| ((*digits).to_owned(), approval.clone())).collect();
        review(policy, &SchemaChanges::read(statements.iter().copied()), &approved, attended)
    }

    #[test]
    fn additive_changes_pass_by_policy_and_nothing_else_does() {
        let passes = |statements: &[&str]| {
            matches!(answer(SchemaApproval::Additive, statements, &[], true), Review::Pass(_))
        };
        assert!(passes(&[ADD]));
        assert!(!passes(&[ADD, DROP]));
        assert!(!passes(&["ALTER TABLE cust CHANGE a a BIGINT NOT NULL"]));
        assert!(!passes(&["CALL mystery()"]));
    }

    #[test]
    fn an_approval_is_of_what_was_shown_and_of_nothing_else() {
        let shown = SchemaChanges::read([ADD]).fingerprint.to_string();
        let pass = Review::Pass("ada".to_owned());
        assert_eq!(answer(SchemaApproval::Review, &[ADD], &[&shown], false), pass);
        assert!(matches!(answer(SchemaApproval::Review, &[ADD, DROP], &[&shown], false), Review::Hold(_)));
        assert!(matches!(answer(SchemaApproval::Review, &[ADD], &[&shown[..6]], false), Review::Hold(_)));
        assert_eq!(answer(SchemaApproval::Review, &[ADD], &[], true), Review::Ask);
        assert!(matches!(answer(SchemaApproval::Any, &[DROP], &[], false), Review::Pass(_)));
    }
}
