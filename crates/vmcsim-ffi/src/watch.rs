//! What is known of a driver that reads its queue as memory, without a call: which entries lie in the queue, which of
//! them it has freed since, which session's an RDMA is.

use papr::crq::ENTRY_SIZE;
use papr::{CrqEntry, GuestAddress, Ioba, PAGE_SIZE};
use phyp::Memory;
use std::collections::{BTreeMap, VecDeque};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, MessageType, Received};

/// A registered queue and the entries that lie in it, as far as they are known.
#[derive(Debug, Default)]
pub(crate) struct QueueWatch {
    /// Where it lies in the window, and its length; `None` while no queue is registered.
    range: Option<(Ioba, u64)>,
    /// Where its pages lie in memory, if they are mapped.
    pages: Vec<Option<GuestAddress>>,
    entries: VecDeque<(u32, CrqEntry)>,
    /// The element of an entry that was taken before its sender could note it.
    early: Option<u32>,
}

impl QueueWatch {
    /// A queue is registered, or the pages of one that is known lie elsewhere now.
    pub(crate) fn registered(&mut self, range: (Ioba, u64), pages: Vec<Option<GuestAddress>>) {
        self.range = Some(range);
        self.pages = pages;
    }

    /// No queue is registered any more.
    pub(crate) fn freed(&mut self) {
        *self = QueueWatch::default();
    }

    /// Where the queue lies in the window, and its length, if there is one.
    pub(crate) fn range(&self) -> Option<(Ioba, u64)> {
        self.range
    }

    /// An entry was stored.
    pub(crate) fn stored(&mut self, element: u32, entry: CrqEntry, overlays: bool) {
        if self.early.take_if(|early| *early == element).is_some() {
            return;
        }
        match self.entries.back_mut().filter(|(last, _)| overlays && *last == element) {
            Some(last) => last.1 = entry,
            None => self.entries.push_back((element, entry)),
        }
    }

    /// An entry was taken by a call.
    pub(crate) fn taken(&mut self, element: u32) {
        if self.entries.pop_front_if(|(first, _)| *first == element).is_none() {
            self.early = Some(element);
        }
    }

    /// The first entry, if its owner has freed its element since it was stored.
    pub(crate) fn freed_by_owner(&mut self, memory: &impl Memory) -> Option<(u32, CrqEntry)> {
        let (element, entry) = *self.entries.front()?;
        let at = self.address(element)?;
        if phyp::has_entry(memory, at) {
            return None;
        }
        self.entries.pop_front();
        Some((element, entry))
    }

    /// Where an element lies.
    fn address(&self, element: u32) -> Option<GuestAddress> {
        let offset = u64::from(element) * ENTRY_SIZE;
        let page = (*self.pages.get((offset / PAGE_SIZE) as usize)?)?;
        Some(GuestAddress(page.0 + offset % PAGE_SIZE))
    }

    /// The element at an address, if one is there.
    pub(crate) fn element_at(&self, at: GuestAddress) -> Option<u32> {
        let is_here = |page: &Option<GuestAddress>| page.is_some_and(|p| p.page() == at.page());
        let page = self.pages.iter().position(is_here)?;
        let element = page as u64 * (PAGE_SIZE / ENTRY_SIZE) + at.0 % PAGE_SIZE / ENTRY_SIZE;
        at.0.is_multiple_of(ENTRY_SIZE).then_some(element as u32)
    }
}

/// The sessions and buffers of the channel, by the messages that went over it.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    numbers: BTreeMap<HmcIndex, HmcSession>,
    /// By the address in the remote window.
    buffers: BTreeMap<u64, (HmcIndex, BufferId)>,
}

impl Sessions {
    /// A message was stored in a queue.
    pub(crate) fn learn(&mut self, entry: CrqEntry) {
        let Received::Message(decoded) = Received::from_entry(entry) else { return };
        match decoded.message {
            Message::Capabilities { .. } => *self = Sessions::default(),
            Message::AddBuffer { session, index, buffer, lioba, .. } => {
                self.buffers.insert(u64::from(lioba.0), (index, buffer));
                if session == HmcSession::NONE {
                    self.numbers.remove(&index);
                }
            }
            _ => {}
        }
    }

    /// An Interface Open is about to be sent; whether it begins a session.
    pub(crate) fn opens(&mut self, index: HmcIndex, session: HmcSession) -> bool {
        self.numbers.insert(index, session) != Some(session)
    }

    /// The number of the session of an index; 0 while there is none.
    pub(crate) fn number(&self, index: HmcIndex) -> HmcSession {
        self.numbers.get(&index).copied().unwrap_or(HmcSession::NONE)
    }

    /// The buffer in which an address of the remote window lies.
    pub(crate) fn buffer_at(&self, ioba: Ioba) -> Option<(HmcIndex, BufferId)> {
        self.buffers.range(..=ioba.0).next_back().map(|(_, buffer)| *buffer)
    }
}

/// Whether a message of the management partition comes out of a call of an application, and for which index.
pub(crate) fn application_of(entry: CrqEntry) -> Option<HmcIndex> {
    let Received::Message(decoded) = Received::from_entry(entry) else { return None };
    let by_call = matches!(
        decoded.message.message_type(),
        MessageType::InterfaceOpen | MessageType::InterfaceClose | MessageType::Signal
    );
    decoded.message.connection().filter(|_| by_call).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use papr::InitFormat;
    use phyp::SharedMemory;
    use std::sync::atomic::Ordering;

    const INIT: CrqEntry = CrqEntry::init(InitFormat::INITIALIZE);

    /// A queue of two pages, the second before the first in memory, with an entry in some elements.
    fn queue(elements: &[u32]) -> (QueueWatch, SharedMemory) {
        let memory = SharedMemory::new(2);
        let mut watch = QueueWatch::default();
        let pages = [GuestAddress(PAGE_SIZE), GuestAddress(0)].map(Some);
        watch.registered((Ioba(0), 2 * PAGE_SIZE), pages.to_vec());
        for &element in elements {
            let at = watch.address(element).unwrap();
            memory.store(at, INIT.high(), Ordering::Release).unwrap();
            watch.stored(element, INIT, false);
        }
        (watch, memory)
    }

    #[test]
    fn an_entry_that_its_owner_has_freed_is_told_once_and_in_order() {
        let (mut watch, memory) = queue(&[255, 256]);
        assert_eq!(watch.address(255), Some(GuestAddress(2 * PAGE_SIZE - 16)));
        assert_eq!(watch.address(256), Some(GuestAddress(0)));
        assert_eq!(
            (watch.element_at(GuestAddress(16)), watch.element_at(GuestAddress(8))),
            (Some(257), None)
        );
        assert_eq!(watch.freed_by_owner(&memory), None);
        memory.clear();
        assert_eq!(watch.freed_by_owner(&memory), Some((255, INIT)));
        assert_eq!(watch.freed_by_owner(&memory), Some((256, INIT)));
        assert_eq!(watch.freed_by_owner(&memory), None);
    }

    #[test]
    fn an_entry_that_was_taken_by_a_call_is_not_told_even_if_it_is_noted_later() {
        let (mut watch, memory) = queue(&[0]);
        memory.clear();
        watch.taken(0);
        assert_eq!(watch.freed_by_owner(&memory), None);
        watch.taken(1);
        watch.stored(1, INIT, false);
        assert_eq!(watch.freed_by_owner(&memory), None);
    }

    #[test]
    fn what_a_transport_event_overlays_is_not_told() {
        let event = CrqEntry::transport_event(papr::TransportEvent::PARTNER_FAILED);
        let (mut watch, memory) = queue(&[0, 1]);
        watch.stored(1, event, true);
        memory.clear();
        let told: Vec<_> = std::iter::from_fn(|| watch.freed_by_owner(&memory)).collect();
        assert_eq!(told, [(0, INIT), (1, event)]);
    }
}
