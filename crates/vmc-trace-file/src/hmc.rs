//! HMC commands in payloads, as `hmc-proto` understands them (its `OPERATIONS.md` has their bytes).

use hmc_proto::{Answer, DESCRIPTOR, Header, Message, Operation, Request, Value};
use serde_json::json;

/// What a payload says that is an HMC command, or was meant to be one.
#[derive(Clone, Debug, PartialEq)]
pub struct HmcCommand {
    /// It in a few words: `CREATE PARTITION web1 2048 MB`.
    pub words: String,
    /// `request`, `response` or `event`.
    pub kind: &'static str,
    /// The operation's name; `None` for one that is not known.
    pub operation: Option<&'static str>,
    /// The header's fields as they stand.
    pub header: Header,
    /// The fields of the data by name, as JSON.
    pub data: Option<serde_json::Value>,
    /// Why it cannot be read further.
    pub problem: Option<String>,
}

impl HmcCommand {
    /// Reads a payload; `None` for one that does not begin as a command does.
    pub fn of(payload: &[u8]) -> Option<HmcCommand> {
        if !payload.starts_with(&DESCRIPTOR) {
            return None;
        }
        let header = Header::peek(payload)?;
        let operation = Operation::find(header.target, header.opcode).ok();
        let kind = match header.flags {
            flags if flags.is_response() => "response",
            _ if operation == Some(Operation::Event) => "event",
            _ => "request",
        };
        let name = operation.map(Operation::name);
        let (words, data, problem) = match read(payload) {
            Ok((words, data)) => (words, data.as_ref().map(json_of), None),
            Err(problem) => {
                let name = name.map_or_else(
                    || format!("operation {:#06x} of {}", header.opcode.0, header.target),
                    str::to_owned,
                );
                (format!("{kind} {name}: {problem}"), None, Some(problem))
            }
        };
        Some(HmcCommand { words, kind, operation: name, header, data, problem })
    }
}

/// The words, and the fields of the data if there are any.
fn read(payload: &[u8]) -> Result<(String, Option<Value>), String> {
    let message = Message::decode(payload).map_err(|e| e.to_string())?;
    let fields = |value: Value| match value {
        Value::Table(fields) if fields.is_empty() => None,
        value => Some(value),
    };
    if message.header.flags.is_response() {
        let answer = Answer::decode(&message).map_err(|e| e.to_string())?;
        let data = match &answer {
            Answer::Good(response) => fields(response.to_value()),
            Answer::Refused(refusal) => fields(hmc_proto::Wire::to_value(refusal)),
            Answer::Failed(_) => None,
        };
        let operation = Operation::find(message.header.target, message.header.opcode);
        let words = match (&answer, operation) {
            (Answer::Good(_), _) | (_, Err(_)) => answer.to_string(),
            (_, Ok(operation)) => format!("{operation} -> {answer}"),
        };
        return Ok((words, data));
    }
    let request = Request::decode(&message).map_err(|code| code.to_string())?;
    Ok((request.to_string(), fields(request.to_value())))
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Number(number) => json!(number),
        Value::Truth(truth) => json!(truth),
        Value::Text(text) => json!(text),
        Value::List(values) => values.iter().map(json_of).collect(),
        Value::Table(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), json_of(value))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmc_proto::{PartitionId, ReturnCode, Token};

    fn request() -> Vec<u8> {
        Request::ShowPartition(PartitionId { id: 3 }).encode(Token(7))
    }

    #[test]
    fn a_request_is_read_with_its_fields() {
        let command = HmcCommand::of(&request()).expect("a command");
        assert_eq!(command.words, "SHOW PARTITION partition 3");
        assert_eq!((command.kind, command.operation), ("request", Some("SHOW PARTITION")));
        assert_eq!(command.header.token, Token(7));
        assert_eq!(command.data, Some(json!({ "id": 3 })));
        assert_eq!(command.problem, None);
    }

    #[test]
    fn an_answer_that_failed_names_its_operation() {
        let header = Header::peek(&request()).expect("a header");
        let answer = Answer::Failed(ReturnCode::INVALID_DATA).encode(header);
        let command = HmcCommand::of(&answer).expect("a command");
        assert_eq!(command.kind, "response");
        assert!(command.words.starts_with("SHOW PARTITION -> "), "{}", command.words);
    }

    #[test]
    fn what_is_cut_off_says_so_and_what_is_no_command_is_none() {
        let whole = request();
        let command = HmcCommand::of(&whole[..whole.len() - 1]).expect("a command");
        assert!(command.problem.as_deref().is_some_and(|why| why.contains("expected")));
        assert!(command.words.starts_with("request SHOW PARTITION: "), "{}", command.words);
        assert_eq!(HmcCommand::of(b"hello"), None);
        assert_eq!(HmcCommand::of(&DESCRIPTOR), None);
    }
}
