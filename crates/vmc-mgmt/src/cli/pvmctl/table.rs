//! Tables with boxes: a title, names of columns, cells in the middle.

/// A table as it is printed.
pub(super) fn boxed(title: &str, columns: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let width = |text: &str| text.chars().count();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell));
            cells.chain([width(columns[at])]).max().unwrap_or(0)
        })
        .collect();
    let rule: Vec<_> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let rule = format!("+{}+", rule.join("+"));
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&widths).map(|(cell, width)| format!(" {} ", centred(cell, *width)));
        format!("|{}|", cells.collect::<Vec<_>>().join("|"))
    };
    let mut lines =
        vec![title.to_owned(), rule.clone(), line(&mut columns.iter().copied()), rule.clone()];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    if !rows.is_empty() {
        lines.push(rule);
    }
    lines
}

/// A cell in the middle. Of an odd number of blanks, one more stands behind a text of odd length, and before one of even length:
/// so the tables of NovaLink's own tool have it.
fn centred(text: &str, width: usize) -> String {
    let len = text.chars().count();
    let blanks = width.saturating_sub(len);
    let before = blanks / 2 + (blanks % 2) * usize::from(len.is_multiple_of(2));
    format!("{}{text}{}", " ".repeat(before), " ".repeat(blanks - before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_in_the_middle() {
        let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
        let rows = [row(["novalink", "1", "running"]), row(["a", "22", "not activated"])];
        assert_eq!(
            boxed("Logical Partitions", &["Name", "ID", "State"], &rows),
            [
                "Logical Partitions",
                "+----------+----+---------------+",
                "|   Name   | ID |     State     |",
                "+----------+----+---------------+",
                "| novalink | 1  |    running    |",
                "|    a     | 22 | not activated |",
                "+----------+----+---------------+",
            ]
        );
        assert_eq!(boxed("T", &["A"], &[]), ["T", "+---+", "| A |", "+---+"]);
    }
}
