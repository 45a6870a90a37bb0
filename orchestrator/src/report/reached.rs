//! How hosts are reached: what was resolved from where, the phases of the connection, and whom the login can become.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Paint, duration};
use crate::text::{RemoteText, harmless_line};

/// Whom a login can become.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    /// The user that the login's shell runs as.
    pub login: String,
    /// Each other user that steps run as: its name, whether it can be become, and what was said if not.
    pub others: Vec<(String, bool, String)>,
    /// Whether the inventory wants that (`become`).
    pub wanted: bool,
}

impl Users {
    /// Reads what the host says.
    pub fn read(answer: &[u8], wanted: bool) -> Self {
        let text = RemoteText::from_bytes(answer);
        let mut users = Self { wanted, ..Self::default() };
        for line in text.to_string().lines() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            match words.as_slice() {
                ["login", login] => (*login).clone_into(&mut users.login),
                ["become", user, word, said @ ..] => {
                    let other = ((*user).to_owned(), *word == "yes", said.concat().trim().to_owned());
                    if !users.others.contains(&other) && other.0 != users.login {
                        users.others.push(other);
                    }
                }
                _ => {}
            }
        }
        users
    }

    /// Whether the login can become all of them, as far as that is wanted.
    pub fn is_enough(&self) -> bool {
        !self.wanted || self.others.iter().all(|(_, can, _)| *can)
    }

    /// As JSON.
    pub fn value(&self) -> Value {
        let others: Vec<Value> = self
            .others
            .iter()
            .map(|(user, can, said)| json!({ "user": user, "can_become": can, "said": said }))
            .collect();
        json!({ "login": self.login, "others": others })
    }
}

/// A phase of connecting that was passed.
#[derive(Debug, Clone)]
pub struct PassedPhase {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    pub milliseconds: u64,
    /// What was found out in it.
    pub detail: String,
}

/// How one host was reached.
#[derive(Debug)]
pub struct Reached<'a> {
    /// The host.
    pub host: &'a str,
    /// How a person reaches it by hand, as `ssh` takes it.
    pub login: String,
    /// The settings that are not built in: key, value, place.
    pub settings: Vec<(&'static str, String, String)>,
    /// The phases that were passed.
    pub passed: Vec<PassedPhase>,
    /// Whom the login can become, or why that is not known.
    pub users: Option<Result<&'a Users, &'a String>>,
}

/// The hosts one after another, and a count.
pub fn reached(paint: Paint, hosts: &[Reached<'_>]) -> String {
    let mut text = String::new();
    let (mut good, mut lacking, mut away) = (0, 0, 0);
    for host in hosts {
        let word = match host.users {
            Some(Ok(users)) if users.is_enough() => {
                good += 1;
                paint.good("reached")
            }
            Some(Ok(_)) => {
                lacking += 1;
                paint.warn("reached, and something is missing")
            }
            Some(Err(_)) | None => {
                away += 1;
                paint.bad("not reached")
            }
        };
        let _ = writeln!(
            text,
            "{}  {word}  {}",
            paint.strong(host.host),
            paint.dim(&format!("ssh {}", host.login))
        );
        for (key, value, from) in &host.settings {
            let _ =
                writeln!(text, "  {key:24} {}  {}", harmless_line(value), paint.dim(&format!("from {from}")));
        }
        for PassedPhase { name, milliseconds, detail } in &host.passed {
            let time = duration(*milliseconds);
            let line = format!("  {name:24} {time:>8}  {}", harmless_line(detail));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text.push_str(&end(paint, host));
    }
    let mut counts = Vec::new();
    for (count, word) in [(good, "reached"), (lacking, "lacking"), (away, "not reached")] {
        if count > 0 {
            counts.push(format!("{count} {word}"));
        }
    }
    let _ = writeln!(text, "RESULT   {}", counts.join("   "));
    text
}

/// What comes last of a host: whom it can become, or what failed.
fn end(paint: Paint, host: &Reached<'_>) -> String {
    let mut text = String::new();
    match host.users {
        Some(Ok(users)) => {
            let _ = writeln!(text, "  {:24} {}", "runs as", harmless_line(&users.login));
            for (user, can, said) in &users.others {
                let user = harmless_line(user);
                let word = match (can, users.wanted) {
                    (true, _) => paint.good("yes"),
                    (false, true) => paint.bad("no"),
                    (false, false) => paint.dim("no (become = \"none\")"),
                };
                let said = if said.is_empty() { String::new() } else { format!(": {}", harmless_line(said)) };
                let _ = writeln!(text, "  {:24} {word}{said}", format!("can become {user}"));
                if !can && users.wanted {
                    let login = harmless_line(&users.login);
                    let _ = writeln!(
                        text,
                        "    {} set become_password_command (or become_password = \"ask\"), or in sudoers: {login} ALL=({user}) NOPASSWD: ALL",
                        paint.dim("help:")
                    );
                }
            }
        }
        Some(Err(why)) => {
            for line in why.lines() {
                let _ = writeln!(text, "    {}", harmless_line(line));
            }
        }
        None => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_says_of_users_is_read_once_each() {
        let said = "login ops\nbecome root no sudo: a password is required\nbecome www-data yes \nbecome www-data yes \nbecome ops yes \nx\n";
        let users = Users::read(said.as_bytes(), true);
        let root = ("root".to_owned(), false, "sudo: a password is required".to_owned());
        assert_eq!(users.login, "ops");
        assert_eq!(users.others, [root, ("www-data".to_owned(), true, String::new())]);
        assert!(!users.is_enough());
        assert!(Users { wanted: false, ..users }.is_enough());
    }
}
