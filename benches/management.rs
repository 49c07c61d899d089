//! HMC commands on the deterministic runtime: what one costs beside an echo of its size, and with how many partitions.
//!
//! A command is written and its response read as bytes, as the echo is; the response is longer than the command, and the
//! echo is as long as the response. Every second command of `change and look` changes something, with a token of its own.

#![forbid(unsafe_code)]

use hmc_proto::{
    Answer, Bytes, CreatePartition, ListAll, Memory, Message, PowerOff, PowerOn, Request, Response,
    Stop, Token,
};
use hmc_router::small_system;
use managed_system::{System, SystemConfig};
use std::cell::RefCell;
use vmc_bench::{Bench, Case, Fit, RowFile};
use vmc_hot_paths::{Manager, change, look};
use vmc_machine::embed::{Application, Deterministic, File, Machine};

/// Partitions of a system.
const PARTITIONS: [u16; 4] = [125, 250, 500, 1000];

fn main() {
    let mut bench = Bench::from_args("management");
    commands(&mut bench);
    if !std::env::args().any(|word| word == "--bench") {
        let mut few = with_partitions(10);
        list(&mut few);
        power(&mut few);
        return println!("management: ok");
    }
    let mut file = RowFile::append("management").expect("a target folder for the rows");
    let mut push = |series, operation: fn(&mut Manager)| {
        let fit =
            Fit::times("management", series, "partitions", &PARTITIONS, with_partitions, operation);
        println!("{fit}");
        file.push(&fit).expect("a row can be written");
    };
    push("listing every partition", list);
    push("a power-on and a power-off", power);
}

fn commands(bench: &mut Bench) {
    for (name, request) in [("a look", look()), ("a change", change())] {
        let mut manager = Manager::new(small_system());
        let message = request.encode(Token(0));
        let len = manager.ask(&request).len();
        let manager = RefCell::new(manager);
        let (mut echo, file) = echo();
        let sent = vec![7; len];
        let mut room = [0; 4096];
        let command = message.clone();
        let case = Case::new(name)
            .alone("vmcsim", || {
                manager.borrow_mut().exchange(&command);
            })
            .alone("echo", || {
                assert_eq!(echo.write(file, &sent), Ok(len));
                assert_eq!(echo.read(file, &mut room), Ok(len));
            });
        bench.run(case.messages(2));
    }
}

fn echo() -> (Application<Deterministic>, File) {
    let mut app = Machine::default().deterministic().expect("a possible machine");
    let file = app.open_session("HMC-A").expect("a session");
    (app, file)
}

/// A request's good response.
fn good(manager: &mut Manager, request: &Request) -> Response {
    let response = Message::decode(manager.ask(request)).expect("a response");
    match Answer::decode(&response) {
        Ok(Answer::Good(response)) => response,
        other => panic!("{request}: {other:?}"),
    }
}

/// A system with so many partitions beside the usual ones.
fn with_partitions(partitions: u16) -> Manager {
    let small = small_system();
    let mut config: SystemConfig = small.config().clone();
    config.capacity.max_partitions = partitions + 2;
    let mut manager = Manager::new(System::new(config).expect("a system"));
    let memory = Memory { min_mb: 256, desired_mb: 256, max_mb: 512 };
    for n in 0..partitions {
        let create = CreatePartition::linux(format!("partition-{n}"), memory.clone(), 1);
        manager.ask(&Request::CreatePartition(create));
    }
    manager
}

fn list(manager: &mut Manager) {
    let mut after = Bytes::default();
    loop {
        let Response::ListPartitions(page) =
            good(manager, &Request::ListPartitions(ListAll { after }))
        else {
            unreachable!("it was asked for")
        };
        if page.next.0.is_empty() {
            return;
        }
        after = page.next;
    }
}

/// The partition in the middle of the first hundred starts and stops.
fn power(manager: &mut Manager) {
    let (id, version, profile, boot_mode) = (7, None, None, None);
    manager.ask(&Request::PowerOn(PowerOn { id, version, profile, boot_mode }));
    manager.ask(&Request::PowerOff(PowerOff { id, version, stop: Stop::Immediate }));
}
