//! The tables of `OPERATIONS.md`.

use crate::operation::{DataLayout, Effect, Operation};
use crate::wire::FieldLayout;
use alloc::format;
use alloc::string::String;

/// The part of `OPERATIONS.md` that follows from the code: every operation with its data, and every record with its bytes.
pub fn operations_page() -> String {
    let mut page = String::from("## Operations\n");
    let mut target = None;
    for operation in Operation::ALL {
        if target != Some(operation.target()) {
            target = Some(operation.target());
            let target = operation.target();
            page.push_str(&format!("\n### Target {:#06x}: {target}\n\n", target.0));
            page.push_str("| opcode | operation | kind | request | response | meaning |\n");
            page.push_str("|---|---|---|---|---|---|\n");
        }
        let effect = match operation.effect() {
            Effect::Session => "session",
            Effect::Look => "look",
            Effect::Change => "change",
            Effect::Event => "event",
        };
        page.push_str(&format!(
            "| {:#06x} | {operation} | {effect} | {} | {} | {} |\n",
            operation.opcode().0,
            data(&operation.request_layout()),
            data(&operation.response_layout()),
            operation.meaning(),
        ));
    }
    page.push_str("\n## Records\n");
    for record in Operation::all_records() {
        if record.fields.is_empty() && record.values.is_empty() {
            continue;
        }
        page.push_str(&format!("\n### {}\n\n{}\n\n", record.name, record.meaning));
        if record.values.is_empty() {
            page.push_str(&fields(&record.fields));
        } else {
            page.push_str("| value | name |\n|---|---|\n");
            for (value, name) in &record.values {
                page.push_str(&format!("| {value} | {name} |\n"));
            }
        }
    }
    page
}

fn data(layout: &DataLayout) -> String {
    match layout.name.as_str() {
        "Nothing" => "none".into(),
        "Echo" => "any bytes".into(),
        name => name.into(),
    }
}

/// Offsets are known up to the first field whose length varies.
fn fields(fields: &[FieldLayout]) -> String {
    let mut table =
        String::from("| offset | bytes | field | type | meaning |\n|---|---|---|---|---|\n");
    let mut offset = Some(0);
    for field in fields {
        let number = |number: Option<usize>| number.map_or("…".into(), |n| format!("{n:#04x}"));
        let bytes = field.bytes.map_or("varies".into(), |bytes| format!("{bytes}"));
        let FieldLayout { name, shape, meaning, .. } = field;
        table.push_str(&format!(
            "| {} | {bytes} | {name} | {shape} | {meaning} |\n",
            number(offset),
        ));
        offset = offset.zip(field.bytes).map(|(offset, bytes)| offset + bytes);
    }
    table
}
