//! The lock of a host: which run may change it now.
//!
//! It lies beside the installed tree and is taken as the tree's owner, so that every login and every controller sees
//! the
//! same lock (docs/decisions/0008-host-lock.md).

use super::output::StepOutput;
use super::questions::TRUST;
use super::{Ledger, Removed};
use crate::facts::{Distrust, HostLock};
use crate::plan::{LedgerPlace, quote};
use crate::text::{RemoteText, harmless_line};
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

/// Finds the lock of the installation `$1`; of one without git in the state folder `$2`. It runs as the tree's owner, since
/// others may not see the folder.
const PLACE: &str = r#"if [ -d "$1/.git" ]; then lock=$1/.git/ixporch.lock; else lock=$2/ixporch.lock; fi
"#;

/// Prints the lock. A FIFO in its place would never be read to its end.
pub(super) const LOOK: &str = r#"if [ -f "$lock" ] && [ ! -L "$lock" ]; then cat "$lock"
elif [ -e "$lock" ] || [ -L "$lock" ]; then printf 'run -\nstrange %s\n' "$lock"
else exit 1; fi"#;

/// `sh -c LOCK sh ROOT STATE USERS RUN TEXT BOOT LEDGER INSTEAD`. A hard link is atomic, and its content is complete from the
/// start (link(2)). Nothing is written where others could have put a link.
const LOCK: &str = r#"why=$(tree_distrusted "$3" "$1")
case $why in absent*) why=$(own_folder "$3" "$2") ;; esac
[ -z "$why" ] || { printf 'distrusted\n%s\n' "$why"; exit; }
umask 077
mine=$lock.$4
printf '%sboot %s\nledger %s\n' "$5" "$6" "$7" > "$mine" && sync "$mine" 2>/dev/null
[ -s "$mine" ] || { echo failed; rm -f "$mine"; exit; }
tries=0 said=
while [ -z "$said" ]; do
  tries=$((tries + 1))
  # ln(1) would go into a folder.
  if [ -L "$lock" ] || { [ -e "$lock" ] && [ ! -f "$lock" ]; }; then
    said=strange
  elif ln "$mine" "$lock" 2>/dev/null; then
    said=taken
  elif grep -qxF "run $4" "$lock" 2>/dev/null; then
    said=ours
    grep -qxF "ledger $7" "$lock" || said=elsewhere
  elif [ -n "$8" ] && grep -qxF "run $8" "$lock" 2>/dev/null; then
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
taken | ours) [ ! -d "$1/.git" ] || git -c core.fsmonitor=false -C "$1" rev-parse --verify --quiet HEAD ;;
held | elsewhere) cat "$lock" ;;
strange) echo "$lock" ;;
esac
true"#;

/// `sh -c UNLOCK sh ROOT STATE RUN`: removes the lock if the run holds it.
const UNLOCK: &str = r#"if [ -f "$lock" ] && grep -qxF "run $3" "$lock" 2>/dev/null; then
  rm -f "$lock" && sync "${lock%/*}" 2>/dev/null
  # The usual folder is there only as long as something is in it.
  [ "${lock%/*}" != "$HOME/.ixporch" ] || rmdir "$HOME/.ixporch" 2>/dev/null
  [ ! -e "$lock" ]
elif [ -e "$lock" ] || [ -L "$lock" ]; then
  echo "the lock is not that of run $3"
  exit 1
fi"#;

/// The same for whoever breaks a lock; what is no file, and so no lock, is taken away. A folder is only renamed: what is removed
/// with all that is in it could lead elsewhere meanwhile.
pub(super) const BREAK: &str = r#"if [ -L "$lock" ] || { [ -e "$lock" ] && [ ! -f "$lock" ]; }; then
  if [ -d "$lock" ] && [ ! -L "$lock" ]; then rmdir "$lock" 2>/dev/null || mv "$lock" "$lock.removed.$$"
  else rm -f "$lock"; fi
fi
"#;

/// The command that breaks a lock; its arguments are those of UNLOCK.
pub(super) fn breaking() -> String {
    at_the_lock(&format!("{BREAK}{UNLOCK}"))
}

/// The command that runs a script on the lock of an installation; its first arguments are the folders of the installation and
/// of the state.
pub(super) fn at_the_lock(script: &str) -> String {
    format!("sh -c {} sh", quote(&format!("{PLACE}{script}")))
}

/// Creates the ledger if the result in `$said` wants one, then prints the result.
fn make_ledger(expected: bool) -> String {
    let ours = if expected {
        "if [ -d \"$ledger\" ]; then find_ledger; else said=ledger-gone; fi"
    } else {
        "make_ledger"
    };
    format!(
        "why=\ncase $said in\ntaken*) make_ledger ;;\nours*) {ours} ;;\nesac\n\
         [ -z \"$why\" ] || said=\"no-ledger\n$why\"\nprintf '%s\\n' \"$said\"\n"
    )
}

/// The words in front of a command that runs as the tree's owner.
fn as_owner(place: &LedgerPlace) -> String {
    let words = place.owner.as_deref().map(|owner| place.switch.words(owner)).unwrap_or_default();
    words.iter().map(|word| quote(word) + " ").collect()
}

/// Who may change the installation, besides the login.
fn users(place: &LedgerPlace) -> String {
    quote(&format!("root {}", place.owner.as_deref().unwrap_or_default()))
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
            "said=$({}{} {} \"$state\" {}\" $(id -un)\" {} {} \"$boot\" \"$ledger\" {})\n{MAKE}",
            as_owner(place),
            at_the_lock(&format!("{TRUST}{LOCK}")),
            quote(&place.ixp_root),
            users(place),
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
            "no-ledger" => Locked::NoLedger(no_ledger(rest)),
            "distrusted" => Locked::Failed(distrusted(rest, place.owner.as_deref())),
            "strange" => Locked::Failed(format!(
                "{} is no lock, but a link, a folder or a pipe; `ixporch lock break` removes it",
                harmless_line(rest.trim())
            )),
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
            "{}{} {} \"$state\" {}",
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

fn no_ledger(why: &str) -> String {
    let found = Distrust::parse(why).map(|found| found.to_string());
    format!("the ledger cannot be made on the host: {}", found.unwrap_or_else(|| harmless_line(why.trim())))
}

/// Why no lock is taken: other users could change it. With the command that closes the folder.
fn distrusted(why: &str, owner: Option<&str>) -> String {
    let Some(found) = Distrust::parse(why) else { return harmless_line(why.trim()) };
    let remedy = found.remedy(owner.unwrap_or("root"));
    let help = remedy.map_or_else(String::new, |remedy| format!("\nhelp: on the host: {remedy}"));
    format!("{found}, so other users could change what ixporch and git rely on{help}")
}

fn failure(exit: i32, output: &StepOutput) -> String {
    let said = [output.stdout.kept(), output.stderr.kept()].concat();
    let lines = RemoteText::from_bytes(&said).last_lines(2).join(" / ");
    if lines.is_empty() || lines == "failed" { format!("exit code {exit}") } else { lines }
}
