//! Runs the program as a user would, in an environment of its own.

use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program with a home folder of its own.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    /// Words in front of it: where it is run.
    prefix: Vec<String>,
    home: PathBuf,
    /// A variable that is set for it.
    variable: Option<(String, String)>,
}

/// What a command printed and how it ended.
#[derive(Debug, Clone)]
#[must_use]
pub struct Ended {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code; -1 where a signal ended it.
    pub code: i32,
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().expect("the program can be started");
    Ended {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().unwrap_or(-1),
    }
}

impl Program {
    /// The program at `program`, with its home in `home`.
    pub fn new(program: impl Into<PathBuf>, home: impl Into<PathBuf>) -> Self {
        Self { path: program.into(), prefix: Vec::new(), home: home.into(), variable: None }
    }

    /// Runs it behind other words (`ip netns exec …`).
    #[must_use]
    pub fn behind(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Sets a variable for it.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variable = Some((name.to_owned(), value.to_owned()));
        self
    }

    /// A command that is ready to be started, without any of the caller's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut words = self.prefix.clone();
        words.push(self.path.display().to_string());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", &self.home)
            .env("USER", "tester")
            .env("LC_ALL", "C.UTF-8")
            .envs(self.variable.clone())
            .current_dir(&self.home)
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(&mut self.command(arguments))
    }

    /// Runs it after a line of shell in the same process, which may set limits.
    pub fn run_after(&self, shell: &str, arguments: &[&str]) -> Ended {
        let program = self.command(arguments);
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("{shell} && exec \"$0\" \"$@\"")])
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear()
            .envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(&self.home)
            .stdin(Stdio::null());
        ended(&mut command)
    }

    /// Runs it at a terminal, which script(1) plays, at which a line is typed at each question; gives the exit code and
    /// what was shown.
    pub fn at_a_terminal(&self, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
        let program = self.command(arguments);
        let words: Vec<String> = std::iter::once(program.get_program())
            .chain(program.get_args())
            .map(|word| ixporch::plan::quote(&word.to_string_lossy()))
            .collect();
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--flush", "--command", &words.join(" "), "/dev/null"])
            .env_clear()
            .env("NO_COLOR", "1")
            .envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(&self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script(1) can be started");
        let mut input = child.stdin.take().expect("it is piped");
        let mut output = child.stdout.take().expect("it is piped");
        let (mut shown, mut answers) = (Vec::new(), typed.split_inclusive('\n'));
        let mut asked = 0;
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut piece) {
            shown.extend_from_slice(&piece[..length]);
            // What is typed before a question is no answer to it.
            let text = String::from_utf8_lossy(&shown);
            let questions = text.matches("[y/N] ").count() + text.matches("Password of ").count();
            while asked < questions {
                asked += 1;
                let answer = answers.next().unwrap_or_default();
                input.write_all(answer.as_bytes()).expect("script(1) reads what is typed");
            }
        }
        let status = child.wait().expect("script(1) ends");
        (status.code(), String::from_utf8_lossy(&shown).into_owned())
    }

    /// Runs it and reads its standard output as JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ended = self.run(arguments);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{ended}"))
    }

    /// Its home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code: {}\n----- stdout\n{}----- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}
