//! The header is that of the sources.

#[path = "support/header.rs"]
mod header;

#[test]
fn the_header_is_the_one_that_the_sources_make() {
    let found = std::fs::read_to_string(header::path()).unwrap_or_default();
    let expected = header::generated();
    let differs =
        found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "include/vmcsim.h is not that of the sources, from line {} on: write it with \
         `cargo run -p vmcsim-ffi --example header`, and look at what changes for programs",
        differs.map_or(found.lines().count().min(expected.lines().count()), |line| line) + 1
    );
}

/// What a caller has to know of each function: who may call it, and what it answers.
#[test]
fn every_function_says_its_threads_and_its_errors() {
    let text = header::generated();
    let mut documented = String::new();
    let mut functions = 0;
    for line in text.lines() {
        match line {
            "/**" => documented.clear(),
            line if line.starts_with(" *") => documented.push_str(line),
            line if is_function(line) => {
                functions += 1;
                for word in ["Threads", "rrors"] {
                    assert!(documented.contains(word), "{line}: no word of {word}");
                }
            }
            _ => {}
        }
    }
    assert!(functions >= 28, "{functions} functions");
}

/// Whether a line begins the declaration of a function.
fn is_function(line: &str) -> bool {
    let begins = |word| line.starts_with(word);
    (begins("int") || begins("uint") || begins("const char")) && line.contains("vmcsim_")
}
