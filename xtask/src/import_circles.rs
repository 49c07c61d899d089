//! Circles of imports: no folder of a crate imports from a module that imports from it.
//!
//! Read from the text of the sources, tests left out. A module at the top of a crate is one place, with all that is in its
//! folder; a name that the crate's root exports stands for the module that it comes from. Files side by side may use
//! each other.

use crate::workspace::{files_below, root, short};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The modules at the top of a crate.
type Modules = BTreeMap<String, Module>;

/// A module at the top of a crate, with those below it.
#[derive(Debug, Default)]
struct Module {
    /// It has a folder of its own.
    is_folder: bool,
    /// The modules at the top that it names.
    imports: BTreeSet<String>,
}

/// Every circle that spans two folders of a crate.
pub(crate) fn problems() -> Vec<String> {
    let mut found = Vec::new();
    let crates = std::fs::read_dir(root().join("crates")).into_iter().flatten().flatten();
    let mut folders: Vec<_> = crates.map(|entry| entry.path().join("src")).collect();
    folders.extend([root().join("xtask/src"), root().join("benches/src")]);
    folders.sort();
    for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
        let mut sources = Vec::new();
        for path in files_below(&folder, "rs").unwrap_or_default() {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let Ok(below) = path.strip_prefix(&folder) else { continue };
            sources.push((segments(below), text));
        }
        found.extend(circles(&modules(&sources)).into_iter().map(|circle| {
            format!(
                "{}: {} import from each other: move what the lower ones need down",
                short(&folder),
                circle.join(", ")
            )
        }));
    }
    found
}

/// The path of a module in its crate: `a/mod.rs` and `a.rs` are `a`.
fn segments(file: &Path) -> Vec<String> {
    let file = file.with_extension("");
    let mut segments: Vec<_> =
        file.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "mod") {
        segments.pop();
    }
    segments
}

fn modules(sources: &[(Vec<String>, String)]) -> Modules {
    let is_test = |part: &String| part.ends_with("tests") || part == "testing";
    let is_root = |path: &[String]| path.len() == 1 && ["lib", "main"].contains(&path[0].as_str());
    let mut modules = Modules::new();
    let mut exported = BTreeMap::new();
    let sources: Vec<_> = sources.iter().map(|(path, text)| (path, code(text))).collect();
    for (path, text) in &sources {
        if is_root(path) {
            exported.extend(exports(text));
        } else if !path.iter().any(is_test) {
            modules.entry(path[0].clone()).or_default().is_folder |= path.len() > 1;
        }
    }
    for (path, text) in &sources {
        if is_root(path) || path.iter().any(is_test) {
            continue;
        }
        let names = [String::from("crate::"), "super::".repeat(path.len())];
        let names = names.iter().flat_map(|prefix| names_after(text, prefix));
        let known = |name: &String| match modules.contains_key(name) {
            true => Some(name.clone()),
            false => exported.get(name).filter(|module| modules.contains_key(*module)).cloned(),
        };
        let imports: BTreeSet<_> = names.filter_map(|name| known(&name)).collect();
        let module = modules.entry(path[0].clone()).or_default();
        module.imports.extend(imports.into_iter().filter(|name| *name != path[0]));
    }
    modules
}

/// The text without comments and without tests at its end.
fn code(text: &str) -> String {
    let tests = text.match_indices("#[cfg(test)]\nmod ").find(|(at, _)| {
        text[*at..].lines().nth(1).is_some_and(|line| line.trim_end().ends_with('{'))
    });
    let text = &text[..tests.map_or(text.len(), |(at, _)| at)];
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The names that the root of a crate exports, each with the module that it comes from.
fn exports(text: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for statement in text.split(';').filter_map(|statement| statement.trim().strip_prefix("pub")) {
        let Some((_, path)) = statement.split_once("use ") else { continue };
        let mut words = path.split(|c: char| !is_of_name(c)).filter(|word| !word.is_empty());
        let Some(module) = words.find(|word| !["self", "crate"].contains(word)) else { continue };
        exports.extend(words.map(|word| (word.to_owned(), module.to_owned())));
    }
    exports
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The first name of each path after a prefix; several where it goes on with a list.
fn names_after(text: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        if text[..at].ends_with(|c: char| is_of_name(c) || c == ':') {
            continue;
        }
        let path = &text[at + prefix.len()..];
        let name = |path: &str| path.chars().take_while(|c| is_of_name(*c)).collect::<String>();
        let Some(list) = path.strip_prefix('{') else {
            names.push(name(path));
            continue;
        };
        let (mut depth, mut is_first) = (1, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => is_first = true,
                c if is_first && is_of_name(c) => {
                    names.push(name(&list[at..]));
                    is_first = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// Modules that import from each other, at least one of them with a folder.
fn circles(modules: &Modules) -> Vec<Vec<String>> {
    let reached = |from: &String| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(name) = next.pop() {
            let imports = modules.get(name).into_iter().flat_map(|module| &module.imports);
            next.extend(imports.filter(|name| reached.insert((*name).clone())));
        }
        reached
    };
    let reached: BTreeMap<_, _> = modules.keys().map(|name| (name, reached(name))).collect();
    let mut circles = BTreeSet::new();
    for (name, of_name) in &reached {
        let is_back = |other: &&String| reached.get(other).is_some_and(|set| set.contains(*name));
        let circle: Vec<String> = of_name.iter().filter(is_back).cloned().collect();
        if circle.len() > 1 && circle.iter().any(|name| modules[name].is_folder) {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles_of(sources: &[(&str, &str)]) -> Vec<Vec<String>> {
        let source = |(file, text): &(&str, &str)| (segments(Path::new(file)), (*text).to_owned());
        circles(&modules(&sources.iter().map(source).collect::<Vec<_>>()))
    }

    #[test]
    fn a_folder_and_what_it_imports_must_not_import_from_each_other() {
        let circle = vec![vec![String::from("a"), String::from("b"), String::from("c")]];
        let root = ("lib.rs", "mod a;\nmod b;\nmod c;\npub use c::{Thing, other::More};");
        let back = "use std::fmt;\nuse crate::{a::deep::{X, Y}, b::Z};";
        let sources = |a, c| {
            [root, ("a/mod.rs", ""), ("a/deep.rs", a), ("b.rs", "use super::c;"), ("c.rs", c)]
        };
        assert_eq!(circles_of(&sources("use super::super::b::Z;", back)), circle);
        assert_eq!(circles_of(&sources("fn f() -> crate::More { }", back)), circle[..1]);
        assert_eq!(circles_of(&sources("", back)), [[""; 0]; 0], "files side by side");
        let in_tests = "#[cfg(test)]\nmod tests {\n use crate::b;\n}";
        assert_eq!(circles_of(&sources(in_tests, back)), [[""; 0]; 0]);
        assert_eq!(circles_of(&sources("// crate::b", back)), [[""; 0]; 0]);
    }
}
