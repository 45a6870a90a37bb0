//! The shell text of a step: POSIX sh, for dash, bash and busybox.
//!
//! Values appear in it only quoted by `plan::quote` (law 6).

use crate::plan::{Command, PlannedProof, PlannedStep, quote};
use crate::procedure::{BuiltInScript, Effect};

/// The part that all steps share.
const STEP: &str = include_str!("host/step.sh");

/// The word of an effect.
pub(super) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Check => "check",
        Effect::Change => "change",
    }
}

/// The `spec` of a step: the script that its process runs. `mark` stands in its environment, so that processes it left
/// behind can be found.
pub(super) fn spec(step: &PlannedStep, mark: &str) -> String {
    let debts = if step.debts.is_empty() { "-".to_owned() } else { step.debts.join(",") };
    format!(
        "# ixporch {} {} {debts}\neffect={}\n{}{}body() {{\n{}\n}}\n{STEP}",
        step.id,
        effect(step.effect),
        effect(step.effect),
        guard(step),
        proof(step),
        step.command.to_shell_line(mark),
    )
}

/// Defines `guard`: prints why the step must not run, or nothing.
pub(super) fn guard(step: &PlannedStep) -> String {
    let mut text = String::from("guard() {\n");
    if let Some(path) = &step.when_exists {
        text.push_str(&there(&step.command, path));
        text.push_str("[ \"$there\" != no ] || { echo absent; return; }\n");
    }
    if let Some(path) = &step.unless_exists {
        text.push_str(&there(&step.command, path));
        text.push_str("case $there in no) ;; yes) echo present ;; *) echo blind ;; esac\n");
    }
    text.push_str(":\n}\n");
    text
}

/// Defines `observe`, which prints the state that the proof is about, and `judge BEFORE NOW`, which compares two of
/// them.
fn proof(step: &PlannedStep) -> String {
    let path = |path: &str, wanted: &str, unwanted: &str| {
        format!(
            "observe() {{\n{}printf '%s\\n' \"$there\"\n}}\n\
             judge() {{ case $2 in {wanted}) echo held ;; {unwanted}) echo refuted ;; *) echo unclear ;; esac; }}\n",
            there(&step.command, path)
        )
    };
    match &step.proof {
        None => "observe() { :; }\njudge() { echo none; }\n".to_owned(),
        Some(PlannedProof::Exists(file)) => path(file, "yes", "no"),
        Some(PlannedProof::Absent(file)) => path(file, "no", "yes"),
        Some(PlannedProof::MemcachedRestarted { unit, address, php }) => {
            format!("{}{COMPARE_MARKS}", memcached_mark(unit.as_deref(), address, php))
        }
        Some(PlannedProof::NoRows { query, php }) => {
            format!("{}{COMPARE_ROWS}", rows(&step.command, query, php))
        }
    }
}

/// Sets `there` to yes or no, as seen by the step's user; to something else if that could not be checked.
fn there(command: &Command, path: &str) -> String {
    let mut words: Vec<String> = command.switch_words().iter().map(|word| quote(word)).collect();
    // A check must not block the step, so it has a timeout.
    words.push("timeout -k 2 10".to_owned());
    words.push("sh -c 'if [ -e \"$1\" ]; then echo yes; else echo no; fi' sh".to_owned());
    words.push(quote(path));
    format!("there=$({} </dev/null 2>/dev/null)\n", words.join(" "))
}

/// Asks memcached for its process id and uptime; the address is its first argument.
const ASK_MEMCACHED: &str = include_str!("host/memcached-mark.php");

/// Defines `observe`: prints what differs between two starts of memcached. That is the start time of its unit on
/// systemd's monotonic clock if systemd knows the unit, else memcached's own process id and uptime.
fn memcached_mark(unit: Option<&str>, address: &str, php: &[String]) -> String {
    let by_unit = unit.map_or_else(String::new, |unit| {
        format!(
            "  m=$(timeout -k 2 5 systemctl show -p LoadState -p ActiveState -p ActiveEnterTimestampMonotonic {} 2>/dev/null)\n  \
             case $m in *LoadState=loaded*)\n    \
             case $m in *ActiveState=active*) printf 'unit %s' \"$(printf '%s\\n' \"$m\" | sed -n 's/^ActiveEnterTimestampMonotonic=//p')\" ;; *) printf stopped ;; esac\n    \
             return ;;\n  esac\n",
            quote(unit)
        )
    });
    let php = php.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    format!(
        "observe() {{\n{by_unit}  timeout -k 2 8 {php} -r {} -- {} </dev/null 2>/dev/null || printf stopped\n}}\n",
        quote(ASK_MEMCACHED.trim_start_matches("<?php\n")),
        quote(address)
    )
}

/// Defines `observe`: prints how many rows the query has, as seen by the step's user in the step's folder.
fn rows(command: &Command, query: &str, php: &[String]) -> String {
    let mut words: Vec<String> = command.switch_words().iter().map(|word| quote(word)).collect();
    words.push("timeout -k 2 600 sh -c 'cd -- \"$1\" && shift && exec \"$@\"' sh".to_owned());
    words.push(quote(command.cwd.as_deref().unwrap_or(".")));
    words.extend(php.iter().map(|word| quote(word)));
    words.push(format!("-r {} -- {}", quote(&BuiltInScript::Rows.text()), quote(query)));
    format!("observe() {{\n{} </dev/null 2>/dev/null || echo '?'\n}}\n", words.join(" "))
}

/// Fewer rows than before, but some: it is partly done.
const COMPARE_ROWS: &str = r#"judge() {
  case $2 in
  0) echo held ;;
  '' | *[!0-9]*) echo unclear ;;
  "$1") echo refuted ;;
  *) echo unclear ;;
  esac
}
"#;

/// A restarted memcached may need a moment before it answers.
const COMPARE_MARKS: &str = r#"judge() {
  before=$1 after=$2 tries=5
  while [ "$after" = stopped ] && [ "$tries" -gt 0 ]; do tries=$((tries - 1)); sleep 1; after=$(observe); done
  case $after in
  stopped | '') echo refuted ;;
  unit\ [0-9]*) if [ "$after" = "$before" ]; then echo refuted; else echo held; fi ;;
  memcached\ [0-9]*)
    set -- $after $before
    if [ "$2" != "${5-}" ] || [ "$3" -lt "${6-0}" ]; then echo held; else echo refuted; fi ;;
  *) echo unclear ;;
  esac
}
"#;

#[cfg(test)]
mod tests;
