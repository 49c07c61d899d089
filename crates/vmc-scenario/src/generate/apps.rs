//! The applications of a generated scenario: rounds of open, HMC ID, calls and close. Every call may come to
//! anything, and every wait has an end.

use super::Draw;
use super::machine::Machine;
use super::management::Management;
use super::newer::Newer;
use std::fmt::Write as _;

/// Applications of a generated scenario, threads of a process included.
pub(super) const MAX_APPS: u64 = 4;

/// Names by which steps and faults know them.
pub(super) const NAMES: [&str; MAX_APPS as usize] = ["a", "b", "c", "d"];

/// How long a script waits for anything: longer than any send is tried again.
const PATIENCE_MS: u64 = 200;

/// Writes the applications.
pub(super) fn write(
    draw: &mut Draw,
    machine: &Machine,
    (newer, management): (&mut Newer, &mut Management),
    text: &mut String,
) {
    let number = count(draw);
    // Threads of the first application's process, which work with its file.
    let shares: Vec<bool> = (0..number).map(|place| place > 0 && draw.percent(20)).collect();
    for (place, &shares) in shares.iter().enumerate() {
        let name = NAMES[place];
        let _ = writeln!(text, "\n[[app]]\nname = \"{name}\"");
        // Who starts when the channel is ready would wait forever for one that fails.
        text.push_str("start = \"boot\"\n");
        if shares {
            text.push_str("process = \"a\"\n");
        } else if draw.percent(15) {
            text.push_str("life = 2\noptional = true\n");
        }
        text.push_str("steps = [\n");
        if draw.percent(85) {
            let _ = writeln!(
                text,
                "  {{ wait = {{ state = \"channel-ready\", patience-ms = {PATIENCE_MS} }} }},"
            );
        }
        for _ in 0..draw.weighted(&[(3, 1), (2, 2), (1, 3)]) {
            self::round(draw, machine, (newer, management), text, name, (shares, number));
        }
        text.push_str("]\n");
    }
}

/// How many applications: most failures need one or two.
fn count(draw: &mut Draw) -> usize {
    draw.weighted(&[(4, 1), (4, 2), (2, 3), (1, MAX_APPS as usize)])
}

/// From open to close. A thread that shares a process uses its file.
fn round(
    draw: &mut Draw,
    machine: &Machine,
    (newer, management): (&mut Newer, &mut Management),
    text: &mut String,
    name: &str,
    (shares, apps): (bool, usize),
) {
    let mut step = |words: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "  {{ {words} }},");
    };
    if !shares {
        match draw.percent(20) {
            true => step(format_args!("open = {{ nonblock = true, expect = \"any\" }}")),
            false => step(format_args!("open = {{ expect = \"any\" }}")),
        }
    }
    if draw.percent(10) {
        call(draw, machine, &mut step, apps);
    }
    if !shares {
        step(format_args!("set-hmc-id = {{ id = \"HMC-{name}\", expect = \"any\" }}"));
        if draw.percent(85) {
            step(format_args!(
                "wait = {{ state = \"session-ready\", patience-ms = {PATIENCE_MS} }}"
            ));
        }
    }
    if let Some(words) = management.opening() {
        step(format_args!("{words}"));
    }
    let mut has_second = false;
    for _ in 0..draw.within(0, 8) {
        call(draw, machine, &mut step, apps);
        if let Some(words) = newer.steps(machine, name, &mut has_second) {
            step(format_args!("{words}"));
        }
        for words in management.steps() {
            step(format_args!("{words}"));
        }
    }
    if draw.percent(70) {
        step(format_args!("close = {{ expect = \"any\" }}"));
        if draw.percent(60) {
            step(format_args!("wait = {{ state = \"seeded\", patience-ms = {PATIENCE_MS} }}"));
        }
    }
}

/// A call, or a pause between two.
fn call(
    draw: &mut Draw,
    machine: &Machine,
    step: &mut impl FnMut(std::fmt::Arguments<'_>),
    apps: usize,
) {
    let mtu = machine.mtu();
    match draw.within(0, 20) {
        0..=6 => {
            let any = draw.within(1, mtu);
            let bytes = draw.weighted(&[(6, any), (3, mtu), (2, mtu + 1), (2, 0)]);
            match draw.percent(10) {
                true => step(format_args!(
                    "write = {{ bytes = {bytes}, fault = true, expect = \"any\" }}"
                )),
                // Whose message it is can be told, if it is not short.
                false => step(format_args!(
                    "write = {{ bytes = {bytes}, pattern = \"unique\", expect = \"any\" }}"
                )),
            }
        }
        7..=12 => {
            let patience_ms = draw.of(&[1, 20, PATIENCE_MS]);
            let bytes = draw.of(&[0, 1, mtu / 2, mtu, mtu + 1]);
            match draw.weighted(&[(1, 0), (2, 1), (17, 2)]) {
                0 => step(format_args!(
                    "read = {{ expect = \"any\", fault = true, patience-ms = {patience_ms} }}"
                )),
                1 => step(format_args!(
                    "read = {{ expect = \"any\", bytes = {bytes}, patience-ms = {patience_ms} }}"
                )),
                _ => {
                    step(format_args!("read = {{ expect = \"any\", patience-ms = {patience_ms} }}"))
                }
            }
        }
        13..=15 => {
            let patience_ms = draw.of(&[1, 20, PATIENCE_MS]);
            let wait = draw.percent(70);
            step(format_args!(
                "poll = {{ expect = \"any\", wait = {wait}, patience-ms = {patience_ms} }}"
            ));
        }
        16 => step(format_args!("sleep-ms = {}", draw.of(&[0, 1, 5, 30]))),
        17 => step(format_args!(
            "wait = {{ state = \"channel-ready\", patience-ms = {PATIENCE_MS} }}"
        )),
        18 => step(format_args!(
            "interrupt = \"{}\"",
            NAMES[draw.within(0, apps as u64 - 1) as usize]
        )),
        19 => step(format_args!("set-hmc-id = {{ id = \"again\", expect = \"any\" }}")),
        _ => step(format_args!("sleep-ms = {}", draw.within(0, 20))),
    }
}
