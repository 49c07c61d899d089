//! A manager that talks to the router of an embedded machine.

use hmc_proto::*;
use hmc_router::Router;
use managed_system::{
    Amounts, Capacity, PartitionDefinition, PartitionType, SystemConfig, Timings, Uuid,
};
use std::time::Duration;
use vmc_machine::embed::{Application, Deterministic, File, Machine};

/// A system with its management partition.
pub(crate) fn system(event_log: usize) -> managed_system::System {
    let memory_mb = Amounts { min: 1024, desired: 2048, max: 4096 };
    let small =
        managed_system::Configuration::shared(memory_mb, Amounts { min: 1, desired: 2, max: 4 });
    let seconds = Duration::from_secs;
    managed_system::System::new(SystemConfig {
        name: "sys1".into(),
        uuid: Uuid::derive(7, "sys1"),
        machine_type: "9009".into(),
        model: "42A".into(),
        serial: "1234567".into(),
        firmware_level: "FW950.40".into(),
        seed: 7,
        capacity: Capacity::default(),
        timings: Timings { start: seconds(2), ..Timings::default() },
        event_log,
        management: PartitionDefinition::new("mgmt", PartitionType::AixLinux, small),
    })
    .expect("a good configuration")
}

/// A machine with that system.
pub(crate) fn machine(mtu: u32, event_log: usize) -> Machine {
    let behaviour = vmc_machine::embed::AnyBehaviour::new(Router::new(system(event_log)));
    Machine { behaviour, mtu, connections: 2, record: true, ..Machine::default() }
}

/// An application, and the tokens that it has used.
pub(crate) struct Manager {
    pub(crate) app: Application<Deterministic>,
    pub(crate) file: File,
    pub(crate) mtu: usize,
    pub(crate) token: u32,
    /// Events that came before an answer.
    pub(crate) events: Vec<Event>,
}

impl Manager {
    /// Opens a VMC session and the router's in it.
    pub(crate) fn new(machine: &Machine) -> Manager {
        let mut manager = Manager::without_session(machine);
        manager.exchange(0);
        manager
    }

    pub(crate) fn without_session(machine: &Machine) -> Manager {
        let mut app = machine.deterministic().expect("a machine");
        let file = app.open_session("HMC-A").expect("a session");
        Manager { app, file, mtu: machine.mtu as usize, token: 100, events: Vec::new() }
    }

    /// Closes the file, and opens a session of the channel with this HMC ID.
    pub(crate) fn reopen(&mut self, hmc: &str) {
        self.app.close(self.file).expect("a good close");
        self.app.settle();
        self.file = self.app.open_session(hmc).expect("a session");
    }

    /// Exchange operations; the number of the session.
    pub(crate) fn exchange(&mut self, resume: u32) -> u32 {
        let request = ExchangeOperations { reserved: 0, version: 1, resume };
        match self.ask(Request::ExchangeOperations(request)) {
            Answer::Good(Response::ExchangeOperations(exchanged)) => exchanged.session,
            other => panic!("expected a session, got {other}"),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        assert_eq!(self.app.write(self.file, bytes), Ok(bytes.len()));
    }

    /// The next message, whichever it is.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; self.mtu];
        let len = self.app.read(self.file, &mut bytes).expect("a message");
        bytes.truncate(len);
        bytes
    }

    /// The answer to raw bytes: its header and data. Events are put aside.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> (Header, Vec<u8>) {
        self.send(bytes);
        loop {
            let message = self.receive();
            let Message { header, data } = Message::decode(&message).expect("a good header");
            if header.flags.is_response() {
                return (header, data.to_vec());
            }
            self.keep_event(&message);
        }
    }

    fn keep_event(&mut self, message: &[u8]) {
        let message = Message::decode(message).expect("a good header");
        match Request::decode(&message) {
            Ok(Request::Event(event)) => self.events.push(event),
            other => panic!("expected an event, got {other:?}"),
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> Event {
        if self.events.is_empty() {
            self.grant();
            let message = self.receive();
            self.keep_event(&message);
        }
        self.events.remove(0)
    }

    /// Gives the hypervisor's side a buffer to send an event in: with an echo that expects no response.
    fn grant(&mut self) {
        let mut bytes = Request::Echo(Echo { data: Rest(Vec::new()) }).encode(Token(0));
        bytes[15] = Flags::NONE.0;
        self.send(&bytes);
    }

    /// The answer to a request with the next token.
    pub(crate) fn ask(&mut self, request: Request) -> Answer {
        self.token += 1;
        self.ask_with(Token(self.token), request)
    }

    pub(crate) fn ask_with(&mut self, token: Token, request: Request) -> Answer {
        let (header, data) = self.raw(&request.encode(token));
        assert_eq!(header.token, token);
        assert_eq!((header.target, header.opcode), {
            let operation = request.operation();
            (operation.target(), operation.opcode())
        });
        Answer::decode(&Message { header, data: &data }).expect("an answer")
    }

    /// The good response by the names of its fields, of a request by the names of its fields.
    pub(crate) fn good(&mut self, operation: Operation, fields: Value) -> Value {
        let request = Request::from_value(operation, &fields).expect("a request");
        match self.ask(request) {
            Answer::Good(response) => response.to_value(),
            other => panic!("{operation}: expected a good response, got {other:?}"),
        }
    }

    /// The code of the refusal of a request.
    pub(crate) fn refused(&mut self, operation: Operation, fields: Value) -> String {
        let request = Request::from_value(operation, &fields).expect("a request");
        match self.ask(request) {
            Answer::Refused(refusal) => refusal.code,
            other => panic!("{operation}: expected a refusal, got {other:?}"),
        }
    }
}

pub(crate) fn table(fields: &[(&str, Value)]) -> Value {
    Value::Table(fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
}

pub(crate) fn number(number: u64) -> Value {
    Value::Number(number)
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

pub(crate) fn id(id: u64) -> Value {
    table(&[("id", number(id))])
}

pub(crate) fn shared() -> Value {
    table(&[
        (
            "memory",
            table(&[
                ("min_mb", number(1024)),
                ("desired_mb", number(2048)),
                ("max_mb", number(4096)),
            ]),
        ),
        (
            "processors",
            table(&[
                ("mode", text("shared")),
                ("sharing", text("uncapped")),
                ("weight", number(64)),
                ("pool", number(0)),
                ("min", number(1)),
                ("desired", number(1)),
                ("max", number(2)),
                ("min_units", number(50)),
                ("desired_units", number(50)),
                ("max_units", number(100)),
            ]),
        ),
        ("max_slots", number(64)),
        ("availability", number(127)),
        ("boot_mode", text("normal")),
        ("keylock", text("normal")),
        ("compatibility", text("default")),
        ("page_table_ratio", number(0)),
        ("secure_boot", number(0)),
    ])
}

pub(crate) fn partition(name: &str, kind: &str) -> Value {
    table(&[
        ("name", text(name)),
        ("kind", text(kind)),
        ("configuration", shared()),
        ("physical_boot_device", Value::Truth(true)),
    ])
}
