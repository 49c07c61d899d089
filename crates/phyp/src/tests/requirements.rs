//! The table of LoPAR's requirements names tests that exist.

const TABLE: &str = include_str!("../requirements.md");

const SOURCES: [&str; 4] = [
    include_str!("interrupts.rs"),
    include_str!("lopar_crq.rs"),
    include_str!("threads.rs"),
    include_str!("transport.rs"),
];

/// Rows of the table: the requirement, and the tests that cover it.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| R1-"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (requirement, covered_by) = (cells.next().unwrap(), cells.nth(1).unwrap());
        let quoted = covered_by.split('`').skip(1).step_by(2);
        (requirement, quoted.filter(|name| !name.starts_with("H_")).collect())
    })
    .collect()
}

fn is_a_test(name: &str) -> bool {
    let definitions = [format!("fn {name}("), format!("fn {name}<P: Backend>(")];
    SOURCES.iter().any(|source| definitions.iter().any(|fragment| source.contains(fragment)))
}

#[test]
fn every_test_in_the_table_exists() {
    for (requirement, tests) in rows() {
        for test in tests {
            assert!(is_a_test(test), "{requirement}: no test is called {test}");
        }
    }
    assert!(!is_a_test("lopar_crq_r1_2"), "the beginning of a name is no name");
}

#[test]
fn every_requirement_has_a_row_and_every_requirement_test_is_in_it() {
    let numbers: Vec<String> = (1..=24).map(|n| format!("R1-{n}")).collect();
    let rows = rows();
    assert!(rows.iter().map(|(requirement, _)| requirement).eq(numbers.iter()));
    let named = |prefix: &'static str| {
        let lines = SOURCES.into_iter().flat_map(str::lines);
        lines
            .filter_map(move |line| line.strip_prefix("fn ")?.split(['<', '(']).next())
            .filter(move |name| name.starts_with(prefix))
    };
    for test in named("lopar_crq_r1_") {
        let number = test["lopar_crq_r1_".len()..].split('_').next().unwrap();
        let row = rows.iter().find(|(requirement, _)| *requirement == format!("R1-{number}"));
        assert!(row.is_some_and(|(_, tests)| tests.contains(&test)), "{test} is in no row");
    }
    assert_eq!(named("lopar_crq_r1_").count(), 22);
}
