//! Who is who among a scenario's threads: their names, their numbers, and the processes that they belong to.

use super::bounds::{self, MAX_THREADS, number};
use super::error::Problem;
use super::file::{AppForm, ScenarioForm};
use super::spanned::Spanned;
use std::collections::BTreeMap;
use std::ops::Range;

/// The threads of a scenario, numbered in the order in which the applications stand.
pub(super) struct Names {
    apps: Vec<AppThreads>,
    numbers: BTreeMap<String, u16>,
    /// The first replica of each application that has several.
    replicated: BTreeMap<String, u16>,
}

/// The threads of one application: several if it has a `count`.
pub(super) struct AppThreads {
    pub(super) names: Vec<String>,
    pub(super) numbers: Range<u16>,
    /// The first thread of the process to which they belong; their own, if they do not share. The replicas of an
    /// application are a process each.
    pub(super) shares: Option<u16>,
}

impl AppThreads {
    /// What tells the process of the application from others.
    pub(super) fn process(&self) -> u16 {
        self.shares.unwrap_or(self.numbers.start)
    }
}

impl Names {
    pub(super) fn of(form: &ScenarioForm) -> Result<Names, Problem> {
        let mut names =
            Names { apps: Vec::new(), numbers: BTreeMap::new(), replicated: BTreeMap::new() };
        for (place, app) in form.app.iter().enumerate() {
            names.add(place, app)?;
        }
        for (place, app) in form.app.iter().enumerate() {
            names.apps[place].shares = names.shared_process(form, app.get_ref())?;
        }
        Ok(names)
    }

    /// The threads of each application, in order.
    pub(super) fn apps(&self) -> &[AppThreads] {
        &self.apps
    }

    /// The thread of that name; the name of an application with replicas stands for the first of them.
    pub(super) fn thread(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).or_else(|| self.replicated.get(name)).copied()
    }

    /// The process of a thread.
    pub(super) fn process(&self, thread: u16) -> u16 {
        let of = self.apps.iter().find(|app| app.numbers.contains(&thread));
        of.and_then(|app| app.shares).unwrap_or(thread)
    }

    fn add(&mut self, place: usize, app: &Spanned<AppForm>) -> Result<(), Problem> {
        let span = app.span();
        let app = app.get_ref();
        let count = match &app.count {
            Some(count) => number("count", count, bounds::COUNT)?,
            None => 1,
        };
        if self.numbers.len() + count as usize > MAX_THREADS {
            return Err(Problem::new(
                span,
                format!("a scenario has at most {MAX_THREADS} threads"),
                "lower a `count`",
            ));
        }
        if let Some(name) = &app.name {
            well_formed(name)?;
        }
        let first = self.numbers.len() as u16;
        let names = thread_names(place, app);
        for (name, number) in names.iter().zip(first..) {
            if self.numbers.insert(name.clone(), number).is_some() {
                return Err(Problem::new(
                    app.name.as_ref().map_or(span, Spanned::span),
                    format!("two applications are named `{name}`"),
                    "give each application a name of its own",
                ));
            }
        }
        if let (Some(name), Some(_)) = (&app.name, &app.count) {
            self.replicated.insert(name.get_ref().clone(), first);
        }
        let numbers = first..first + names.len() as u16;
        self.apps.push(AppThreads { names, numbers, shares: None });
        Ok(())
    }

    /// The process that an application is told to share.
    fn shared_process(&self, form: &ScenarioForm, app: &AppForm) -> Result<Option<u16>, Problem> {
        let Some(process) = &app.process else { return Ok(None) };
        let wrong = |message: String, remedy: &str| Problem::new(process.span(), message, remedy);
        let name = process.get_ref();
        let owner = self.thread(name).ok_or_else(|| {
            wrong(
                format!("no application is named `{name}`"),
                "name the application whose process this thread belongs to",
            )
        })?;
        let place = self.apps.iter().position(|app| app.numbers.contains(&owner));
        let Some(owner_app) = place.map(|place| form.app[place].get_ref()) else { return Ok(None) };
        if owner_app.count.is_some() {
            return Err(wrong(
                format!("`{name}` is one of several replicas, which share nothing"),
                "name an application without `count`",
            ));
        }
        match &owner_app.process {
            Some(other) if other.get_ref() != name => Err(wrong(
                format!("`{name}` is itself a thread of `{}`", other.get_ref()),
                "name the application that owns the process",
            )),
            _ => Ok(Some(owner)),
        }
    }
}

fn well_formed(name: &Spanned<String>) -> Result<(), Problem> {
    let text = name.get_ref().as_str();
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.chars().all(valid) {
        return Ok(());
    }
    Err(Problem::new(
        name.span(),
        format!("`{text}` cannot name an application"),
        "use small letters, digits and `-`",
    ))
}

/// Names of an application's threads: its own, or a letter by its place; numbered when there are several.
fn thread_names(place: usize, app: &AppForm) -> Vec<String> {
    let name = match &app.name {
        Some(name) => name.get_ref().clone(),
        None => match u8::try_from(place) {
            Ok(place @ 0..26) => char::from(b'a' + place).to_string(),
            _ => format!("app-{}", place + 1),
        },
    };
    match &app.count {
        Some(count) => (1..=*count.get_ref()).map(|n| format!("{name}-{n}")).collect(),
        None => vec![name],
    }
}

#[cfg(test)]
mod tests {
    use crate::Scenario;

    /// Applications that do nothing, from what else their tables say; the first stands on line 2.
    fn apps(tables: &[&str]) -> Result<Scenario, String> {
        let mut text = String::from("title = \"t\"\n");
        for table in tables {
            text += &format!("[[app]]\nsteps = []\n{table}\n");
        }
        Scenario::parse("t.toml", &text).map_err(|error| error.to_string())
    }

    fn threads(tables: &[&str]) -> Vec<(String, u16)> {
        let scenario = apps(tables).unwrap();
        scenario.plan().threads.iter().map(|t| (t.name.clone(), t.process)).collect()
    }

    #[test]
    fn threads_are_named_by_place_and_replica() {
        let named = threads(&["", "count = 2", "name = \"z\""]);
        let own = |name: &str, process| (name.to_owned(), process);
        assert_eq!(named, [own("a", 0), own("b-1", 1), own("b-2", 2), own("z", 3)]);
    }

    #[test]
    fn a_thread_belongs_to_the_process_that_it_names_even_by_place() {
        let named = threads(&["", "name = \"x\"\nprocess = \"a\"", "process = \"c\""]);
        let processes: Vec<_> = named.iter().map(|(_, process)| *process).collect();
        assert_eq!(processes, [0, 0, 2]);
    }

    #[test]
    fn no_two_threads_share_a_name() {
        let report = |line: usize, column: usize, name: &str| {
            format!(
                "t.toml:{line}:{column}: two applications are named `{name}`; give each application a name \
                 of its own"
            )
        };
        let twice = ["name = \"x\"", "name = \"x\""];
        assert_eq!(apps(&twice).unwrap_err(), report(7, 8, "x"));
        assert_eq!(apps(&["name = \"b\"", ""]).unwrap_err(), report(5, 1, "b"));
        let replica = ["name = \"a\"\ncount = 2", "name = \"a-1\""];
        assert_eq!(apps(&replica).unwrap_err(), report(8, 8, "a-1"));
    }

    #[test]
    fn a_process_is_that_of_one_application_which_owns_it() {
        assert_eq!(
            apps(&["name = \"a\"", "process = \"z\""]).unwrap_err(),
            "t.toml:7:11: no application is named `z`; name the application whose process this thread belongs \
             to"
        );
        assert_eq!(
            apps(&["name = \"a\"\ncount = 2", "process = \"a-2\""]).unwrap_err(),
            "t.toml:8:11: `a-2` is one of several replicas, which share nothing; name an application without \
             `count`"
        );
        let chain = ["name = \"a\"", "name = \"b\"\nprocess = \"a\"", "process = \"b\""];
        assert_eq!(
            apps(&chain).unwrap_err(),
            "t.toml:11:11: `b` is itself a thread of `a`; name the application that owns the process"
        );
    }

    #[test]
    fn an_application_with_replicas_stands_for_the_first_of_them() {
        let signal = |name: &str| format!("steps = [ {{ interrupt = \"{name}\" }} ]");
        let interrupted = |name: &str| {
            let text = format!(
                "title = \"t\"\n[[app]]\n{}\n[[app]]\nname = \"x\"\ncount = 2\nsteps = []\n",
                signal(name)
            );
            let scenario = Scenario::parse("t.toml", &text).map_err(|error| error.to_string())?;
            Ok::<_, String>(scenario.plan().threads[0].steps[1].action.clone())
        };
        let thread = |number| Ok(vmc_machine::script::Action::Interrupt(number));
        assert_eq!(interrupted("x"), thread(1));
        assert_eq!(interrupted("x-1"), thread(1));
        assert_eq!(interrupted("x-2"), thread(2));
        assert!(interrupted("x-3").is_err());
    }

    #[test]
    fn threads_are_bounded_in_all() {
        assert!(apps(&["count = 512"]).is_ok());
        assert_eq!(
            apps(&["count = 512", ""]).unwrap_err(),
            "t.toml:5:1: a scenario has at most 512 threads; lower a `count`"
        );
    }
}
