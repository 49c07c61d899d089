//! The page on operations has what the code has.

/// `cargo run -p hmc-proto --example operations` prints the part that this is about.
#[test]
fn the_page_on_operations_is_up_to_date() {
    let page = include_str!("../../OPERATIONS.md");
    let start = page.find("## Operations\n").expect("expected the heading `## Operations`");
    let generated = crate::operations_page();
    let differing = page[start..].lines().zip(generated.lines()).find(|(page, code)| page != code);
    assert_eq!(differing, None, "the page differs from the code");
    assert_eq!(page[start..].lines().count(), generated.lines().count());
}
