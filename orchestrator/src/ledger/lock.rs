//! The lock of a host: who may change it now.
//!
//! It belongs to a run, lies beside the installed tree, and is taken as the tree's owner, so that every login and every
//! controller sees the same one (docs/decisions/0008-host-lock.md).

use super::output::StepOutput;
use super::{Ledger, Removed};
use crate::facts::HostLock;
use crate::plan::{LedgerPlace, quote};
use crate::text::RemoteText;
use crate::transport::LinkLost;

/// What came of trying to take a host's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locked {
    /// It is this run's now.
    Taken {
        /// The commit that is installed, so that a plan can be compared with it.
        commit: Option<String>,
    },
    /// It was this run's already.
    Ours {
        /// The commit that is installed.
        commit: Option<String>,
    },
    /// It was this run's already, and the run's ledger is gone.
    LedgerGone,
    /// It is this run's, and its ledger cannot be made, for this reason.
    NoLedger(String),
    /// Another run has it.
    Held(HostLock),
    /// It cannot be taken, and this is why.
    Failed(String),
}

/// Where the lock of the installation `$1` is. Only the tree's owner can be relied on to see that.
const PLACE: &str = r#"if [ -d "$1/.git" ]; then lock=$1/.git/ixporch.lock; else lock=$1/.ixporch.lock; fi
"#;

/// `sh -c LOCK sh ROOT RUN TEXT BOOT LEDGER INSTEAD`: a hard link is made or it is not, and its content is there from
/// its first moment on (link(2)).
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

/// `sh -c UNLOCK sh ROOT RUN`: removes the lock where it is that of the run.
pub(super) const UNLOCK: &str = r#"if grep -qxF "run $2" "$lock" 2>/dev/null; then
  rm -f "$lock" && sync "${lock%/*}" 2>/dev/null
  [ ! -e "$lock" ]
elif [ -e "$lock" ]; then
  echo "the lock is not that of run $2"
  exit 1
fi"#;

/// The words that run a script on the lock of an installation; more arguments may follow.
pub(super) fn at_the_lock(script: &str) -> String {
    format!("sh -c {} sh", quote(&format!("{PLACE}{script}")))
}

/// What follows the lock's word, in `said`: the ledger is made where it must be, and the word is passed on.
fn make_ledger(expected: bool) -> String {
    let ours =
        if expected { "[ -d \"$ledger\" ] || said=ledger-gone" } else { "make_ledger || said=no-ledger" };
    format!(
        "case $said in\ntaken*) make_ledger || said=no-ledger ;;\nours*) {ours} ;;\nesac\n\
         printf '%s\\n' \"$said\"\n"
    )
}

/// What precedes a command that is run as the tree's owner.
fn as_owner(place: &LedgerPlace) -> String {
    let words = place.owner.as_deref().map(|owner| place.switch.words(owner)).unwrap_or_default();
    words.iter().map(|word| quote(word) + " ").collect()
}

impl Ledger {
    /// Takes the host's lock for this run, and makes its ledger; `instead_of` names a run whose lock may be taken over.
    /// Where `expected`, the ledger is there already, and is not made anew.
    ///
    /// # Errors
    /// The connection went away; the lock may have been taken.
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

    /// Gives the host's lock back, where it is this run's.
    ///
    /// # Errors
    /// The connection went away.
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

    /// Runs a script that removes something; it says why where it does not.
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
