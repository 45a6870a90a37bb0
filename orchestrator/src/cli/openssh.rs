//! Adds to an inventory what the settings of OpenSSH's client say of its hosts.
//!
//! Owns which files count, and that each question is asked once. No parser of `ssh_config` is here: OpenSSH reads its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ixporch_inventory::{Answer, Host, Inventory, OpenSshSettings, Question, Surroundings};

use super::error::CliError;
use super::settings::Settings;
use crate::transport::openssh::{self, AskError, Files};

/// The settings of the whole system (`ssh_config(5)`, section FILES).
const SYSTEM: &str = "/etc/ssh/ssh_config";

/// So many jump hosts are behind one another at most.
const DEEPEST: usize = 16;

/// Asks for the settings of the hosts that are meant, and of their jump hosts. What cannot be told of a host is that host's
/// misfortune alone: it is not reached. What can be told of none is an error.
pub(super) fn complete(
    inventory: &mut Inventory,
    file: &Path,
    settings: &Settings,
    is_meant: impl Fn(&Host) -> bool,
) -> Result<(), CliError> {
    // Evidence is looked for by where the hosts of another wave are.
    let needs_all = inventory.waves.iter().any(|wave| wave.requires.is_some());
    let is_meant = |host: &Host| needs_all || is_meant(host);
    let mut asking = Asking { file, settings, own: own_files(settings), plain: None };
    for _ in 0..DEEPEST {
        let questions = inventory.open_questions(is_meant);
        if questions.is_empty() {
            break;
        }
        inventory.answer(&asking.answers(&questions)?);
    }
    let Some(same) = inventory.same_installations(is_meant).into_iter().next() else { return Ok(()) };
    let message =
        format!("`{}` and `{}` are the same installation by OpenSSH's settings", same.first, same.host);
    Err(CliError::invalid(message).help("remove one of them from the inventory"))
}

/// The files that OpenSSH's client reads by itself, those that exist, as people call them.
fn own_files(settings: &Settings) -> Vec<&'static str> {
    let user = settings.home.join(".ssh/config").exists().then_some("~/.ssh/config");
    let system = Path::new(SYSTEM).exists().then_some(SYSTEM);
    user.into_iter().chain(system).collect()
}

struct Asking<'a> {
    file: &'a Path,
    settings: &'a Settings,
    /// The files of the user and of the system.
    own: Vec<&'static str>,
    /// The answer without any file.
    plain: Option<String>,
}

impl Asking<'_> {
    /// The answers to all questions, asked at the same time.
    fn answers(&mut self, questions: &BTreeSet<Question>) -> Result<BTreeMap<Question, Answer>, CliError> {
        let questions: Vec<&Question> = questions.iter().collect();
        if self.plain.is_none() {
            let question = Question { host: "localhost".to_owned(), ..Question::default() };
            match openssh::ask(Files::None, &question.arguments()) {
                Ok(plain) => self.plain = Some(plain),
                // Nothing can have been set.
                Err(AskError::Missing)
                    if self.own.is_empty() && questions.iter().all(|one| one.config.is_none()) =>
                {
                    let nothing =
                        |question: &&Question| ((*question).clone(), Ok(OpenSshSettings::default()));
                    return Ok(questions.iter().map(nothing).collect());
                }
                Err(error) => return Err(self.failed(&question, &error)),
            }
        }
        let without_files = self.plain.as_deref().unwrap_or_default();
        let (next, answers) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || {
            while let Some(question) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
                let answer = self.answer(question, without_files);
                if let Ok(mut answers) = answers.lock() {
                    answers.push((*question, answer));
                }
            }
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(questions.len());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
        let answers = answers.into_inner().unwrap_or_default();
        if let Some((question, Err(error))) = answers.first()
            && answers.iter().all(|(_, answer)| answer.is_err())
        {
            return Err(self.failed(question, error));
        }
        let told = |(question, answer): (&Question, Result<OpenSshSettings, AskError>)| {
            let answer = answer.map_err(|error| self.why(question, &error));
            (question.clone(), answer)
        };
        Ok(answers.into_iter().map(told).collect())
    }

    fn answer(&self, question: &Question, without_files: &str) -> Result<OpenSshSettings, AskError> {
        let path = question.config.as_ref().map(|config| self.settings.local_path(self.file, config));
        let files = path.as_ref().map_or(Files::Own, |path: &PathBuf| Files::One(path));
        let answer = openssh::ask(files, &question.arguments())?;
        let folder = std::env::current_dir().unwrap_or_default();
        let surroundings = Surroundings {
            home: &self.settings.home,
            user: &self.settings.user,
            folder: &folder,
            variable: |name| std::env::var(name).ok(),
            exists: Path::exists,
        };
        Ok(OpenSshSettings::read(question, &answer, without_files, &self.files_of(question), surroundings))
    }

    /// What people call the files that count.
    fn files_of(&self, question: &Question) -> String {
        question.config.clone().unwrap_or_else(|| self.own.join(", "))
    }

    fn why(&self, question: &Question, error: &AskError) -> String {
        let files = self.files_of(question);
        format!("OpenSSH's settings of `{}` cannot be read: {error} ({files})", question.host)
    }

    fn failed(&self, question: &Question, error: &AskError) -> CliError {
        CliError::invalid(self.why(question, error)).help(match error {
            AskError::Missing => "install OpenSSH's client, or set ssh_config = \"none\" under [defaults]",
            AskError::NotStarted(_) | AskError::Refused(_) => {
                "correct the file, or name another one: ssh_config = \"FILE\", or \"none\", under [defaults]"
            }
        })
    }
}
