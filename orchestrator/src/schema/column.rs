//! The types of columns: which change of one may cut off what is in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sqlparser::ast::{BinaryLength, CharacterLength, DataType, EnumMember, ExactNumberInfo};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use super::definition::ServerColumn;

/// The columns of a database, as its server describes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    types: BTreeMap<String, String>,
    definitions: BTreeMap<String, ServerColumn>,
}

impl Columns {
    /// Reads what the built-in script `columns` prints: a line of JSON for each column, with its table, its name and its
    /// definition. Lines of table, column and type between tabs are read as well: the rest is then not known.
    pub fn read(output: &str) -> Self {
        let mut columns = Self::default();
        for line in output.lines() {
            if let Ok((table, name, definition)) =
                serde_json::from_str::<(String, String, ServerColumn)>(line)
            {
                let key = key(&table, &name);
                columns.types.insert(key.clone(), definition.data_type.clone());
                columns.definitions.insert(key, definition);
                continue;
            }
            let mut words = line.splitn(3, '\t');
            if let (Some(table), Some(name), Some(data_type)) = (words.next(), words.next(), words.next()) {
                columns.types.insert(key(table, name), data_type.trim_end().to_owned());
            }
        }
        columns
    }

    /// The type of a column; `None`: the database does not have it.
    pub(super) fn data_type(&self, column: &str) -> Option<&str> {
        self.types.get(column).map(String::as_str)
    }

    /// A column; `None`: the database does not have it, or nobody knows more than its type.
    pub(super) fn server_column(&self, column: &str) -> Option<&ServerColumn> {
        self.definitions.get(column)
    }
}

/// What pending statements narrow in one database. By default it is nothing: nobody has asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrowed {
    /// The columns that become narrower, with their types as they are; without one where that is not known.
    columns: BTreeMap<String, Option<String>>,
    /// Whether no type could be found out: then each change of a column may be one.
    #[serde(default)]
    unknown: bool,
    /// The columns that are changed to what they already are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    unchanged: BTreeSet<String>,
}

impl Narrowed {
    /// Nobody knows.
    pub fn unknown() -> Self {
        Self { unknown: true, ..Self::default() }
    }

    pub(super) fn of(columns: BTreeMap<String, Option<String>>, unchanged: BTreeSet<String>) -> Self {
        Self { columns, unknown: false, unchanged }
    }

    /// Whether a column already is what it is changed to.
    pub(super) fn has_no_effect(&self, column: &str) -> bool {
        self.unchanged.contains(column)
    }

    /// Whether a column becomes narrower.
    pub(super) fn of_column(&self, column: &str) -> Narrowing<'_> {
        match self.columns.get(column) {
            _ if self.unknown => Narrowing::Perhaps,
            None => Narrowing::No,
            Some(None) => Narrowing::Perhaps,
            Some(Some(data_type)) => Narrowing::From(data_type),
        }
    }
}

/// Whether a column becomes narrower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrowing<'n> {
    /// It does not.
    No,
    /// Nobody knows.
    Perhaps,
    /// It does, and this is its type now.
    From(&'n str),
}

/// What a column is found by: MySQL makes no difference between letter cases of columns.
pub(super) fn key(table: &str, column: &str) -> String {
    format!("{table}.{column}").to_lowercase()
}

/// The longest type that is read, in bytes: that of an ENUM with many values. A type can be as deep as it is long.
const LONGEST: usize = 16 * 1024;

/// Whether a column of the type `old`, as the server writes it, may hold what does not fit into `new`. Types that cannot be
/// compared are taken to.
pub(super) fn narrows(old: &str, new: &DataType) -> bool {
    let Some(old) = read_type(old) else { return !old.eq_ignore_ascii_case(&new.to_string()) };
    old != *new && !fits(&Range::of(&old), &Range::of(new))
}

/// A type as a server writes it; `None`: it cannot be read.
fn read_type(text: &str) -> Option<DataType> {
    if text.len() > LONGEST {
        return None;
    }
    // `unsigned` stands in capitals in what the parser reads, and in small letters in what a server writes.
    let parser = Parser::new(&MySqlDialect {}).with_recursion_limit(super::limits::RECURSION);
    parser.try_with_sql(text).and_then(|mut parser| parser.parse_data_type()).ok()
}

/// Whether a column of the type `old`, as the server writes it, already has the type `new`. The width at which numbers are
/// displayed is no part of a type, but that of TINYINT: of one digit it stands for a truth value.
pub(super) fn is_same_type(old: &str, new: &DataType) -> bool {
    use DataType as Type;
    let Some(old) = read_type(old) else { return false };
    let kind = |data_type: &DataType| match data_type {
        Type::Char(_) | Type::Character(_) => 1,
        Type::JSON => 2,
        Type::Text | Type::TinyText | Type::MediumText | Type::LongText => 3,
        Type::Bool | Type::Boolean | Type::TinyInt(Some(1)) => 4,
        Type::Binary(_) => 5,
        Type::Varbinary(_) => 6,
        Type::Float(_) | Type::FloatUnsigned(_) => 7,
        _ => 0,
    };
    kind(&old) == kind(new) && Range::of(&old) == Range::of(new)
}

/// How many bytes a character has at the most, in MySQL's `utf8mb4`.
const BYTES_OF_CHARACTER: u64 = 4;

/// What a type can hold.
#[derive(Debug, PartialEq)]
enum Range {
    /// Whole numbers between these.
    Whole(i128, i128),
    /// Decimal numbers of so many digits before and behind the point; whether they may be negative.
    Decimal(u64, u64, bool),
    /// Floating-point numbers of so many bits; with as many digits before and behind the point as are given; whether they
    /// may be negative.
    Floating(u32, Option<(u64, u64)>, bool),
    /// Texts of so many characters.
    Text(u64),
    /// Texts of so many bytes.
    LargeText(u64),
    /// So many bytes.
    Bytes(u64),
    /// One of these values.
    Values(Vec<String>),
    /// Any of these values.
    Sets(Vec<String>),
    /// So many bits.
    Bits(u64),
    Date,
    /// Date and time; fractions of so many digits; whether it ends in 2038.
    DateTime(u64, bool),
    /// Only equal to itself.
    Other(String),
}

/// Whether everything of `old` can be in `new`.
fn fits(old: &Range, new: &Range) -> bool {
    match (old, new) {
        (Range::Whole(low, high), Range::Whole(new_low, new_high)) => new_low <= low && high <= new_high,
        (Range::Whole(low, high), Range::Decimal(digits, _, signed)) => {
            (*signed || *low >= 0) && digits_of(*low).max(digits_of(*high)) <= *digits
        }
        // With a sign.
        (Range::Whole(low, high), Range::Text(length) | Range::LargeText(length)) => {
            digits_of(*low).max(digits_of(*high)) < *length
        }
        // A double holds whole numbers of 53 bits, a float those of 24.
        (Range::Whole(low, high), Range::Floating(bits, None, true)) => {
            let exact = if *bits == 64 { 1i128 << 53 } else { 1i128 << 24 };
            -exact <= *low && *high <= exact
        }
        (Range::Decimal(digits, behind, signed), Range::Decimal(new_digits, new_behind, new_signed)) => {
            digits <= new_digits && behind <= new_behind && (*new_signed || !signed)
        }
        (Range::Floating(bits, size, signed), Range::Floating(new_bits, new_size, new_signed)) => {
            bits <= new_bits && (new_size.is_none() || size == new_size) && (*new_signed || !signed)
        }
        (Range::Bits(bits), Range::Bits(new)) => bits <= new,
        (Range::Text(length), Range::Text(new))
        | (Range::LargeText(length), Range::LargeText(new) | Range::Text(new))
        | (Range::Bytes(length), Range::Bytes(new)) => length <= new,
        (Range::Text(length), Range::LargeText(new)) => length.saturating_mul(BYTES_OF_CHARACTER) <= *new,
        (Range::Values(values), Range::Values(new)) | (Range::Sets(values), Range::Sets(new)) => {
            values.iter().all(|value| new.contains(value))
        }
        (Range::Values(values), Range::Text(length) | Range::LargeText(length)) => {
            let longest = values.iter().map(|value| value.chars().count()).max().unwrap_or(0);
            u64::try_from(longest).is_ok_and(|longest| longest <= *length)
        }
        (Range::Date, Range::DateTime(_, ends)) => !ends,
        (Range::DateTime(fraction, ends), Range::DateTime(new_fraction, new_ends)) => {
            fraction <= new_fraction && (*ends || !new_ends)
        }
        (old, new) => old == new,
    }
}

fn digits_of(number: i128) -> u64 {
    number.unsigned_abs().checked_ilog10().map_or(1, |digits| u64::from(digits) + 1)
}

impl Range {
    fn of(data_type: &DataType) -> Self {
        use DataType as Type;
        match data_type {
            Type::TinyInt(_) | Type::Bool | Type::Boolean => Self::signed(8),
            Type::SmallInt(_) | Type::Int2(_) => Self::signed(16),
            Type::MediumInt(_) => Self::signed(24),
            Type::Int(_) | Type::Integer(_) | Type::Int4(_) => Self::signed(32),
            Type::BigInt(_) | Type::Int8(_) => Self::signed(64),
            Type::TinyIntUnsigned(_) => Self::unsigned(8),
            Type::SmallIntUnsigned(_) | Type::Int2Unsigned(_) => Self::unsigned(16),
            Type::MediumIntUnsigned(_) => Self::unsigned(24),
            Type::IntUnsigned(_) | Type::IntegerUnsigned(_) | Type::Int4Unsigned(_) => Self::unsigned(32),
            Type::BigIntUnsigned(_) | Type::Int8Unsigned(_) => Self::unsigned(64),
            Type::Decimal(size) | Type::Numeric(size) | Type::Dec(size) => Self::decimal(*size, true),
            Type::DecimalUnsigned(size) | Type::DecUnsigned(size) => Self::decimal(*size, false),
            Type::Float(size) => Self::floating(32, *size, true),
            Type::FloatUnsigned(size) => Self::floating(32, *size, false),
            Type::Float4 => Self::Floating(32, None, true),
            Type::Double(size) => Self::floating(64, *size, true),
            Type::DoubleUnsigned(size) => Self::floating(64, *size, false),
            Type::DoublePrecision | Type::Real | Type::Float8 => Self::Floating(64, None, true),
            Type::DoublePrecisionUnsigned | Type::RealUnsigned => Self::Floating(64, None, false),
            Type::Bit(bits) => Self::Bits(bits.unwrap_or(1)),
            Type::Set(values) => Self::Sets(values.clone()),
            Type::Char(length) | Type::Character(length) => Self::text(length.as_ref(), 1),
            Type::Varchar(length) | Type::CharacterVarying(length) | Type::Nvarchar(length) => {
                Self::text(length.as_ref(), u64::from(u16::MAX))
            }
            Type::TinyText => Self::LargeText(u64::from(u8::MAX)),
            Type::Text => Self::LargeText(u64::from(u16::MAX)),
            Type::MediumText => Self::LargeText((1 << 24) - 1),
            // MariaDB's JSON is a LONGTEXT.
            Type::LongText | Type::JSON => Self::LargeText(u64::from(u32::MAX)),
            Type::Binary(length) => Self::Bytes(length.unwrap_or(1)),
            Type::Varbinary(Some(BinaryLength::IntegerLength { length })) => Self::Bytes(*length),
            Type::TinyBlob => Self::Bytes(u64::from(u8::MAX)),
            Type::Blob(_) => Self::Bytes(u64::from(u16::MAX)),
            Type::MediumBlob => Self::Bytes((1 << 24) - 1),
            Type::LongBlob => Self::Bytes(u64::from(u32::MAX)),
            Type::Enum(members, _) => Self::Values(members.iter().map(member).collect()),
            Type::Date => Self::Date,
            Type::Datetime(fraction) => Self::DateTime(fraction.unwrap_or(0), false),
            Type::Timestamp(fraction, _) => Self::DateTime(fraction.unwrap_or(0), true),
            other => Self::Other(other.to_string().to_lowercase()),
        }
    }

    fn signed(bits: u32) -> Self {
        let half = 1i128 << (bits - 1);
        Self::Whole(-half, half - 1)
    }

    fn unsigned(bits: u32) -> Self {
        Self::Whole(0, (1i128 << bits) - 1)
    }

    /// Without a size it is `DECIMAL(10, 0)`.
    fn decimal(size: ExactNumberInfo, signed: bool) -> Self {
        let (digits, behind) = match size {
            ExactNumberInfo::None => (10, 0),
            ExactNumberInfo::Precision(digits) => (digits, 0),
            ExactNumberInfo::PrecisionAndScale(digits, behind) => (digits, behind.unsigned_abs()),
        };
        Self::Decimal(digits.saturating_sub(behind), behind, signed)
    }

    fn floating(bits: u32, size: ExactNumberInfo, signed: bool) -> Self {
        let size = match size {
            ExactNumberInfo::PrecisionAndScale(digits, behind) => Some((digits, behind.unsigned_abs())),
            ExactNumberInfo::None | ExactNumberInfo::Precision(_) => None,
        };
        Self::Floating(bits, size, signed)
    }

    fn text(length: Option<&CharacterLength>, without: u64) -> Self {
        Self::Text(match length {
            Some(CharacterLength::IntegerLength { length, .. }) => *length,
            Some(CharacterLength::Max) | None => without,
        })
    }
}

fn member(member: &EnumMember) -> String {
    match member {
        EnumMember::Name(name) | EnumMember::NamedValue(name, _) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrow(old: &str, new: &str) -> bool {
        let new = Parser::new(&MySqlDialect {}).try_with_sql(new).unwrap().parse_data_type().unwrap();
        narrows(old, &new)
    }

    #[test]
    fn what_fits_into_the_new_type_is_told_from_what_may_be_cut_off() {
        // As information_schema writes them, and as Doctrine does.
        for (small, large) in [
            ("tinyint(1)", "SMALLINT"),
            ("smallint(6)", "INT"),
            ("int(10) unsigned", "BIGINT"),
            ("int", "BIGINT"),
            ("varchar(30)", "VARCHAR(255)"),
            ("varchar(63)", "TINYTEXT"),
            ("varchar(255)", "LONGTEXT"),
            ("text", "MEDIUMTEXT"),
            ("decimal(10,2)", "NUMERIC(12, 4)"),
            ("int(11)", "NUMERIC(12, 0)"),
            ("int(11)", "VARCHAR(11)"),
            ("float", "DOUBLE PRECISION"),
            ("date", "DATETIME"),
            ("timestamp", "DATETIME"),
            ("enum('a','b')", "ENUM('a', 'b', 'c')"),
            ("enum('yes','no')", "VARCHAR(3)"),
            ("blob", "LONGBLOB"),
            ("varbinary(16)", "VARBINARY(255)"),
            ("varbinary(16)", "LONGBLOB"),
            ("set('a','b')", "SET('a', 'b', 'c')"),
            ("bit(1)", "BIT(8)"),
            ("int(11)", "DOUBLE PRECISION"),
            ("int(11)", "LONGTEXT"),
            ("enum('a','b')", "LONGTEXT"),
            ("double(8,2)", "DOUBLE PRECISION"),
            ("double unsigned", "DOUBLE PRECISION"),
        ] {
            assert!(!narrow(small, large), "{small} fits into {large}");
            assert!(narrow(large, small), "{large} does not fit into {small}");
        }
        for (one, same) in [
            ("int(11)", "INT"),
            ("int(10) unsigned", "INT UNSIGNED"),
            ("tinyint(1)", "TINYINT(1)"),
            ("longtext", "JSON"),
            ("char(2)", "VARCHAR(2)"),
            ("varchar(255)", "VARCHAR(255)"),
            ("decimal(12,4)", "NUMERIC(12, 4)"),
            ("datetime", "DATETIME"),
            ("double", "DOUBLE PRECISION"),
            ("double unsigned", "DOUBLE PRECISION UNSIGNED"),
        ] {
            assert!(!narrow(one, same), "{one} is {same}");
        }
        for (old, new) in [
            ("int(11)", "INT UNSIGNED"),
            ("int(10) unsigned", "INT"),
            ("varchar(255)", "INT"),
            ("datetime", "TIMESTAMP"),
            ("varchar(255)", "TINYTEXT"),
            ("point", "LONGTEXT"),
            ("double", "DOUBLE(8, 2)"),
            ("bigint(20)", "DOUBLE PRECISION"),
            ("what(is) this", "LONGTEXT"),
        ] {
            assert!(narrow(old, new), "{old} may not fit into {new}");
        }
    }

    #[test]
    fn columns_are_read_and_found_whatever_their_letter_case() {
        let columns = Columns::read("cust\tshortName\tvarchar(255)\nnonsense\ncust\tkind\tenum('a\tb')\n");
        assert_eq!(columns.data_type("cust.shortname"), Some("varchar(255)"));
        assert_eq!(columns.data_type("cust.kind"), Some("enum('a\tb')"));
        assert_eq!(columns.data_type("cust.other"), None);
    }
}
