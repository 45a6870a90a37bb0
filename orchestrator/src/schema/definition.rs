//! The definitions of columns: what a statement gives a column, and whether the column already is like that.
//!
//! Doctrine's older versions take columns of MariaDB for others than they are, and print a change that changes nothing.
//! What is not known for certain to be the same is not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use sqlparser::ast::{
    AlterTable, AlterTableOperation, ColumnDef, ColumnOption, DataType, Expr, Statement as Ast, Value,
};

use super::column::{self, Columns};
use super::statement::{self, table_name};

/// What a statement gives a column: its type and its options, in one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    data_type: String,
    options: BTreeSet<String>,
}

impl Definition {
    fn of<'o>(data_type: &DataType, options: impl Iterator<Item = &'o ColumnOption>) -> Self {
        Self { data_type: data_type.to_string(), options: options.map(ToString::to_string).collect() }
    }
}

/// The definitions that columns have after these changes, by the columns; `sql`: each change as it is shown.
pub(super) fn given<'s>(sql: impl Iterator<Item = &'s str>) -> HashMap<String, Definition> {
    let mut given = HashMap::new();
    for change in sql {
        match statement::parse(change) {
            Some(Ast::CreateTable(table)) => {
                let name = table_name(&table.name);
                given.extend(table.columns.iter().map(|new| added(&name, new)));
            }
            Some(Ast::AlterTable(alter)) => {
                let name = table_name(&alter.name);
                for operation in &alter.operations {
                    match operation {
                        AlterTableOperation::AddColumn { column_def, .. } => {
                            given.extend([added(&name, column_def)]);
                        }
                        other => given.extend(changed(&name, other)),
                    }
                }
            }
            _ => {}
        }
    }
    given
}

/// The column that a change changes in place, and what it gives it.
pub(super) fn of_change(sql: &str) -> Option<(String, Definition)> {
    let Some(Ast::AlterTable(alter)) = statement::parse(sql) else { return None };
    let [only] = alter.operations.as_slice() else { return None };
    changed(&table_name(&alter.name), only)
}

fn added(table: &str, new: &ColumnDef) -> (String, Definition) {
    let options = new.options.iter().map(|option| &option.option);
    (column::key(table, &new.name.value), Definition::of(&new.data_type, options))
}

fn changed(table: &str, operation: &AlterTableOperation) -> Option<(String, Definition)> {
    let (name, data_type, options) = match operation {
        AlterTableOperation::ChangeColumn { new_name, data_type, options, .. } => {
            (new_name, data_type, options)
        }
        AlterTableOperation::ModifyColumn { col_name, data_type, options, .. } => {
            (col_name, data_type, options)
        }
        _ => return None,
    };
    Some((column::key(table, &name.value), Definition::of(data_type, options.iter())))
}

/// A column as a server has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ServerColumn {
    /// Its type, as the server writes it.
    #[serde(rename = "type")]
    pub(super) data_type: String,
    nullable: bool,
    /// The literal that it has for a default, without quotes; `None`: NULL, or none.
    default: Option<String>,
    /// Whether its default is an expression.
    expression: bool,
    /// What `information_schema` calls `EXTRA`.
    extra: String,
    /// Its collation; `None`: it holds no text.
    collation: Option<String>,
    /// The collation that a column of its table has where none is given.
    table_collation: Option<String>,
    comment: String,
}

/// The columns that statements change in place to what they already are. A column that is changed twice is none of them.
pub(super) fn unchanged(altered: &[AlterTable], columns: &Columns) -> BTreeSet<String> {
    let mut changes: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for alter in altered {
        let table = table_name(&alter.name);
        for operation in &alter.operations {
            let Some((name, is_in_place)) = named_column(operation) else { continue };
            let column = column::key(&table, name);
            let is_same =
                columns.server_column(&column).is_some_and(|now| is_in_place && is_like(now, operation));
            changes.entry(column).or_default().push(is_same);
        }
    }
    changes.into_iter().filter(|(_, same)| same.as_slice() == [true]).map(|(column, _)| column).collect()
}

/// The column that an operation is about, and whether it keeps its name.
fn named_column(operation: &AlterTableOperation) -> Option<(&str, bool)> {
    match operation {
        AlterTableOperation::ChangeColumn { old_name, new_name, .. } => {
            Some((&old_name.value, old_name.value == new_name.value))
        }
        AlterTableOperation::ModifyColumn { col_name, .. } => Some((&col_name.value, true)),
        AlterTableOperation::AlterColumn { column_name, .. } => Some((&column_name.value, false)),
        _ => None,
    }
}

/// Whether a column already is what an operation makes of it.
fn is_like(now: &ServerColumn, operation: &AlterTableOperation) -> bool {
    let (AlterTableOperation::ChangeColumn { data_type, options, column_position: None, .. }
    | AlterTableOperation::ModifyColumn { data_type, options, column_position: None, .. }) = operation
    else {
        return false;
    };
    // A TIMESTAMP gets a default of its own where none is given.
    if matches!(data_type, DataType::Timestamp(..)) || !column::is_same_type(&now.data_type, data_type) {
        return false;
    }
    Wanted::of(options).is_some_and(|wanted| wanted.is(now))
}

/// What the options of a column say.
#[derive(Default)]
struct Wanted {
    not_null: bool,
    default: Option<String>,
    auto_increment: bool,
    collation: Option<String>,
    comment: String,
}

impl Wanted {
    /// `None`: there is an option that is not compared.
    fn of(options: &[ColumnOption]) -> Option<Self> {
        let mut wanted = Self::default();
        for option in options {
            match option {
                ColumnOption::Null => {}
                ColumnOption::NotNull => wanted.not_null = true,
                ColumnOption::Default(Expr::Value(value)) => match &value.value {
                    Value::Null => {}
                    Value::SingleQuotedString(text) => wanted.default = Some(text.clone()),
                    Value::Number(number, _) => wanted.default = Some(number.clone()),
                    _ => return None,
                },
                ColumnOption::Collation(name) => wanted.collation = Some(name.to_string()),
                ColumnOption::Comment(text) => wanted.comment.clone_from(text),
                ColumnOption::DialectSpecific(tokens)
                    if tokens.iter().all(|token| token.to_string() == "AUTO_INCREMENT") =>
                {
                    wanted.auto_increment = true;
                }
                _ => return None,
            }
        }
        Some(wanted)
    }

    fn is(&self, now: &ServerColumn) -> bool {
        let extra = if self.auto_increment { "auto_increment" } else { "" };
        let collation = self.collation.as_ref().or(now.table_collation.as_ref());
        let same_collation = match (&now.collation, collation) {
            (None, _) => self.collation.is_none(),
            (Some(now), Some(wanted)) => collation_name(now) == collation_name(wanted),
            (Some(_), None) => false,
        };
        self.not_null != now.nullable
            && !now.expression
            && self.default == now.default
            && now.extra.eq_ignore_ascii_case(extra)
            && same_collation
            && self.comment == now.comment
    }
}

/// Newer servers write `utf8mb3` where older ones write `utf8`.
fn collation_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("utf8mb3_").map_or(name.clone(), |rest| format!("utf8_{rest}"))
}

#[cfg(test)]
mod tests {
    use super::super::{ChangeClass, SchemaChanges};
    use super::*;

    const SERVER: &str = r#"["cust","name",{"type":"varchar(255)","nullable":true,"default":null,"expression":false,"extra":"","collation":"utf8mb3_unicode_ci","table_collation":"utf8mb3_unicode_ci","comment":""}]
["cust","note",{"type":"longtext","nullable":false,"default":null,"expression":false,"extra":"","collation":"utf8mb3_unicode_ci","table_collation":"utf8mb3_unicode_ci","comment":"(DC2Type:json_array)"}]
["cust","id",{"type":"int(11)","nullable":false,"default":null,"expression":false,"extra":"auto_increment","collation":null,"table_collation":"utf8mb3_unicode_ci","comment":""}]
["cust","active",{"type":"tinyint(1)","nullable":false,"default":"1","expression":false,"extra":"","collation":null,"table_collation":"utf8mb3_unicode_ci","comment":""}]
["cust","made",{"type":"datetime","nullable":true,"default":"current_timestamp()","expression":true,"extra":"","collation":null,"table_collation":"utf8mb3_unicode_ci","comment":""}]
["cust","seen","no object"]
["cust","code",{"type":"char(2)","nullable":true,"default":null,"expression":false,"extra":"","collation":"utf8mb3_bin","table_collation":"utf8mb3_unicode_ci","comment":""}]
"#;

    fn class(statement: &str) -> Option<ChangeClass> {
        let columns = Columns::read(SERVER);
        let narrowed = SchemaChanges::narrowed([statement], &columns);
        SchemaChanges::against([statement], &narrowed).class()
    }

    #[test]
    fn a_change_to_what_a_column_already_is_has_no_effect() {
        for statement in [
            "ALTER TABLE cust CHANGE name name VARCHAR(255) DEFAULT NULL",
            "ALTER TABLE cust CHANGE name name VARCHAR(255)",
            "ALTER TABLE cust CHANGE `name` `name` VARCHAR(255) DEFAULT NULL COLLATE utf8_unicode_ci",
            "ALTER TABLE cust MODIFY name VARCHAR(255) NULL",
            "ALTER TABLE cust CHANGE note note LONGTEXT NOT NULL COMMENT '(DC2Type:json_array)'",
            "ALTER TABLE cust CHANGE id id INT AUTO_INCREMENT NOT NULL",
            "ALTER TABLE cust CHANGE active active TINYINT(1) DEFAULT '1' NOT NULL",
            "ALTER TABLE CUST CHANGE active active TINYINT(1) DEFAULT 1 NOT NULL",
            "ALTER TABLE cust CHANGE code code CHAR(2) DEFAULT NULL COLLATE utf8_bin",
        ] {
            assert_eq!(class(statement), Some(ChangeClass::NoEffect), "{statement}");
        }
    }

    #[test]
    fn whatever_may_be_another_definition_has_an_effect() {
        for statement in [
            "ALTER TABLE cust CHANGE name name VARCHAR(255) NOT NULL",
            "ALTER TABLE cust CHANGE name name VARCHAR(255) DEFAULT ''",
            "ALTER TABLE cust CHANGE name name VARCHAR(256) DEFAULT NULL",
            "ALTER TABLE cust CHANGE name name VARCHAR(255) DEFAULT NULL COMMENT 'x'",
            "ALTER TABLE cust CHANGE name name VARCHAR(255) DEFAULT NULL FIRST",
            "ALTER TABLE cust CHANGE name name VARCHAR(255) CHARACTER SET utf8 DEFAULT NULL",
            "ALTER TABLE cust CHANGE name title VARCHAR(255) DEFAULT NULL",
            "ALTER TABLE cust CHANGE name name VARCHAR(255) DEFAULT NULL UNIQUE",
            "ALTER TABLE cust CHANGE note note LONGTEXT NOT NULL",
            "ALTER TABLE cust CHANGE note note JSON NOT NULL COMMENT '(DC2Type:json_array)'",
            "ALTER TABLE cust CHANGE id id INT NOT NULL",
            "ALTER TABLE cust CHANGE active active TINYINT(4) DEFAULT '1' NOT NULL",
            "ALTER TABLE cust CHANGE active active TINYINT(1) DEFAULT '0' NOT NULL",
            "ALTER TABLE cust CHANGE made made DATETIME DEFAULT NULL",
            "ALTER TABLE cust CHANGE made made DATETIME DEFAULT CURRENT_TIMESTAMP",
            "ALTER TABLE cust CHANGE seen seen INT DEFAULT NULL",
            "ALTER TABLE cust CHANGE other other INT DEFAULT NULL",
            "ALTER TABLE cust CHANGE code code CHAR(2) DEFAULT NULL",
            "ALTER TABLE cust CHANGE code code VARCHAR(2) DEFAULT NULL COLLATE utf8_bin",
            "ALTER TABLE cust CHANGE name name VARCHAR(255) DEFAULT NULL, CHANGE name name VARCHAR(99) DEFAULT NULL",
            "ALTER TABLE cust ADD name VARCHAR(255) DEFAULT NULL",
        ] {
            assert_ne!(class(statement), Some(ChangeClass::NoEffect), "{statement}");
        }
    }

    #[test]
    fn what_stays_pending_was_given_by_an_executed_statement() {
        let executed = SchemaChanges::read([
            "CREATE TABLE bgp_sessions (id INT AUTO_INCREMENT NOT NULL, source VARCHAR(40) DEFAULT NULL, PRIMARY KEY(id)) ENGINE = InnoDB",
            "ALTER TABLE user ADD name VARCHAR(255) DEFAULT NULL, CHANGE email email VARCHAR(255) DEFAULT NULL",
        ]);
        let stays = |statement: &str| SchemaChanges::read([statement]).after(&executed).0.is_empty();
        for statement in [
            "ALTER TABLE bgp_sessions CHANGE source source VARCHAR(40) DEFAULT NULL",
            "ALTER TABLE user CHANGE name name VARCHAR(255) DEFAULT NULL",
            "ALTER TABLE user CHANGE email email VARCHAR(255) DEFAULT NULL, CHANGE name name VARCHAR(255) DEFAULT NULL",
            "ALTER TABLE user MODIFY name VARCHAR(255) DEFAULT NULL",
        ] {
            assert!(stays(statement), "{statement}");
        }
        for statement in [
            "ALTER TABLE bgp_sessions CHANGE source source VARCHAR(41) DEFAULT NULL",
            "ALTER TABLE bgp_sessions CHANGE source source VARCHAR(40) NOT NULL",
            "ALTER TABLE bgp_sessions CHANGE id source INT AUTO_INCREMENT NOT NULL",
            "ALTER TABLE bgp_sessions CHANGE last last VARCHAR(40) DEFAULT NULL",
            "ALTER TABLE user ADD name VARCHAR(255) DEFAULT NULL",
            "ALTER TABLE user DROP email",
            "CREATE INDEX a ON user (name)",
        ] {
            assert!(!stays(statement), "{statement}");
        }
    }

    #[test]
    fn it_is_another_fingerprint_where_it_has_an_effect() {
        let statement = "ALTER TABLE cust CHANGE name name VARCHAR(255) DEFAULT NULL";
        let narrowed = SchemaChanges::narrowed([statement], &Columns::read(SERVER));
        let here = SchemaChanges::against([statement], &narrowed);
        assert_ne!(here.fingerprint, SchemaChanges::read([statement]).fingerprint);
        assert_eq!(here.summary(), "1 without effect");
    }
}
