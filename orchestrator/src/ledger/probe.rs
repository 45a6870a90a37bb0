//! The probe: one round of read-only questions.
//!
//! Owns the questions' shell text; what the answers mean is `facts`'. Nothing here may change the
//! host: git takes no optional locks; composer and bower, which write into their home when they are
//! only asked for their version, get one of their own that is removed again.

use super::output::StepOutput;
use super::{Ledger, StepEnded};
use crate::facts::{self, Facts, FactsError};
use crate::plan::quote;
use crate::transport::{LinkLost, NotStarted};

/// What a probe must know of a host.
#[derive(Debug, Clone)]
pub struct ProbeRequest {
    /// The installation's folder.
    pub ixp_root: String,
    /// The web server's user.
    pub web_user: String,
    /// Whether sudo may be used.
    pub sudo: bool,
    /// PHP with its arguments.
    pub php: Vec<String>,
    /// composer with its arguments.
    pub composer: Vec<String>,
    /// bower with its arguments.
    pub bower: Vec<String>,
    /// memcached's unit.
    pub memcached_unit: Option<String>,
    /// The references to ask the remote for: the branch's, or the tag's and what it points to.
    pub references: Vec<String>,
}

/// Why a probe gave no facts.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The connection went away.
    #[error(transparent)]
    Link(#[from] LinkLost),
    /// The questions were never asked.
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    /// The answers cannot be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
}

/// Asks all questions over an authenticated connection.
pub async fn probe(ledger: &mut Ledger, request: &ProbeRequest) -> Result<Facts, ProbeError> {
    let mut output = StepOutput::default();
    let running = ledger.run(&script(request)).await?;
    let (ended, quiet_login) = running.follow_login(&mut output).await;
    match ended? {
        StepEnded::NotStarted(why) => Err(NotStarted(why).into()),
        StepEnded::Ran { .. } | StepEnded::NotNeeded | StepEnded::Refused | StepEnded::Blind => {
            Ok(Facts { quiet_login, ..facts::parse(&output.stdout.kept())? })
        }
    }
}

/// Lengths are counted in bytes (`LC_ALL=C`); a command substitution drops NULs and the last line breaks.
const QUESTIONS: &str = r#"LC_ALL=C; export LC_ALL
me=$(id -un); uid=$(id -u)
as() {
  who=$1; shift
  if [ "$who" = "$me" ]; then "$@"
  elif [ "$uid" = 0 ]; then runuser -u "$who" -- "$@"
  elif [ "$sudo" = yes ]; then sudo -n -u "$who" -- "$@"
  else "$@"; fi
}
ask() {
  name=$1; shift
  text=$("$@" </dev/null 2>/dev/null); code=$?
  # A fact is a line or a few; what is longer is cut here, not on the controller.
  text=$(printf '%s' "$text" | head -c 8192)
  printf 'fact %s %s %s\n%s\n' "$name" "$code" "${#text}" "$text"
}
closed() {
  case $(as "$web" sh -c 'if [ -e "$1" ]; then echo yes; else echo no; fi' sh "$root/storage/framework/down") in
  yes) return 0 ;; no) return 1 ;; *) return 2 ;;
  esac
}
version() { as "$web" sh -c 'head -c 4096 "$1/version.php" 2>/dev/null || head -c 4096 "$1/library/IXP/Version.php"' sh "$root"; }
in_tree() { as "$owner" env GIT_OPTIONAL_LOCKS=0 git -C "$root" "$@"; }
upstream() { as "$owner" timeout -k 5 20 env GIT_TERMINAL_PROMPT=0 'GIT_SSH_COMMAND=ssh -oBatchMode=yes' git -C "$root" ls-remote origin "$@"; }
aside() {
  as "$web" timeout -k 5 20 sh -c '
    home=$(mktemp -d) || exit 1
    trap "rm -rf \"$home\"" EXIT
    # Not every sh runs its EXIT trap when it is ended.
    trap "exit 143" TERM HUP INT
    cd "$1" && shift
    CI=1 HOME=$home COMPOSER_HOME=$home COMPOSER_CACHE_DIR=/dev/null "$@"' sh "$root" "$@"
}
owner=$(as root stat -c %U "$root/.git" </dev/null 2>/dev/null) || owner=$(stat -c %U "$root/.git" 2>/dev/null) || owner=$me
ask login-user printf %s "$me"
ask sudo sudo -n true
ask boot-id cat /proc/sys/kernel/random/boot_id
ask tree-owner printf %s "$owner"
ask version version
ask describe in_tree describe --tags --always
ask commit in_tree rev-parse HEAD
ask branch in_tree symbolic-ref --quiet --short HEAD
ask remote in_tree config --get remote.origin.url
ask modified in_tree status --porcelain --untracked-files=no
ask git git --version
ask disk df -Pk "$root"
ask maintenance closed
"#;

fn script(request: &ProbeRequest) -> String {
    let words = |words: &[String]| words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    let sudo = if request.sudo { "yes" } else { "no" };
    let unit = request.memcached_unit.as_deref().map_or_else(String::new, |unit| {
        format!("ask memcached systemctl show -p LoadState -p ActiveState {}\n", quote(unit))
    });
    format!(
        "root={root}; web={web}; sudo={sudo}\n{QUESTIONS}\
         ask php aside {php} -r 'echo PHP_VERSION;'\n\
         ask composer aside {composer} --version --no-ansi --no-interaction\n\
         ask bower aside {bower} --version\n\
         ask remote-commit upstream {references}\n\
         {unit}finish 0 none\n",
        root = quote(&request.ixp_root),
        web = quote(&request.web_user),
        php = words(&request.php),
        composer = words(&request.composer),
        bower = words(&request.bower),
        references = words(&request.references),
    )
}
