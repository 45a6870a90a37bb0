//! Evidence as a file: what was proved, its digest, and a signature where there is one (`docs/evidence.md`).

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ssh_keygen::{self, SigningKey};
use crate::cli::error::CliError;
use crate::digest;
use crate::event::Evidence;
use crate::plan::quote;
use crate::text::harmless_json;

/// The version of the file's format.
const FORMAT: u32 = 1;

/// No run proves more than this many bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct EvidenceFile {
    format: u32,
    evidence: Value,
    digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

/// What is signed and digested: the evidence in one way of writing it, without white space and with its names in order. A file
/// that was only laid out anew still says the same.
fn canonical(evidence: &Value) -> String {
    evidence.to_string()
}

/// The file's text. Gives besides who signed it.
pub(in crate::cli) fn write(
    evidence: &Evidence,
    key: Option<&SigningKey>,
) -> Result<(String, Option<String>), CliError> {
    let broken =
        |error: serde_json::Error| CliError::internal(format!("evidence cannot be written: {error}"));
    let evidence = serde_json::to_value(evidence).map_err(broken)?;
    let text = canonical(&evidence);
    let signature = key.map(|key| ssh_keygen::sign(key, text.as_bytes())).transpose()?;
    let signer = signature.as_deref().map(|signature| ssh_keygen::verify(signature, text.as_bytes(), None));
    let signer = signer.transpose().map_err(CliError::internal)?;
    let digest = digest::sha256(text.as_bytes());
    let file = EvidenceFile { format: FORMAT, evidence, digest, signature };
    let text = serde_json::to_string_pretty(&file).map_err(broken)?;
    Ok((harmless_json(&text), signer))
}

/// Reads a file, and who signed it. Where `allowed` names those who may, it must be one of them.
pub(super) fn read(path: &Path, allowed: Option<&Path>) -> Result<(Evidence, Option<String>), CliError> {
    let size = fs_err::metadata(path).map_err(|error| CliError::invalid(error.to_string()))?.len();
    if size > LONGEST {
        return Err(CliError::invalid(format!(
            "{}: not an evidence file: it has {size} bytes",
            path.display()
        )));
    }
    let bytes = fs_err::read(path).map_err(|error| CliError::invalid(error.to_string()))?;
    read_bytes(path, &bytes, allowed)
}

/// The same of a file's content.
pub(in crate::cli) fn read_bytes(
    path: &Path,
    bytes: &[u8],
    allowed: Option<&Path>,
) -> Result<(Evidence, Option<String>), CliError> {
    let shown = path.display();
    let refused = |why: String| CliError::invalid(format!("{shown}: {why}"));
    let export = |run: &str, options: &str| {
        let to = path.file_name().unwrap_or_default().to_string_lossy();
        format!("on the controller of the run: ixporch evidence {run}{options} > {}", quote(&to))
    };
    let again = |run: &str| format!("export it again {}", export(run, ""));
    let file: EvidenceFile = serde_json::from_slice(bytes)
        .map_err(|error| refused(format!("not an evidence file: {error}")).help(again("RUN")))?;
    let run = run_of(&file.evidence).to_owned();
    if file.format != FORMAT {
        let why = format!("the file has format {}, but this version reads format {FORMAT}", file.format);
        return Err(refused(why).help("use the version of ixporch that wrote the file"));
    }
    let text = canonical(&file.evidence);
    let tampered = "its content was changed after it was written";
    if digest::sha256(text.as_bytes()) != file.digest {
        return Err(refused(format!("{tampered}: its digest does not match")).help(again(&run)));
    }
    let signer = match (&file.signature, allowed) {
        (None, Some(allowed)) => {
            let why = format!(
                "it is not signed, but the inventory requires a signature by a key in {}",
                allowed.display()
            );
            return Err(
                refused(why).help(format!("sign it {}", export(&run, " --sign-with ~/.ssh/id_ed25519")))
            );
        }
        (None, None) => None,
        (Some(signature), allowed) => {
            let verified = ssh_keygen::verify(signature, text.as_bytes(), allowed);
            Some(verified.map_err(|why| refused(why).help(again(&run)))?)
        }
    };
    let evidence = serde_json::from_value(file.evidence)
        .map_err(|error| refused(format!("not an evidence file: {error}")).help(again(&run)))?;
    Ok((evidence, signer))
}

/// The run of evidence that is not verified yet: it is shown in a command, so it must be nothing but an id.
fn run_of(evidence: &Value) -> &str {
    let is_id = |run: &&str| run.len() <= 36 && run.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let run = evidence.get("run").and_then(Value::as_str).filter(is_id);
    run.filter(|run| !run.is_empty() && !run.starts_with('-')).unwrap_or("RUN")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_that_is_no_id_is_not_shown_in_a_command() {
        let of = |run: &str| run_of(&json!({ "run": run })).to_owned();
        assert_eq!(of("01a21a70-a4ca-7451-bad2-82c4a322cc2d"), "01a21a70-a4ca-7451-bad2-82c4a322cc2d");
        for run in ["", "1; reboot", "$(reboot)", "--sign-with"] {
            assert_eq!(of(run), "RUN");
        }
    }
}
