//! How large a scenario becomes when its blocks and replicas are written out.

use super::error::Problem;
use super::file::{PatternForm, ReadForm, ScenarioForm, StepForm, WriteForm};
use super::length::{Length, LengthForm};
use super::spanned::{Number, Spanned};

/// Most steps of all threads together, blocks written out as often as they repeat.
const MAX_STEPS: u64 = 500_000;
/// Most bytes of all messages that these steps write or expect.
const MAX_PAYLOAD_BYTES: u64 = 64 << 20;

/// Refuses a scenario that is short to write and too large to hold: bounds on each number alone do not bound
/// their product.
pub(super) fn check(form: &ScenarioForm) -> Result<(), Problem> {
    let mut all = Size::default();
    for app in &form.app {
        let replicas = app.get_ref().count.as_ref().map_or(1, times);
        all = all.plus(written_out(&app.get_ref().steps, 1).times(replicas));
        let (what, got, most) = if all.steps > MAX_STEPS {
            ("steps", all.steps, MAX_STEPS)
        } else if all.payload_bytes > MAX_PAYLOAD_BYTES {
            ("bytes of messages", all.payload_bytes, MAX_PAYLOAD_BYTES)
        } else {
            continue;
        };
        return Err(Problem::new(
            app.span(),
            format!("with this application the scenario has {got} {what}, at most {most} fit"),
            "lower `times`, `count` or `bytes`",
        ));
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Size {
    steps: u64,
    payload_bytes: u64,
}

impl Size {
    fn plus(self, other: Size) -> Size {
        Size {
            steps: self.steps.saturating_add(other.steps),
            payload_bytes: self.payload_bytes.saturating_add(other.payload_bytes),
        }
    }

    fn times(self, times: u64) -> Size {
        Size {
            steps: self.steps.saturating_mul(times),
            payload_bytes: self.payload_bytes.saturating_mul(times),
        }
    }
}

/// The steps in all rounds of the block that they are in.
fn written_out(steps: &[Spanned<StepForm>], rounds: u64) -> Size {
    let sizes = steps.iter().map(|step| size_of_step(step.get_ref(), rounds));
    sizes.fold(Size::default(), Size::plus)
}

fn size_of_step(step: &StepForm, rounds: u64) -> Size {
    let payload_bytes = match step {
        // An empty block costs a step as well: its rounds are walked.
        StepForm::Repeat(form) => {
            let inner = times(&form.times);
            let walked = Size { steps: inner, payload_bytes: 0 };
            return written_out(&form.steps, inner).plus(walked).times(rounds);
        }
        StepForm::Write(WriteForm { bytes, pattern, .. }) => {
            lengths(bytes.as_ref(), pattern, rounds)
        }
        StepForm::Read(ReadForm { expect, .. }) => {
            lengths(expect.0.bytes.as_ref(), &expect.0.pattern, rounds)
        }
        _ => 0,
    };
    Size { steps: rounds, payload_bytes }
}

/// The lengths of a message in all rounds together.
fn lengths(bytes: Option<&Length>, pattern: &PatternForm, rounds: u64) -> u64 {
    let in_round = |length: &LengthForm, round| not_below_zero(length.in_round(round));
    match (pattern, bytes.map(|bytes| bytes.get_ref())) {
        (PatternForm::Text(text), _) => (text.len() as u64).saturating_mul(rounds),
        (_, Some(same @ LengthForm::Same(_))) => in_round(same, 0).saturating_mul(rounds),
        // More rounds than are allowed are refused where they are written.
        (_, Some(growing)) => (0..rounds.min(MAX_STEPS) as u32)
            .fold(0, |all: u64, round| all.saturating_add(in_round(growing, round))),
        (_, None) => 0,
    }
}

fn times(number: &Number) -> u64 {
    not_below_zero(*number.get_ref())
}

/// The number; one below zero counts as none, and is refused where it belongs.
fn not_below_zero(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::Scenario;

    fn parse(app: &str) -> Result<Scenario, String> {
        let text = format!("title = \"t\"\n[[app]]\n{app}\n");
        Scenario::parse("t.toml", &text).map_err(|error| error.to_string())
    }

    fn report(what: &str) -> String {
        format!(
            "t.toml:2:1: with this application the scenario has {what} fit; lower `times`, `count` or `bytes`"
        )
    }

    #[test]
    fn nested_blocks_are_bounded_by_the_product_of_their_rounds() {
        let nested = |outer: u32, inner: u32| {
            parse(&format!(
                "steps = [ {{ repeat = {{ times = {outer}, steps = [ {{ repeat = {{ times = {inner}, steps = \
                 [ {{ post = \"x\" }} ] }} }} ] }} }} ]"
            ))
        };
        assert!(nested(100, 100).is_ok());
        assert_eq!(nested(10_000, 10_000).unwrap_err(), report("200010000 steps, at most 500000"));
    }

    #[test]
    fn blocks_of_nothing_are_bounded_too() {
        let empty = "steps = [ { repeat = { times = 10000, steps = [ { repeat = { times = 10000, steps = [] } } \
                     ] } } ]";
        assert_eq!(parse(empty).unwrap_err(), report("100010000 steps, at most 500000"));
    }

    #[test]
    fn messages_are_bounded_in_all_replicas_and_rounds() {
        let written = |count: u32, times: u32| {
            parse(&format!(
                "count = {count}\nsteps = [ {{ open = {{}} }}, {{ repeat = {{ times = {times}, steps = [ {{ \
                 write = {{ bytes = 1048576, expect = \"EIO\" }} }} ] }} }} ]"
            ))
        };
        assert!(written(1, 64).is_ok());
        assert_eq!(
            written(1, 65).unwrap_err(),
            report("68157440 bytes of messages, at most 67108864")
        );
        assert_eq!(
            written(65, 1).unwrap_err(),
            report("68157440 bytes of messages, at most 67108864")
        );
    }

    #[test]
    fn lengths_that_grow_are_bounded_by_their_sum() {
        let growing = |bytes: &str, times: u32| {
            parse(&format!(
                "steps = [ {{ open = {{}} }}, {{ repeat = {{ times = {times}, steps = [ {{ write = {{ bytes = \
                 {bytes}, expect = \"EIO\" }} }} ] }} }} ]"
            ))
        };
        assert!(growing("{ from = 0, step = 1024 }", 362).is_ok());
        let sum: u64 = (0..363).map(|round| round * 1024).sum();
        assert_eq!(
            growing("{ from = 0, step = 1024 }", 363).unwrap_err(),
            report(&format!("{sum} bytes of messages, at most 67108864"))
        );
        assert!(growing("{ from = 1, factor = 2 }", 21).is_ok());
    }

    #[test]
    fn a_length_below_zero_is_refused_where_it_stands() {
        assert_eq!(
            parse("steps = [ { open = {} },\n{ write = { bytes = -1 } } ]").unwrap_err(),
            "t.toml:4:21: bytes is 0 to 1048576, not -1; write a number from 0 to 1048576"
        );
    }
}
