//! HMC commands. Some seeds draw a hypervisor that answers them: then applications send commands between their calls, and
//! partitions fail. IDs, names, tokens and versions come from small ranges, so that they meet. What is drawn comes from a
//! stream of its own: what a seed draws beside it does not depend on it.

use super::Draw;
use super::faults::{self, Faults};

/// Tells the stream from the others of its seed.
const STREAM: u64 = 0x6d61_6e61_6765_0000;

/// Seeds in a hundred that have commands.
const PERCENT: u64 = 15;

/// What an application that works with a session says first.
const EXCHANGE: &str = "command = { name = \"EXCHANGE OPERATIONS\", with = { reserved = 0, version = 1, resume = 0 }, expect = \"any\" }";

const NAMES: [&str; 5] = ["web1", "web2", "vios1", "mgmt", "a b"];

/// Messages that are no requests, each wrong in its own way.
const MALFORMED: [&str; 8] = [
    "DECA",
    "DECAFE20 00000020 00000009 8001 00 80 00000000 0001 0000 0000000000000000",
    "DECAFF20 00000021 00000009 8001 00 80 00000000 0001 0000 0000000000000000",
    "DECAFF20 00000020 00000009 8001 01 00 00000000 0001 0000 0000000000000000",
    "DECAFF20 00000020 00000009 8005 00 80 00000000 0001 0000 0000000000000000",
    "DECAFF20 00000020 00000009 8001 00 40 00000000 0001 0000 0000000000000000",
    "DECAFF20 00000021 00000009 8001 00 80 00000001 0001 0000 0000000000000000 00",
    "DECAFF20 00000022 00000009 8001 00 80 00000002 0011 0000 0000000000000000 FFFF",
];

/// What a seed draws of them.
#[derive(Debug)]
pub(super) struct Management(Option<Draw>);

impl Management {
    pub(super) fn of(seed: u64) -> Management {
        let mut draw = Draw::new(seed ^ STREAM);
        Management(draw.percent(PERCENT).then_some(draw))
    }

    /// Whether the hypervisor answers commands.
    pub(super) fn is_drawn(&self) -> bool {
        self.0.is_some()
    }

    /// What an application does when its session is open.
    pub(super) fn opening(&mut self) -> Option<String> {
        let draw = self.0.as_mut()?;
        Some(match draw.percent(90) {
            true => String::from(EXCHANGE),
            false => command(draw),
        })
    }

    /// Steps at this place.
    pub(super) fn steps(&mut self) -> Vec<String> {
        let Some(draw) = &mut self.0 else { return Vec::new() };
        (0..draw.weighted(&[(2, 0), (3, 1), (2, 2), (1, 4)]))
            .map(|_| match draw.percent(15) {
                true => format!("sleep-ms = {}", draw.of(&[100, 2000, 15_000, 60_000, 400_000])),
                false => command(draw),
            })
            .collect()
    }

    /// Partitions fail.
    pub(super) fn add_faults(&mut self, faults: &mut Faults) {
        let Some(draw) = &mut self.0 else { return };
        for _ in 0..draw.weighted(&[(3, 0), (2, 1), (1, 2)]) {
            let when = match draw.percent(50) {
                true => format!("{{ time-ms = {} }}", draw.of(&[1, 50, 2100, 20_000, 40_000])),
                false => faults::occasion(draw),
            };
            let fault = draw.of(&["crash", "hang", "boot-fails", "boot-hangs", "no-boot-device"]);
            let id = draw.within(1, 4);
            faults.rule(when, format!("{{ partition = {{ id = {id}, fault = \"{fault}\" }} }}"));
        }
        for _ in 0..draw.weighted(&[(3, 0), (2, 1), (1, 2)]) {
            let (when, act) = command_fault(draw);
            faults.rule(when, act);
        }
    }
}

/// A command goes wrong, or its job.
fn command_fault(draw: &mut Draw) -> (String, String) {
    let of_job = draw.percent(40);
    let operations: &[&str] = match of_job {
        true => &["POWER ON", "POWER ON", "POWER OFF", "RESTART"],
        false => &["any", "any", "POWER ON", "CREATE PARTITION", "SUBSCRIBE", "LIST PARTITIONS"],
    };
    let mut when = format!("command = \"{}\", nth = {}", draw.of(operations), draw.within(1, 3));
    if draw.percent(30) {
        when += &format!(", partition = \"{}\"", draw.of(&NAMES));
    }
    if draw.percent(30) {
        when += &format!(", times = {}", draw.of(&["2", "3", "\"always\""]));
    }
    let late = format!("delay-ms = {}", draw.of(&[1, 500, 30_000, 400_000]));
    let acts: &[&str] = match of_job {
        true => &["job = \"never-ends\"", "job = { LATE }", "job = { fails = \"BA210009\" }"],
        false => {
            &["answer = \"busy\"", "answer = \"HSCL3205\"", "LATE", "free-crq = \"hyp\"", DROP]
        }
    };
    let act = draw.of(acts);
    if (act == DROP || act.starts_with("free-crq")) && draw.percent(50) {
        when += ", at = \"after\"";
    }
    let act = match act {
        DROP => String::from(DROP),
        act => format!("{{ {} }}", act.replace("LATE", &late)),
    };
    (format!("{{ {when} }}"), act)
}

/// What loses a command, or its answer.
const DROP: &str = "\"drop\"";

/// A command. An empty echo has an answer of its own length; without the flag it leaves its buffer for an event.
fn command(draw: &mut Draw) -> String {
    if draw.percent(8) {
        let hex = draw.of(&MALFORMED);
        return format!("command = {{ hex = \"{hex}\", expect = \"any\" }}");
    }
    let (name, with) = match draw.within(0, 9) {
        0 | 1 => power(draw),
        2 | 3 => partition(draw),
        4 => resources(draw),
        5 => network(draw),
        6 => storage(draw),
        7 => session(draw),
        _ => look(draw),
    };
    let with = if with.is_empty() { with } else { format!(", with = {{ {with} }}") };
    let token = match draw.percent(30) {
        true => format!(", token = {}", draw.within(1, 3)),
        false => String::new(),
    };
    format!("command = {{ name = \"{name}\"{with}{token}, expect = \"any\" }}")
}

/// The ID of a partition that may be there.
fn id(draw: &mut Draw) -> u64 {
    draw.weighted(&[(6, 3), (3, 4), (3, 2), (1, 1), (1, 9)])
}

/// A version, which may be the one that the object has.
fn version(draw: &mut Draw) -> String {
    match draw.percent(25) {
        true => format!(", version = {}", draw.within(1, 30)),
        false => String::new(),
    }
}

fn configuration(draw: &mut Draw) -> String {
    let (min, desired, max) =
        draw.of(&[(1024, 2048, 4096), (256, 256, 256), (2048, 61_440, 65_536), (512, 1000, 1024)]);
    let processors = draw.of(&[
        "mode = \"shared\", sharing = \"uncapped\", weight = 64, pool = 0, min = 1, desired = 1, max = 2, min_units = 50, desired_units = 50, max_units = 100",
        "mode = \"dedicated\", sharing = \"keep idle procs\", weight = 0, pool = 0, min = 1, desired = 4, max = 8, min_units = 0, desired_units = 0, max_units = 0",
        "mode = \"shared\", sharing = \"capped\", weight = 0, pool = 0, min = 1, desired = 12, max = 16, min_units = 100, desired_units = 1200, max_units = 1600",
    ]);
    let slots = draw.of(&[64, 4, 2]);
    let boot = draw.of(&["normal", "normal", "sms"]);
    let auto_start = draw.percent(30);
    format!(
        "{{ memory = {{ min_mb = {min}, desired_mb = {desired}, max_mb = {max} }}, processors = {{ {processors} }}, \
         max_slots = {slots}, availability = 127, boot_mode = \"{boot}\", keylock = \"normal\", auto_start = {auto_start}, \
         compatibility = \"default\", page_table_ratio = 0, secure_boot = 0 }}"
    )
}

fn power(draw: &mut Draw) -> (&'static str, String) {
    let (id, version) = (id(draw), version(draw));
    let stop = draw.of(&[
        "osshutdown",
        "osshutdown immediate",
        "shutdown",
        "shutdown immediate",
        "shutdown immediate",
        "dumprestart",
    ]);
    match draw.within(0, 19) {
        0..=9 => {
            let more = draw.of(&["", "", ", boot_mode = \"sms\"", ", profile = \"web1\""]);
            ("POWER ON", format!("id = {id}{version}{more}"))
        }
        10..=14 => ("POWER OFF", format!("id = {id}{version}, stop = \"{stop}\"")),
        15..=16 => ("RESTART", format!("id = {id}{version}, stop = \"{stop}\"")),
        17 => {
            let (immediate, restart) = (draw.percent(70), draw.percent(50));
            ("SYSTEM OFF", format!("immediate = {immediate}, restart = {restart}"))
        }
        18 => ("SYSTEM ON", format!("standby = {}", draw.percent(50))),
        _ => {
            let job = draw.within(1, 4);
            (draw.of(&["CANCEL JOB", "DELETE JOB"]), format!("job = {job}"))
        }
    }
}

fn partition(draw: &mut Draw) -> (&'static str, String) {
    let (id, version, name) = (id(draw), version(draw), draw.of(&NAMES));
    match draw.within(0, 11) {
        0..=4 => {
            let kind = draw.weighted(&[(5, "AIX/Linux"), (1, "OS400"), (2, "Virtual IO Server")]);
            let (boots, configuration) = (draw.percent(70), configuration(draw));
            let profile = if draw.percent(30) { ", profile = \"web1\"" } else { "" };
            let with = format!(
                "name = \"{name}\", kind = \"{kind}\", physical_boot_device = {boots}{profile}, configuration = {configuration}"
            );
            ("CREATE PARTITION", with)
        }
        5 => ("DELETE PARTITION", format!("id = {id}{version}")),
        6 => ("RENAME PARTITION", format!("id = {id}{version}, name = \"{name}\"")),
        7 => (
            "CHANGE PARTITION",
            format!("id = {id}{version}, max_slots = {}, auto_start = true", draw.of(&[2, 3, 64])),
        ),
        8 => ("SET DESCRIPTION", format!("id = {id}{version}, text = \"{name}\"")),
        9 => (
            draw.of(&["SAVE PROFILE", "APPLY PROFILE", "DELETE PROFILE"]),
            format!("partition = {id}{version}, name = \"{name}\""),
        ),
        10 => ("CHANGE SYSTEM", format!("name = \"{name}\"{version}")),
        _ => (draw.of(&["OPEN TERMINAL", "CLOSE TERMINAL"]), format!("id = {id}{version}")),
    }
}

fn resources(draw: &mut Draw) -> (&'static str, String) {
    let (id, version) = (id(draw), version(draw));
    match draw.within(0, 3) {
        0 => (
            "SET MEMORY",
            format!(
                "partition = {id}{version}, mb = {}",
                draw.of(&[1024, 3072, 4096, 100, 60_000])
            ),
        ),
        1 => {
            let (processors, units) = draw.of(&[(1, 50), (2, 100), (4, 0), (2, 10)]);
            (
                "SET PROCESSORS",
                format!("partition = {id}{version}, processors = {processors}, units = {units}"),
            )
        }
        2 => {
            let to = draw.within(1, 4);
            (
                "MOVE MEMORY",
                format!("from = {id}{version}, to = {to}, mb = {}", draw.of(&[256, 1024, 100])),
            )
        }
        _ => ("RELEASE RESOURCES", format!("id = {id}{version}")),
    }
}

fn network(draw: &mut Draw) -> (&'static str, String) {
    let (id, version) = (id(draw), version(draw));
    let (slot, switch, vlan) = (draw.within(2, 4), draw.within(0, 2), draw.of(&[1, 2, 100, 4095]));
    let more = draw.of(&["", ", ieee = true, additional = [2, 100]"]);
    let trunk = draw.of(&[0, 0, 1, 2]);
    let port = format!("switch = {switch}, vlan = {vlan}{more}, trunk_priority = {trunk}");
    match draw.within(0, 9) {
        0..=2 => {
            let at = format!("slot = {slot}, ");
            let at = draw.of(&[at.as_str(), "highest = true, ", ""]);
            ("ADD ETHERNET", format!("partition = {id}, {at}{port}{version}"))
        }
        3 => ("CHANGE ETHERNET", format!("partition = {id}, slot = {slot}, {port}")),
        4 => (
            draw.of(&["REMOVE ETHERNET", "REMOVE SCSI"]),
            format!("partition = {id}, slot = {slot}"),
        ),
        5 => ("CREATE SWITCH", format!("name = \"ETHERNET{switch}\", mode = \"VEPA\"")),
        6 => ("DELETE SWITCH", format!("id = {switch}")),
        7 => ("CREATE NETWORK", format!("name = \"net{vlan}\", switch = {switch}, vlan = {vlan}")),
        8 => ("DELETE NETWORK", format!("id = {}", draw.within(1, 3))),
        _ => ("ADD SCSI", format!("vios = 2, client = {id}{version}")),
    }
}

fn storage(draw: &mut Draw) -> (&'static str, String) {
    let vios = draw.weighted(&[(6, 2), (1, 3)]);
    let (version, slot) = (version(draw), draw.within(2, 3));
    let (group, disk) = (draw.of(&["g1", "g2"]), draw.of(&["d1", "d2"]));
    let volume = draw.of(&["hdisk0", "hdisk1", "hdisk2"]);
    let size_mb = draw.of(&[1024, 10_240, 999_999]);
    let of = format!("vios = {vios}{version}");
    match draw.within(0, 13) {
        0 | 1 => ("CREATE GROUP", format!("{of}, group = \"{group}\", volumes = [\"{volume}\"]")),
        2 => ("EXTEND GROUP", format!("{of}, group = \"{group}\", volumes = [\"{volume}\"]")),
        3 => ("DELETE GROUP", format!("{of}, group = \"{group}\"")),
        4 | 5 => (
            "CREATE DISK",
            format!("{of}, group = \"{group}\", name = \"{disk}\", size_mb = {size_mb}"),
        ),
        6 => ("EXTEND DISK", format!("{of}, name = \"{disk}\", size_mb = {size_mb}")),
        7 => ("DELETE DISK", format!("{of}, name = \"{disk}\"")),
        8 => ("CREATE REPOSITORY", format!("{of}, group = \"{group}\", size_mb = {size_mb}")),
        9 => ("CREATE MEDIA", format!("{of}, name = \"m1\", size_mb = 1024, read_only = true")),
        10 => ("DELETE MAPPING", format!("{of}, name = \"vtscsi0\"")),
        11 => ("LOAD MEDIA", format!("{of}, target = \"vtscsi0\", medium = \"m1\"")),
        _ => {
            let (kind, backing) = draw.of(&[
                ("volume", volume),
                ("disk", disk),
                ("optical", "m1"),
                ("volume", volume),
            ]);
            (
                "CREATE MAPPING",
                format!("{of}, server_slot = {slot}, kind = \"{kind}\", backing = \"{backing}\""),
            )
        }
    }
}

fn session(draw: &mut Draw) -> (&'static str, String) {
    match draw.within(0, 9) {
        0..=4 => ("SUBSCRIBE", String::new()),
        5 => ("CLOSE", String::new()),
        6 => ("QUERY OUTCOME", format!("token = {}", draw.within(1, 3))),
        _ => {
            let resume = draw.within(0, 3);
            ("EXCHANGE OPERATIONS", format!("reserved = 0, version = 1, resume = {resume}"))
        }
    }
}

fn look(draw: &mut Draw) -> (&'static str, String) {
    let partition = id(draw);
    match draw.within(0, 3) {
        0 => (
            draw.of(&[
                "SHOW SYSTEM",
                "LIST PARTITIONS",
                "LIST SWITCHES",
                "LIST NETWORKS",
                "LIST JOBS",
            ]),
            String::new(),
        ),
        1 => (draw.of(&["SHOW PARTITION", "SHOW STATUS"]), format!("id = {partition}")),
        2 => ("SHOW JOB", format!("job = {}", draw.within(1, 3))),
        _ => (
            draw.of(&[
                "LIST PROFILES",
                "LIST VOLUMES",
                "LIST GROUPS",
                "LIST DISKS",
                "LIST MEDIA",
                "LIST MAPPINGS",
                "LIST SLOTS",
                "LIST ETHERNET",
                "LIST SCSI",
                "LIST REFERENCE CODES",
            ]),
            format!("partition = {partition}"),
        ),
    }
}
