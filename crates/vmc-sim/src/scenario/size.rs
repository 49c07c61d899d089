//! How large a scenario becomes when its blocks and replicas are written out.

use super::error::Problem;
use super::file::{Number, PatternForm, ReadForm, ScenarioForm, StepForm, WriteForm};
use super::spanned::Spanned;

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
        all = all.plus(written_out(&app.get_ref().steps).times(replicas));
        let (what, came, most) = if all.steps > MAX_STEPS {
            ("steps", all.steps, MAX_STEPS)
        } else if all.payload_bytes > MAX_PAYLOAD_BYTES {
            ("bytes of messages", all.payload_bytes, MAX_PAYLOAD_BYTES)
        } else {
            continue;
        };
        return Err(Problem::new(
            app.span(),
            format!("with this application the scenario has {came} {what}, at most {most} fit"),
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

fn written_out(steps: &[Spanned<StepForm>]) -> Size {
    steps.iter().map(|step| size_of_step(step.get_ref())).fold(Size::default(), Size::plus)
}

fn size_of_step(step: &StepForm) -> Size {
    let payload_bytes = match step {
        // An empty block costs a step as well: its rounds are walked.
        StepForm::Repeat(form) => {
            return written_out(&form.steps)
                .plus(Size { steps: 1, payload_bytes: 0 })
                .times(times(&form.times));
        }
        StepForm::Write(WriteForm { bytes, pattern, .. }) => length(bytes.as_ref(), pattern),
        StepForm::Read(ReadForm { expect, .. }) => {
            length(expect.0.bytes.as_ref(), &expect.0.pattern)
        }
        _ => 0,
    };
    Size { steps: 1, payload_bytes }
}

fn length(bytes: Option<&Number>, pattern: &PatternForm) -> u64 {
    match (pattern, bytes) {
        (PatternForm::Text(text), _) => text.len() as u64,
        (_, Some(bytes)) => times(bytes),
        (_, None) => 0,
    }
}

/// The number; one below zero counts as none, and is refused where it belongs.
fn times(number: &Number) -> u64 {
    u64::try_from(*number.get_ref()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;

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
    fn a_length_below_zero_is_refused_where_it_stands() {
        assert_eq!(
            parse("steps = [ { open = {} },\n{ write = { bytes = -1 } } ]").unwrap_err(),
            "t.toml:4:21: bytes is 0 to 1048576, not -1; write a number from 0 to 1048576"
        );
    }
}
