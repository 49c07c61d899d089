//! Calls in flight.

use crate::bottom_half::BottomHalf;
use crate::close::Close;
use crate::files::FileId;
use crate::ioctl::SetHmcId;
use crate::read::Read;
use crate::step::Effect;
use crate::task::Task;
use crate::write::Write;
use alloc::vec::Vec;

/// Names a call in flight. The generation makes a late outcome harmless: a place that is used again has
/// another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    place: u16,
    generation: u16,
}

impl CallId {
    /// The name of a call, for a driver with a table of its own.
    pub const fn new(place: u16, generation: u16) -> CallId {
        CallId { place, generation }
    }

    /// Its place in the table of calls in flight: no two of them have the same, and the lowest free one is taken.
    pub const fn place(self) -> u16 {
        self.place
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CallState {
    /// Over, but its last effect is still parked behind wake-ups.
    Ending,
    RequestVmc(FileId),
    Interrupt,
    SetHmcId(SetHmcId),
    Write(Write),
    Read(Read),
    Poll(FileId),
    Close(Close),
    BottomHalf(BottomHalf),
    Task(Task),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InFlight {
    pub(crate) state: CallState,
    /// An effect that waits until the wake-ups of its transition have been handed out.
    pub(crate) parked: Option<Effect>,
    /// The shell is making an hcall or touching the queue for this call, or will as soon as it has handed
    /// out the wake-ups before it.
    pub(crate) touching: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    generation: u16,
    call: Option<InFlight>,
}

/// The table of calls in flight; a place is used again as soon as its call is over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Calls {
    places: Vec<Place>,
    /// Free places, descending: the lowest one is used first.
    free: Vec<u16>,
    /// A call may wait for others to come back: one did when it was looked at last, or has begun to since.
    may_quiesce: bool,
}

impl CallState {
    /// The file that the call works on.
    pub(crate) fn file(&self) -> Option<FileId> {
        match self {
            CallState::SetHmcId(call) => Some(call.file),
            CallState::Write(call) => Some(call.file),
            CallState::Read(call) => Some(call.file),
            CallState::Poll(file) => Some(*file),
            _ => None,
        }
    }

    /// The file that the call keeps from being released.
    pub(crate) fn held_file(&self) -> Option<FileId> {
        match self {
            CallState::RequestVmc(file) => Some(*file),
            _ => self.file(),
        }
    }

    /// Whether the call waits for others to come back.
    #[inline(always)]
    pub(crate) fn is_quiescing(&self) -> bool {
        match self {
            CallState::BottomHalf(call) => call.is_quiescing(),
            CallState::Task(call) => call.is_quiescing(),
            CallState::Close(call) => call.is_quiescing(),
            _ => false,
        }
    }
}

impl Calls {
    /// Enters a call. The table must not be full.
    #[inline]
    pub(crate) fn insert(&mut self, state: CallState) -> CallId {
        self.may_quiesce |= state.is_quiescing();
        let call = Some(InFlight { state, parked: None, touching: false });
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[usize::from(index)];
            place.call = call;
            return CallId { place: index, generation: place.generation };
        }
        self.places.push(Place { generation: 0, call });
        CallId { place: (self.places.len() - 1) as u16, generation: 0 }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: CallId) -> Option<&mut InFlight> {
        let place = self.places.get_mut(usize::from(id.place))?;
        if place.generation == id.generation { place.call.as_mut() } else { None }
    }

    /// Stores where a call stands.
    #[inline]
    pub(crate) fn set_state(&mut self, id: CallId, state: CallState) {
        self.may_quiesce |= state.is_quiescing();
        if let Some(call) = self.get_mut(id) {
            call.state = state;
        }
    }

    /// Whether a call may wait for others to come back.
    pub(crate) fn may_quiesce(&self) -> bool {
        self.may_quiesce
    }

    /// The calls that do.
    pub(crate) fn quiescing(&self) -> impl Iterator<Item = CallId> {
        self.iter().filter(|(_, call)| call.state.is_quiescing()).map(|(id, _)| id)
    }

    /// Notes whether there are any.
    pub(crate) fn look_who_quiesces(&mut self) {
        let quiesces = self.quiescing().next().is_some();
        self.may_quiesce = quiesces;
    }

    #[inline]
    pub(crate) fn remove(&mut self, id: CallId) {
        if let Some(place) = self.places.get_mut(usize::from(id.place))
            && place.generation == id.generation
            && place.call.is_some()
        {
            place.call = None;
            place.generation = place.generation.wrapping_add(1);
            // The lowest free place comes last, and mostly it is this one.
            if self.free.last().is_none_or(|lowest| *lowest > id.place) {
                self.free.push(id.place);
            } else {
                let above = self.free.partition_point(|place| *place > id.place);
                self.free.insert(above, id.place);
            }
        }
    }

    /// Every call in flight, in the order of its place.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (CallId, &mut InFlight)> {
        self.places.iter_mut().enumerate().filter_map(|(index, place)| {
            let id = CallId { place: index as u16, generation: place.generation };
            place.call.as_mut().map(|call| (id, call))
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (CallId, &InFlight)> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            let id = CallId { place: index as u16, generation: place.generation };
            place.call.as_ref().map(|call| (id, call))
        })
    }

    /// What a call is named where only calls in flight are told apart ([`Driver::normal`](crate::Driver::normal)).
    pub(crate) fn canonical_id(&self, id: CallId) -> CallId {
        let in_flight = self
            .places
            .get(usize::from(id.place))
            .is_some_and(|place| place.generation == id.generation && place.call.is_some());
        CallId { place: id.place, generation: u16::from(!in_flight) }
    }

    /// Names every call in flight so, and forgets places that are free.
    pub(crate) fn make_canonical(&mut self) {
        for place in &mut self.places {
            place.generation = 0;
            if let Some(call) = &mut place.call {
                // Wake-ups are handed out before it, so it is none.
                call.parked = call.parked.map(|effect| effect.canonical(|id| id));
            }
        }
        self.look_who_quiesces();
        let used = self.places.iter().rposition(|place| place.call.is_some());
        self.places.truncate(used.map_or(0, |last| last + 1));
        self.free.retain(|place| usize::from(*place) < self.places.len());
    }

    /// Whether no further call can be named.
    pub(crate) fn is_full(&self) -> bool {
        self.free.is_empty() && self.places.len() > usize::from(u16::MAX)
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}
