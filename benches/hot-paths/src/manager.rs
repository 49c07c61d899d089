//! A manager of a simulated system, and the HMC commands that are measured.

use hmc_proto::{ChangeSystem, ExchangeOperations, PartitionId, Request, Token};
use hmc_router::{Router, SMALL_VIOS};
use managed_system::System;
use std::ops::Range;
use vmc_machine::embed::{AnyBehaviour, Application, Deterministic, File, Machine};

/// Where the token stands in a message.
const TOKEN: Range<usize> = 8..12;

/// Where the return code stands.
const RETURN_CODE: Range<usize> = 22..24;

/// A command that looks at something.
pub fn look() -> Request {
    Request::ShowStatus(PartitionId { id: SMALL_VIOS.0 })
}

/// A command that changes something.
pub fn change() -> Request {
    Request::ChangeSystem(ChangeSystem { version: None, name: String::from("system-1") })
}

/// A session with the router of a machine that is simulated on one thread.
pub struct Manager {
    app: Application<Deterministic>,
    file: File,
    token: u32,
    message: Vec<u8>,
    room: [u8; 4096],
}

impl Manager {
    /// A machine that has booted, and a session in which operations were exchanged.
    ///
    /// # Panics
    ///
    /// If the machine is not as it should be.
    pub fn new(system: System) -> Manager {
        let behaviour = AnyBehaviour::new(Router::new(system));
        let machine = Machine { behaviour, ..Machine::default() };
        let mut app = machine.deterministic().expect("a possible machine");
        let file = app.open_session("HMC-A").expect("a session");
        let mut manager = Manager { app, file, token: 0, message: Vec::new(), room: [0; 4096] };
        let open = ExchangeOperations { reserved: 0, version: 1, resume: 0 };
        manager.ask(&Request::ExchangeOperations(open));
        manager
    }

    /// A message, which gets the next token, and its response.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn exchange(&mut self, message: &[u8]) -> &[u8] {
        self.token += 1;
        self.message.clear();
        self.message.extend_from_slice(message);
        self.message[TOKEN].copy_from_slice(&self.token.to_be_bytes());
        assert_eq!(self.app.write(self.file, &self.message), Ok(message.len()));
        let len = self.app.read(self.file, &mut self.room).expect("a response");
        &self.room[..len]
    }

    /// A request, and its good response.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub fn ask(&mut self, request: &Request) -> &[u8] {
        let response = self.exchange(&request.encode(Token(0)));
        assert_eq!(response[RETURN_CODE], [0, 0], "{request}");
        response
    }
}
