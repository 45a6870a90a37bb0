//! Tables, amounts and times.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

/// A plain table: a heading line, then one line a row, columns two blanks apart.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heading.to_vec());
    for row in rows {
        table.add_row(row.clone());
    }
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
        text.push('\n');
    }
    text
}

/// An amount of bytes with a binary unit: `1.5 GiB`.
pub fn bytes(amount: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = amount.saturating_mul(10);
    for (index, unit) in UNITS.iter().enumerate() {
        if scaled < 10_240 || index + 1 == UNITS.len() {
            return if index == 0 {
                format!("{amount} B")
            } else {
                format!("{}.{} {unit}", scaled / 10, scaled % 10)
            };
        }
        scaled /= 1024;
    }
    format!("{amount} B")
}

/// A length of time for people: `840ms`, `12.3s`, `4m05s`, `2h05m`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match milliseconds {
        0..1000 => format!("{milliseconds}ms"),
        1000..60_000 => format!("{seconds}.{}s", milliseconds % 1000 / 100),
        60_000..3_600_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_times_are_short() {
        assert_eq!([bytes(12), bytes(1536), bytes(5 * 1024 * 1024 * 1024)], ["12 B", "1.5 KiB", "5.0 GiB"]);
        assert_eq!(
            [duration(840), duration(12_340), duration(245_000), duration(7_500_000)],
            ["840ms", "12.3s", "4m05s", "2h05m"]
        );
    }

    #[test]
    fn tables_have_no_frame_and_no_trailing_blanks() {
        let rows = [vec!["ixp1".to_owned(), "v4.4.0".to_owned()], vec!["ixp22".to_owned(), String::new()]];
        assert_eq!(table(&["host", "release"], &rows), "host   release\nixp1   v4.4.0\nixp22\n");
    }
}
