//! What each thread of a run waits for, as text: for a watchdog that sees no progress.

use super::ThreadedRun;
use crate::activity::Activity;
use crate::actor::Actor;
use crate::backend::Setup;
use crate::guest_driver::GuestDriver as _;
use crate::runtime::ActivityId;
use crate::world::MANAGEMENT;
use std::fmt::{self, Write};
use vmc_threads::{Snapshot, State};
use vmc_trace::Waiting;

impl<P: Setup> ThreadedRun<P> {
    /// Says of each activity what it waits for, and of the driver's queue who looks at it.
    pub(crate) fn standing(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_standing(&mut text);
        text
    }

    fn write_standing(&self, text: &mut String) -> fmt::Result {
        let snapshot = self.runtime.snapshot();
        let Snapshot { states, pollers, sleepers, is_left, now_ns, over } = snapshot;
        let end = if over { ", and the run is over" } else { "" };
        writeln!(text, "virtual time {now_ns} ns{end}")?;
        for (id, (state, marks)) in (0..).map(ActivityId).zip(states) {
            let state = match state {
                State::Running => String::from("runs, or is outside of calls"),
                State::Finished => String::from("is over"),
                State::Blocked { until_ns, why } => {
                    let until = until_ns.map_or(String::new(), |ns| format!(", until {ns} ns"));
                    format!("waits for {}{until}", reason(why))
                }
            };
            writeln!(text, "{:24} {state} [{}]", id.to_string(), marks.join(", "))?;
        }
        let at_queue = if is_left { "is left at its queue" } else { "is not left at its queue" };
        writeln!(text, "the bottom half {at_queue}; {pollers} poll, {sleepers} sleep in calls")?;
        match self.bottom_half.peek(|actor| self.queue_of(actor)) {
            None => writeln!(text, "a thread has the bottom half")?,
            Some(queue) => writeln!(text, "{queue}")?,
        }
        let pending = self.world.hypervisor.has_interrupt(MANAGEMENT);
        let enabled = self.world.hypervisor.is_interrupt_enabled(MANAGEMENT);
        write!(text, "CRQ interrupt: enabled {enabled}, pending {pending}; ")?;
        match self.world.kernel.try_lock() {
            None => writeln!(text, "a thread is in the driver"),
            Some(kernel) => writeln!(
                text,
                "channel {}, {} calls in flight, bottom half scheduled {}",
                kernel.driver.state().name(),
                kernel.callers.len(),
                kernel.bottom_half_due,
            ),
        }
    }

    fn queue_of(&self, actor: &Actor) -> String {
        let Activity::BottomHalf(bottom_half) = &actor.activity else { return String::new() };
        match bottom_half.queue_has_entry(&self.world) {
            Some(true) => String::from("its queue has an entry"),
            Some(false) => String::from("its queue is empty"),
            None => String::from("it looks at no queue"),
        }
    }
}

fn reason(why: Waiting) -> &'static str {
    match why {
        Waiting::Call => "what its call sleeps for",
        Waiting::Work => "work",
        Waiting::State => "a state of the machine",
    }
}
