//! Every reader of files: scenarios, inventories, replays, decisions and traces. Nothing panics, an error can be shown,
//! and what was read can be written and read again.
#![no_main]

use vmc_scenario::{Inventory, Scenario};
use vmc_sim::{Decisions, Replay};
use vmc_trace_file::Run;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    if kind % 5 == 4 {
        return trace(bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match kind % 5 {
        0 => show(Scenario::parse("fuzz.toml", text)),
        1 => show(Inventory::parse("fuzz.toml", text)),
        2 => show(Replay::parse("fuzz.replay", text)),
        _ => {
            if let Ok(decisions) = text.parse::<Decisions>() {
                assert_eq!(decisions.to_string().parse(), Ok(decisions));
            }
        }
    }
});

fn show<T, E: std::error::Error>(read: Result<T, E>) {
    if let Err(error) = read {
        assert!(!error.to_string().is_empty());
    }
}

fn trace(bytes: &[u8]) {
    let Ok(run) = Run::read(bytes) else { return };
    let mut written = Vec::new();
    run.write(&mut written).expect("into memory");
    let again = Run::read(&written[..]).expect("what was written");
    assert_eq!(again.trace, run.trace);
}
