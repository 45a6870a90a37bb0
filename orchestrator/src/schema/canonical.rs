//! The order in which statements are compared.
//!
//! Two statements depend on one another if one changes a table that the other touches: these two keep their order. Among
//! all orders that keep it, the first by the alphabet stands for all of them (the lexicographic normal form of a trace,
//! Anisimov and Knuth 1979). It takes n log n steps for n statements.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::statement::{Statement, Tables};

/// Brings statements into that order.
pub(super) fn order(statements: Vec<Statement>) -> Vec<Statement> {
    let Graph { followers, mut waits_for } = Graph::of(&statements);
    // The first by the alphabet; of equal ones the one that came first.
    let free = |place: usize| statements.get(place).map(|statement| Reverse((statement.sql.as_str(), place)));
    let begin = waits_for.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut heap: BinaryHeap<_> = begin.filter_map(|(place, _)| free(place)).collect();
    let mut order = Vec::with_capacity(statements.len());
    while let Some(Reverse((_, place))) = heap.pop() {
        order.push(place);
        for follower in followers.get(place).into_iter().flatten() {
            let Some(count) = waits_for.get_mut(*follower) else { continue };
            *count -= 1;
            if *count == 0 {
                heap.extend(free(*follower));
            }
        }
    }
    drop(heap);
    let mut statements: Vec<Option<Statement>> = statements.into_iter().map(Some).collect();
    order.into_iter().filter_map(|place| statements.get_mut(place)?.take()).collect()
}

/// Which statement must come before which; what follows from two others is left out.
struct Graph {
    /// The statements that come after each one.
    followers: Vec<Vec<usize>>,
    /// How many come before each one.
    waits_for: Vec<usize>,
}

/// The last statements that touched a table.
#[derive(Default)]
struct Touched {
    changed_by: Option<usize>,
    /// Those that referred to it since.
    named_by: Vec<usize>,
}

impl Graph {
    fn of(statements: &[Statement]) -> Self {
        let mut graph =
            Self { followers: vec![Vec::new(); statements.len()], waits_for: vec![0; statements.len()] };
        let mut tables: HashMap<&str, Touched> = HashMap::new();
        // The last statement that may touch every table, and those since.
        let (mut any, mut since): (Option<usize>, Vec<usize>) = (None, Vec::new());
        for (place, statement) in statements.iter().enumerate() {
            match &statement.tables {
                Tables::Any => {
                    graph.add(any.into_iter().chain(since.drain(..)).collect(), place);
                    any = Some(place);
                    tables.clear();
                }
                Tables::Known { changed, named } => {
                    let mut before: Vec<usize> = any.into_iter().collect();
                    for table in named {
                        let touched = tables.entry(table).or_default();
                        before.extend(touched.changed_by);
                        touched.named_by.push(place);
                    }
                    for table in changed {
                        let touched = tables.entry(table).or_default();
                        before.extend(touched.changed_by.replace(place));
                        before.append(&mut touched.named_by);
                    }
                    graph.add(before, place);
                    since.push(place);
                }
            }
        }
        graph
    }

    /// `place` comes after all of `before`.
    fn add(&mut self, mut before: Vec<usize>, place: usize) {
        before.retain(|earlier| *earlier != place);
        before.sort_unstable();
        before.dedup();
        for earlier in before {
            if let (Some(followers), Some(count)) =
                (self.followers.get_mut(earlier), self.waits_for.get_mut(place))
            {
                followers.push(place);
                *count += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same by its definition: again and again the first by the alphabet of those that depend on none before them.
    fn by_definition(mut statements: Vec<Statement>) -> Vec<Statement> {
        let mut ordered = Vec::new();
        while !statements.is_empty() {
            let is_free =
                |place: usize| !statements[..place].iter().any(|one| depend(one, &statements[place]));
            let free = (0..statements.len()).filter(|place| is_free(*place));
            let first = free.min_by(|one, other| statements[*one].sql.cmp(&statements[*other].sql)).unwrap();
            ordered.push(statements.remove(first));
        }
        ordered
    }

    fn depend(one: &Statement, other: &Statement) -> bool {
        let (Tables::Known { changed, named }, Tables::Known { changed: others, named: named_there }) =
            (&one.tables, &other.tables)
        else {
            return true;
        };
        let share = |some: &[String], others: &[String]| some.iter().any(|table| others.contains(table));
        share(changed, others) || share(changed, named_there) || share(named, others)
    }

    fn tables() -> impl Strategy<Value = Tables> {
        let names = || proptest::collection::vec("[a-d]", 0..3);
        let known = (names(), names()).prop_map(|(changed, named)| Tables::Known { changed, named });
        prop_oneof![1 => Just(Tables::Any), 9 => known]
    }

    proptest! {
        #[test]
        fn it_is_the_order_of_the_definition(
            given in proptest::collection::vec(("[a-f]{1,2}", tables()), 0..14),
        ) {
            let statement = |(sql, tables): (String, Tables)| Statement { sql, changes: Vec::new(), tables };
            let statements: Vec<Statement> = given.into_iter().map(statement).collect();
            prop_assert_eq!(order(statements.clone()), by_definition(statements));
        }
    }
}
