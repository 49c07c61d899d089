//! Prints the tables in `wireshark/vmc.lua`: hypervisor calls, return codes and statuses, and the operations, records and
//! values of HMC commands, as the crates that define them have them.
#![forbid(unsafe_code)]

use hmc_proto::{Operation, ReturnCode, Target, Wire};
use std::collections::BTreeMap;
use std::fmt::Write;
use vmc_proto::{MessageType, Profile};

/// The tables, in Lua.
pub(crate) fn tables() -> String {
    let mut text = String::new();
    // A String takes every write.
    text.push_str("local hcalls = {\n");
    for &opcode in papr::hcall::opcode::ALL {
        if let Some(name) = papr::hcall::opcode::name(opcode) {
            let _ = writeln!(text, "  [{opcode:#06x}] = {name:?},");
        }
    }
    text.push_str("}\nlocal return_codes = {\n");
    for &code in papr::ReturnCode::NAMED {
        let _ = writeln!(text, "  [\"{}\"] = \"{code}\",", code.0);
    }
    text.push_str("}\n-- By profile and message.\nlocal statuses = {\n");
    for (number, profile) in [Profile::Document, Profile::Linux].into_iter().enumerate() {
        let _ = writeln!(text, "  [{number}] = {{");
        for &message in MessageType::ALL {
            let meanings = vmc_view::statuses(message, profile).into_iter();
            let meanings: Vec<String> =
                meanings.map(|(value, meaning)| format!("[{value}] = {meaning:?}")).collect();
            if !meanings.is_empty() {
                let number = message as u8;
                let _ = writeln!(text, "    [{number:#04x}] = {{ {} }},", meanings.join(", "));
            }
        }
        text.push_str("  },\n");
    }
    text.push_str("}\nlocal hmc_targets = {\n");
    for target in Operation::by_target() {
        let _ =
            writeln!(text, "  [{:#06x}] = {:?},", target.target, Target(target.target).to_string());
    }
    text.push_str("}\nlocal hmc_codes = {\n");
    for code in (0..=u16::MAX).map(ReturnCode) {
        if let Some(name) = code.name() {
            let _ = writeln!(text, "  [{:#06x}] = {name:?},", code.0);
        }
    }
    text.push_str(
        "}\n-- By target and opcode: the name, what a request and what a response holds.\n",
    );
    text.push_str("local hmc_operations = {\n");
    for operation in Operation::ALL {
        let (request, response) = (operation.request_layout(), operation.response_layout());
        let _ = writeln!(
            text,
            "  [{:#06x}{:04x}] = {{ {:?}, {:?}, {:?} }},",
            operation.target().0,
            operation.opcode().0,
            operation.name(),
            request.name,
            response.name,
        );
    }
    text.push_str("}\n-- Fields by name and shape, in their order.\nlocal hmc_records = {\n");
    let records = Operation::all_records();
    for record in records.iter().filter(|record| record.values.is_empty()) {
        let fields: Vec<String> = record
            .fields
            .iter()
            .map(|field| format!("{{ {:?}, {:?} }}", field.name, field.shape))
            .collect();
        let _ = writeln!(text, "  {} = {{ {} }},", record.name, fields.join(", "));
    }
    text.push_str("}\n-- One of a few values, of one byte.\nlocal hmc_values = {\n");
    for record in records.iter().filter(|record| !record.values.is_empty()) {
        let values: BTreeMap<u64, &str> = record.values.iter().copied().collect();
        let values: Vec<String> =
            values.iter().map(|(value, name)| format!("[{value}] = {name:?}")).collect();
        let _ = writeln!(text, "  {} = {{ {} }},", record.name, values.join(", "));
    }
    let _ = writeln!(text, "}}\nlocal HMC_REFUSAL = {:?}", hmc_proto::Refusal::shape());
    text
}

fn main() {
    print!("{}", tables());
}
