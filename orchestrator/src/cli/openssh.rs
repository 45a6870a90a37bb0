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

/// What to do if OpenSSH's client reads no settings.
const CORRECT: &str = "try `ssh -G HOST`: correct the file, install OpenSSH's client, or set ssh_config = \"none\" under [defaults]";

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
    let folder = std::env::current_dir().unwrap_or_default();
    let surroundings = Surroundings {
        home: &settings.home,
        user: &settings.user,
        folder: &folder,
        variable: |name| std::env::var(name).ok(),
        exists: Path::exists,
    };
    let mut asking =
        Asking { file, settings, own: own_files(settings), general: BTreeMap::new(), is_told: false };
    for _ in 0..DEEPEST {
        let questions = inventory.open_questions(is_meant);
        if questions.is_empty() {
            break;
        }
        inventory.answer(&asking.answers(&questions)?, surroundings);
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
    /// What each file, or `None` for OpenSSH's own ones, says of every host, or why that cannot be told.
    general: BTreeMap<Option<String>, Result<General, String>>,
    /// Whether anything could be told of any host.
    is_told: bool,
}

/// What is the same for all hosts.
enum General {
    /// There is no file, and no OpenSSH that reads one.
    Nothing,
    /// The answers without any file, and about a host that nothing is written for.
    Answers { without_files: String, of_any_host: String },
}

impl Asking<'_> {
    /// The answers to all questions, asked at the same time.
    fn answers(&mut self, questions: &BTreeSet<Question>) -> Result<BTreeMap<Question, Answer>, CliError> {
        for question in questions {
            if !self.general.contains_key(&question.config) {
                let general = self.general(question);
                self.general.insert(question.config.clone(), general);
            }
        }
        let questions: Vec<&Question> = questions.iter().collect();
        let (next, answers) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let work = || {
            while let Some(question) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
                let answer = self.answer(question);
                if let Ok(mut answers) = answers.lock() {
                    answers.insert((*question).clone(), answer);
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
        self.is_told |= answers.values().any(Result::is_ok);
        match answers.values().next() {
            Some(Err(why)) if !self.is_told => Err(CliError::invalid(why.clone()).help(CORRECT)),
            _ => Ok(answers),
        }
    }

    /// Asks what is the same for all hosts of the file that counts for `question`.
    fn general(&self, question: &Question) -> Result<General, String> {
        let question = Question::of_any_host(question.config.clone());
        let ask = || -> Result<General, AskError> {
            let without_files = openssh::ask(Files::None, &question.arguments())?;
            let of_any_host = self.ask(&question)?;
            Ok(General::Answers { without_files, of_any_host })
        };
        match ask() {
            Err(_) if question.config.is_none() && self.own.is_empty() => Ok(General::Nothing),
            general => general.map_err(|error| self.why("OpenSSH's settings", &question, &error)),
        }
    }

    fn answer(&self, question: &Question) -> Answer {
        let (without_files, of_any_host) = match self.general.get(&question.config) {
            Some(Ok(General::Answers { without_files, of_any_host })) => (without_files, of_any_host),
            Some(Ok(General::Nothing)) | None => return Ok(OpenSshSettings::default()),
            Some(Err(why)) => return Err(why.clone()),
        };
        let answer = self.ask(question).map_err(|error| {
            let what = format!("OpenSSH's settings of `{}`", question.host);
            self.why(&what, question, &error)
        })?;
        Ok(OpenSshSettings::read(&answer, of_any_host, without_files, &self.files_of(question)))
    }

    fn ask(&self, question: &Question) -> Result<String, AskError> {
        let path = question.config.as_ref().map(|config| self.settings.local_path(self.file, config));
        let files = path.as_ref().map_or(Files::Own, |path: &PathBuf| Files::One(path));
        openssh::ask(files, &question.arguments())
    }

    /// What people call the files that count.
    fn files_of(&self, question: &Question) -> String {
        question.config.clone().unwrap_or_else(|| self.own.join(", "))
    }

    fn why(&self, what: &str, question: &Question, error: &AskError) -> String {
        format!("{what} cannot be read: {error} ({})", self.files_of(question))
    }
}
