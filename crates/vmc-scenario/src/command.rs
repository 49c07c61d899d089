//! HMC commands as steps: what is written, and what must be answered.

mod fields;
mod judge;

pub(super) use fields::Fields;
pub(super) use judge::{AnswerCheck, EventCheck};

use super::bounds;
use super::defaults::default_file;
use super::error::Problem;
use super::length::Length;
use super::schema::{self, exactly_one_of, within};
use super::short::{Short, ShortOrLong};
use super::spanned::{Number, Spanned};
use super::words;
use hmc_proto::{
    Bytes, DataLayout, Echo, Operation, Request, Rest, ReturnCode, Token, Value, parse_hex,
};
use judge::Expected;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use std::ops::Range;

/// What the command is: an operation by its name, or a whole message in hex.
const MESSAGE: &[&str] = &["name", "hex"];

/// What the answer is.
const ANSWER: &[&str] = &["good", "refused", "code", "hex"];

/// An HMC command: its request is written, and its answer is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(transform = exactly_one_of(MESSAGE))]
pub(super) struct CommandForm {
    /// The operation, as `crates/hmc-proto/OPERATIONS.md` calls it.
    #[serde(default)]
    #[schemars(schema_with = "schema::operations")]
    pub(super) name: Option<Spanned<String>>,
    /// The whole message in hex instead, header and data.
    pub(super) hex: Option<Spanned<String>>,
    /// The fields of the request. Those that are optional, lists and `false` can be left out.
    pub(super) with: Option<Spanned<Fields>>,
    /// So many bytes of data of an ECHO; they count up.
    pub(super) bytes: Option<Length>,
    /// The correlation token. Default: another one for each command.
    #[schemars(transform = within(bounds::FOUR_BYTES))]
    pub(super) token: Option<Number>,
    /// What the answer must be. Default: `good`.
    pub(super) expect: Option<ShortOrLong<AnswerForm>>,
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
}

/// What an answer must be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(transform = exactly_one_of(ANSWER))]
pub(super) struct AnswerForm {
    #[serde(skip)]
    word: Option<AnswerWord>,
    /// Good, with these fields among others.
    good: Option<Spanned<Fields>>,
    /// Refused with this code, as in `HSCL05DE`.
    refused: Option<Spanned<String>>,
    /// A return code without data, by its name.
    #[serde(default)]
    #[schemars(schema_with = "schema::return_codes")]
    code: Option<Spanned<String>>,
    /// These bytes, header and data.
    hex: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnswerWord {
    /// Good, with any data.
    Good,
    /// None comes: the request is sent without the flag that asks for one.
    None,
    /// Any answer, or none.
    Any,
}

impl Short for AnswerForm {
    const EXPECTED: &'static str = "`good`, `none` or `any`";

    fn from_short(text: &str) -> Result<AnswerForm, String> {
        let word = match text {
            "good" => AnswerWord::Good,
            "none" => AnswerWord::None,
            "any" => AnswerWord::Any,
            other => {
                return Err(format!("unknown answer `{other}`, expected `good`, `none` or `any`"));
            }
        };
        let (good, refused, code, hex) = (None, None, None, None);
        Ok(AnswerForm { word: Some(word), good, refused, code, hex })
    }

    fn short_schema(_: &mut SchemaGenerator) -> Schema {
        schema::one_of(["good", "none", "any"].into_iter())
    }
}

/// An event of the managed system, which is the next message that is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EventForm {
    /// Fields that it must have, among others.
    pub(super) with: Option<Spanned<Fields>>,
    /// Name of the open file.
    #[serde(default = "default_file")]
    pub(super) file: String,
}

/// A command, ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// What the trace says of it.
    pub(super) words: String,
    pub(super) message: Vec<u8>,
    pub(super) answer: Awaited,
}

/// The answer that a command waits for.
#[derive(Clone, Debug)]
pub(super) enum Awaited {
    /// One that must be like this.
    Checked(AnswerCheck),
    /// None.
    Nothing,
    /// Any, for a while; the request need not get away.
    Anything,
}

impl CommandForm {
    /// The command in a round of a block; `span` is the step's.
    pub(super) fn command(
        &self,
        default_token: u32,
        round: u32,
        span: Range<usize>,
    ) -> Result<Command, Problem> {
        let own = self.token.as_ref().and_then(|token| u32::try_from(*token.get_ref()).ok());
        let token = Token(own.unwrap_or(default_token));
        let (words, mut message, operation) = match (&self.name, &self.hex) {
            (Some(name), None) => {
                let operation = operation(name)?;
                let request = self.request(operation, round, span)?;
                (request.to_string(), request.encode(token), Some(operation))
            }
            (None, Some(hex)) => {
                self.no_fields("a message in hex")?;
                let bytes = bytes(hex)?;
                (judge::raw_request(&bytes), bytes, None)
            }
            _ => {
                return Err(Problem::new(
                    span,
                    "a command has a `name` or is a message in `hex`",
                    "write one of them",
                ));
            }
        };
        let word = self.expect.as_ref().and_then(|ShortOrLong(form)| form.word);
        if word == Some(AnswerWord::None)
            && operation.is_some()
            && let Some(flags) = message.get_mut(FLAGS)
        {
            *flags = hmc_proto::Flags::NONE.0;
        }
        let token = operation.map(|_| token);
        let answer = match (word, &self.expect) {
            (Some(AnswerWord::None), _) => Awaited::Nothing,
            (Some(AnswerWord::Any), _) => Awaited::Anything,
            (Some(AnswerWord::Good), _) | (None, None) => {
                Awaited::Checked(AnswerCheck { token, operation, expected: Expected::Good(None) })
            }
            (None, Some(ShortOrLong(form))) => {
                let expected = form.expected(operation)?;
                Awaited::Checked(AnswerCheck { token, operation, expected })
            }
        };
        Ok(Command { words, message, answer })
    }

    fn request(
        &self,
        operation: Operation,
        round: u32,
        span: Range<usize>,
    ) -> Result<Request, Problem> {
        if let Some(length) = &self.bytes {
            if operation != Operation::Echo || self.with.is_some() {
                return Err(Problem::new(
                    length.span(),
                    format!("`bytes` is for an ECHO without `with`, got {operation}"),
                    "leave `bytes` out and write the fields after `with`",
                ));
            }
            super::length::check(length, Some(round))?;
            let len = usize::try_from(length.get_ref().in_round(round)).unwrap_or(0);
            let data = Rest((0..len).map(|i| i as u8).collect());
            return Ok(Request::Echo(Echo { data }));
        }
        let none = Value::Table(Vec::new());
        let (fields, span) = match &self.with {
            Some(with) => (&with.get_ref().0, with.span()),
            None => (&none, span),
        };
        Request::from_value(operation, fields).map_err(|e| {
            let names = names(&operation.request_layout());
            Problem::new(span, format!("{operation}: {e}"), format!("its fields: {names}"))
        })
    }

    fn no_fields(&self, what: &str) -> Result<(), Problem> {
        let spans = [
            self.with.as_ref().map(|with| ("with", with.span())),
            self.bytes.as_ref().map(|bytes| ("bytes", bytes.span())),
            self.token.as_ref().map(|token| ("token", token.span())),
        ];
        match spans.into_iter().flatten().next() {
            None => Ok(()),
            Some((key, span)) => Err(Problem::new(
                span,
                format!("{what} says all of itself, `{key}` included"),
                format!("leave `{key}` out"),
            )),
        }
    }
}

/// Where the flags stand in a header.
const FLAGS: usize = 15;

impl AnswerForm {
    fn expected(&self, operation: Option<Operation>) -> Result<Expected, Problem> {
        Ok(match (&self.good, &self.refused, &self.code, &self.hex) {
            (Some(good), ..) => {
                if let Some(operation) = operation {
                    known_fields(operation, &operation.response_layout(), good)?;
                }
                Expected::Good(Some(good.get_ref().0.clone()))
            }
            (None, Some(code), ..) => Expected::Refused(code.get_ref().clone()),
            (None, None, Some(name), _) => Expected::Code(return_code(name)?),
            (None, None, None, Some(hex)) => Expected::Bytes(bytes(hex)?),
            (None, None, None, None) => Expected::Good(None),
        })
    }
}

impl EventForm {
    pub(super) fn check(&self) -> Result<EventCheck, Problem> {
        let fields = match &self.with {
            Some(with) => {
                known_fields(Operation::Event, &Operation::Event.request_layout(), with)?;
                with.get_ref().0.clone()
            }
            None => Value::Table(Vec::new()),
        };
        Ok(EventCheck { fields })
    }
}

pub(super) fn operation(name: &Spanned<String>) -> Result<Operation, Problem> {
    Operation::named(name.get_ref()).ok_or_else(|| {
        let names = Operation::ALL.iter().map(|operation| operation.name());
        Problem::new(
            name.span(),
            format!("there is no operation `{}`", name.get_ref()),
            words::instead(name.get_ref(), names.collect::<Vec<_>>()),
        )
    })
}

fn return_code(name: &Spanned<String>) -> Result<ReturnCode, Problem> {
    let named = |code: &&ReturnCode| code.name() == Some(name.get_ref().as_str());
    ReturnCode::NAMED.iter().find(named).copied().ok_or_else(|| {
        let names = ReturnCode::NAMED.iter().filter_map(|code| code.name());
        Problem::new(
            name.span(),
            format!("there is no return code `{}`", name.get_ref()),
            words::instead(name.get_ref(), names.collect::<Vec<_>>()),
        )
    })
}

fn bytes(hex: &Spanned<String>) -> Result<Vec<u8>, Problem> {
    let digits: String = hex.get_ref().chars().filter(|c| !c.is_whitespace()).collect();
    parse_hex(&digits).ok_or_else(|| {
        Problem::new(
            hex.span(),
            "expected pairs of hex digits",
            "write two digits for each byte, with blanks where you like",
        )
    })
}

/// Fields that can be expected of this.
fn known_fields(
    operation: Operation,
    layout: &DataLayout,
    fields: &Spanned<Fields>,
) -> Result<(), Problem> {
    let Value::Table(expected) = &fields.get_ref().0 else { return Ok(()) };
    let known = |name: &str| layout.fields.iter().any(|field| field.name == name);
    match expected.iter().find(|(name, _)| !known(name)) {
        None => Ok(()),
        Some((unknown, _)) => Err(Problem::new(
            fields.span(),
            format!("{operation}: there is no field `{unknown}`"),
            words::instead(
                unknown,
                layout.fields.iter().map(|field| field.name).collect::<Vec<_>>(),
            ),
        )),
    }
}

fn names(layout: &DataLayout) -> String {
    let names: Vec<String> =
        layout.fields.iter().map(|field| format!("{} ({})", field.name, field.shape)).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// Bytes in hex, as errors show them.
fn hex(bytes: &[u8]) -> String {
    format!("{:?}", Bytes(bytes.to_vec()))
}

#[cfg(test)]
mod tests {
    use crate::Scenario;
    use crate::tests::schema::objections;

    fn parse(behaviour: &str, step: &str) -> Result<Scenario, String> {
        let text = format!(
            "title = \"t\"\nmachine.behaviour = \"{behaviour}\"\n[[app]]\nsteps = [\n{{ open = {{}} }},\n\
             {{ set-hmc-id = \"HMC\" }},\n{step},\n]\n"
        );
        Scenario::parse("t.toml", &text).map_err(|error| {
            assert_eq!(error.line(), 7, "{error}");
            error.to_string()
        })
    }

    #[track_caller]
    fn assert_error(step: &str, said: &[&str]) {
        let error = parse("router", step).unwrap_err();
        for said in said {
            assert!(error.contains(said), "{said:?} in {error}");
        }
    }

    #[test]
    fn mistakes_are_told_with_what_to_write() {
        assert_error("{ command = { name = \"POWR ON\" } }", &["POWR ON", "POWER ON"]);
        assert_error(
            "{ command = { name = \"POWER ON\", with = { id = 70000 } } }",
            &["`id`: expected a number from 0 to 65535, got 70000", "profile (text?)"],
        );
        assert_error("{ command = { name = \"POWER ON\" } }", &["`id`", "got nothing"]);
        assert_error(
            "{ command = { name = \"SHOW STATUS\", with = { id = 1 }, expect = { good = { sate = \"running\" } } } }",
            &["SHOW STATUS: there is no field `sate`", "did you mean `state`?"],
        );
        assert_error(
            "{ command = { name = \"SHOW SYSTEM\", expect = { code = \"invalid dat\" } } }",
            &["invalid dat", "invalid data"],
        );
        assert_error("{ command = { hex = \"DEC\" } }", &["pairs of hex digits"]);
        assert_error("{ command = { hex = \"DECA\", token = 1 } }", &["leave `token` out"]);
        assert_error("{ command = { name = \"SHOW SYSTEM\", bytes = 3 } }", &["is for an ECHO"]);
        assert_error("{ event = { with = { knd = \"added\" } } }", &["`knd`", "`kind`"]);
        assert_error("{ command = { name = \"POWER ON\", with = { id = -1 } } }", &["got -1"]);
        let error = parse("echo", "{ command = { name = \"SHOW SYSTEM\" } }").unwrap_err();
        assert!(error.contains("set behaviour = \"router\""), "{error}");
    }

    #[test]
    fn a_partition_fails_only_where_there_is_one() {
        let text = |behaviour: &str, id: u32| {
            format!(
                "title = \"t\"\nmachine.behaviour = \"{behaviour}\"\n[[fault]]\nname = \"f\"\ndo = {{ partition = {{ id = {id}, \
                 fault = \"hang\" }} }}\n[[app]]\nsteps = [ {{ fault = \"f\" }} ]\n"
            )
        };
        let scenario = Scenario::parse("t.toml", &text("router", 3)).unwrap();
        let hangs = vmc_machine::fault::Act::Partition(3, vmc_proto::PartitionFault::Hang);
        assert_eq!(scenario.plan().rules[0].act, hangs);
        assert_eq!(objections(&text("router", 3)), [""; 0]);
        for (behaviour, id, said) in
            [("echo", 3, "set behaviour = \"router\""), ("router", 70_000, "0 to 65535")]
        {
            let error = Scenario::parse("t.toml", &text(behaviour, id)).unwrap_err();
            assert!(error.line() == 5 && error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn any_answer_is_waited_for_for_a_while() {
        let step = "{ command = { name = \"SHOW SYSTEM\", expect = \"any\" } }";
        let scenario = parse("router", step).unwrap();
        let [.., write, read] = &scenario.plan().threads[0].steps[..] else { panic!("no steps") };
        use vmc_machine::script::{Action, Expect, ReadExpect};
        assert!(matches!(write.action, Action::Write { expect: Expect::Any, .. }), "{write:?}");
        let patience = Some(200_000_000);
        assert!(
            matches!(&read.action, Action::Read { expect: ReadExpect::Any, patience_ns, .. } if *patience_ns == patience),
            "{read:?}"
        );
        assert_error(
            "{ command = { name = \"SHOW SYSTEM\", expect = \"some\" } }",
            &["use one of `good`, `none`, `any`"],
        );
    }

    #[test]
    fn a_command_writes_and_reads() {
        let scenario = parse(
            "router",
            "{ repeat = { times = 2, steps = [ { command = { name = \"ECHO\", bytes = { from = 1, step = 1 } } } ] } },\n\
             { command = { name = \"ECHO\", expect = \"none\" } }",
        )
        .unwrap();
        let writes: Vec<_> = scenario.plan().threads[0]
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                vmc_machine::script::Action::Write { payload, .. } => Some(payload.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(writes.iter().map(Vec::len).collect::<Vec<_>>(), [33, 34, 32]);
        assert_eq!(writes[1][32..], [0, 1]);
        assert_eq!(writes.iter().map(|bytes| bytes[15]).collect::<Vec<_>>(), [0x80, 0x80, 0]);
        assert_ne!(writes[0][8..12], writes[1][8..12], "another token for each");
    }

    #[test]
    fn the_schema_takes_any_field() {
        let text = "title = \"t\"\nmachine.behaviour = \"router\"\n[[app]]\nsteps = [ { open = {} }, { command = { name = \
                    \"POWER ON\", with = { id = 1, boot_mode = \"sms\" } } } ]\n";
        assert_eq!(objections(text), [""; 0]);
    }
}
