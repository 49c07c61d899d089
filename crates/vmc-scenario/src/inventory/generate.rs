//! Generated inventories: a number of partitions, and a seed that draws the rest.

use crate::generate::Draw;
use std::fmt::Write as _;

/// Clients of a server; there is a server for so many.
const CLIENTS_PER_SERVER: u16 = 40;

/// Memory of the management partition and of each server, in MB.
const SERVER_MEMORY_MB: u64 = 4096;

/// Servers that bridge to the network outside: each has a priority of its own, of which there are 15.
const MAX_TRUNKS: u16 = 15;

/// What a client boots from.
struct Disk {
    client: u16,
    size_mb: u64,
}

/// The inventory of a seed, with so many partitions beside the management partition and the servers, as the text of an
/// inventory file. A seed means the same on every machine.
///
/// Every partition that is running has its resources; definitions of those that are off may ask for more than is left.
///
/// ```
/// use vmc_scenario::{Inventory, generate_inventory};
///
/// let inventory = Inventory::parse("generated", &generate_inventory(40, 7))?;
/// assert_eq!(inventory.system().number_of_partitions(), 42);
/// # Ok::<(), vmc_scenario::ScenarioError>(())
/// ```
pub fn generate_inventory(partitions: u16, seed: u64) -> String {
    let mut draw = Draw::new(seed);
    let servers = partitions.div_ceil(CLIENTS_PER_SERVER);
    let mut clients = String::new();
    let mut disks: Vec<Vec<Disk>> = (0..servers).map(|_| Vec::new()).collect();
    let (mut memory_mb, mut units) = (0, 0);
    for client in 1..=partitions {
        let server = (client - 1) / CLIENTS_PER_SERVER;
        let disk = Disk { client, size_mb: draw.within(4, 64) * 1024 };
        let (memory, power) = write_client(&mut draw, client, server + 1, &mut clients);
        (memory_mb, units) = (memory_mb + memory, units + power);
        disks[usize::from(server)].push(disk);
    }
    let others = u64::from(servers) + 1;
    // As much as all that run need, and a part more.
    let memory_mb = (memory_mb + others * SERVER_MEMORY_MB) * 5 / 4 + 2048;
    let processors = (units + others * 100).div_ceil(100) + 2;
    let mut text = String::with_capacity(clients.len() + 4096);
    // Writing into a string does not fail.
    let _ = write!(
        text,
        "# {partitions} partitions of seed {seed}, by `cargo xtask inventory`.\n\
         name = \"system-{seed}\"\nseed = {}\n\n[capacity]\nmemory-mb = {}\nprocessors = {processors}\n\
         max-partitions = {}\n\n[[network]]\nname = \"production\"\nvlan = 100\n\n\
         [[partition]]\nname = \"mgmt\"\nmanagement = true\nmemory-mb = {{ desired = {SERVER_MEMORY_MB} }}\n\
         processors = {{ desired = 2 }}\nunits = {{ desired = 100 }}\n",
        seed >> 1,
        memory_mb.next_multiple_of(256),
        (u64::from(partitions) + others).max(400),
    );
    for (disks, server) in disks.iter().zip(1u16..) {
        write_server(server, disks, &mut text);
    }
    text.push_str(&clients);
    text
}

fn write_server(server: u16, disks: &[Disk], text: &mut String) {
    let size_mb: u64 = disks.iter().map(|disk| disk.size_mb).sum();
    let trunk = match server {
        ..=MAX_TRUNKS => format!(
            "[[partition.ethernet]]\nvlan = 1\nadditional-vlans = [100, 101, 102]\ntrunk-priority = {server}\n"
        ),
        _ => String::new(),
    };
    let _ = write!(
        text,
        "\n[[partition]]\nname = \"vios{server}\"\ntype = \"vios\"\nstate = \"running\"\n\
         memory-mb = {{ desired = {SERVER_MEMORY_MB}, max = 16384 }}\nprocessors = {{ desired = 2 }}\n\
         units = {{ desired = 100 }}\n\
         {trunk}[[partition.volume]]\nname = \"hdisk0\"\nsize-mb = {}\n\
         [[partition.group]]\nname = \"rootvg\"\nvolumes = [\"hdisk0\"]\n\
         repository = {{ size-mb = 8192, medium = [{{ name = \"install.iso\", size-mb = 4096 }}] }}\n",
        size_mb + 16384,
    );
    for Disk { client, size_mb } in disks {
        let _ = write!(
            text,
            "[[partition.group.disk]]\nname = \"boot{client}\"\nsize-mb = {size_mb}\n"
        );
    }
}

/// Writes a client; the memory and the power, in hundredths of a processor, that it has in the beginning.
fn write_client(draw: &mut Draw, client: u16, server: u16, text: &mut String) -> (u64, u64) {
    let role = draw.of(&["web", "db", "app", "build", "test"]);
    let is_running = draw.percent(60);
    let desired = draw.of(&[1024u64, 2048, 4096, 8192]);
    let processors = draw.within(1, 4);
    let is_dedicated = draw.percent(10);
    let units = match is_dedicated {
        true => processors * 100,
        false => processors * draw.within(2, 10) * 5,
    };
    let _ = write!(
        text,
        "\n[[partition]]\nname = \"{role}{client}\"\n{}memory-mb = {{ min = {}, desired = {desired}, max = {} }}\n\
         processors = {{ min = 1, desired = {processors}, max = {} }}\n",
        if is_running { "state = \"running\"\n" } else { "" },
        desired / 2,
        desired * 4,
        processors * 2,
    );
    if is_dedicated {
        text.push_str("dedicated = true\n");
    } else {
        let (least, most) = (units / processors, units * 2);
        let _ = writeln!(text, "units = {{ min = {least}, desired = {units}, max = {most} }}");
    }
    if draw.percent(20) {
        text.push_str("os = \"aix\"\n");
    }
    if draw.percent(30) {
        text.push_str("auto-start = true\n");
    }
    let vlan = draw.within(100, 102);
    let _ = write!(
        text,
        "[[partition.ethernet]]\nvlan = {vlan}\n\
         [[partition.scsi]]\nserver = \"vios{server}\"\ntarget = [{{ disk = \"boot{client}\" }}"
    );
    if draw.percent(10) {
        text.push_str(", { optical = \"install.iso\" }");
    }
    text.push_str("]\n");
    if is_running { (desired, units) } else { (0, 0) }
}
