//! A run that is drawn while it goes on: in the order in which things happen, which is not the canonical one.

use crate::event::{Event, Record};
use crate::sequence::label::step_of;
use crate::sequence::names::Names;
use crate::sequence::{Item, Sequence, fold};
use crate::trace::TraceNames;
use vmc_proto::{Message, Received};

/// Draws a run piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// The records so far that give something its name.
    naming: Vec<Record>,
}

impl Live {
    /// The steps of the records that follow those of the last call.
    pub fn next(&mut self, records: &[Record], apps: &TraceNames) -> Sequence {
        let mut names = Names::new(apps);
        self.naming.iter().for_each(|record| names.learn(record));
        let mut steps = Vec::new();
        for record in records {
            names.learn(record);
            steps.extend(step_of(record, &names));
            if gives_name(&record.event) {
                self.naming.push(record.clone());
            }
        }
        Sequence { items: fold::join_calls(steps).into_iter().map(Item::Step).collect() }
    }
}

/// Messages of applications, of which there are many, name nothing.
fn gives_name(event: &Event) -> bool {
    match event {
        Event::SessionStarted(..) => true,
        Event::Enqueued { entry, .. } => match Received::from_entry(*entry) {
            Received::Message(decoded) => !matches!(decoded.message, Message::Signal { .. }),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ActorId, CallResult, DeviceCall, Particulars, Side};
    use crate::render::render_steps;
    use vmc_proto::{BufferId, HmcIndex, HmcSession};

    fn record(actor: ActorId, event: Event) -> Record {
        Record { seq: 0, time_ns: 0, actor, event }
    }

    fn sent(message: Message) -> Event {
        Event::Enqueued { to: Side::Hyp, element: 0, entry: message.encode(), overlaid: None }
    }

    #[test]
    fn a_session_keeps_its_name_from_piece_to_piece() {
        let app = ActorId::App(0);
        let names = TraceNames { apps: vec![String::from("echo")] };
        let (index, session) = (HmcIndex(3), HmcSession(9));
        let mut live = Live::default();
        let first = [
            record(app, Event::SessionStarted(index, session)),
            record(app, Event::Call(DeviceCall::Query, Particulars::default())),
        ];
        assert_eq!(render_steps(&live.next(&first, &names)), "echo  query()\n");
        let (buffer, len_bytes) = (BufferId(7), 5);
        let second = [
            record(app, sent(Message::Signal { session, index, buffer, len_bytes })),
            record(app, Event::Return(DeviceCall::Query, CallResult::Ok, None)),
        ];
        let drawn = render_steps(&live.next(&second, &names));
        assert!(drawn.contains("SIGNAL echo#1"), "{drawn}");
        assert!(drawn.ends_with("echo  query() = 0\n"), "{drawn}");
        assert_eq!(live.naming.len(), 1);
    }
}
