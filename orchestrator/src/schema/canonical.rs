//! The order in which statements are compared.
//!
//! Two statements depend on one another where one changes a table that the other touches: these two
//! keep their order. Among all orders that keep it, the first by the alphabet stands for all of them
//! (the lexicographic normal form of a trace, Anisimov and Knuth 1979).

use super::statement::{Statement, Tables};

/// Brings statements into that order.
pub(super) fn order(mut statements: Vec<Statement>) -> Vec<Statement> {
    let mut ordered = Vec::with_capacity(statements.len());
    while let Some(next) = first_of_the_free(&statements) {
        ordered.push(statements.remove(next));
    }
    ordered
}

/// The place of the first statement by the alphabet that depends on none before it.
fn first_of_the_free(statements: &[Statement]) -> Option<usize> {
    let is_free = |(place, statement): &(usize, &Statement)| {
        statements.iter().take(*place).all(|before| !depend(&before.tables, &statement.tables))
    };
    let free = statements.iter().enumerate().filter(is_free);
    free.min_by(|(_, one), (_, other)| one.sql.cmp(&other.sql)).map(|(place, _)| place)
}

fn depend(one: &Tables, other: &Tables) -> bool {
    let (
        Tables::Known { changed: first, named: first_named },
        Tables::Known { changed: second, named: second_named },
    ) = (one, other)
    else {
        return true;
    };
    let share = |some: &[String], others: &[String]| some.iter().any(|table| others.contains(table));
    share(first, second) || share(first, second_named) || share(first_named, second)
}
