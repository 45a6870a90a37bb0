//! The shell text of a step: POSIX sh, for dash, bash and busybox alike.
//!
//! Values stand in it only as `plan::quote` made them (law 6).

use data_encoding::BASE64;

use crate::plan::{Command, PlannedProof, PlannedStep, quote};

/// The words by which a login shell of any kind runs a script.
///
/// bash, dash, zsh, fish and csh disagree on backslashes, exclamation marks and line breaks within quotes, so
/// the script travels in base64, which has none of them. It is part of the exec request, not of the standard
/// input: the host's sshd would first have to open its window for that, one more round trip.
pub(super) fn program(script: &str) -> String {
    format!("exec /bin/sh -c 'eval \"$(echo {} | base64 -d)\"'", BASE64.encode(script.as_bytes()))
}

/// The script within a program's words.
#[cfg(test)]
pub(super) fn of(program: &str) -> String {
    let encoded = program.split("echo ").nth(1).unwrap().split(' ').next().unwrap();
    String::from_utf8(BASE64.decode(encoded.as_bytes()).unwrap()).unwrap()
}

/// Puts `body` between the words by which its output is told apart. The body ends with `finish EXIT WORD`;
/// `begin` says whether its beginning is told as well as its end.
pub(super) fn framed(nonce: &str, body: &str, begin: bool) -> String {
    let begin = if begin {
        format!("printf '%s begin\\n' {nonce}; printf '%s begin\\n' {nonce} >&2\n")
    } else {
        String::new()
    };
    format!(
        "finish() {{ printf '\\n%s end %s %s\\n' {nonce} \"$1\" \"$2\"; printf '\\n%s end %s %s\\n' {nonce} \"$1\" \"$2\" >&2; exit 0; }}\n\
         {begin}{body}"
    )
}

/// The body of a step: whether it is needed, the command, the proof.
pub(super) fn step(step: &PlannedStep) -> String {
    let mut text = String::new();
    if let Some(path) = &step.when_exists {
        text.push_str(&there(&step.command, path));
        text.push_str("[ \"$there\" = no ] && finish 0 absent\n");
    }
    if let Some(path) = &step.unless_exists {
        text.push_str(&there(&step.command, path));
        text.push_str("case $there in no) ;; yes) finish 0 present ;; *) finish 0 blind ;; esac\n");
    }
    if let Some(PlannedProof::MemcachedRestarted { unit, address, php }) = &step.proof {
        text.push_str(&memcached_mark(unit.as_deref(), address, php));
        text.push_str("before=$(mark)\n");
    }
    text.push_str(&step.command.to_shell_line());
    text.push_str(" </dev/null\nexit=$?\n");
    match &step.proof {
        None => text.push_str("finish \"$exit\" none\n"),
        Some(PlannedProof::Exists(path)) => {
            text.push_str(&there(&step.command, path));
            text.push_str("case $there in yes) word=held ;; no) word=refuted ;; *) word=unclear ;; esac\nfinish \"$exit\" \"$word\"\n");
        }
        Some(PlannedProof::Absent(path)) => {
            text.push_str(&there(&step.command, path));
            text.push_str("case $there in yes) word=refuted ;; no) word=held ;; *) word=unclear ;; esac\nfinish \"$exit\" \"$word\"\n");
        }
        Some(PlannedProof::MemcachedRestarted { .. }) => text.push_str(COMPARE_MARKS),
    }
    text
}

/// Sets `there` to yes or no, as the step's user sees it; to something else where nobody could look.
fn there(command: &Command, path: &str) -> String {
    let mut words: Vec<String> = command.switch_words().iter().map(|word| quote(word)).collect();
    // Nothing that only looks may keep a step from its end.
    words.push("timeout -k 2 10".to_owned());
    words.push("sh -c 'if [ -e \"$1\" ]; then echo yes; else echo no; fi' sh".to_owned());
    words.push(quote(path));
    format!("there=$({} </dev/null 2>/dev/null)\n", words.join(" "))
}

/// Asks memcached for its process id and uptime; address is its first argument.
const ASK_MEMCACHED: &str = r#"$s = @stream_socket_client("tcp://" . $argv[1], $n, $m, 5);
if (!$s) { exit(1); }
stream_set_timeout($s, 5);
fwrite($s, "stats\r\nquit\r\n");
while (($l = fgets($s)) !== false) { if (preg_match("/^STAT (pid|uptime) (\d+)/", $l, $f)) { $v[$f[1]] = $f[2]; } }
echo "memcached ", $v["pid"] ?? "?", " ", $v["uptime"] ?? "?";"#;

/// Defines `mark`: what tells one start of memcached from the next. Its unit's start, as systemd's
/// monotonic clock has it, where systemd knows the unit; else memcached's own process id and uptime.
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
        "mark() {{\n{by_unit}  timeout -k 2 8 {php} -r {} -- {} </dev/null 2>/dev/null || printf stopped\n}}\n",
        quote(ASK_MEMCACHED),
        quote(address)
    )
}

/// A restarted memcached may need a moment before it answers.
const COMPARE_MARKS: &str = r#"tries=5
while after=$(mark); [ "$after" = stopped ] && [ "$tries" -gt 0 ]; do tries=$((tries - 1)); sleep 1; done
word=refuted
case $after in
stopped | '') echo 'memcached does not run after its restart' >&2 ;;
unit\ [0-9]*)
  if [ "$after" = "$before" ]; then echo "the memcached unit was not started again" >&2; else word=held; fi ;;
memcached\ [0-9]*)
  set -- $after $before
  if [ "$2" != "${5-}" ] || [ "$3" -lt "${6-0}" ]; then word=held; else echo "memcached was not started again (process $2, up for $3 s)" >&2; fi ;;
*) word=unclear ;;
esac
finish "$exit" "$word"
"#;

#[cfg(test)]
mod tests {
    use std::process::{Command as Process, Stdio};

    use super::*;
    use crate::plan::sample;

    fn planned(argv: &[&str], proof: Option<PlannedProof>, when_exists: Option<&str>) -> PlannedStep {
        let mut step = sample::step("x", None);
        step.command.argv = argv.iter().map(|word| (*word).to_owned()).collect();
        step.command.timeout_seconds = 5;
        step.proof = proof;
        step.when_exists = when_exists.map(str::to_owned);
        step
    }

    /// Every shell of this machine that a host's /bin/sh may be.
    fn shells() -> Vec<Vec<&'static str>> {
        [vec!["dash", "-c"], vec!["bash", "--posix", "-c"], vec!["busybox", "sh", "-c"]]
            .into_iter()
            .filter(|shell| {
                Process::new(shell[0])
                    .arg("--help")
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .is_ok()
            })
            .collect()
    }

    fn last_words(step: &PlannedStep) -> Vec<String> {
        let text = framed("N", &super::step(step), true);
        shells()
            .into_iter()
            .map(|shell| {
                let output = Process::new(shell[0])
                    .args(&shell[1..])
                    .arg(&text)
                    .stdin(Stdio::null())
                    .stderr(Stdio::null())
                    .output()
                    .unwrap();
                String::from_utf8(output.stdout).unwrap().lines().last().unwrap_or_default().to_owned()
            })
            .collect()
    }

    fn assert_ends(step: &PlannedStep, wanted: &str) {
        let words = last_words(step);
        assert!(!words.is_empty());
        assert!(words.iter().all(|word| word == wanted), "{words:?} are not all {wanted}");
    }

    #[test]
    fn exit_codes_come_back_in_every_shell() {
        assert_ends(&planned(&["true"], None, None), "N end 0 none");
        assert_ends(&planned(&["sh", "-c", "exit 7"], None, None), "N end 7 none");
        assert_ends(&planned(&["no-such-program"], None, None), "N end 127 none");
    }

    #[test]
    fn the_deadline_is_kept_by_the_host() {
        let mut slow = planned(&["sleep", "30"], None, None);
        slow.command.timeout_seconds = 1;
        let words = last_words(&slow);
        // busybox's timeout reports the signal, coreutils' its own code.
        assert!(words.iter().all(|word| word == "N end 124 none" || word == "N end 143 none"), "{words:?}");
    }

    #[test]
    fn proofs_are_looked_at_whatever_the_exit_code_was() {
        let exists = |path: &str| Some(PlannedProof::Exists(path.to_owned()));
        let absent = |path: &str| Some(PlannedProof::Absent(path.to_owned()));
        assert_ends(&planned(&["true"], exists("/"), None), "N end 0 held");
        assert_ends(&planned(&["false"], exists("/no/such/path"), None), "N end 1 refuted");
        assert_ends(&planned(&["true"], absent("/no/such/it's $HOME"), None), "N end 0 held");
        assert_ends(&planned(&["true"], absent("/"), None), "N end 0 refuted");
    }

    #[test]
    fn a_step_whose_path_is_missing_is_not_run() {
        assert_ends(&planned(&["false"], None, Some("/no/such/path")), "N end 0 absent");
        assert_ends(&planned(&["false"], None, Some("/")), "N end 1 none");
    }

    #[test]
    fn a_step_that_must_not_find_a_path_is_not_run_where_it_is() {
        let mut step = planned(&["false"], None, None);
        step.unless_exists = Some("/".to_owned());
        assert_ends(&step, "N end 0 present");
        step.unless_exists = Some("/no/such/path".to_owned());
        assert_ends(&step, "N end 1 none");
    }

    #[test]
    fn every_login_shell_runs_the_same_program() {
        let text = program(&framed("N", "printf '%s' 'it'\\''s !here \\\\ %'\nfinish 3 none\n", true));
        let mut shells: Vec<&str> = Vec::new();
        for shell in ["sh", "dash", "bash", "zsh", "fish", "csh", "tcsh"] {
            let Ok(output) = Process::new(shell).arg("-c").arg(&text).stdin(Stdio::null()).output() else {
                continue;
            };
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(said, "N begin\nit's !here \\\\ %\nN end 3 none\n", "{shell}");
            shells.push(shell);
        }
        assert!(shells.len() >= 2, "only {shells:?} were found");
    }

    #[test]
    fn a_restart_is_proven_by_what_memcached_says_of_itself() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let php = folder.path().join("php");
        std::fs::write(&php, format!("#!/bin/sh\ncat '{}'\n", state.display())).unwrap();
        Process::new("chmod").arg("+x").arg(&php).status().unwrap();
        let proof = |argv: &[&str]| {
            std::fs::write(&state, "memcached 41 500").unwrap();
            let proof = PlannedProof::MemcachedRestarted {
                unit: None,
                address: "127.0.0.1:1".to_owned(),
                php: vec![php.display().to_string()],
            };
            // One shell at a time: the state is shared.
            let step = planned(argv, Some(proof), None);
            last_words(&step).remove(0)
        };
        let write = |text: &str| format!("printf '%s' '{text}' > '{}'", state.display());
        assert_eq!(proof(&["true"]), "N end 0 refuted");
        assert_eq!(proof(&["sh", "-c", &write("memcached 42 0")]), "N end 0 held");
        assert_eq!(proof(&["sh", "-c", &write("memcached 41 0")]), "N end 0 held");
        assert_eq!(proof(&["sh", "-c", &write("memcached 41 501")]), "N end 0 refuted");
    }
}
