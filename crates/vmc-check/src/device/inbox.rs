//! What waits for `read()` in a session.

use std::collections::VecDeque;
use std::rc::Rc;
use vmc_proto::Errno;
use vmc_trace::CallResult;

/// Something that waits for `read()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Message {
        len_bytes: u64,
        digest: u32,
        /// What it says, where the run recorded it.
        bytes: Option<Rc<[u8]>>,
    },
    /// A message whose RDMA failed: its reader is told.
    Failed,
}

/// What waits, oldest first. Readers of one file at the same time may return in another order than they took their
/// messages in, and two messages may begin alike: then each of several contents is possible, until a later read
/// tells. All of them have the same length.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    /// Never empty.
    possible: Vec<VecDeque<Item>>,
}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox { possible: vec![VecDeque::new()] }
    }
}

impl Inbox {
    pub(super) fn push(&mut self, item: Item) {
        self.possible.iter_mut().for_each(|items| items.push_back(item.clone()));
    }

    pub(crate) fn len(&self) -> usize {
        self.possible.first().map_or(0, VecDeque::len)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn may_hold(&self, is_it: impl Fn(&Item) -> bool) -> bool {
        self.possible.iter().flatten().any(is_it)
    }

    /// How many messages wait at most.
    pub(super) fn messages(&self) -> usize {
        let is_message = |item: &&Item| matches!(item, Item::Message { .. });
        let counts = self.possible.iter().map(|items| items.iter().filter(is_message).count());
        counts.max().unwrap_or(0)
    }

    /// Takes what a `read()` with room for that many bytes brought; `None` if it cannot have been there. Each of the
    /// other readers may have taken one that came before. `faults_take`: one that faults takes its message.
    pub(super) fn take(
        &mut self,
        result: &CallResult,
        room: u64,
        other_readers: usize,
        faults_take: bool,
    ) -> Option<Item> {
        let (mut possible, mut taken) = (Vec::new(), None);
        for items in &self.possible {
            for (place, item) in items.iter().take(other_readers + 1).enumerate() {
                if item.is_read_as(result, room, faults_take) {
                    let mut left = items.clone();
                    taken = left.remove(place);
                    if !possible.contains(&left) {
                        possible.push(left);
                    }
                }
            }
        }
        if taken.is_some() {
            self.possible = possible;
        }
        taken
    }
}

impl Item {
    fn is_read_as(&self, result: &CallResult, room: u64, faults_take: bool) -> bool {
        match (self, result) {
            (
                Item::Message { len_bytes, digest, bytes },
                CallResult::Bytes { len_bytes: read, digest: came },
            ) => {
                *read == room.min(*len_bytes)
                    && if *len_bytes <= room {
                        Some(*digest) == *came
                    } else {
                        // Of a longer message the beginning comes.
                        let beginning = bytes.as_ref().map(|bytes| bytes.get(..room as usize));
                        beginning.is_none_or(|bytes| bytes.map(vmc_trace::digest) == *came)
                    }
            }
            (Item::Failed, CallResult::Error(Errno::EIO)) => true,
            (Item::Message { .. }, CallResult::Error(Errno::EFAULT)) => faults_take,
            _ => false,
        }
    }
}
