//! The lock of a host: which run may change it now.
//!
//! It lies beside the installed tree and is taken as the tree's owner, so that every login and every controller sees
//! the
//! same lock (docs/decisions/0008-host-lock.md).

use super::output::StepOutput;
use super::{Ledger, Removed};
use crate::facts::HostLock;
use crate::plan::{LedgerPlace, quote};
use crate::text::RemoteText;
use crate::transport::LinkLost;

/// The result of trying to take a host's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locked {
    /// This run has it now.
    Taken {
        /// The installed commit, to compare with the plan.
        commit: Option<String>,
    },
    /// This run had it already.
    Ours {
        /// The installed commit.
        commit: Option<String>,
    },
    /// This run had it already, but its ledger is gone.
    LedgerGone,
    /// This run has it, but its ledger cannot be created, for this reason.
    NoLedger(String),
    /// Another run has it.
    Held(HostLock),
    /// It cannot be taken, for this reason.
    Failed(String),
}

/// Finds the lock of the installation `$1`. It runs as the tree's owner, since others may not see the folder.
const PLACE: &str = r#"if [ -d "$1/.git" ]; then lock=$1/.git/ixporch.lock; else lock=$1/.ixporch.lock; fi
"#;

/// `sh -c LOCK sh ROOT RUN TEXT BOOT LEDGER INSTEAD`. A hard link is atomic, and its content is complete from the start
/// (link(2)).
const LOCK: &str = r#"umask 022
mine=$lock.$2
printf '%sboot %s\nledger %s\n' "$3" "$4" "$5" > "$mine" && sync "$mine" 2>/dev/null
[ -s "$mine" ] || { echo failed; rm -f "$mine"; exit; }
tries=0 said=
while [ -z "$said" ]; do
  tries=$((tries + 1))
  if ln "$mine" "$lock" 2>/dev/null; then
    said=taken
  elif grep -qxF "run $2" "$lock" 2>/dev/null; then
    said=ours
    grep -qxF "ledger $5" "$lock" || said=elsewhere
  elif [ -n "$6" ] && grep -qxF "run $6" "$lock" 2>/dev/null; then
    mv "$mine" "$lock" && said=taken
  elif [ -e "$lock" ]; then
    said=held
  elif [ "$tries" = 5 ]; then
    # It was not somebody else who gave it back just now.
    said=failed
  fi
done
rm -f "$mine"
sync "${lock%/*}" 2>/dev/null
echo "$said"
case $said in
taken | ours) git -C "$1" rev-parse --verify --quiet HEAD ;;
held | elsewhere) cat "$lock" ;;
esac
true"#;

/// `sh -c UNLOCK sh ROOT RUN`: removes the lock if the run holds it.
pub(super) const UNLOCK: &str = r#"if grep -qxF "run $2" "$lock" 2>/dev/null; then
  rm -f "$lock" && sync "${lock%/*}" 2>/dev/null
  [ ! -e "$lock" ]
elif [ -e "$lock" ]; then
  echo "the lock is not that of run $2"
  exit 1
fi"#;

/// The command that runs a script on the lock of an installation; arguments may follow.
pub(super) fn at_the_lock(script: &str) -> String {
    format!("sh -c {} sh", quote(&format!("{PLACE}{script}")))
}

/// Creates the ledger if the result in `$said` wants one, then prints the result.
fn make_ledger(expected: bool) -> String {
    let ours =
        if expected { "[ -d \"$ledger\" ] || said=ledger-gone" } else { "make_ledger || said=no-ledger" };
    format!(
        "case $said in\ntaken*) make_ledger || said=no-ledger ;;\nours*) {ours} ;;\nesac\n\
         printf '%s\\n' \"$said\"\n"
    )
}

/// The words in front of a command that runs as the tree's owner.
fn as_owner(place: &LedgerPlace) -> String {
    let words = place.owner.as_deref().map(|owner| place.switch.words(owner)).unwrap_or_default();
    words.iter().map(|word| quote(word) + " ").collect()
}

impl Ledger {
    /// Takes the host's lock for this run, and creates its ledger. `instead_of`: a run whose lock may be taken over.
    /// `expected`: the ledger must exist already, and is not created.
    ///
    /// # Errors
    /// The connection was lost; the lock may have been taken.
    pub async fn lock(
        &mut self,
        place: &LedgerPlace,
        lock: &HostLock,
        instead_of: Option<&str>,
        expected: bool,
    ) -> Result<Locked, LinkLost> {
        let script = format!(
            "said=$({}{} {} {} {} \"$boot\" \"$ledger\" {})\n{MAKE}",
            as_owner(place),
            at_the_lock(LOCK),
            quote(&place.ixp_root),
            quote(&lock.run),
            quote(&lock.to_text()),
            quote(instead_of.unwrap_or_default()),
            MAKE = make_ledger(expected),
        );
        let mut output = StepOutput::default();
        let exit = self.ask(&script, &mut output).await?;
        let said = RemoteText::from_bytes(&output.stdout.kept());
        let (word, rest) = said.raw().split_once('\n').unwrap_or((said.raw(), ""));
        Ok(match word {
            "taken" => Locked::Taken { commit: rest.lines().next().map(str::to_owned) },
            "ours" => Locked::Ours { commit: rest.lines().next().map(str::to_owned) },
            "ledger-gone" => Locked::LedgerGone,
            "no-ledger" => Locked::NoLedger(
                "the ledger cannot be made on the host: is the disk full, is the folder writable?".to_owned(),
            ),
            "elsewhere" => {
                let there = HostLock::parse(rest).unwrap_or_default().ledger;
                Locked::Failed(format!(
                    "the run's ledger is {there}: it was made by another login, or with another state_dir"
                ))
            }
            "held" => Locked::Held(HostLock::parse(rest).unwrap_or_default()),
            _ => Locked::Failed(failure(exit, &output)),
        })
    }

    /// Releases the host's lock, if this run holds it.
    ///
    /// # Errors
    /// The connection was lost.
    pub async fn unlock(&mut self, place: &LedgerPlace) -> Result<Removed, LinkLost> {
        let script = format!(
            "{}{} {} {}",
            as_owner(place),
            at_the_lock(UNLOCK),
            quote(&place.ixp_root),
            quote(&self.run),
        );
        self.removed(&script).await
    }

    /// Runs a script that removes something, and prints why if it does not.
    pub(super) async fn removed(&mut self, script: &str) -> Result<Removed, LinkLost> {
        let mut output = StepOutput::default();
        let exit = self.ask(script, &mut output).await?;
        Ok(if exit == 0 { Ok(()) } else { Err(failure(exit, &output)) })
    }
}

fn failure(exit: i32, output: &StepOutput) -> String {
    let said = [output.stdout.kept(), output.stderr.kept()].concat();
    let lines = RemoteText::from_bytes(&said).last_lines(2).join(" / ");
    if lines.is_empty() || lines == "failed" { format!("exit code {exit}") } else { lines }
}
