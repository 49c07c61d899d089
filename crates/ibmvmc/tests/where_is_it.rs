//! `crates/README.md`, the page that leads from the references to the code, is true and complete: what it names
//! exists, and what the code knows is on it.

use ibmvmc::Quirk;
use papr::{InitFormat, TransportEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use vmc_proto::{
    AddBufferStatus, CapabilitiesStatus, InterfaceStatus, MessageType, RemoveBufferStatus,
};

/// Sections of LoPAR, A Protocol for VMC Communications. Those of messages are in the table of messages.
const LOPAR_VMC: &[&str] = &[
    "Overview",
    "Logical Partition Manager",
    "Virtual Management Channel",
    "VMC CRQ Message Definition",
    "Administrative Messages",
    "VMC Capabilities",
    "HMC Interface Buffers",
    "Interface Open",
    "Interface Open Response",
    "Interface Close",
    "Add Buffer",
    "Remove Buffer",
    "Signal Message",
    "Example Management Partition VMC Driver Interface",
];

/// Sections of LoPAR about the CRQ, other than its calls, events and numbered requirements.
const LOPAR_CRQ: &[&str] = &[
    "CRQ Format and Registration",
    "CRQ Entry Format",
    "Initialization Command/Response entries",
    "CRQ Entry Processing",
    "CRQ Facility Interrupt Notification",
];

/// Paragraphs of the driver document that ask for something.
const DRIVER_DOCUMENT: &[&str] = &[
    "Virtual Management Channel",
    "VMC Interface Initialization",
    "VMC Interface Open",
    "VMC Interface Runtime",
    "VMC Interface Close",
];

/// Families of numbered requirements, each with the highest number.
const REQUIREMENTS: &[(&str, u32)] = &[
    ("VMC", 2),
    ("VMC device tree", 2),
    ("Reliable Command/Response Transport", 5),
    ("Logical Remote DMA", 5),
    ("General VIO", 20),
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The page by its headings, each with the rows of its table, without the head.
fn page() -> BTreeMap<String, Vec<Vec<String>>> {
    let text = read(&crates().join("README.md"));
    let sections = text.split("\n## ").skip(1).map(|section| {
        let (heading, body) = section.split_once('\n').expect("a heading has a body");
        let rows = body.lines().filter(|line| line.starts_with("| "));
        let cells =
            |row: &str| row.trim_matches('|').split(" | ").map(|c| c.trim().to_owned()).collect();
        (heading.to_owned(), rows.skip(1).map(cells).collect())
    });
    sections.collect()
}

/// What stands in backquotes.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The functions of the tests of all crates.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    sources(&crates(), &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let text = read(&file);
        let is_test = file.to_string_lossy().contains("tests");
        let from = if is_test { Some(0) } else { text.find("#[cfg(test)]") };
        let text = from.map_or("", |from| &text[from..]);
        let functions = text.lines().filter_map(|line| line.trim_start().strip_prefix("fn "));
        names.extend(functions.filter_map(|f| f.split(['(', '<']).next()).map(str::to_owned));
    }
    names
}

fn has_function(source: &str, name: &str) -> bool {
    let definitions = [format!("fn {name}("), format!("fn {name}<")];
    definitions.iter().any(|definition| source.contains(definition.as_str()))
}

/// What a cell or a paragraph names that does not exist. A function belongs to the file before it; one without a
/// file is a test.
fn missing(text: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut file: Option<String> = None;
    let mut missing = Vec::new();
    for named in code(text) {
        let exists = if named.ends_with(".rs") || named.ends_with(".md") {
            file = std::fs::read_to_string(crates().join(named)).ok();
            file.is_some()
        } else if is_identifier(named) {
            match &file {
                Some(file) => has_function(file, named),
                None => tests.contains(named),
            }
        } else if named.contains('/') && !named.contains(' ') {
            crates().join(format!("../scenarios/{named}.toml")).exists()
        } else {
            true
        };
        if !exists {
            missing.push(named.to_owned());
        }
    }
    missing
}

#[test]
fn everything_that_the_page_names_exists() {
    let tests = tests();
    for (heading, rows) in page() {
        for row in rows {
            for cell in &row {
                let missing = missing(cell, &tests);
                assert!(missing.is_empty(), "{heading}, {}: no {missing:?}", row[0]);
            }
        }
    }
}

#[test]
fn a_name_that_does_not_exist_is_noticed() {
    let tests = tests();
    let bad = |text| missing(text, &tests).len();
    assert_eq!(bad("`ibmvmc/src/write.rs` `begin_write`"), 0);
    assert_eq!(bad("`ibmvmc/src/write.rs` `begin_writ`"), 1);
    assert_eq!(bad("`ibmvmc/src/write.rs` `read_blocks_or_not_as_the_file_was_opened`"), 1);
    assert_eq!(bad("`ibmvmc/src/wrote.rs`"), 1);
    assert_eq!(bad("`messages/echo`, `messages/ech`"), 1);
    assert_eq!(bad("`read_blocks_or_not`"), 1);
}

/// The rows of a section whose first cell begins with a text, as a whole word.
fn has_row(rows: &[Vec<String>], text: &str) -> bool {
    let begins = |cell: &str| {
        let rest = cell.trim_start_matches('`').strip_prefix(text);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    rows.iter().any(|row| begins(&row[0]))
}

#[test]
fn every_message_and_every_status_has_a_row() {
    let page = page();
    let messages = &page["Messages"];
    for message in MessageType::ALL {
        let row = format!("{} ({:#04x})", message.name(), *message as u8);
        assert!(has_row(messages, &row), "{row}");
    }
    for format in (0..=u8::MAX).map(InitFormat) {
        let Some(name) = format.name() else { continue };
        let row = format!("{name} (0xC0 {:#04x})", format.0);
        assert!(has_row(messages, &row), "{row}");
    }
    let statuses = &page["Statuses"];
    macro_rules! assert_statuses {
        ($($name:ident),*) => {$(
            for &status in $name::ALL {
                let row = format!("{} {}, {}", stringify!($name), status as u8, status.text());
                assert!(has_row(statuses, &row), "{row}");
            }
        )*};
    }
    assert_statuses!(CapabilitiesStatus, InterfaceStatus, AddBufferStatus, RemoveBufferStatus);
}

#[test]
fn every_section_call_and_event_of_the_references_has_a_row() {
    let page = page();
    for (heading, sections) in [
        ("LoPAR, A Protocol for VMC Communications", LOPAR_VMC),
        ("LoPAR, the CRQ and its hypervisor calls", LOPAR_CRQ),
        ("The driver document", DRIVER_DOCUMENT),
    ] {
        for section in sections {
            assert!(has_row(&page[heading], section), "{heading}: {section}");
        }
    }
    let crq = &page["LoPAR, the CRQ and its hypervisor calls"];
    let first_cells: Vec<&str> = crq.iter().map(|row| row[0].as_str()).collect();
    for &opcode in papr::hcall::opcode::ALL {
        let name = papr::hcall::opcode::name(opcode).expect("a name");
        let quoted = format!("`{name}`");
        let mut calls = first_cells.iter().flat_map(|cell| cell.split(" and "));
        assert!(calls.any(|call| call.starts_with(&quoted)), "{name}");
    }
    for event in (0..=u8::MAX).map(TransportEvent) {
        let Some(name) = event.name() else { continue };
        let text = format!("0x{:02X}, {name}", event.0);
        assert!(first_cells.iter().any(|cell| cell.contains(&text)), "transport event {text}");
    }
}

/// The numbers in `R1-2, R1-5 to R1-7`.
fn numbers(text: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = Vec::new();
    for part in text.split(", ") {
        let ends: Vec<u32> =
            part.split(" to ").filter_map(|end| end.strip_prefix("R1-")?.parse().ok()).collect();
        if let (Some(&first), Some(&last)) = (ends.first(), ends.last()) {
            numbers.extend(first..=last);
        }
    }
    numbers
}

#[test]
fn every_requirement_has_one_row() {
    let page = page();
    for (family, last) in REQUIREMENTS {
        let prefix = format!("{family} R1-");
        let rows = page["LoPAR, other requirements"].iter();
        let rows = rows.filter_map(|row| row[0].strip_prefix(prefix.as_str()));
        let mut found: Vec<u32> = rows
            .flat_map(|rest| numbers(&format!("R1-{}", rest.split(':').next().unwrap_or_default())))
            .collect();
        found.sort_unstable();
        assert_eq!(found, (1..=*last).collect::<Vec<_>>(), "{family}");
    }
}

#[test]
fn every_hazard_has_a_row_with_all_its_tests_and_scenarios() {
    let page = page();
    let rows = &page["Known hazards"];
    for (row, number) in rows.iter().zip(1..) {
        assert_eq!(row[0], format!("H{number:02}"), "hazards are numbered without a gap");
    }
    let row_of = |id: &str| rows.iter().find(|row| row[0] == id);
    let with_quirk: Vec<&str> =
        rows.iter().filter(|row| row[1] == "Q").map(|row| row[0].as_str()).collect();
    let quirks: Vec<&str> = Quirk::ALL.iter().map(|quirk| quirk.id()).collect();
    assert_eq!(with_quirk, quirks, "the hazards marked Q are the quirks");

    // A name begins with the number of its hazard: `h05_…` of a test, `h05-…` of a scenario.
    let listed = |name: &str, cell: usize, written: &str| {
        let id = name[..3].to_uppercase();
        let row = row_of(&id).unwrap_or_else(|| panic!("{name}: {id} has no row"));
        assert!(
            code(&row[cell]).any(|code| code == written),
            "{written} is not in the row of {id}"
        );
    };
    let is_numbered = |name: &str, mark: char| {
        let name = name.as_bytes();
        name.len() > 4
            && name[0] == b'h'
            && name[1..3].iter().all(u8::is_ascii_digit)
            && name[3] == mark as u8
    };
    let mut files = Vec::new();
    sources(&crates(), &mut files);
    // Those of the quirks show the hazard, not its absence.
    for file in files.iter().filter(|file| !file.to_string_lossy().contains("quirks")) {
        let text = read(file);
        let functions = text.lines().filter_map(|line| line.strip_prefix("fn "));
        let names = functions.filter_map(|f| f.split(['(', '<']).next());
        names.filter(|name| is_numbered(name, '_')).for_each(|name| listed(name, 5, name));
    }
    for entry in std::fs::read_dir(crates().join("../scenarios/hazards")).expect("a folder") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let name = name.trim_end_matches(".toml");
        assert!(is_numbered(name, '-'), "{name} does not begin with the number of a hazard");
        listed(name, 6, &format!("hazards/{name}"));
    }
}
