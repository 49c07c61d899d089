//! A machine whose memory the program around it brings, and what is known of a VMC before it was requested.

use super::{HYP, MGMT, Machine, on_both_runtimes};
use crate::{Backend, Config, ConfigError, Hypervisor, Memory, VmcPresence};
use papr::{GuestAddress, Hcall};

on_both_runtimes![
    memory_that_was_brought_is_the_partitions_own,
    memory_of_another_size_than_the_configuration_says_is_refused,
    the_node_of_a_vmc_is_known_before_it_was_requested,
];

fn memory_that_was_brought_is_the_partitions_own<P: Backend>() {
    let config = Config::small();
    let memory = P::Memory::new(config.management_pages);
    memory.write(GuestAddress(77), b"kept").unwrap();
    let platform = P::Memory::new(config.platform_pages);
    let machine = Hypervisor::<P>::with_memory(&config, memory, platform).unwrap();
    let mut found = [0; 4];
    machine.memory(config.management).unwrap().read(GuestAddress(77), &mut found).unwrap();
    assert_eq!(&found, b"kept");
    machine.crash(config.management, &mut ());
    machine.memory(config.management).unwrap().read(GuestAddress(77), &mut found).unwrap();
    assert_eq!(found, [0; 4]);
}

fn memory_of_another_size_than_the_configuration_says_is_refused<P: Backend>() {
    let config = Config::small();
    let expected = config.management_pages;
    let (less, more) = (expected - 1, expected + 2);
    for (management, platform, got) in [(less, expected, less), (expected, more, more)] {
        let (management, platform) = (P::Memory::new(management), P::Memory::new(platform));
        let made = Hypervisor::<P>::with_memory(&config, management, platform);
        assert_eq!(made.err(), Some(ConfigError::OtherMemory { expected, got }));
    }
}

fn the_node_of_a_vmc_is_known_before_it_was_requested<P: Backend>() {
    let mut machine = Machine::<P>::with(|config| config.vmc = VmcPresence::OnRequest);
    let expected = machine.hypervisor.prospective_vmc_node();
    assert_eq!(machine.hypervisor.vmc_node(), None);
    let r4 = machine.call(MGMT, Hcall::RequestVmc).r4;
    assert_eq!(machine.hypervisor.vmc_node(), Some(expected.clone()));
    assert_eq!(u64::from(expected.drc_index.0), r4);
    assert_eq!(expected.unit_address, machine.end(MGMT).unit_address);
    assert_eq!(expected.remote_window.size_bytes, machine.end(HYP).window.size_bytes());
}
