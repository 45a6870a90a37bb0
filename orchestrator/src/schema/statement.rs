//! One statement: its normal form, the tables it touches, and its changes with their class.
//!
//! Everything is destructive that is not known to be less: an SQL that the parser does not know, a
//! comment (MySQL executes some of them), an option that hides a second statement.

use sqlparser::ast::{
    AlterTable, AlterTableOperation, CreateIndex, CreateTable, DataType, ObjectName, ObjectType,
    RenameTableNameKind, Statement as Ast, TableConstraint,
};
use sqlparser::dialect::MySqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use super::column::{self, Narrowing};
use super::{Change, ChangeClass, Narrowed, limits};

/// A column stays where it is and what it is called, and becomes different.
pub(super) const CHANGES_A_COLUMN: &str = "changes a column";

/// The longest name of a table: a database, a point and a name of 64 characters each, in backquotes.
const NAME_BYTES: usize = 2 * (64 * 4 + 2) + 1;

/// How it is said of a column that it already is what it is changed to.
const NO_EFFECT: &str = "has no effect: the column is already like that";

/// How it is said of a column that it becomes narrower.
const NARROWS: &str = "narrows a column";

/// How it is said of a column that it may become narrower.
const MAY_NARROW: &str = "may narrow a column";

/// What a fingerprint holds of a change besides its SQL. Journals have approvals of fingerprints, so these words never change.
pub(super) fn digested(what: &str) -> Option<&'static str> {
    match what {
        NARROWS => Some("narrows a column"),
        MAY_NARROW => Some("perhaps narrows a column"),
        NO_EFFECT => Some("has no effect"),
        _ => None,
    }
}

/// A statement as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its normal form; as it was written where it could not be read.
    pub(super) sql: String,
    /// What it changes.
    pub(super) changes: Vec<Change>,
    /// The tables it touches.
    pub(super) tables: Tables,
}

/// The tables that a statement touches, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tables {
    /// It may touch every table.
    Any,
    /// These are changed, and these only have to be there.
    Known {
        /// Changed.
        changed: Vec<String>,
        /// Referred to.
        named: Vec<String>,
    },
}

/// Reads a statement for a database of which it is known what is narrowed there. One that is too much cannot be read.
pub(super) fn read(text: &str, is_allowed: bool, narrowed: &Narrowed) -> Statement {
    let ast = if is_allowed { parse(text) } else { None };
    ast.and_then(|ast| known(&ast, narrowed)).unwrap_or_else(|| unreadable(text))
}

fn unreadable(text: &str) -> Statement {
    let sql = text.trim().to_owned();
    let (class, what) = (ChangeClass::Destructive, "could not be read");
    let change = Change { class, what, was: None, sql: sql.clone() };
    Statement { sql, changes: vec![change], tables: Tables::Any }
}

/// The one statement of a text; `None` where there is another one, or a comment.
pub(super) fn parse(text: &str) -> Option<Ast> {
    // MySQL executes what is in `/*! … */`, depending on its version.
    if text.contains("/*") {
        return None;
    }
    let dialect = MySqlDialect {};
    let mut tokens = Tokenizer::new(&dialect, text).tokenize_with_location().ok()?;
    if !limits::are_few(&tokens) {
        return None;
    }
    for token in &mut tokens {
        match &mut token.token {
            Token::Whitespace(Whitespace::SingleLineComment { .. }) => {
                return None;
            }
            Token::Word(word) if word.quote_style.is_none() && is_never_a_name(word.keyword) => {
                word.value.make_ascii_uppercase();
            }
            _ => {}
        }
    }
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(limits::RECURSION).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().ok()?;
    let only = statements.pop()?;
    statements.is_empty().then_some(only)
}

/// Words that the parser takes for the name of a function or a value, and that MySQL reserves.
fn is_never_a_name(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::CURRENT_TIMESTAMP
            | Keyword::CURRENT_DATE
            | Keyword::CURRENT_TIME
            | Keyword::LOCALTIME
            | Keyword::LOCALTIMESTAMP
            | Keyword::TRUE
            | Keyword::FALSE
            | Keyword::NULL
    )
}

/// The statement, where it is one that a schema tool prints.
fn known(ast: &Ast, narrowed: &Narrowed) -> Option<Statement> {
    match ast {
        Ast::CreateTable(table) => create_table(ast, table),
        Ast::CreateIndex(index) => create_index(ast, index),
        Ast::AlterTable(alter) => alter_table(ast, alter, narrowed),
        Ast::Drop { object_type, names, table, .. } => {
            let what = match object_type {
                ObjectType::Table => "drops a table",
                ObjectType::View => "drops a view",
                ObjectType::Index => "drops an index",
                _ => "drops something",
            };
            let changed = names.iter().chain(table).map(table_name).collect();
            Some(one(ast, ChangeClass::Destructive, what, changed, Vec::new()))
        }
        Ast::Truncate(truncate) => {
            let changed = truncate.table_names.iter().map(|target| table_name(&target.name)).collect();
            Some(one(ast, ChangeClass::Destructive, "empties a table", changed, Vec::new()))
        }
        Ast::RenameTable(renames) => {
            let names = |rename: &sqlparser::ast::RenameTable| {
                [table_name(&rename.old_name), table_name(&rename.new_name)]
            };
            let changed = renames.iter().flat_map(names).collect();
            Some(one(ast, ChangeClass::Changing, "renames a table", changed, Vec::new()))
        }
        _ => None,
    }
}

/// A statement that is one change.
fn one(
    ast: &Ast,
    class: ChangeClass,
    what: &'static str,
    changed: Vec<String>,
    named: Vec<String>,
) -> Statement {
    let sql = ast.to_string();
    let change = Change { class, what, was: None, sql: sql.clone() };
    Statement { sql, changes: vec![change], tables: Tables::Known { changed, named } }
}

/// A new table, which is nothing but its columns, keys and storage options.
fn create_table(ast: &Ast, table: &CreateTable) -> Option<Statement> {
    let is_plain = !table.or_replace
        && !table.temporary
        && table.query.is_none()
        && table.like.is_none()
        && table.clone.is_none();
    if !is_plain {
        return None;
    }
    let named = table.constraints.iter().filter_map(referred_table).collect();
    let changed = vec![table_name(&table.name)];
    Some(one(ast, ChangeClass::Additive, "creates a table", changed, named))
}

fn create_index(ast: &Ast, index: &CreateIndex) -> Option<Statement> {
    // An ALGORITHM or LOCK says how, and nothing else may stand there.
    let options_are_plain = index.alter_options.iter().all(|option| {
        matches!(option, AlterTableOperation::Algorithm { .. } | AlterTableOperation::Lock { .. })
    });
    let what = if index.unique { "adds a unique index" } else { "adds an index" };
    let changed = vec![table_name(&index.table_name)];
    options_are_plain.then(|| one(ast, ChangeClass::Additive, what, changed, Vec::new()))
}

/// One change for each operation; each is shown as if it stood alone.
fn alter_table(ast: &Ast, alter: &AlterTable, narrowed: &Narrowed) -> Option<Statement> {
    let (table, name) = (alter.name.to_string(), table_name(&alter.name));
    // Every change repeats it.
    if table.len() > NAME_BYTES {
        return None;
    }
    let (mut touched, mut named) = (vec![name.clone()], Vec::new());
    let mut changes = Vec::new();
    for operation in &alter.operations {
        let (mut class, mut what) = operation_class(operation);
        let mut was = None;
        let column = changed_column(&name, operation).map(|(column, _)| column);
        if what == CHANGES_A_COLUMN && column.as_ref().is_some_and(|column| narrowed.has_no_effect(column)) {
            (class, what) = (ChangeClass::NoEffect, NO_EFFECT);
        }
        let narrowing = column.as_ref().map_or(Narrowing::No, |column| narrowed.of_column(column));
        if narrowing != Narrowing::No {
            (class, what) = (ChangeClass::Destructive, MAY_NARROW);
        }
        if let Narrowing::From(data_type) = narrowing {
            (what, was) = (NARROWS, Some(data_type.to_owned()));
        }
        changes.push(Change { class, what, was, sql: format!("ALTER TABLE {table} {operation}") });
        match operation {
            AlterTableOperation::AddConstraint { constraint, .. } => named.extend(referred_table(constraint)),
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::As(name) | RenameTableNameKind::To(name),
            } => touched.push(table_name(name)),
            _ => {}
        }
    }
    let tables = Tables::Known { changed: touched, named };
    (!changes.is_empty()).then(|| Statement { sql: ast.to_string(), changes, tables })
}

/// A statement that alters a table.
pub(super) fn altered(text: &str) -> Option<AlterTable> {
    match parse(text)? {
        Ast::AlterTable(alter) => Some(alter),
        _ => None,
    }
}

/// The columns that a statement gives another type, with that type.
pub(super) fn changed_columns(alter: &AlterTable) -> Vec<(String, DataType)> {
    let name = table_name(&alter.name);
    let changed = |operation| changed_column(&name, operation);
    alter.operations.iter().filter_map(changed).map(|(column, new)| (column, new.clone())).collect()
}

fn changed_column<'o>(table: &str, operation: &'o AlterTableOperation) -> Option<(String, &'o DataType)> {
    let (name, new) = match operation {
        AlterTableOperation::ChangeColumn { old_name, data_type, .. } => (old_name, data_type),
        AlterTableOperation::ModifyColumn { col_name, data_type, .. } => (col_name, data_type),
        _ => return None,
    };
    Some((column::key(table, &name.value), new))
}

fn operation_class(operation: &AlterTableOperation) -> (ChangeClass, &'static str) {
    use AlterTableOperation as Operation;
    use ChangeClass::{Additive, Changing, Destructive};
    match operation {
        Operation::AddColumn { .. } => (Additive, "adds a column"),
        Operation::AddConstraint { constraint, .. } => (Additive, constraint_words(constraint)),
        Operation::ChangeColumn { old_name, new_name, .. } if old_name.value != new_name.value => {
            (Changing, "renames a column")
        }
        Operation::ChangeColumn { .. } | Operation::ModifyColumn { .. } | Operation::AlterColumn { .. } => {
            (Changing, CHANGES_A_COLUMN)
        }
        Operation::RenameColumn { .. } => (Changing, "renames a column"),
        Operation::RenameTable { .. } => (Changing, "renames the table"),
        Operation::RenameConstraint { .. } => (Changing, "renames a constraint"),
        Operation::AutoIncrement { .. } => (Changing, "changes AUTO_INCREMENT"),
        Operation::DropColumn { .. } => (Destructive, "drops a column"),
        Operation::DropIndex { .. } => (Destructive, "drops an index"),
        Operation::DropPrimaryKey { .. } => (Destructive, "drops the primary key"),
        Operation::DropForeignKey { .. } => (Destructive, "drops a foreign key"),
        Operation::DropConstraint { .. } => (Destructive, "drops a constraint"),
        _ => (Destructive, "may do anything"),
    }
}

fn constraint_words(constraint: &TableConstraint) -> &'static str {
    match constraint {
        TableConstraint::Unique(_) => "adds a unique index",
        TableConstraint::PrimaryKey(_) => "adds the primary key",
        TableConstraint::ForeignKey(_) => "adds a foreign key",
        TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => "adds an index",
        _ => "adds a constraint",
    }
}

/// The table that a foreign key refers to.
fn referred_table(constraint: &TableConstraint) -> Option<String> {
    match constraint {
        TableConstraint::ForeignKey(key) => Some(table_name(&key.foreign_table)),
        _ => None,
    }
}

/// A table's name as it is compared: without its schema and quotes, and in one letter case, since some servers
/// make no difference.
pub(super) fn table_name(name: &ObjectName) -> String {
    let last = name.0.last().and_then(|part| part.as_ident());
    last.map_or_else(|| name.to_string(), |ident| ident.value.clone()).to_lowercase()
}
