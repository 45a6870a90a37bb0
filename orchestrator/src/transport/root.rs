//! A root shell beneath which everything of one connection runs (`become_password_command`, `become = "su"`).
//!
//! Owns how a login becomes root by a program that may want a password, over a pipe, without a terminal. The password goes to
//! that program's standard input and nowhere else, and only when the program has asked for it by a mark of our own. Must not
//! know what runs beneath the shell.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ixporch_inventory::RootBy;
use tokio::time::Instant;

use super::{
    LinkLost, NotStarted, Process, ProcessEvent, Purpose, Root, SecretRequest, SecretSource, Session, Target,
};
use crate::text::RemoteText;

/// How long the program may take to ask or to start the shell, while no person is asked. PAM may wait some seconds after a
/// wrong password.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many bytes of noise before the shell are kept: they explain a failure.
const NOISE: usize = 4096;

/// A session in which programs run as root.
pub(super) struct RootSession {
    session: Box<dyn Session>,
    way: Way,
}

/// How a login of a host becomes root.
struct Way {
    root: Root,
    user: String,
    host: String,
    secrets: Arc<dyn SecretSource>,
}

/// The session itself, or one in which programs run as root.
pub(super) fn wrapped(
    session: Box<dyn Session>,
    target: &Target,
    secrets: &Arc<dyn SecretSource>,
) -> Box<dyn Session> {
    let Some(root) = target.root.clone() else { return session };
    let way = Way {
        root,
        user: target.endpoint.user.clone(),
        host: target.host().to_owned(),
        secrets: Arc::clone(secrets),
    };
    Box::new(RootSession { session, way })
}

impl Session for RootSession {
    fn start<'a>(&'a mut self, program: &'a str) -> BoxFuture<'a, Result<Box<dyn Process>, NotStarted>> {
        async move {
            // Each start that gets no password counts as a failed login on the host.
            if self.way.secrets.is_refused_for_good(&self.way.request()) {
                return Err(NotStarted(self.way.wrong_password("")));
            }
            let mark = uuid::Uuid::now_v7().simple().to_string();
            let mut process = self.session.start(&become_root(self.way.root.by, &mark)).await?;
            let left = match self.way.reach_shell(process.as_mut(), &mark).await {
                Ok(left) => left,
                Err(why) => {
                    process.finish().await;
                    return Err(NotStarted(why));
                }
            };
            let lost = |lost: LinkLost| NotStarted(lost.0);
            process.send(format!("{mark} {program}\n").into_bytes()).await.map_err(lost)?;
            let process: Box<dyn Process> = Box::new(Beneath { process, left });
            Ok(process)
        }
        .boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.session.close()
    }
}

/// The command that becomes root; every login shell takes these words alike. The shell tells that it is there, and runs the
/// first line that begins with the mark: a password that came too late is not run. Messages are English: sudo replaces PAM's
/// question by its own only where it knows it. The question is not written as it will be printed (`%%` is `%`), so that a
/// shell that shows its commands does not ask it.
fn become_root(by: RootBy, mark: &str) -> String {
    // su keeps the login's path, which may lack the folders of root's programs.
    let path = if by == RootBy::Su { " PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin;" } else { "" };
    let shell = format!(
        "echo {mark}-root >&2; unset LC_ALL;{path} while read -r line; do case $line in \"{mark} \"*) break ;; esac; done; eval \"${{line#{mark} }}\""
    );
    match by {
        RootBy::Sudo => format!("exec env LC_ALL=C sudo -S -p {mark}%%ask -H -- /bin/sh -c '{shell}'"),
        RootBy::Doas => format!("exec env LC_ALL=C doas -n /bin/sh -c '{shell}'"),
        RootBy::Su => format!("exec env LC_ALL=C su -s /bin/sh -c '{shell}' root"),
    }
}

/// Where the program that becomes root stands.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// It has said nothing that counts.
    Silent,
    /// It asks for the password, for this many times.
    Asks(usize),
    /// The shell is there; what standard error had after that.
    Shell(Vec<u8>),
}

/// Reads where the program stands from all that it wrote to standard error.
fn stage(by: RootBy, mark: &str, stderr: &[u8]) -> Stage {
    let there = format!("{mark}-root\n");
    if let Some(at) = find(stderr, there.as_bytes()) {
        return Stage::Shell(stderr.get(at + there.len()..).unwrap_or_default().to_vec());
    }
    let text = String::from_utf8_lossy(stderr);
    let asks = match by {
        RootBy::Sudo => text.matches(&format!("{mark}%ask")).count(),
        // It has no question of its own, and asks once.
        RootBy::Su => usize::from(text.trim_end().ends_with("assword:")),
        RootBy::Doas => 0,
    };
    if asks == 0 { Stage::Silent } else { Stage::Asks(asks) }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

impl Way {
    /// Answers what the program asks until the shell is there; gives what standard error had after that.
    async fn reach_shell(&self, process: &mut dyn Process, mark: &str) -> Result<Vec<u8>, String> {
        let by = self.root.by;
        let (mut stderr, mut noise, mut answered) = (Vec::new(), Vec::new(), false);
        let mut deadline = Instant::now() + PATIENCE;
        loop {
            match stage(by, mark, &stderr) {
                Stage::Shell(left) => {
                    if answered {
                        self.secrets.accepted(&self.request());
                    }
                    return Ok(left);
                }
                Stage::Asks(1) if !answered => {
                    answered = true;
                    let mut line = self.password().await?.expose().as_bytes().to_vec();
                    line.push(b'\n');
                    process.send(line).await.map_err(|lost| lost.0)?;
                    // A person may have been asked.
                    deadline = Instant::now() + PATIENCE;
                    if by == RootBy::Su {
                        // Its question is not taken for another one.
                        stderr.push(b'\n');
                    }
                }
                Stage::Asks(2..) => return Err(self.wrong_password("")),
                Stage::Asks(_) | Stage::Silent => {}
            }
            let Ok(event) = tokio::time::timeout_at(deadline, process.next()).await else {
                return Err(self.no_root(
                    answered,
                    &format!("no answer within {}s", PATIENCE.as_secs()),
                    mark,
                    &noise,
                ));
            };
            match event {
                Some(ProcessEvent::Stderr(bytes)) => {
                    noise.extend_from_slice(&bytes);
                    stderr.extend_from_slice(&bytes);
                }
                Some(ProcessEvent::Stdout(bytes)) => noise.extend_from_slice(&bytes),
                Some(ProcessEvent::Exit(_) | ProcessEvent::Signal(_)) => {}
                Some(ProcessEvent::Refused) => return Err("the host refused to run it".to_owned()),
                None => return Err(self.no_root(answered, "it ended", mark, &noise)),
            }
            for kept in [&mut noise, &mut stderr] {
                let surplus = kept.len().saturating_sub(NOISE);
                kept.drain(..surplus);
            }
        }
    }

    fn request(&self) -> SecretRequest {
        let (by, user) = (self.root.by.name(), self.user.clone());
        let question = match self.root.by {
            RootBy::Su => {
                format!("Password of root for su, on {} and all hosts with this setting:", self.host)
            }
            RootBy::Sudo | RootBy::Doas => {
                format!("Password of {user} for {by}, on {} and all hosts with this login:", self.host)
            }
        };
        SecretRequest {
            purpose: Purpose::Root { by, user },
            command: self.root.password_command.clone(),
            question,
            echo: false,
            is_password: true,
            host: self.host.clone(),
        }
    }

    async fn password(&self) -> Result<crate::redact::Secret, String> {
        let by = self.root.by.name();
        self.secrets.secret(&self.request()).await.map_err(|why| {
            format!(
                "{by} asks for a password, and there is none: {why}\nhelp: set become_password_command in the inventory, or become_password = \"ask\" and run this at a terminal"
            )
        })
    }

    fn wrong_password(&self, said: &str) -> String {
        self.secrets.refused(&self.request());
        let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
        format!(
            "{} refused the password; it is not tried again here{said}\nhelp: correct become_password_command, or type the right password; try: ssh -t {}@… {} true",
            self.root.by.name(),
            self.user,
            self.root.by.name()
        )
    }

    /// Why there is no root shell, by what the program said.
    fn no_root(&self, answered: bool, what: &str, mark: &str, noise: &[u8]) -> String {
        let by = self.root.by;
        let said =
            RemoteText::from(String::from_utf8_lossy(noise).replace(&format!("{mark}%ask"), "").as_str());
        let said = said.last_lines(4).join(" / ");
        // Whatever it says: the same password would end alike, and a login may be locked by that.
        if answered {
            return self.wrong_password(&said);
        }
        let shown = if said.is_empty() { what.to_owned() } else { said.clone() };
        format!("{} gives no root shell: {shown}\nhelp: {}", by.name(), self.help(&said))
    }

    /// What to do, by what the program said.
    fn help(&self, said: &str) -> String {
        let user = &self.user;
        match self.root.by {
            _ if said.contains("not found") => {
                "install it on the host, or set another `become` in the inventory".to_owned()
            }
            RootBy::Sudo if said.contains("tty") || said.contains("terminal") => {
                format!("sudo wants a terminal; in sudoers: Defaults:{user} !requiretty")
            }
            RootBy::Sudo if said.contains("not in the sudoers") || said.contains("not allowed") => {
                format!("in sudoers: {user} ALL=(root) ALL")
            }
            RootBy::Doas => {
                format!(
                    "doas cannot be given a password without a terminal; in doas.conf: permit nopass {user} as root"
                )
            }
            RootBy::Su if said.contains("terminal") => {
                "this su wants a terminal: use sudo, or log in as root".to_owned()
            }
            by => {
                format!("log in by hand, and try: {} id", if by == RootBy::Su { "su -c" } else { by.name() })
            }
        }
    }
}

/// What runs beneath the root shell; what came with the shell's own word is heard first.
struct Beneath {
    process: Box<dyn Process>,
    left: Vec<u8>,
}

impl Process for Beneath {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), LinkLost>> {
        self.process.send(bytes)
    }

    fn next(&mut self) -> BoxFuture<'_, Option<ProcessEvent>> {
        if self.left.is_empty() {
            return self.process.next();
        }
        let left = std::mem::take(&mut self.left);
        async move { Some(ProcessEvent::Stderr(left)) }.boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.process.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;
    use crate::redact::Secret;

    /// A process that plays events one after another, each after what must have been sent before it.
    struct Played {
        events: VecDeque<(usize, ProcessEvent)>,
        sent: Arc<Mutex<Vec<String>>>,
    }

    impl Process for Played {
        fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), LinkLost>> {
            self.sent.lock().unwrap().push(String::from_utf8(bytes).unwrap());
            async { Ok(()) }.boxed()
        }

        fn next(&mut self) -> BoxFuture<'_, Option<ProcessEvent>> {
            let sent = self.sent.lock().unwrap().len();
            let next = self.events.pop_front();
            if let Some((wanted, event)) = &next {
                assert!(sent >= *wanted, "{event:?} after {sent} lines");
            }
            async move { next.map(|(_, event)| event) }.boxed()
        }

        fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
            async {}.boxed()
        }
    }

    struct Starts {
        program: Arc<Mutex<String>>,
        /// What is heard; `MARK` stands for the mark in the command.
        heard: Vec<(usize, &'static str)>,
        sent: Arc<Mutex<Vec<String>>>,
    }

    impl Session for Starts {
        fn start<'a>(&'a mut self, program: &'a str) -> BoxFuture<'a, Result<Box<dyn Process>, NotStarted>> {
            program.clone_into(&mut self.program.lock().unwrap());
            let at = program.find("echo ").unwrap() + "echo ".len();
            let mark = program[at..at + 32].to_owned();
            let event = |(after, text): &(usize, &str)| {
                (*after, ProcessEvent::Stderr(text.replace("MARK", &mark).into_bytes()))
            };
            let events = self.heard.iter().map(event).collect();
            let process: Box<dyn Process> = Box::new(Played { events, sent: Arc::clone(&self.sent) });
            async move { Ok(process) }.boxed()
        }

        fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
            async {}.boxed()
        }
    }

    #[derive(Default)]
    struct Knows {
        refused: Mutex<usize>,
    }

    impl SecretSource for Knows {
        fn secret<'a>(&'a self, _: &'a SecretRequest) -> BoxFuture<'a, Result<Secret, String>> {
            async { Ok(Secret::new("pw".to_owned())) }.boxed()
        }

        fn accepted(&self, _: &SecretRequest) {}

        fn refused(&self, _: &SecretRequest) {
            *self.refused.lock().unwrap() += 1;
        }

        fn is_refused_for_good(&self, _: &SecretRequest) -> bool {
            *self.refused.lock().unwrap() > 0
        }

        fn can_ask(&self) -> bool {
            false
        }
    }

    /// What is sent, what standard error has then, or why there is no shell; and how often the password was refused.
    fn played(by: RootBy, heard: &[(usize, &'static str)]) -> (Vec<String>, Result<String, String>, usize) {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let program = Arc::<Mutex<String>>::default();
        let session =
            Starts { program: Arc::clone(&program), heard: heard.to_vec(), sent: Arc::clone(&sent) };
        let knows = Arc::new(Knows::default());
        let way = Way {
            root: Root { by, password_command: None },
            user: "ops".to_owned(),
            host: "h1".to_owned(),
            secrets: Arc::clone(&knows) as Arc<dyn SecretSource>,
        };
        let mut session = RootSession { session: Box::new(session), way };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let ended = runtime.block_on(async {
            let mut process = match session.start("exec sh").await {
                Ok(process) => process,
                Err(error) => {
                    // What was refused is not started again, and nothing more is sent.
                    let again = session.start("exec sh").await;
                    assert!(knows.refused.lock().unwrap().eq(&0) || again.is_err());
                    return Err(error.0);
                }
            };
            match process.next().await {
                Some(ProcessEvent::Stderr(bytes)) => Ok(String::from_utf8(bytes).unwrap()),
                other => Ok(format!("{other:?}")),
            }
        });
        let refused = *knows.refused.lock().unwrap();
        let program = program.lock().unwrap().clone();
        let at = program.find("echo ").unwrap() + "echo ".len();
        let sent =
            sent.lock().unwrap().iter().map(|line| line.replace(&program[at..at + 32], "MARK")).collect();
        (sent, ended, refused)
    }

    #[test]
    fn a_password_is_sent_only_where_it_is_asked_for() {
        let heard = [(0, "lecture\nMARK%a"), (0, "sk"), (1, "MARK-root\nmore")];
        let (sent, ended, _) = played(RootBy::Sudo, &heard);
        assert_eq!(
            (sent, ended),
            (vec!["pw\n".to_owned(), "MARK exec sh\n".to_owned()], Ok("more".to_owned()))
        );
        let (sent, ended, _) = played(RootBy::Sudo, &[(0, "MARK-root\n"), (1, "x")]);
        assert_eq!((sent, ended), (vec!["MARK exec sh\n".to_owned()], Ok("x".to_owned())));
        let (sent, ended, _) = played(RootBy::Su, &[(0, "Password: "), (1, "\nMARK-root\n"), (2, "x")]);
        assert_eq!((sent, ended), (vec!["pw\n".to_owned(), "MARK exec sh\n".to_owned()], Ok("x".to_owned())));
    }

    #[test]
    fn a_wrong_password_is_tried_once() {
        for heard in [
            vec![(0, "MARK%ask"), (1, "Sorry, try again.\nMARK%ask")],
            vec![(0, "MARK%ask"), (1, "sudo: 1 incorrect password attempt\n")],
        ] {
            let (sent, ended, refused) = played(RootBy::Sudo, &heard);
            assert_eq!((sent.len(), refused > 0), (1, true));
            assert!(ended.unwrap_err().starts_with("sudo refused the password"));
        }
        let (sent, ended, refused) =
            played(RootBy::Su, &[(0, "Password: "), (1, "\nsu: Authentication failure\n")]);
        assert_eq!((sent.len(), refused > 0), (1, true));
        assert!(ended.unwrap_err().starts_with("su refused the password"));
    }

    #[test]
    fn what_gives_no_shell_says_why_and_what_to_do() {
        let why = |by, heard: &'static str| played(by, &[(0, heard)]).1.unwrap_err();
        let tty = why(RootBy::Sudo, "sudo: sorry, you must have a tty to run sudo\n");
        assert!(tty.contains("must have a tty") && tty.contains("Defaults:ops !requiretty"), "{tty}");
        let doas = why(RootBy::Doas, "doas: Authorization required\n");
        assert!(doas.contains("permit nopass ops as root"), "{doas}");
        let missing = why(RootBy::Doas, "env: 'doas': No such file or directory, not found\n");
        assert!(missing.contains("another `become`"), "{missing}");
    }
}
