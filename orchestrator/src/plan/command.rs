//! Commands for a remote shell, and the only place where values are quoted for one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Argument;

/// How a command comes to run as its user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// The login is that user already.
    #[default]
    None,
    /// By sudo(8), which must not ask for a password.
    Sudo,
    /// By runuser(1), from a root login.
    Runuser,
}

impl Switch {
    /// The words that become `user`, in front of a command.
    pub fn words(self, user: &str) -> Vec<String> {
        let words: &[&str] = match self {
            Self::None => return Vec::new(),
            Self::Sudo => &["sudo", "-n", "-u", user, "--"],
            Self::Runuser => &["runuser", "-u", user, "--"],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}

/// What is run on a host: final, with nothing left to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments; a script is `sh -c SCRIPT`.
    pub argv: Vec<Argument>,
    /// Variables that are set for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Its working folder; the login folder where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The user it runs as; the login user where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How it comes to run as that user.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub switch: Switch,
    /// How long it may take, in seconds; the host itself ends it then.
    pub timeout_seconds: u64,
}

/// Keeps the deadline: `sh -c DEADLINE sh SECONDS MARK PROGRAM…`. timeout(1) ends its own process group only as long as
/// its child lives, so what is left of it then is ended here, and what has left the group by its mark.
const DEADLINE: &str = r#"limit=$1 mark=$2; shift 2
read -r from _ < /proc/uptime
timeout -k 10 "$limit" env "IXPORCH_STEP=$mark" "$@" &
group=$!
wait "$group"; code=$?
read -r to _ < /proc/uptime
case $code in 124 | 137 | 143)
  if [ "$((${to%.*} - ${from%.*}))" -ge "$limit" ]; then
    kill -KILL -- "-$group"
    for file in $(grep -ls "IXPORCH_STEP=$mark" /proc/[0-9]*/environ); do
      process=${file%/environ}
      kill -KILL "${process##*/}"
    done
  fi 2>/dev/null ;;
esac
exit "$code""#;

/// Changes the folder, then becomes the program; used as `sh -c CHANGE_FOLDER sh FOLDER PROGRAM…`.
const CHANGE_FOLDER: &str = "cd -- \"$1\" && shift && exec \"$@\"";

/// Quotes one argument for a POSIX shell. A NUL, which no argument can hold, is dropped.
pub fn quote(argument: &str) -> String {
    let clean = argument.replace('\0', "");
    shlex::try_quote(&clean).map(std::borrow::Cow::into_owned).unwrap_or_default()
}

fn join(arguments: &[String]) -> String {
    arguments.iter().map(|argument| quote(argument)).collect::<Vec<_>>().join(" ")
}

impl Command {
    /// The interpreter and the text of the script, where the command is one.
    pub fn script(&self) -> Option<(&str, &str)> {
        match self.argv.as_slice() {
            [shell, option, script] if *shell == "sh" && *option == "-c" => Some((shell, script)),
            [php, .., option, script] if *option == "-r" && script.contains('\n') => Some((php, script)),
            _ => None,
        }
    }

    /// The words that change the user, in front of another command.
    pub fn switch_words(&self) -> Vec<String> {
        self.user.as_deref().map(|user| self.switch.words(user)).unwrap_or_default()
    }

    /// The line that a POSIX shell on the host runs. The deadline stands beneath sudo, so that it
    /// may end what it started; `mark` is in the environment of all that.
    pub fn to_shell_line(&self, mark: &str) -> String {
        let mut words = self.switch_words();
        words.extend(["sh", "-c", DEADLINE, "sh"].map(str::to_owned));
        words.extend([self.timeout_seconds.to_string(), mark.to_owned()]);
        words.extend(self.environment.iter().map(|(name, value)| format!("{name}={value}")));
        if self.argv.first().is_some_and(|program| program.contains('=')) {
            // env(1) would take it for a variable.
            words.extend(["sh", "-c", "exec \"$@\"", "sh"].map(str::to_owned));
        }
        if let Some(folder) = &self.cwd {
            words.extend(["sh", "-c", CHANGE_FOLDER, "sh", folder].map(str::to_owned));
        }
        words.extend(self.argv.iter().map(ToString::to_string));
        join(&words)
    }

    /// The line that a person would type on the host: the same command without the deadline.
    pub fn to_operator_line(&self) -> String {
        let mut switch = self.switch_words();
        switch.retain(|word| word != "-n");
        let mut words = Vec::new();
        if !self.environment.is_empty() {
            words.push("env".to_owned());
            words.extend(self.environment.iter().map(|(name, value)| format!("{name}={value}")));
        }
        words.extend(self.argv.iter().map(ToString::to_string));
        let line = join(&words);
        match (&self.cwd, switch.is_empty()) {
            (None, true) => line,
            (None, false) => format!("{} {line}", join(&switch)),
            (Some(folder), true) => format!("cd {} && {line}", quote(folder)),
            // The login may not be allowed into the folder: the step's user goes there.
            (Some(folder), false) => {
                format!("{} sh -c {}", join(&switch), quote(&format!("cd {} && {line}", quote(folder))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_deadline_stands_beneath_sudo() {
        let command = Command {
            argv: ["php", "artisan", "down"].map(Argument::from).to_vec(),
            environment: BTreeMap::from([("HOME".to_owned(), "/srv/ixp manager".to_owned())]),
            cwd: Some("/srv/ixpmanager".to_owned()),
            user: Some("www-data".to_owned()),
            switch: Switch::Sudo,
            timeout_seconds: 120,
        };
        let line = command.to_shell_line("run/01-x").replace(&quote(DEADLINE), "DEADLINE");
        insta::assert_snapshot!(line, @r#"sudo -n -u www-data -- sh -c DEADLINE sh 120 run/01-x 'HOME=/srv/ixp manager' sh -c 'cd -- "$1" && shift && exec "$@"' sh /srv/ixpmanager php artisan down"#);
        insta::assert_snapshot!(command.to_operator_line(), @r#"sudo -u www-data -- sh -c "cd /srv/ixpmanager && env 'HOME=/srv/ixp manager' php artisan down""#);
    }

    proptest! {
        // Law 6: whatever a value holds, the program receives it as that one argument.
        #[test]
        fn every_value_arrives_as_one_argument(value in "[^\0]{0,40}") {
            let command = Command {
                argv: ["printf", "%s|", &value, "end"].map(Argument::from).to_vec(),
                environment: BTreeMap::new(),
                cwd: Some("/".to_owned()),
                user: None,
                switch: Switch::None,
                timeout_seconds: 5,
            };
            let output = Process::new("sh").arg("-c").arg(command.to_shell_line("run/01-x")).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{value}|end|"));
        }
    }
}
