//! Which section of LoPAR or of the driver document a scenario or an event is about, and what that section says.

use vmc_sim::Scenario;

/// A section: the source, its heading, and the sentence that a driver has to follow.
const SECTIONS: &[(&str, &str)] = &[
    (
        "LoPAR, A Protocol for VMC Communications",
        "A three way handshake is defined that must take place to establish that both the hypervisor and management partition \
         sides of the channel are running prior to sending/receiving any of the protocol messages defined in this chapter.",
    ),
    (
        "LoPAR, Add Buffer",
        "This message transfers a buffer from hypervisor ownership to management partition ownership.",
    ),
    (
        "LoPAR, Add Buffer Response",
        "This command is sent by the management partition to the hypervisor in response to the Add Buffer message. The Status \
         field indicates the result of the command.",
    ),
    (
        "LoPAR, CRQ Entry Format",
        "The first byte of a CRQ entry must be the Header byte and must be as defined.",
    ),
    (
        "LoPAR, CRQ Facility",
        "The facility is reliable in the sense that the messages are delivered in sequence, that the sender of a message is \
         notified if the transport facility is unable to deliver the message to the receiver's queue, and that a notification \
         message is delivered [...] if the partner partition either fails or deregisters its half of the transport connection.",
    ),
    (
        "LoPAR, CRQ Facility Interrupt Notification",
        "The receiver should poll the CRQ after an H_EOI to prevent losing initiative.",
    ),
    (
        "LoPAR, H_COPY_RDMA",
        "This hcall() copies data from an RTCE table mapped buffer in one partition to an RTCE table mapped buffer in another \
         partition, with the length of the transfer being specified by the transfer length parameter in the hcall().",
    ),
    (
        "LoPAR, H_ENABLE_CRQ",
        "This hcall() explicitly enables a CRQ that has been disabled due to a Partner partition suspended transport event.",
    ),
    (
        "LoPAR, H_FREE_CRQ",
        "This hcall() deregisters the RTCE table mapped memory that contains the CRQ. [...] If the hypervisor returns an H_Busy, \
         H_LongBusyOrder1mSec, or H_LongBusyOrder10mSec, software must call H_FREE_CRQ again with the same parameters.",
    ),
    (
        "LoPAR, H_REG_CRQ",
        "The H_Closed return code is to be expected when the DD's CRQ has been registered with the connection and is just waiting \
         for the partner to register.",
    ),
    (
        "LoPAR, H_SEND_CRQ",
        "A sender uses the H_SEND_CRQ hcall() to enter a 16 byte message on its partner's queue.",
    ),
    (
        "LoPAR, H_VIO_SIGNAL",
        "This H_VIO_SIGNAL hcall() manages the interrupt mode of a virtual adapter's CRQ interrupt signalling logic. There are two \
         modes: Disabled, and Enabled.",
    ),
    (
        "LoPAR, HMC Interface Buffers",
        "Each LPM interface message carrying HMC protocol (either direction) also carries a buffer, and the ownership of this \
         buffer transfers from sender to receiver.",
    ),
    (
        "LoPAR, Interface Close",
        "When this command is sent, the management partition has quiesced all I/O operations to all buffers associated with this \
         LPM connection, and has freed any storage for those buffers.",
    ),
    (
        "LoPAR, Interface Close Response",
        "This command is sent by the hypervisor in response to the LPM Interface Close message. The status of the close command is \
         returned in the Status field.",
    ),
    (
        "LoPAR, Interface Open",
        "This message is issued after the capabilities exchange has successfully completed and the hypervisor has issued an Add \
         Buffer command to create a buffer for the management partition for use in establishing an LPM connection.",
    ),
    (
        "LoPAR, Interface Open Response",
        "When this message is received, the indicated buffer is again available for management partition use.",
    ),
    (
        "LoPAR, Reliable CRQ Format and Registration",
        "The I/O address and length of the queue are registered using the H_REG_CRQ hcall().",
    ),
    (
        "LoPAR, Remove Buffer",
        "It is, therefore, an interface error for the hypervisor to attempt to remove the management partition's last buffer.",
    ),
    (
        "LoPAR, Remove Buffer Response",
        "The Buffer ID field indicates which buffer the management partition selected to remove. The Status field indicates the \
         result of the command.",
    ),
    (
        "LoPAR, Signal Message",
        "This command is sent between the management partition and the hypervisor in order to signal the arrival of an HMC protocol \
         message.",
    ),
    (
        "LoPAR, Translation Control Entry Access",
        "To enable the management partition to access each buffer, the hypervisor must allocate virtual TCEs as well as the actual \
         buffer storage.",
    ),
    (
        "LoPAR, Transport Event Codes",
        "Valid Transport Events (Header byte 0xFF) are used by the platform to notify communicating partners of conditions \
         associated with the transport channel, such as the failure of the partner's partition or the deregistration of the \
         partner's queue.",
    ),
    (
        "LoPAR, VMC Capabilities",
        "The management partition must send this message and the hypervisor must respond with a VMC Capabilities Response message \
         before HMC interface messages can begin. Any HMC interface messages received before the exchange of capabilities has \
         completed are dropped.",
    ),
    (
        "LoPAR, VMC Capabilities Response",
        "The hypervisor and the management partition use the minimum value supported by each side for the parameters negotiated \
         with the capabilities message exchange.",
    ),
    (
        "driver document, VMC Interface Close",
        "This action results in an Interface Close message flowing to the hypervisor, which causes the session to be terminated. \
         The device driver must free any storage allocated for buffers for this HMC connection.",
    ),
    (
        "driver document, VMC Interface Initialization",
        "Prior to completion of this initialization sequence, the device returns EBUSY to open() calls. EIO is returned for all \
         open() failures.",
    ),
    (
        "driver document, VMC Interface Open",
        "The driver then does an RDMA of the HMC ID to the hypervisor, and then sends an Interface Open message to the hypervisor to \
         establish the session over the VMC.",
    ),
    (
        "driver document, VMC Interface Runtime",
        "If a write() is attempted before VMC device buffers have been made available by the hypervisor, or no buffers are \
         currently available, EBUSY is returned in response to the write(). A write() will return EIO for all other errors, such as \
         an invalid device state. [...] The read() request blocks if there is no buffer available to read.",
    ),
    (
        HEADER,
        "A driver is given the only ways in which it may wait, take time, reach memory of others, or speak to the hypervisor.",
    ),
];

/// The interface between a driver and what runs it.
pub(crate) const HEADER: &str = "vmcsim.h, struct vmcsim_services";

/// Headings that descriptions of scenarios name in another way, each after `LoPAR, `; a longer one comes before its beginning.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("CRQ Entry Header Byte Values", "LoPAR, CRQ Entry Format"),
    ("CRQ, partner suspended", "LoPAR, Transport Event Codes"),
    ("CRQ", "LoPAR, CRQ Facility"),
    ("Capabilities Response", "LoPAR, VMC Capabilities Response"),
    ("Capabilities", "LoPAR, VMC Capabilities"),
    ("H_EOI", "LoPAR, CRQ Facility Interrupt Notification"),
    ("H_XIRR", "LoPAR, CRQ Facility Interrupt Notification"),
    ("H_PUT_TCE", "LoPAR, Translation Control Entry Access"),
    ("H_STUFF_TCE", "LoPAR, Translation Control Entry Access"),
    ("TCE", "LoPAR, Translation Control Entry Access"),
    ("VIO options", "LoPAR, Translation Control Entry Access"),
    ("Partner Control option", "LoPAR, Transport Event Codes"),
    ("transport events", "LoPAR, Transport Event Codes"),
    ("VMC Interface Open", "driver document, VMC Interface Open"),
    ("VMC Communications", "LoPAR, A Protocol for VMC Communications"),
];

/// What the scenarios of a folder are about that name no section.
const FOLDERS: &[(&str, &str)] = &[
    ("boot", "driver document, VMC Interface Initialization"),
    ("buffers", "LoPAR, HMC Interface Buffers"),
    ("concurrency", "driver document, VMC Interface Runtime"),
    ("crash", "LoPAR, Transport Event Codes"),
    ("device", "LoPAR, A Protocol for VMC Communications"),
    ("free-crq", "LoPAR, H_FREE_CRQ"),
    ("kexec", "LoPAR, Reliable CRQ Format and Registration"),
    ("linux", "driver document, VMC Interface Runtime"),
    ("management", "LoPAR, Signal Message"),
    ("messages", "driver document, VMC Interface Runtime"),
    ("open", "driver document, VMC Interface Open"),
    ("protocol", "LoPAR, A Protocol for VMC Communications"),
    ("races", "driver document, VMC Interface Runtime"),
    ("rdma", "LoPAR, H_COPY_RDMA"),
    ("sessions", "driver document, VMC Interface Close"),
    ("transport", "LoPAR, CRQ Facility"),
];

/// What a section says, in its words.
pub(crate) fn sentence(section: &str) -> Option<&'static str> {
    SECTIONS.iter().find(|(name, _)| *name == section).map(|(_, sentence)| *sentence)
}

/// The sections that a scenario is about: those that its description names, or that of its folder.
pub(crate) fn of_scenario(scenario: &Scenario, name: &str) -> Vec<&'static str> {
    let description = scenario.description().unwrap_or_default();
    let mut sections = cited(&description.split_whitespace().collect::<Vec<_>>().join(" "));
    if sections.is_empty() {
        let folder = name.split('/').next().unwrap_or_default();
        sections.extend(FOLDERS.iter().find(|(of, _)| *of == folder).map(|(_, section)| *section));
    }
    if sections.is_empty() {
        sections.push("LoPAR, A Protocol for VMC Communications");
    }
    sections
}

/// The sections that a text names, in its order.
fn cited(text: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("LoPAR, ").chain(text.match_indices("driver document, ")) {
        let named = &text[at..];
        let by_heading = SECTIONS.iter().map(|(section, _)| *section);
        let by_heading = by_heading
            .filter(|section| named.starts_with(section))
            .max_by_key(|section| section.len());
        let heading = named.strip_prefix("LoPAR, ").unwrap_or_default();
        let other = OTHER_NAMES.iter().find(|(other, _)| heading.starts_with(other));
        found
            .extend(by_heading.or(other.map(|(_, section)| *section)).map(|section| (at, section)));
    }
    found.sort_unstable();
    let mut sections = Vec::new();
    for (_, section) in found {
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    sections
}

/// The known hazards that a scenario is about: the tags that are their numbers.
pub(crate) fn hazards(scenario: &Scenario) -> Vec<String> {
    let is_hazard = |tag: &&String| {
        tag.len() == 3 && tag.starts_with('H') && tag[1..].bytes().all(|byte| byte.is_ascii_digit())
    };
    scenario.tags().iter().filter(is_hazard).cloned().collect()
}

/// The section whose rule a checker verifies, where it is one for all that it finds.
pub(crate) fn of_checker(checker: &str) -> Option<&'static str> {
    Some(match checker {
        "driver" => HEADER,
        "outstanding" => "LoPAR, VMC Capabilities",
        "queue" => "LoPAR, CRQ Facility",
        "rdma" | "memory" | "isolation" | "ownership" => "LoPAR, HMC Interface Buffers",
        "wakeups" | "sleepers" | "results" | "delivery" => "driver document, VMC Interface Runtime",
        "leaks" => "driver document, VMC Interface Close",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use papr::{CrqEntry, InitFormat};
    use vmc_sim::trace::{Event, Side};

    #[test]
    fn descriptions_name_sections_in_one_way_or_another() {
        let text = "LoPAR, CRQ Facility Interrupt Notification: x (LoPAR, Capabilities), driver document, VMC Interface Open.";
        let sections = [
            "LoPAR, CRQ Facility Interrupt Notification",
            "LoPAR, VMC Capabilities",
            "driver document, VMC Interface Open",
        ];
        assert_eq!(cited(text), sections);
        assert_eq!(cited("LoPAR, CRQ, partner suspended"), ["LoPAR, Transport Event Codes"]);
        assert_eq!(cited("LoPAR, Add Buffer Response, status 2"), ["LoPAR, Add Buffer Response"]);
        assert!(cited("LoPAR sets no bound").is_empty());
    }

    #[test]
    fn every_section_that_is_named_has_a_sentence() {
        let named = OTHER_NAMES.iter().chain(FOLDERS).map(|(_, section)| *section);
        for section in named {
            assert!(sentence(section).is_some(), "{section}");
        }
        for checker in ["driver", "outstanding", "queue", "rdma", "wakeups", "leaks"] {
            assert!(of_checker(checker).and_then(sentence).is_some(), "{checker}");
        }
    }

    /// All that the pages of traces refer to.
    #[test]
    fn every_message_has_a_section_with_a_sentence() {
        let types = [1, 2, 3, 4, 5, 6, 0x81, 0x82, 0x83, 0x84, 0x85];
        let message = |kind: u8| {
            let mut bytes = [0; 16];
            (bytes[0], bytes[1]) = (0x80, kind);
            CrqEntry(bytes)
        };
        let mut event = [0; 16];
        (event[0], event[1]) = (0xFF, 2);
        let entries = types.map(message).into_iter();
        for entry in entries.chain([CrqEntry(event), CrqEntry::init(InitFormat::INITIALIZE)]) {
            let event = Event::Enqueued { to: Side::Mgmt, element: 0, entry, overlaid: None };
            let sections = vmc_view::sections(&event);
            assert!(!sections.is_empty(), "{event:?}");
            for section in sections {
                assert!(sentence(section).is_some(), "{section}");
            }
        }
    }

    #[test]
    fn every_folder_of_scenarios_is_about_a_section() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        for entry in std::fs::read_dir(folder).expect("the folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !["hazards", "hcalls"].contains(&name.as_str()) {
                assert!(FOLDERS.iter().any(|(of, _)| *of == name), "{name}");
            }
        }
    }
}
