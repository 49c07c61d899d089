//! Which activity makes each call that is in flight.

use crate::runtime::ActivityId;
use ibmvmc::CallId;

/// Which activity runs each call that is in flight.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    /// By the call's place in the driver's table: there are as few as there are calls at a time.
    places: Vec<Option<(CallId, ActivityId)>>,
}

impl Callers {
    pub(crate) fn insert(&mut self, id: CallId, caller: ActivityId) {
        let place = usize::from(id.place());
        if self.places.len() <= place {
            self.places.resize(place + 1, None);
        }
        self.places[place] = Some((id, caller));
    }

    pub(crate) fn remove(&mut self, id: CallId) {
        if self.get(id).is_some() {
            self.places[usize::from(id.place())] = None;
        }
    }

    /// The activity that runs a call; `None` when the call is over.
    pub fn get(&self, id: CallId) -> Option<ActivityId> {
        let (of, caller) = (*self.places.get(usize::from(id.place()))?)?;
        (of == id).then_some(caller)
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// The calls in the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CallId, ActivityId)> {
        self.places.iter().flatten().copied()
    }
}
