//! What a backup's manifest says of its files. It comes from the host, and is believed in nothing that could harm this
//! machine.

use std::collections::BTreeSet;

use serde_json::Value;

/// The longest manifest that is read, in bytes.
pub(super) const LONGEST: u64 = 16 << 20;

/// The longest name of a file.
const NAME: usize = 128;

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Archive {
    /// Its name: letters, digits, `.`, `_` and `-`, no more.
    pub(super) name: String,
    /// How many bytes it has.
    pub(super) bytes: u64,
    /// Its digest, in hexadecimal digits.
    pub(super) sha256: String,
}

/// The files of a backup, and the run that made it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) archives: Vec<Archive>,
    pub(super) run: Option<String>,
}

impl Manifest {
    /// Reads a manifest; `Err`: why it cannot be used.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        let manifest: Value = serde_json::from_slice(text)
            .map_err(|error| format!("the backup's manifest is damaged: {error}"))?;
        let run = manifest.get("run").and_then(Value::as_str).filter(|run| is_run(run)).map(str::to_owned);
        let mut names = BTreeSet::new();
        let mut archives = Vec::new();
        for (_, archive) in manifest.get("archives").and_then(Value::as_object).into_iter().flatten() {
            let text = |key: &str| archive.get(key).and_then(Value::as_str).unwrap_or_default();
            let name = text("file").to_owned();
            if !is_name(&name) || !names.insert(name.clone()) {
                return Err(format!("the backup's manifest names an unsafe file {name:?}"));
            }
            let bytes = archive.get("bytes").and_then(Value::as_u64);
            let bytes =
                bytes.ok_or_else(|| format!("the backup's manifest does not say how long {name} is"))?;
            archives.push(Archive { name, bytes, sha256: text("sha256").to_owned() });
        }
        if archives.is_empty() {
            return Err("the backup's manifest names no files".to_owned());
        }
        Ok(Self { archives, run })
    }

    /// How many bytes all its files have.
    pub(super) fn bytes(&self) -> u64 {
        self.archives.iter().fold(0, |sum, archive| sum.saturating_add(archive.bytes))
    }
}

/// Whether a name means a file of its folder, on every system and terminal.
fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.len() <= NAME
        && name.chars().all(is_plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name != "manifest.json"
}

fn is_run(run: &str) -> bool {
    run.len() <= 64 && run.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(archives: &str) -> Result<Manifest, String> {
        Manifest::read(format!("{{\"run\":\"0198-a\",\"archives\":{archives}}}").as_bytes())
    }

    #[test]
    fn a_manifest_is_read() {
        let read =
            with("{\"database\":{\"file\":\"database.sql.gz\",\"bytes\":12,\"sha256\":\"ab\"}}").unwrap();
        let archive = Archive { name: "database.sql.gz".to_owned(), bytes: 12, sha256: "ab".to_owned() };
        assert_eq!(read, Manifest { archives: vec![archive], run: Some("0198-a".to_owned()) });
    }

    #[test]
    fn names_that_could_harm_are_refused() {
        let long = "a".repeat(NAME + 1);
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "/etc/passwd",
            ".ssh",
            "-rf",
            "a\u{1b}[2J",
            "a b",
            "ä",
            "manifest.json",
            &long,
        ] {
            let archives = serde_json::json!({ "a": { "file": name, "bytes": 1, "sha256": "" } });
            let refused = with(&archives.to_string()).unwrap_err();
            assert!(refused.contains("unsafe file") && !refused.contains('\u{1b}'), "{refused}");
        }
        let twice = "{\"a\":{\"file\":\"x\",\"bytes\":1},\"b\":{\"file\":\"x\",\"bytes\":1}}";
        assert!(with(twice).unwrap_err().contains("unsafe file"));
    }

    #[test]
    fn lengths_that_are_none_are_refused_and_large_ones_do_not_overflow() {
        for bytes in ["-1", "1e99", "\"1\"", "null", "18446744073709551616", "1.5"] {
            assert!(with(&format!("{{\"a\":{{\"file\":\"x\",\"bytes\":{bytes}}}}}")).is_err(), "{bytes}");
        }
        let most = u64::MAX;
        let archives = format!(
            "{{\"a\":{{\"file\":\"x\",\"bytes\":{most}}},\"b\":{{\"file\":\"y\",\"bytes\":{most}}}}}"
        );
        assert_eq!(with(&archives).unwrap().bytes(), most);
        assert!(with("{}").is_err() && with("[]").is_err() && Manifest::read(b"\xff").is_err());
    }
}
