//! Fingerprints and classes over a corpus of statements, and what can and cannot change them.

use proptest::prelude::*;
use sqlparser::dialect::MySqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::*;

/// Statements as Doctrine's schema tool prints them, written after what the releases of IXP Manager
/// change (`docs/schema-review.md`), under a heading for each class.
const CORPUS: &str = include_str!("corpus.sql");

fn corpus() -> Vec<(ChangeClass, &'static str)> {
    let mut class = ChangeClass::Destructive;
    let mut statements = Vec::new();
    for line in CORPUS.lines() {
        match line.strip_prefix("-- ") {
            Some("additive") => class = ChangeClass::Additive,
            Some("changing") => class = ChangeClass::Changing,
            Some(_) => class = ChangeClass::Destructive,
            None => statements.push((class, line)),
        }
    }
    statements
}

fn fingerprint<'s>(statements: impl IntoIterator<Item = &'s str>) -> Fingerprint {
    SchemaChanges::read(statements).fingerprint
}

fn tokens(statement: &str) -> Vec<Token> {
    Tokenizer::new(&MySqlDialect {}, statement).with_unescape(false).tokenize().unwrap()
}

/// In the corpus keywords are in capitals, and no name is but those of indexes, which hold digits.
fn is_keyword(token: &Token) -> bool {
    let capital = |c: char| c.is_ascii_uppercase() || c == '_';
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.chars().all(capital))
}

#[test]
fn every_statement_of_the_corpus_is_read_and_classed() {
    let corpus = corpus();
    assert!(corpus.len() >= 200, "{}", corpus.len());
    for (class, statement) in corpus {
        let read = SchemaChanges::read([statement]);
        assert_eq!(read.class(), Some(class), "{statement}");
        let unreadable = read.changes.iter().any(|change| change.what == "could not be read");
        // The parser does not know how MySQL renames an index.
        assert_eq!(unreadable, statement.contains(" RENAME INDEX "), "{statement}");
    }
}

#[test]
fn any_other_name_type_default_or_nullability_is_another_fingerprint() {
    const TYPES: [(&str, &str); 14] = [
        ("INT", "BIGINT"),
        ("BIGINT", "INT"),
        ("SMALLINT", "INT"),
        ("TINYINT", "INT"),
        ("VARCHAR", "CHAR"),
        ("CHAR", "VARCHAR"),
        ("LONGTEXT", "MEDIUMTEXT"),
        ("MEDIUMTEXT", "LONGTEXT"),
        ("TINYTEXT", "LONGTEXT"),
        ("DATETIME", "DATE"),
        ("DATE", "DATETIME"),
        ("TIMESTAMP", "DATETIME"),
        ("JSON", "LONGTEXT"),
        ("FLOAT", "DOUBLE"),
    ];
    let mut changed = 0;
    for (_, statement) in corpus() {
        let before = fingerprint([statement]);
        let tokens = tokens(statement);
        for (place, token) in tokens.iter().enumerate() {
            let other = match token {
                Token::Word(word) if is_keyword(token) => {
                    match TYPES.iter().find(|(one, _)| *one == word.value) {
                        Some((_, other)) => (*other).to_owned(),
                        None if ["NOT", "UNSIGNED", "AUTO_INCREMENT"].contains(&word.value.as_str()) => {
                            String::new()
                        }
                        None => continue,
                    }
                }
                Token::Word(word) if word.quote_style.is_none() => format!("{}x", word.value),
                Token::Number(..) => format!("{token}1"),
                Token::SingleQuotedString(text) => format!("'{text}x'"),
                _ => continue,
            };
            let mut words: Vec<String> = tokens.iter().map(ToString::to_string).collect();
            words[place] = other;
            let other = words.concat();
            assert_ne!(fingerprint([other.as_str()]), before, "{statement}\n{other}");
            changed += 1;
        }
        for (one, other) in [("NOT NULL", "DEFAULT NULL"), ("DEFAULT NULL", "NOT NULL"), (" UNIQUE ", " ")] {
            if statement.contains(one) {
                let other = statement.replacen(one, other, 1);
                assert_ne!(fingerprint([other.as_str()]), before, "{other}");
                changed += 1;
            }
        }
    }
    assert!(changed > 1000, "{changed}");
}

/// The tables of a statement of the corpus, by its words alone: those it changes, those it names.
fn tables(statement: &str) -> Option<(Vec<String>, Vec<String>)> {
    if statement.contains(" RENAME INDEX ") {
        return None;
    }
    let words: Vec<&str> = statement.split_whitespace().collect();
    let clean = |word: &str| word.trim_matches('`').to_owned();
    let mut changed = vec![clean(match (words[0], words[1]) {
        ("ALTER" | "DROP" | "CREATE", "TABLE") => words[2],
        _ => words[words.iter().position(|word| *word == "ON").unwrap() + 1],
    })];
    let after = |this: &str| words.iter().position(|word| *word == this).map(|place| clean(words[place + 1]));
    changed.extend(statement.contains(" RENAME TO ").then(|| after("TO").unwrap()));
    Some((changed, after("REFERENCES").into_iter().collect()))
}

fn are_independent(one: &str, other: &str) -> bool {
    let (Some((first, first_named)), Some((second, second_named))) = (tables(one), tables(other)) else {
        return false;
    };
    let share = |some: &[String], others: &[String]| some.iter().any(|table| others.contains(table));
    !share(&first, &second) && !share(&first, &second_named) && !share(&first_named, &second)
}

fn picks() -> impl Strategy<Value = Vec<&'static str>> {
    let statements: Vec<&str> = corpus().into_iter().map(|(_, statement)| statement).collect();
    proptest::sample::subsequence(statements, 2..9).prop_shuffle()
}

proptest! {
    #[test]
    fn white_space_and_the_case_of_keywords_make_no_difference(
        statement in proptest::sample::select(corpus()),
        spaces in proptest::collection::vec(proptest::sample::select(vec![" ", "\n", "\t", "  \n "]), 1..9),
        lower in proptest::collection::vec(any::<bool>(), 1..9),
    ) {
        // What cannot be read is compared as it was written.
        prop_assume!(!statement.1.contains(" RENAME INDEX "));
        let (mut spaces, mut lower) = (spaces.iter().cycle(), lower.iter().cycle());
        let spelled: String = tokens(statement.1).iter().map(|token| match token {
            Token::Whitespace(_) => (*spaces.next().unwrap()).to_owned(),
            token if is_keyword(token) && *lower.next().unwrap() => token.to_string().to_lowercase(),
            token => token.to_string(),
        }).collect();
        prop_assert_eq!(fingerprint([spelled.as_str()]), fingerprint([statement.1]), "{}", spelled);
    }

    #[test]
    fn the_order_matters_where_statements_depend_on_one_another(picked in picks(), place in 0usize..8) {
        let place = place % (picked.len() - 1);
        let mut swapped = picked.clone();
        swapped.swap(place, place + 1);
        let same = fingerprint(picked.iter().copied()) == fingerprint(swapped.iter().copied());
        prop_assert_eq!(same, are_independent(picked[place], picked[place + 1]), "{:?}", &picked[place..=place + 1]);
    }

    #[test]
    fn whatever_a_host_prints_is_read_without_a_panic(statement in "(ALTER TABLE |DROP |CREATE |)\\PC{0,60}") {
        let read = SchemaChanges::read([statement.as_str()]);
        prop_assert!(!read.changes.is_empty());
    }
}

#[test]
fn a_second_statement_and_a_comment_are_never_read_past() {
    for hidden in [
        "ALTER TABLE a ADD b INT; DROP TABLE c",
        "ALTER TABLE a ADD b INT /*! , DROP c */",
        "ALTER TABLE a ADD b INT -- , DROP c",
        "ALTER TABLE a ADD b INT # , DROP c",
        "CREATE OR REPLACE TABLE a (id INT)",
        "CREATE TABLE a AS SELECT * FROM b",
        "UPDATE a SET b = 1",
        "",
    ] {
        assert_eq!(SchemaChanges::read([hidden]).class(), Some(ChangeClass::Destructive), "{hidden}");
    }
    assert_eq!(SchemaChanges::read([]).class(), None);
}

#[test]
fn hosts_are_grouped_and_the_outlier_is_told_by_its_difference() {
    let common = ["ALTER TABLE cust ADD a INT DEFAULT NULL", "CREATE INDEX i ON vlan (name)"];
    let outlier = SchemaChanges::read(common.into_iter().chain(["ALTER TABLE cust DROP legacy_code"]));
    let hosts = [
        ("ixp4", outlier.clone()),
        ("ixp1", SchemaChanges::read(common)),
        ("ixp2", SchemaChanges::read([common[1], common[0]])),
    ];
    let groups = group(hosts);
    let shown: Vec<_> = groups.iter().map(|group| (group.hosts.clone(), group.changes.summary())).collect();
    assert_eq!(
        shown,
        [(vec!["ixp1", "ixp2"], "2 additions".to_owned()), (vec!["ixp4"], "2 additions, 1 drop".to_owned())]
    );
    let (more, less) = difference(&groups[1].changes, &groups[0].changes);
    assert_eq!(
        more.iter().map(|change| change.sql.as_str()).collect::<Vec<_>>(),
        ["ALTER TABLE cust DROP legacy_code"]
    );
    assert!(less.is_empty());
}

#[test]
fn a_fingerprint_is_named_by_enough_of_its_digits() {
    let fingerprint = fingerprint(["ALTER TABLE cust ADD a INT"]);
    let shown = fingerprint.to_string();
    assert_eq!(shown.len(), FINGERPRINT_DIGITS);
    assert!(fingerprint.is_named_by(&shown) && fingerprint.is_named_by(fingerprint.digits()));
    assert!(!fingerprint.is_named_by(&shown[..8]));
}

#[test]
fn what_may_be_narrowed_has_a_fingerprint_of_its_own_which_never_changes() {
    let sql = "ALTER TABLE cust CHANGE name name VARCHAR(40) DEFAULT NULL";
    let harmless = SchemaChanges::read([sql]);
    let perhaps = SchemaChanges::against([sql], &Narrowed::unknown());
    assert_ne!(perhaps.fingerprint, harmless.fingerprint);
    let [Change { what, sql, .. }] = perhaps.changes.as_slice() else { panic!("{perhaps:?}") };
    assert_eq!(*what, "may narrow a column");
    let statement = harmless.changes[0].sql.clone();
    let digested = format!("{statement};\nperhaps narrows a column: {sql}");
    assert_eq!(
        perhaps.fingerprint.digits(),
        digest::sha256(digested.as_bytes()).trim_start_matches("sha256:")
    );
}

/// Texts that the parser makes trees of that are as deep as they are long, with `n` levels.
fn chains(n: usize) -> Vec<String> {
    let add = |default: String| format!("ALTER TABLE a ADD b INT DEFAULT {default}");
    let chain = |first: &str, more: &str| add(format!("{first}{}", more.repeat(n)));
    vec![
        chain("1", "+1"),
        chain("1", "||1"),
        chain("(1", " AND 1") + ")",
        chain("a", " COLLATE b"),
        chain("(a", " IS NULL") + ")",
        chain("(a", "[1]") + ")",
        chain("(a", "::INT") + ")",
        chain("(a", " AT TIME ZONE 'b'") + ")",
        add(format!("{}1", "-".repeat(n))),
        add(format!("{}1", "- ".repeat(n))),
        add(format!("({}1)", "NOT ".repeat(n))),
        add(format!("{}1{}", "(".repeat(n), ")".repeat(n))),
        add(format!("{}1{}", "f(".repeat(n), ")".repeat(n))),
        add(format!("CASE {}1{} END", "CASE WHEN 1 THEN ".repeat(n), " END".repeat(n))),
        add(format!("({}", "BINARY - ".repeat(n))),
        add(format!("({}", "INTERVAL - ".repeat(n))),
        add(format!("({}", "CASE ".repeat(n))),
        add(format!("({}", "a IN (".repeat(n))),
        format!("ALTER TABLE a ADD b {}", "SET(".repeat(n)),
        format!("CREATE TABLE a AS SELECT 1{}", " UNION SELECT 1".repeat(n)),
        format!("CREATE TABLE a (b INT{})", "[]".repeat(n)),
        format!("ALTER TABLE a CHANGE b b {}INT{}", "ARRAY<".repeat(n), ">".repeat(n)),
        format!("ALTER TABLE a{} DROP b", ".a".repeat(n)),
        format!("ALTER TABLE a ADD b INT{}", ", DROP c".repeat(n)),
        format!("ALTER TABLE `{}` ADD b INT{}", "a".repeat(n), ", DROP c".repeat(n)),
    ]
}

#[test]
fn no_statement_is_too_deep_for_the_stack() {
    for levels in [23, 50, 3000, 4900, 9900, 100_000] {
        for chain in chains(levels) {
            let read = SchemaChanges::read([chain.as_str()]);
            let columns = Columns::read("a\tb\tint\n");
            let _ = SchemaChanges::narrowed([chain.as_str()], &columns);
            assert!(read.changes.iter().any(|change| !change.sql.is_empty()));
            if levels > 20_000 {
                assert_eq!(read.class(), Some(ChangeClass::Destructive));
                assert_eq!(
                    read.changes.iter().map(|change| change.sql.as_str()).collect::<Vec<_>>(),
                    [chain.trim()]
                );
            }
        }
    }
    let deep = format!("{}int", "array<".repeat(100_000));
    let columns = Columns::read(&format!("a\tb\t{deep}\n"));
    let _ = SchemaChanges::narrowed(["ALTER TABLE a CHANGE b b INT"], &columns);
}

#[test]
fn as_many_statements_as_a_host_likes_are_read_or_shown() {
    let one_table = |number: usize| format!("ALTER TABLE a ADD c{number} INT");
    let tables = |number: usize| format!("ALTER TABLE t{number} ADD c INT");
    let strange = |number: usize| format!("STRANGE {number}");
    let families: [&dyn Fn(usize) -> String; 3] = [&one_table, &tables, &strange];
    for family in families {
        let statements: Vec<String> = (0..25_000).map(family).collect();
        let read = SchemaChanges::read(statements.iter().map(String::as_str));
        assert_eq!(read.changes.len(), statements.len());
        let unread = read.changes.iter().filter(|change| change.what == "could not be read").count();
        assert!(unread == 5000 || unread == statements.len(), "{unread}");
        let (more, less) = difference(&read, &read);
        assert!(more.is_empty() && less.is_empty());
        let (not_executed, stays) = read.clone().after(&read);
        assert_eq!((not_executed.len(), stays.len()), (statements.len(), 0));
    }
}
