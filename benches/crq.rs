//! 16-byte entries between two threads: `H_SEND_CRQ` and the consumer's dequeue, against other queues of the
//! same size.
//!
//! The bare ring is a CRQ without what its rules ask for; the locked ring has that in the plainest form: a lock for
//! the sender, and an exchange for the consumer, because a transport event may replace an entry meanwhile.
//!
//! `stream` goes one way, as fast as the consumer takes it; `round_trip` goes to and fro, one entry at a time.

#![forbid(unsafe_code)]

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;
use std::sync::mpsc;
use vmc_bench::{BareRing, Bench, Case, Consumer, Machine, wait_for};

/// Entries of each queue: a CRQ of one page.
const ENTRIES: usize = 256;

/// What an entry of the other queues is.
type Entry = [u64; 2];

fn main() {
    let mut bench = Bench::from_args("crq");
    stream(&mut bench);
    round_trip(&mut bench);
}

fn stream(bench: &mut Bench) {
    let machine = &Machine::new(1);
    let mut consumer = Consumer::new(1);
    let ring = &BareRing::new(ENTRIES);
    let (mut put, mut taken) = (0, 0);
    let locked_ring = &BareRing::new(ENTRIES);
    let (locked_put, mut locked_taken) = (CachePadded::new(Mutex::new(0)), 0);
    let (send, receive) = crossbeam_channel::bounded::<Entry>(ENTRIES);
    let (std_send, std_receive) = mpsc::sync_channel::<Entry>(ENTRIES);
    let (mut producer, mut rtrb_consumer) = rtrb::RingBuffer::<Entry>::new(ENTRIES);
    let case = Case::new("stream")
        .pair(
            "vmcsim",
            move |times| (0..times).for_each(|n| assert_eq!(consumer.take(machine), n)),
            |times| (0..times).for_each(|n| machine.send(0, n)),
        )
        .pair(
            "bare ring",
            move |times| (0..times).for_each(|n| assert_eq!(ring.pop(&mut taken), n)),
            move |times| (0..times).for_each(|n| ring.push(&mut put, n)),
        )
        .pair(
            "locked ring",
            move |times| {
                for n in 0..times {
                    assert_eq!(locked_ring.pop_by_exchange(&mut locked_taken), n);
                }
            },
            move |times| (0..times).for_each(|n| locked_ring.push_locked(&locked_put, n)),
        )
        .pair(
            "rtrb",
            move |times| (0..times).for_each(|n| assert_eq!(pop(&mut rtrb_consumer), n)),
            move |times| (0..times).for_each(|n| push(&mut producer, n)),
        )
        .pair(
            "crossbeam-channel",
            move |times| (0..times).for_each(|n| assert_eq!(receive.recv(), Ok([0, n]))),
            move |times| (0..times).for_each(|n| send.send([0, n]).expect("a receiver")),
        )
        .pair(
            "std sync_channel",
            move |times| (0..times).for_each(|n| assert_eq!(std_receive.recv(), Ok([0, n]))),
            move |times| (0..times).for_each(|n| std_send.send([0, n]).expect("a receiver")),
        );
    bench.run(case.bytes(16).messages(1));
}

fn round_trip(bench: &mut Bench) {
    let machine = &Machine::new(1);
    let (mut near, mut far) = (Consumer::new(0), Consumer::new(1));
    let (there, back) = (&BareRing::new(ENTRIES), &BareRing::new(ENTRIES));
    let (mut near_put, mut near_taken, mut far_put, mut far_taken) = (0, 0, 0, 0);
    let (locked_there, locked_back) = (&BareRing::new(ENTRIES), &BareRing::new(ENTRIES));
    let near_position = CachePadded::new(Mutex::new(0));
    let far_position = CachePadded::new(Mutex::new(0));
    let (mut near_locked, mut far_locked) = (0, 0);
    let (send, far_receive) = crossbeam_channel::bounded::<Entry>(ENTRIES);
    let (far_send, receive) = crossbeam_channel::bounded::<Entry>(ENTRIES);
    let (std_send, std_far_receive) = mpsc::sync_channel::<Entry>(ENTRIES);
    let (std_far_send, std_receive) = mpsc::sync_channel::<Entry>(ENTRIES);
    let (mut producer, mut far_consumer) = rtrb::RingBuffer::<Entry>::new(ENTRIES);
    let (mut far_producer, mut rtrb_consumer) = rtrb::RingBuffer::<Entry>::new(ENTRIES);
    let case = Case::new("round_trip")
        .pair(
            "vmcsim",
            move |times| {
                for n in 0..times {
                    machine.send(0, n);
                    assert_eq!(near.take(machine), n);
                }
            },
            move |times| (0..times).for_each(|_| machine.send(1, far.take(machine))),
        )
        .pair(
            "bare ring",
            move |times| {
                for n in 0..times {
                    there.push(&mut near_put, n);
                    assert_eq!(back.pop(&mut near_taken), n);
                }
            },
            move |times| {
                (0..times).for_each(|_| back.push(&mut far_put, there.pop(&mut far_taken)));
            },
        )
        .pair(
            "locked ring",
            move |times| {
                for n in 0..times {
                    locked_there.push_locked(&near_position, n);
                    assert_eq!(locked_back.pop_by_exchange(&mut near_locked), n);
                }
            },
            move |times| {
                for _ in 0..times {
                    let n = locked_there.pop_by_exchange(&mut far_locked);
                    locked_back.push_locked(&far_position, n);
                }
            },
        )
        .pair(
            "rtrb",
            move |times| {
                for n in 0..times {
                    push(&mut producer, n);
                    assert_eq!(pop(&mut rtrb_consumer), n);
                }
            },
            move |times| {
                (0..times).for_each(|_| push(&mut far_producer, pop(&mut far_consumer)));
            },
        )
        .pair(
            "crossbeam-channel",
            move |times| {
                for n in 0..times {
                    send.send([0, n]).expect("a receiver");
                    assert_eq!(receive.recv(), Ok([0, n]));
                }
            },
            move |times| {
                for _ in 0..times {
                    far_send.send(far_receive.recv().expect("a sender")).expect("a receiver");
                }
            },
        )
        .pair(
            "std sync_channel",
            move |times| {
                for n in 0..times {
                    std_send.send([0, n]).expect("a receiver");
                    assert_eq!(std_receive.recv(), Ok([0, n]));
                }
            },
            move |times| {
                for _ in 0..times {
                    let entry = std_far_receive.recv().expect("a sender");
                    std_far_send.send(entry).expect("a receiver");
                }
            },
        );
    bench.run(case.messages(2));
}

fn push(producer: &mut rtrb::Producer<Entry>, n: u64) {
    wait_for(|| producer.push([0, n]).ok());
}

fn pop(consumer: &mut rtrb::Consumer<Entry>) -> u64 {
    let [_, n] = wait_for(|| consumer.pop().ok());
    n
}
