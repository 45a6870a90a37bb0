//! Reads the output of `artisan doctrine:schema:update`.
//!
//! Its exit code is 0 whether nothing is pending, something is pending or something was executed, so only the text
//! counts. The
//! texts are those of laravel-doctrine/orm 1.3 to 1.5, which every IXP Manager from v4.4 to v5.8 uses.

use crate::text::RemoteText;

const NOTHING: &str =
    "Nothing to update - your database is already in sync with the current entity metadata.";
const CHECKING: &str = "Checking if database connected to";
const UPDATED: &str = "Database schema updated successfully!";

/// The result of `--sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PendingSql {
    /// Nothing is pending.
    InSync,
    /// These statements are pending, in order, without their semicolons.
    Pending(Vec<String>),
    /// The text is not a known one.
    Unreadable,
}

/// The result of `--force`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaUpdateEnd {
    /// This many statements were executed.
    Executed(u32),
    /// There was nothing to do.
    InSync,
    /// The text is not a known one: an exception, or a cancelled command.
    Unreadable,
}

/// Reads the output of `doctrine:schema:update --sql`.
pub fn read_pending_sql(output: &RemoteText) -> PendingSql {
    let text = output.raw();
    if text.lines().any(|line| line.trim() == NOTHING) {
        return PendingSql::InSync;
    }
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(CHECKING));
    if lines.next().is_none() {
        return PendingSql::Unreadable;
    }
    let body: Vec<&str> = lines.filter(|line| !is_php_complaint(line)).collect();
    let statements = split_statements(&body.join("\n"));
    let all_sql = statements.iter().all(|statement| starts_like_sql(statement));
    if statements.is_empty() || !all_sql { PendingSql::Unreadable } else { PendingSql::Pending(statements) }
}

/// Reads the output of `doctrine:schema:update --force`.
pub fn read_schema_update(output: &RemoteText) -> SchemaUpdateEnd {
    for line in output.raw().lines().map(str::trim) {
        if line == NOTHING {
            return SchemaUpdateEnd::InSync;
        }
        if let Some(rest) = line.strip_prefix(UPDATED) {
            let count = rest.split('"').nth(1).and_then(|count| count.parse().ok());
            return count.map_or(SchemaUpdateEnd::Unreadable, SchemaUpdateEnd::Executed);
        }
    }
    SchemaUpdateEnd::Unreadable
}

/// Whether `doctrine:schema:validate` succeeded. Exit code 0 alone proves nothing: both lines must be there.
pub fn is_valid(exit: i32, output: &RemoteText) -> bool {
    let says = |words: &str| output.raw().lines().any(|line| line.trim_start().starts_with(words));
    exit == 0 && says("[Mapping]  OK") && says("[Database] OK")
}

/// Whether PHP itself prints this line beside the output: `Deprecated: … in FILE on line 7`, which no program can keep it from
/// where `display_errors` is on. A fatal error is none of these.
fn is_php_complaint(line: &str) -> bool {
    const KINDS: [&str; 4] = ["Deprecated: ", "Notice: ", "Warning: ", "Strict Standards: "];
    let line = line.trim();
    let kind = line.strip_prefix("PHP ").unwrap_or(line).trim_start();
    let place = line.rsplit_once(" on line ").map_or("", |(_, place)| place);
    KINDS.iter().any(|known| kind.starts_with(known))
        && line.contains(" in ")
        && !place.is_empty()
        && place.bytes().all(|byte| byte.is_ascii_digit())
}

/// Statements are joined by a semicolon, five spaces and a line break; none follows the last.
fn split_statements(body: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut current = String::new();
    for line in body.lines() {
        let trimmed = line.trim_end();
        let (text, ends) = match trimmed.strip_suffix(';') {
            Some(text) => (text, true),
            None => (trimmed, false),
        };
        if !current.is_empty() {
            current.push('\n');
        }
        current.push_str(text);
        if ends {
            statements.push(std::mem::take(&mut current).trim().to_owned());
        }
    }
    statements.push(current.trim().to_owned());
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// Whether a statement may come from the schema tool. Anything else (an exception's text, a question) is not SQL.
fn starts_like_sql(statement: &str) -> bool {
    const WORDS: [&str; 8] = ["ALTER", "CREATE", "DROP", "RENAME", "UPDATE", "INSERT", "DELETE", "SET"];
    statement
        .split_whitespace()
        .next()
        .is_some_and(|word| WORDS.contains(&word.to_ascii_uppercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(text: &str) -> PendingSql {
        read_pending_sql(&RemoteText::from(text))
    }

    #[test]
    fn the_exact_text_of_pending_statements_is_read() {
        let text = "\nChecking if database connected to default entity manager needs updating...\n     \
                    CREATE TABLE audit_log (id BIGINT);     \nALTER TABLE cust ADD peeringpolicy VARCHAR(50) DEFAULT NULL\n";
        let wanted = [
            "CREATE TABLE audit_log (id BIGINT)",
            "ALTER TABLE cust ADD peeringpolicy VARCHAR(50) DEFAULT NULL",
        ];
        assert_eq!(pending(text), PendingSql::Pending(wanted.map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_php_complains_of_is_part_of_no_statement() {
        let complaint = "Deprecated: Return type of A::b() should be compatible in /srv/a.php on line 7";
        let head = "Checking if database connected to default entity manager needs updating...";
        let sql = "ALTER TABLE a ADD b INT;     \nALTER TABLE c ADD d INT";
        let wanted = ["ALTER TABLE a ADD b INT", "ALTER TABLE c ADD d INT"].map(str::to_owned).to_vec();
        for text in [
            format!("{head}\n     {sql}\n\n{complaint}\n\n{complaint}\n"),
            format!(
                "{complaint}\n{head}\n\n{complaint}\n     {sql}\nPHP Deprecated:  old in a.php on line 12\n"
            ),
            format!("{head}\n     {sql}\nWarning: memcached is away in /srv/a.php on line 1\n"),
        ] {
            assert_eq!(pending(&text), PendingSql::Pending(wanted.clone()), "{text}");
        }
        let fatal = format!("{head}\nPHP Fatal error:  Uncaught Error in /srv/a.php on line 7\n");
        assert_eq!(pending(&fatal), PendingSql::Unreadable);
        // What only begins like it is the statement's own.
        let own = format!("{head}\n     ALTER TABLE a COMMENT 'x\nDeprecated: do not use'\n");
        assert!(matches!(pending(&own), PendingSql::Pending(found) if found[0].contains("Deprecated")));
    }

    #[test]
    fn nothing_pending_is_not_an_error() {
        let text = format!(
            "\nChecking if database connected to default entity manager needs updating...\n{NOTHING}\n"
        );
        assert_eq!(pending(&text), PendingSql::InSync);
    }

    #[test]
    fn a_validation_needs_its_exit_code_and_both_lines() {
        let good = "Validating for default entity manager...\n[Mapping]  OK - The mapping files are correct.\n\
                    [Database] OK - The database schema is in sync with the mapping files.\n";
        let read = |exit, text: &str| is_valid(exit, &RemoteText::from(text));
        assert!(read(0, good));
        assert!(!read(0, "PHP Warning: nothing happened"));
        assert!(!read(0, good.lines().nth(1).unwrap()));
        assert!(!read(2, good));
    }

    #[test]
    fn an_exception_is_not_taken_for_sql() {
        let text = "\nChecking if database connected to default entity manager needs updating...\n\nIn Driver.php line 79:\n  \
                    SQLSTATE[HY000] [2002] Connection refused\n";
        assert_eq!(pending(text), PendingSql::Unreadable);
        assert_eq!(pending(""), PendingSql::Unreadable);
    }

    #[test]
    fn the_end_of_an_update_is_read() {
        let read = |text: &str| read_schema_update(&RemoteText::from(text));
        assert_eq!(
            read(
                "Updating database schema...\nDatabase schema updated successfully! \"2\" queries were executed\n"
            ),
            SchemaUpdateEnd::Executed(2)
        );
        assert_eq!(read(&format!("{NOTHING}\n")), SchemaUpdateEnd::InSync);
        assert_eq!(read("Updating database schema...\nIn Driver.php line 79:"), SchemaUpdateEnd::Unreadable);
    }
}
