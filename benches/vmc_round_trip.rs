//! An application writes a message, the hypervisor echoes it, the application reads it; on threads.
//!
//! vmcsim copies a message four times on its way: from the application to a local buffer, by `H_COPY_RDMA` to the
//! hypervisor's buffer, and back. Its peers do what their users would do, and at least two copies each way.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use vmc_bench::{BareRing, Bench, Case, PATIENCE_OF_A_CALL, hung, wait_for};
use vmc_machine::embed::{Application, File, Machine, OnThreads, Service, Waiting};

const LENGTHS: [(usize, &str); 3] = [(32, "32 B"), (4096, "4 KiB"), (16 * 1024, "16 KiB")];

/// Entries of the peers' queues.
const ENTRIES: usize = 256;

fn main() {
    let mut bench = Bench::from_args("vmc_round_trip");
    for (len, length) in LENGTHS {
        let machine = &Machine { mtu: (len as u32).max(4096), ..Machine::default() };
        let booted = machine.on_two_threads(|app, service| {
            let monitor = app.monitor();
            let polling = monitor.watch(PATIENCE_OF_A_CALL, hung, || Polling::new(app, service));
            let booted = machine.on_threads(Waiting::Block, 1, |mut apps| {
                apps[0].monitor().watch(PATIENCE_OF_A_CALL, hung, || {
                    let blocking = Vmc::new(apps.remove(0));
                    monitor.watch(PATIENCE_OF_A_CALL, hung, || {
                        round_trip(&mut bench, len, length, polling, blocking);
                    });
                });
            });
            booted.expect("a possible machine");
        });
        booted.expect("a possible machine");
    }
}

/// An application with a session.
struct Vmc<'a> {
    app: Application<OnThreads<'a>>,
    file: File,
}

impl<'a> Vmc<'a> {
    fn new(mut app: Application<OnThreads<'a>>) -> Vmc<'a> {
        let file = app.open_session("HMC-A").expect("a session");
        Vmc { app, file }
    }

    fn round_trips(&mut self, times: u64, message: &[u8], answer: &mut [u8]) {
        for _ in 0..times {
            assert_eq!(self.app.write(self.file, message), Ok(message.len()));
            assert_eq!(self.app.read(self.file, answer), Ok(message.len()));
        }
    }
}

/// One whose hypervisor runs on the far thread of a sample.
struct Polling<'a> {
    vmc: Vmc<'a>,
    service: Service<'a>,
}

impl<'a> Polling<'a> {
    fn new(app: Application<OnThreads<'a>>, mut service: Service<'a>) -> Polling<'a> {
        let is_open = AtomicBool::new(false);
        let vmc = std::thread::scope(|scope| {
            scope.spawn(|| service.serve(|| is_open.load(Ordering::Relaxed)));
            let vmc = Vmc::new(app);
            is_open.store(true, Ordering::Relaxed);
            vmc
        });
        Polling { vmc, service }
    }
}

/// Measures with both machines. The one that blocks has threads of its own, so the far thread of its samples
/// sleeps.
fn round_trip(
    bench: &mut Bench,
    len: usize,
    length: &str,
    polling: Polling<'_>,
    mut blocking: Vmc<'_>,
) {
    let message = &vec![0xA5; len];
    let (mut polled, mut blocked) = (message.clone(), message.clone());
    let Polling { mut vmc, mut service } = polling;
    let is_over = &AtomicBool::new(false);
    let case = Case::new(length).pair(
        "vmcsim, polling",
        move |times| {
            vmc.round_trips(times, message, &mut polled);
            is_over.store(true, Ordering::Relaxed);
        },
        move |_| {
            service.serve(|| is_over.load(Ordering::Relaxed));
            is_over.store(false, Ordering::Relaxed);
        },
    );
    let (end, ended) = mpsc::channel();
    let case = case.pair(
        "vmcsim, blocking",
        move |times| {
            blocking.round_trips(times, message, &mut blocked);
            end.send(()).expect("a far thread");
        },
        move |_| ended.recv().expect("a near thread"),
    );
    let (there, back) = (&BareRing::new(ENTRIES), &BareRing::new(ENTRIES));
    let case = peer::in_place(case, message, there, back);
    let case = peer::boxes(case, message);
    let case = peer::crossbeam(case, message);
    let case = peer::unix_stream(case, message);
    bench.run(peer::iceoryx2(case, message).bytes(len as u64).messages(2));
}

mod peer {
    use super::*;
    use std::hint::black_box;

    /// The very same work without a driver and a hypervisor: the near thread copies twice each way, the far one
    /// sends back what it gets without looking at it.
    pub(super) fn in_place<'a>(
        case: Case<'a>,
        message: &'a [u8],
        there: &'a BareRing,
        back: &'a BareRing,
    ) -> Case<'a> {
        let buffer = || vec![0; message.len()];
        let (mut local, mut remote, mut answer) = (buffer(), buffer(), buffer());
        let (mut put, mut taken, mut far_put, mut far_taken) = (0, 0, 0, 0);
        case.pair(
            "bare ring, echo in place",
            move |times| {
                for n in 0..times {
                    black_box(&mut local).copy_from_slice(message);
                    black_box(&mut remote).copy_from_slice(&local);
                    there.push(&mut put, n);
                    assert_eq!(back.pop(&mut taken), n);
                    black_box(&mut local).copy_from_slice(&remote);
                    black_box(&mut answer).copy_from_slice(&local);
                }
            },
            move |times| {
                (0..times).for_each(|_| back.push(&mut far_put, there.pop(&mut far_taken)));
            },
        )
    }

    /// Each thread copies what it sends into a buffer that goes through a ring, and what it gets out of it.
    pub(super) fn boxes<'a>(case: Case<'a>, message: &'a [u8]) -> Case<'a> {
        let (mut producer, mut far_consumer) = rtrb::RingBuffer::<Box<[u8]>>::new(ENTRIES);
        let (mut far_producer, mut consumer) = rtrb::RingBuffer::<Box<[u8]>>::new(ENTRIES);
        let mut spare = Some(message.to_vec().into_boxed_slice());
        let (mut answer, mut far_answer) = (message.to_vec(), message.to_vec());
        case.pair(
            "bare ring, echo by copies",
            move |times| {
                for _ in 0..times {
                    let mut buffer = spare.take().expect("it came back");
                    buffer.copy_from_slice(message);
                    producer.push(buffer).expect("a ring with room");
                    let buffer = wait_for(|| consumer.pop().ok());
                    black_box(&mut answer).copy_from_slice(&buffer);
                    spare = Some(buffer);
                }
            },
            move |times| {
                for _ in 0..times {
                    let mut buffer = wait_for(|| far_consumer.pop().ok());
                    black_box(&mut far_answer).copy_from_slice(&buffer);
                    buffer.copy_from_slice(&far_answer);
                    far_producer.push(buffer).expect("a ring with room");
                }
            },
        )
    }

    /// The far thread sends the vector back that it gets.
    pub(super) fn crossbeam<'a>(case: Case<'a>, message: &'a [u8]) -> Case<'a> {
        let (send, far_receive) = crossbeam_channel::bounded::<Vec<u8>>(ENTRIES);
        let (far_send, receive) = crossbeam_channel::bounded::<Vec<u8>>(ENTRIES);
        let mut answer = message.to_vec();
        case.pair(
            "crossbeam-channel",
            move |times| {
                for _ in 0..times {
                    send.send(message.to_vec()).expect("a receiver");
                    let message = receive.recv().expect("a sender");
                    black_box(&mut answer).copy_from_slice(&message);
                }
            },
            move |times| {
                for _ in 0..times {
                    far_send.send(far_receive.recv().expect("a sender")).expect("a receiver");
                }
            },
        )
    }

    pub(super) fn unix_stream<'a>(case: Case<'a>, message: &'a [u8]) -> Case<'a> {
        let (mut near, mut far) = UnixStream::pair().expect("a pair of sockets");
        let (mut answer, mut far_answer) = (message.to_vec(), message.to_vec());
        case.pair(
            "Unix stream",
            move |times| {
                for _ in 0..times {
                    near.write_all(message).expect("a peer");
                    near.read_exact(&mut answer).expect("a peer");
                }
            },
            move |times| {
                for _ in 0..times {
                    far.read_exact(&mut far_answer).expect("a peer");
                    far.write_all(&far_answer).expect("a peer");
                }
            },
        )
    }

    #[cfg(not(feature = "peers"))]
    pub(super) fn iceoryx2<'a>(case: Case<'a>, _message: &'a [u8]) -> Case<'a> {
        case
    }

    /// Shared memory: each thread copies into a sample and out of one, and looks for it until it is there.
    #[cfg(feature = "peers")]
    pub(super) fn iceoryx2<'a>(case: Case<'a>, message: &'a [u8]) -> Case<'a> {
        use iceoryx2::prelude::*;
        let node = NodeBuilder::new().create::<local_threadsafe::Service>().expect("a node");
        let open = |name: &str| {
            let name = ServiceName::new(name).expect("a name");
            let service = node.service_builder(&name).publish_subscribe::<[u8]>();
            let service = service.open_or_create().expect("a service");
            let publisher = service.publisher_builder().initial_max_slice_len(message.len());
            let publisher = publisher.create().expect("a publisher");
            (publisher, service.subscriber_builder().create().expect("a subscriber"))
        };
        let (publisher, far_subscriber) = open(&format!("there/{}", message.len()));
        let (far_publisher, subscriber) = open(&format!("back/{}", message.len()));
        let (mut answer, mut far_answer) = (message.to_vec(), message.to_vec());
        case.pair(
            "iceoryx2",
            move |times| {
                for _ in 0..times {
                    let sample = publisher.loan_slice_uninit(message.len()).expect("a sample");
                    sample.write_from_slice(message).send().expect("a subscriber");
                    let sample = wait_for(|| subscriber.receive().expect("a subscriber"));
                    black_box(&mut answer).copy_from_slice(sample.payload());
                }
            },
            move |times| {
                for _ in 0..times {
                    let sample = wait_for(|| far_subscriber.receive().expect("a subscriber"));
                    black_box(&mut far_answer).copy_from_slice(sample.payload());
                    drop(sample);
                    let sample = far_publisher.loan_slice_uninit(message.len()).expect("a sample");
                    sample.write_from_slice(&far_answer).send().expect("a subscriber");
                }
            },
        )
    }
}
