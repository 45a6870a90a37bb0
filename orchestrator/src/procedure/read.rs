//! From TOML to a [`Procedure`]: every mistake is found, then all are told.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use ixporch_inventory::reader::{self, Fields, Located};
use ixporch_inventory::value;
use ixporch_inventory::{Problem, Problems, suggest};

use super::built_in::BUILT_IN_SCRIPTS;
use super::checks;
use super::raw::RawStep;
use super::release_steps;
use super::template::TemplateError;
use super::{
    Action, ArgumentText, BuiltInScript, Condition, Effect, Placeholder, Procedure, Proof, Reads,
    ReleaseAction, Step, Template,
};
use crate::digest;
use crate::release::{self, Moment};
use crate::script::Script;

const CONDITIONS: &[(&str, Condition)] = &[
    ("target", Condition::Target),
    ("no-target", Condition::NoTarget),
    ("open-before", Condition::OpenBefore),
    ("open-after", Condition::OpenAfter),
    ("open-now", Condition::OpenNow),
    ("schema-pending", Condition::SchemaPending),
    ("restart-memcached", Condition::RestartMemcached),
    ("url", Condition::Url),
    ("writers", Condition::Writers),
    ("local-files", Condition::LocalFiles),
    ("release-checks", Condition::ReleaseChecks),
];

const READS: &[(&str, Reads)] = &[
    ("doctrine-pending-sql", Reads::DoctrinePendingSql),
    ("doctrine-schema-update", Reads::DoctrineSchemaUpdate),
    ("doctrine-converged", Reads::DoctrineConverged),
    ("doctrine-validate", Reads::DoctrineValidate),
    ("version", Reads::Version),
    ("composition", Reads::Composition),
    ("columns", Reads::Columns),
];

const MOMENTS: &[(&str, Moment)] = &[
    ("before-schema", Moment::BeforeSchema),
    ("after-schema", Moment::AfterSchema),
    ("after-views", Moment::AfterViews),
];

/// A script travels in one word of the login shell, and csh takes no longer ones.
const LONGEST_SCRIPT: usize = 4096;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10 * 60);

pub(super) fn procedure(origin: &str, source: &str) -> Result<Procedure, Problems> {
    let document = reader::parse(origin, source)?;
    let mut problems = Vec::new();
    let mut fields = Fields::new(document.get_ref(), document.span(), "the procedure");
    reader::format_version(&mut fields, &mut problems);
    let name = fields.required_text("name", &mut problems);
    if let Some(name) = &name {
        check_kebab("name", name, &mut problems);
    }
    let development = fields
        .text("requires", &mut problems)
        .and_then(|requires| word("requires", &requires, &[("development", ())], &mut problems));
    let tables = fields.list_of_tables("steps", "a step", &mut problems);
    let back_tables = fields.list_of_tables("back", "a step", &mut problems);
    let health_tables = fields.list_of_tables("health", "a step", &mut problems);
    fields.finish(&mut problems);
    if tables.is_empty() {
        problems.push(Problem::new(0..0, "the procedure has no steps").help("add one under `[[steps]]`"));
    }
    let raws: Vec<RawStep> = tables.into_iter().filter_map(|table| step(table, &mut problems)).collect();
    let back: Vec<RawStep> = back_tables.into_iter().filter_map(|table| step(table, &mut problems)).collect();
    let health: Vec<RawStep> =
        health_tables.into_iter().filter_map(|table| step(table, &mut problems)).collect();
    checks::between(&raws, &back, &health, &mut problems);
    match name {
        Some(name) if problems.is_empty() => Ok(Procedure {
            name: name.value,
            digest: digest_of(source, raws.iter().chain(&back).chain(&health)),
            development_only: development.is_some(),
            steps: release_steps::put_in(raws),
            back: back.into_iter().map(|raw| raw.step).collect(),
            health: health.into_iter().map(|raw| raw.step).collect(),
        }),
        _ => Err(Problems::new(origin, source, problems)),
    }
}

/// The digest of a procedure's text, and of those that ixporch carries and the procedure runs.
fn digest_of<'r>(source: &str, steps: impl Iterator<Item = &'r RawStep>) -> String {
    let scripts = steps.flat_map(|raw| match &raw.step.action {
        Action::BuiltIn(script) => vec![script.text().to_string()],
        Action::Run(arguments) => {
            arguments.iter().flat_map(Template::texts).map(ArgumentText::text).collect()
        }
        Action::Release(_) => {
            let steps = release::all().flat_map(|release| &release.steps).map(|step| format!("{step:?}"));
            steps.chain([BuiltInScript::ReleaseStep.text().to_string()]).collect()
        }
        Action::Script(_) | Action::Probe => Vec::new(),
    });
    let mut text = source.to_owned();
    for script in scripts {
        text.push('\0');
        text.push_str(&script);
    }
    digest::sha256(text.as_bytes())
}

fn step(mut fields: Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<RawStep> {
    let before = problems.len();
    let span = fields.span.clone();
    let id = fields.required_text("id", problems);
    if let Some(id) = &id {
        check_kebab("id", id, problems);
    }
    let title = fields.required_text("title", problems);
    if let Some(title) = &title
        && let Err(refusal) = value::single_line(&title.value)
    {
        problems.push(
            Problem::new(title.span.clone(), format!("`title` {refusal}")).help("write it on one line"),
        );
    }
    let effect = effect(&mut fields, problems);
    let release_steps = fields.text("release_steps", problems);
    let moment = release_steps.as_ref().and_then(|text| word("release_steps", text, MOMENTS, problems));
    let action = match &release_steps {
        Some(key) => release_action(&mut fields, key, problems),
        None => action(&mut fields, problems),
    };
    let cwd = template(&mut fields, "cwd", problems);
    let user = template(&mut fields, "user", problems);
    let environment = environment(&mut fields, problems);
    let timeout = timeout(&mut fields, problems);
    let proof = proof(&mut fields, problems);
    let debts = fields.text_or_texts("debt", problems).unwrap_or_default();
    let undo = fields.text_or_texts("undo", problems).unwrap_or_default();
    let alone = fields.flag("alone", problems).is_some_and(|alone| alone.value);
    let completes = fields.text_or_texts("completes", problems).unwrap_or_default();
    for step in &completes {
        check_kebab("completes", step, problems);
    }
    let (when, when_span) = conditions(&mut fields, problems);
    let when_exists = template(&mut fields, "when_exists", problems);
    let unless_exists = template(&mut fields, "unless_exists", problems);
    let reads = fields.text("reads", problems).and_then(|text| word("reads", &text, READS, problems));
    let capture = fields.text("capture", problems);
    if let Some(name) = &capture
        && let Err(refusal) = value::name(&name.value)
    {
        problems.push(
            Problem::new(name.span.clone(), format!("`capture` {}", refusal.why)).maybe_help(refusal.help),
        );
    }
    let show = fields.flag("show", problems).is_some_and(|show| show.value);
    let gate = fields.text("gate", problems);
    let schema_review =
        gate.as_ref().is_some_and(|gate| word("gate", gate, &[("schema-review", ())], problems).is_some());
    fields.finish(problems);
    if problems.len() > before {
        return None;
    }
    let id = id?;
    Some(RawStep {
        id: id.span,
        debts: debts.iter().map(|debt| debt.span.clone()).collect(),
        undo: undo.iter().map(|undo| undo.span.clone()).collect(),
        when: when_span.unwrap_or(span),
        step: Step {
            id: id.value,
            title: title?.value,
            effect: effect?,
            action: action?,
            cwd,
            user,
            environment,
            timeout,
            proof,
            debts: debts.into_iter().map(|debt| debt.value).collect(),
            undo: undo.into_iter().map(|undo| undo.value).collect(),
            alone,
            completes: completes.into_iter().map(|step| step.value).collect(),
            when,
            when_exists,
            unless_exists,
            reads,
            capture: capture.map(|name| name.value),
            schema_review,
            show,
        },
        release_steps: moment,
    })
}

/// What each of the steps of releases runs is put in later.
fn release_action(
    fields: &mut Fields<'_, '_>,
    key: &Located<String>,
    problems: &mut Vec<Problem>,
) -> Option<Action> {
    for other in ACTIONS.into_iter().chain(["proof", "reads", "capture", "gate", "alone"]) {
        if let Some(span) = fields.span_of(other) {
            problems.push(
                Problem::new(span, format!("`{other}` does not go with `release_steps`"))
                    .related(key.span.clone(), "`release_steps` is here")
                    .help("remove one of them"),
            );
            return None;
        }
    }
    Some(Action::Release(ReleaseAction {
        release: String::new(),
        artisan: Vec::new(),
        sql: String::new(),
        rows: String::new(),
        tells_later: false,
    }))
}

fn effect(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<Effect> {
    let text = fields.required_text("effect", problems)?;
    word("effect", &text, &[("check", Effect::Check), ("change", Effect::Change)], problems)
}

/// The keys that say what a step runs.
const ACTIONS: [&str; 4] = ["run", "script", "built_in", "probe"];

fn action(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<Action> {
    let given: Vec<(&str, Range<usize>)> =
        ACTIONS.into_iter().filter_map(|key| Some((key, fields.span_of(key)?))).collect();
    match given.as_slice() {
        [] => {
            problems.push(
                Problem::new(fields.span.clone(), "the step runs nothing")
                    .help("add `run = [\"program\", \"argument\"]`, or `script` for what needs a shell"),
            );
            None
        }
        [("run", _)] => run(fields, problems),
        [("script", _)] => script(fields, problems),
        [("probe", _)] => fields
            .text("probe", problems)
            .and_then(|what| word("probe", &what, &[("site", ())], problems))
            .map(|()| Action::Probe),
        [_] => fields
            .text("built_in", problems)
            .and_then(|name| word("built_in", &name, BUILT_IN_SCRIPTS, problems))
            .map(Action::BuiltIn),
        [(first, place), (second, span), ..] => {
            problems.push(
                Problem::new(span.clone(), format!("a step has either `{first}` or `{second}`"))
                    .related(place.clone(), format!("`{first}` is here"))
                    .help("remove one of them"),
            );
            None
        }
    }
}

fn run(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<Action> {
    let items = fields.texts("run", problems)?;
    if items.value.first().is_none_or(|program| program.value.is_empty()) {
        problems.push(
            Problem::new(items.span, "`run` is empty")
                .label("no program")
                .help("the first word is the program, the others are its arguments"),
        );
        return None;
    }
    Some(Action::Run(arguments(items.value, problems)))
}

fn script(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<Action> {
    let script = fields.text("script", problems)?;
    if script.value.len() > LONGEST_SCRIPT {
        problems.push(
            Problem::new(script.span, format!("`script` is longer than {LONGEST_SCRIPT} bytes"))
                .help("put it into a file on the hosts, and `run` that"),
        );
        return None;
    }
    if script.value.contains('\0') {
        problems.push(Problem::new(script.span, "`script` holds a NUL"));
        return None;
    }
    Some(Action::Script(Script::new(script.value)))
}

fn arguments(items: Vec<Located<String>>, problems: &mut Vec<Problem>) -> Vec<Template> {
    items.into_iter().filter_map(|item| parse_template(&item, true, problems)).collect()
}

fn template(fields: &mut Fields<'_, '_>, key: &'static str, problems: &mut Vec<Problem>) -> Option<Template> {
    let text = fields.text(key, problems)?;
    parse_template(&text, false, problems)
}

fn parse_template(
    text: &Located<String>,
    words_allowed: bool,
    problems: &mut Vec<Problem>,
) -> Option<Template> {
    if let Err(refusal) = value::single_line(&text.value) {
        problems.push(Problem::new(text.span.clone(), format!("the text {refusal}")));
        return None;
    }
    let names = || Placeholder::ALL.into_iter().map(Placeholder::name);
    let problem = match Template::parse(&text.value) {
        Ok(template) => {
            let words = template.as_words().map(|words| (words.name(), "a command"));
            let script = template.texts().next().map(|script| (script.file_name(), "a script"));
            match words.or(script) {
                Some((name, what)) if !words_allowed => {
                    Problem::new(text.span.clone(), format!("`{{{name}}}` is {what}, not a single value"))
                        .help("it can only be an argument of `run`")
                }
                _ => return Some(template),
            }
        }
        Err(TemplateError::Open) => Problem::new(text.span.clone(), "a brace is not closed")
            .help("placeholders look like `{ixp_root}`; write `{{` and `}}` for braces"),
        Err(TemplateError::Unknown(name)) => {
            Problem::new(text.span.clone(), format!("there is no placeholder `{{{name}}}`"))
                .maybe_help(suggest::help(&name, names()))
        }
        Err(TemplateError::WordsInside(words)) => Problem::new(
            text.span.clone(),
            format!("`{{{}}}` is a command and must be an argument of its own", words.name()),
        ),
    };
    problems.push(problem);
    None
}

fn environment(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> BTreeMap<String, Template> {
    let mut environment = BTreeMap::new();
    let Some(table) = fields.table("environment", problems) else { return environment };
    for (name, raw) in table.entries() {
        let good = name.value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            problems.push(Problem::new(
                name.span,
                format!("`{}` is not the name of a variable", name.value.escape_debug()),
            ));
            continue;
        }
        let Some(text) = reader::text(raw, &name.value, problems) else { continue };
        if let Some(template) = parse_template(&text, false, problems) {
            environment.insert(name.value, template);
        }
    }
    environment
}

fn timeout(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Duration {
    let Some(text) = fields.text("timeout", problems) else { return DEFAULT_TIMEOUT };
    match value::parse_time(&text.value) {
        Ok(time) => time,
        Err(refusal) => {
            problems.push(
                Problem::new(text.span, format!("`timeout` is not a length of time: {refusal}"))
                    .help("write it like `15m`"),
            );
            DEFAULT_TIMEOUT
        }
    }
}

fn proof(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<Proof> {
    let mut table = fields.table("proof", problems)?;
    let span = table.span.clone();
    let exists = template(&mut table, "exists", problems).map(Proof::Exists);
    let absent = template(&mut table, "absent", problems).map(Proof::Absent);
    let restarted = table
        .text("restarted", problems)
        .and_then(|text| word("restarted", &text, &[("memcached", Proof::MemcachedRestarted)], problems));
    let no_rows = table.text("no_rows", problems).map(|query| Proof::NoRows(query.value));
    let given = ["exists", "absent", "restarted", "no_rows"]
        .into_iter()
        .filter(|key| table.span_of(key).is_some())
        .count();
    table.finish(problems);
    let mut proofs: Vec<Proof> = [exists, absent, restarted, no_rows].into_iter().flatten().collect();
    if given != 1 {
        problems.push(
            Problem::new(span, "`proof` has one of `exists`, `absent`, `restarted` and `no_rows`")
                .help("for instance `proof = { exists = \"{ixp_root}/storage/framework/down\" }`"),
        );
        return None;
    }
    proofs.pop()
}

fn conditions(
    fields: &mut Fields<'_, '_>,
    problems: &mut Vec<Problem>,
) -> (Vec<Condition>, Option<Range<usize>>) {
    let Some(items) = fields.texts("when", problems) else { return (Vec::new(), None) };
    let found = items.value.iter().filter_map(|item| word("when", item, CONDITIONS, problems)).collect();
    (found, Some(items.span))
}

/// One of the known words of a key.
fn word<T: Clone>(
    key: &str,
    text: &Located<String>,
    known: &[(&str, T)],
    problems: &mut Vec<Problem>,
) -> Option<T> {
    if let Some((_, value)) = known.iter().find(|(word, _)| *word == text.value) {
        return Some(value.clone());
    }
    problems.push(
        Problem::new(text.span.clone(), format!("`{key}` cannot be `{}`", text.value.escape_debug()))
            .maybe_help(suggest::help(&text.value, known.iter().map(|(word, _)| *word))),
    );
    None
}

fn check_kebab(key: &str, text: &Located<String>, problems: &mut Vec<Problem>) {
    let good = text.value.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.value.ends_with('-')
        && text.value.len() <= 64
        && text.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !good {
        problems.push(
            Problem::new(text.span.clone(), format!("`{key}` is not kebab-case"))
                .help("lower-case letters, digits and `-`, a letter first"),
        );
    }
}
