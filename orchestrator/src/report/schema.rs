//! The schema review: the hosts grouped by what is pending on them, and how an outlier differs from the most.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Paint;
use crate::plan::fold_names;
use crate::schema::{self, Change, ChangeClass, Group, SchemaChanges};
use crate::state::RunState;
use crate::text::harmless_line;

/// The hosts of a run for which it is known what is pending, or was before its update, by what that is.
pub fn schema_groups(state: &RunState) -> Vec<Group<'_>> {
    let pending = state
        .hosts
        .iter()
        .filter_map(|(name, host)| Some((name.as_str(), host.pending(state.plan_of(name)?)?)));
    schema::group(pending)
}

/// All groups, each with its changes; every one after the first also as a difference from the first.
pub fn schema(paint: Paint, groups: &[Group<'_>]) -> String {
    let mut text = String::new();
    for (place, group) in groups.iter().enumerate() {
        let largest = groups.first().filter(|_| place > 0);
        text.push_str(&schema_group(paint, place + 1, group, largest));
    }
    text
}

/// `7 hosts: 3 additions; 1 host: 3 additions, 1 destructive`.
pub fn schema_line(groups: &[Group<'_>]) -> String {
    let words: Vec<String> = groups
        .iter()
        .map(|group| format!("{}: {}", hosts(group.hosts.len()), group.changes.summary()))
        .collect();
    words.join("; ")
}

/// One group. `largest` is what it is compared with.
pub fn schema_group(paint: Paint, number: usize, group: &Group<'_>, largest: Option<&Group<'_>>) -> String {
    let Group { changes, hosts: names } = group;
    let mut text = format!(
        "{}  {}  {}: {}\n",
        paint.strong(&format!("group {number}")),
        changes.fingerprint,
        paint.strong(&fold_names(names.iter().copied())),
        changes.summary(),
    );
    for line in lines(paint, changes.changes.iter()) {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(largest) = largest {
        text.push_str(&against(paint, changes, &largest.changes));
    }
    let destructive: Vec<&Change> = changes.destructive().collect();
    if !destructive.is_empty() {
        let _ = writeln!(text, "  {}", paint.bad("destructive changes:"));
        for change in destructive {
            let _ = writeln!(text, "  {}", line(paint, change));
        }
    }
    text
}

fn against(paint: Paint, changes: &SchemaChanges, largest: &SchemaChanges) -> String {
    let (more, less) = schema::difference(changes, largest);
    let mut text = format!("  {}\n", paint.strong("compared with group 1:"));
    for (word, changes) in [("only here", more), ("missing here", less)] {
        for line in lines(paint, changes.into_iter()) {
            let _ = writeln!(text, "    {} {line}", paint.warn(word));
        }
    }
    text
}

/// A line for each change; those without effect are a number at the end.
fn lines<'c>(paint: Paint, changes: impl Iterator<Item = &'c Change>) -> Vec<String> {
    let (without, others): (Vec<&Change>, Vec<&Change>) =
        changes.partition(|change| change.class == ChangeClass::NoEffect);
    let mut lines: Vec<String> = others.into_iter().map(|change| line(paint, change)).collect();
    let columns = match without.len() {
        0 => return lines,
        1 => "1 change without effect: the column already is".to_owned(),
        count => format!("{count} changes without effect: the columns already are"),
    };
    lines.push(paint.dim(&format!("= {columns} as the change says")));
    lines
}

/// `+` adds, `~` changes, `!` may lose something; the last with the reason.
fn line(paint: Paint, change: &Change) -> String {
    let sql = harmless_line(&change.sql);
    match change.class {
        ChangeClass::NoEffect => format!("= {sql}"),
        ChangeClass::Additive => format!("+ {sql}"),
        ChangeClass::Changing => paint.warn(&format!("~ {sql}")),
        ChangeClass::Destructive => {
            let was = change.was.as_ref().map_or(String::new(), |was| format!(" of {}", harmless_line(was)));
            paint.bad(&format!("! {sql}   ({}{was})", change.what))
        }
    }
}

fn hosts(count: usize) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}

/// The groups as JSON.
pub fn schema_document(groups: &[Group<'_>]) -> Value {
    let group = |group: &Group<'_>| {
        let changes: Vec<Value> = group
            .changes
            .changes
            .iter()
            .map(|change| json!({ "class": change.class, "what": change.what, "was": change.was, "sql": harmless_line(&change.sql) }))
            .collect();
        json!({
            "fingerprint": group.changes.fingerprint.digits(),
            "hosts": group.hosts,
            "class": group.changes.class(),
            "summary": group.changes.summary(),
            "changes": changes,
        })
    };
    groups.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outlier_is_shown_beside_the_most_and_what_may_be_lost_comes_last() {
        let common = [
            "CREATE TABLE audit_log (id BIGINT NOT NULL, PRIMARY KEY(id))",
            "ALTER TABLE cust ADD a INT DEFAULT NULL",
        ];
        let outlier = [
            "ALTER TABLE cust ADD a INT DEFAULT NULL, DROP legacy_code",
            "ALTER TABLE vlan CHANGE b b BIGINT NOT NULL",
            "who knows \u{1b}[2J",
        ];
        let groups = schema::group([
            ("ixp1", SchemaChanges::read(common)),
            ("ixp2", SchemaChanges::read(common)),
            ("ixp3", SchemaChanges::read(outlier)),
        ]);
        insta::assert_snapshot!(schema(Paint::new(false), &groups));
        assert_eq!(
            schema_line(&groups),
            "2 hosts: 2 additions; 1 host: 1 addition, 1 change, 1 drop, 1 destructive"
        );
    }
}
