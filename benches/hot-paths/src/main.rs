//! Runs a hot path a number of times, so that its instructions can be counted: `hot_paths NAME TIMES`. Without
//! arguments it prints the names.

#![forbid(unsafe_code)]

use std::env;
use std::process::ExitCode;
use vmc_hot_paths::hot_paths;

/// How often the path runs before: pages are touched, and the dynamic linker has found what is called.
const WARM_UP: u32 = 300;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let [name, times] = &words[..] else {
        hot_paths().iter().for_each(|path| println!("{}", path.name));
        return ExitCode::SUCCESS;
    };
    let path = hot_paths().into_iter().find(|path| path.name == name);
    let (Some(path), Ok(times)) = (path, times.parse()) else {
        eprintln!(
            "usage: hot_paths [NAME TIMES], with one of the names that it prints without arguments"
        );
        return ExitCode::FAILURE;
    };
    (path.run)(&mut |operation| {
        (0..WARM_UP).for_each(|_| operation());
        measured(times, operation);
    });
    ExitCode::SUCCESS
}

/// What is counted: the tool is told this function by its name.
#[inline(never)]
fn measured(times: u32, operation: &mut dyn FnMut()) {
    for _ in 0..times {
        operation();
    }
}
