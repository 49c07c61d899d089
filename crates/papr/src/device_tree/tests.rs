//! Golden bytes of the node, and every way in which one can be malformed.

use super::*;
use crate::PAGE_SIZE;
use alloc::string::ToString;
use alloc::vec;
use proptest::prelude::*;

pub(super) fn node() -> VmcNode {
    VmcNode {
        unit_address: UnitAddress(0x3000_0002),
        interrupt: InterruptSource(0x09_0002),
        local_window: Window { liobn: Liobn(0x1000_0002), size_bytes: 256 * PAGE_SIZE },
        remote_window: Window { liobn: Liobn(0x8000_0003), size_bytes: 0x1_0000_2000 },
        drc_index: DrcIndex(0x3000_0102),
        loc_code: "U9009.22A.1234567-V1-C2-T1".into(),
    }
}

fn properties() -> Properties {
    node().to_properties().unwrap()
}

fn parse_with(change: impl FnOnce(&mut Properties)) -> Result<VmcNode, NodeError> {
    let mut properties = properties();
    change(&mut properties);
    VmcNode::parse(&properties)
}

#[test]
fn a_node_has_its_golden_bytes_in_the_order_of_the_table() {
    let golden: [(&str, &[u8]); 10] = [
        ("name", b"ibm,vmc\0"),
        ("device_type", b"ibm,vmc\0"),
        ("compatible", b"IBM,vmc\0"),
        ("ibm,loc-code", b"U9009.22A.1234567-V1-C2-T1\0"),
        ("reg", &[0x30, 0, 0, 2]),
        (
            "ibm,my-dma-window",
            &[
                0x10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, // local
                0x80, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x20, 0, // remote
            ],
        ),
        ("interrupts", &[0, 9, 0, 2, 0, 0, 0, 0]),
        ("ibm,my-drc-index", &[0x30, 0, 1, 2]),
        ("ibm,#dma-size-cells", &[0, 0, 0, 2]),
        ("ibm,#dma-address-cells", &[0, 0, 0, 2]),
    ];
    assert!(properties().iter().eq(golden));
}

#[test]
fn every_property_but_the_cell_counts_is_required() {
    let names: Vec<String> = properties().iter().map(|(name, _)| name.into()).collect();
    for name in &names {
        let parsed = parse_with(|p| assert!(p.remove(name).is_some()));
        match name.as_str() {
            // Without its count a number takes one cell: each pane is one cell too long.
            property::DMA_ADDRESS_CELLS | property::DMA_SIZE_CELLS => assert_eq!(
                parsed,
                Err(NodeError::Length {
                    property: property::MY_DMA_WINDOW,
                    expected_bytes: 32,
                    found_bytes: 40
                })
            ),
            _ => assert!(
                matches!(parsed, Err(NodeError::Missing { property }) if property == name),
                "{name}: {parsed:?}"
            ),
        }
    }
}

#[test]
fn a_property_that_is_not_named_is_ignored() {
    assert_eq!(parse_with(|p| p.set("used-by-rtas", &[1, 2, 3])), Ok(node()));
}

#[test]
fn numbers_of_every_length_but_the_right_one_are_refused() {
    for (property, expected_bytes) in [
        (property::REG, 4),
        (property::INTERRUPTS, 8),
        (property::MY_DRC_INDEX, 4),
        (property::DMA_SIZE_CELLS, 4),
        (property::DMA_ADDRESS_CELLS, 4),
        (property::MY_DMA_WINDOW, 40),
    ] {
        for found_bytes in (0..64).filter(|&len| len != expected_bytes) {
            let parsed = parse_with(|p| p.set(property, &vec![1; found_bytes]));
            let length = NodeError::Length { property, expected_bytes, found_bytes };
            assert_eq!(parsed, Err(length));
        }
    }
}

/// A window property with only its first pane must fail the probe, not be read past its end.
#[test]
fn a_window_property_with_one_pane_is_refused() {
    let one_pane = &properties().get(property::MY_DMA_WINDOW).unwrap()[..20].to_vec();
    let error = parse_with(|p| p.set(property::MY_DMA_WINDOW, one_pane)).unwrap_err();
    assert_eq!(error.to_string(), "property `ibm,my-dma-window`: expected 40 bytes, found 20");
}

#[test]
fn a_window_property_with_a_third_pane_is_refused() {
    let mut panes = properties().get(property::MY_DMA_WINDOW).unwrap().to_vec();
    panes.extend_from_within(..20);
    assert!(matches!(
        parse_with(|p| p.set(property::MY_DMA_WINDOW, &panes)),
        Err(NodeError::Length { expected_bytes: 40, found_bytes: 60, .. })
    ));
}

#[test]
fn cell_counts_of_one_and_two_are_honoured_in_every_combination() {
    for (address_cells, size_cells, panes) in [
        (1, 1, &[0xA, 0, 0x1000, 0xB, 0, 0x2000][..]),
        (1, 2, &[0xA, 0, 0, 0x1000, 0xB, 0, 0, 0x2000]),
        (2, 1, &[0xA, 0, 0, 0x1000, 0xB, 0, 0, 0x2000]),
        (2, 2, &[0xA, 0, 0, 0, 0x1000, 0xB, 0, 0, 0, 0x2000]),
    ] {
        let parsed = parse_with(|p| {
            p.set_cells(property::DMA_ADDRESS_CELLS, &[address_cells]);
            p.set_cells(property::DMA_SIZE_CELLS, &[size_cells]);
            p.set_cells(property::MY_DMA_WINDOW, panes);
        })
        .unwrap();
        assert_eq!(parsed.local_window, Window { liobn: Liobn(0xA), size_bytes: 0x1000 });
        assert_eq!(parsed.remote_window, Window { liobn: Liobn(0xB), size_bytes: 0x2000 });
    }
}

#[test]
fn address_and_size_cells_are_not_mistaken_for_each_other() {
    // With two cells for phys and one for the size, the 7 is part of a phys.
    let parsed = parse_with(|p| {
        p.set_cells(property::DMA_SIZE_CELLS, &[1]);
        p.set_cells(property::MY_DMA_WINDOW, &[0xA, 0, 7, 0x1000, 0xB, 0, 0, 0x2000]);
    });
    assert_eq!(parsed, Err(NodeError::number(property::MY_DMA_WINDOW, "phys 0", 7_u64)));
    // With one cell for phys and two for the size, it is the high half of a size.
    let parsed = parse_with(|p| {
        p.set_cells(property::DMA_ADDRESS_CELLS, &[1]);
        p.set_cells(property::MY_DMA_WINDOW, &[0xA, 0, 7, 0x1000, 0xB, 0, 0, 0x2000]);
    });
    assert_eq!(parsed.unwrap().local_window.size_bytes, 0x7_0000_1000);
}

#[test]
fn cell_counts_default_to_one() {
    let parsed = parse_with(|p| {
        p.remove(property::DMA_ADDRESS_CELLS);
        p.remove(property::DMA_SIZE_CELLS);
        p.set_cells(property::MY_DMA_WINDOW, &[0xA, 0, 0x1000, 0xB, 0, 0x2000]);
    });
    assert_eq!(parsed.unwrap().remote_window.size_bytes, 0x2000);
}

#[test]
fn other_cell_counts_are_refused() {
    for property in [property::DMA_ADDRESS_CELLS, property::DMA_SIZE_CELLS] {
        for count in [0, 3, u32::MAX] {
            let parsed = parse_with(|p| p.set_cells(property, &[count]));
            assert_eq!(parsed, Err(NodeError::number(property, "1 or 2 cells", count)));
        }
    }
}

/// LoPAR, General VIO Requirements.
#[test]
fn verify_spec_r1_12_phys_of_each_pane_is_zero() {
    for (panes, phys) in [
        ([0xA, 0, 1, 0, 0x1000, 0xB, 0, 0, 0, 0x1000], 1),
        ([0xA, 0, 0, 0, 0x1000, 0xB, 1, 0, 0, 0x1000], 0x1_0000_0000_u64),
    ] {
        let parsed = parse_with(|p| p.set_cells(property::MY_DMA_WINDOW, &panes));
        assert_eq!(parsed, Err(NodeError::number(property::MY_DMA_WINDOW, "phys 0", phys)));
    }
}

/// LoPAR, General VIO Requirements.
#[test]
fn verify_spec_r1_12_liobns_are_unique() {
    let panes = [0xA, 0, 0, 0, 0x1000, 0xA, 0, 0, 0, 0x2000];
    let error = parse_with(|p| p.set_cells(property::MY_DMA_WINDOW, &panes)).unwrap_err();
    assert_eq!(error, NodeError::SharedLiobn { found: Liobn(0xA) });
    assert_eq!(
        error.to_string(),
        "property `ibm,my-dma-window`: expected two different LIOBNs, found 0xa twice"
    );
}

#[test]
fn texts_that_lopar_fixes_are_compared() {
    for (property, expected) in [
        (property::NAME, "ibm,vmc"),
        (property::DEVICE_TYPE, "ibm,vmc"),
        (property::COMPATIBLE, "IBM,vmc"),
    ] {
        let error = parse_with(|p| p.set(property, b"vscsi\0")).unwrap_err();
        assert_eq!(error, NodeError::Text { property, expected, found: "vscsi".into() });
        assert_eq!(
            error.to_string(),
            alloc::format!("property `{property}`: expected \"{expected}\", found \"vscsi\"")
        );
    }
}

#[test]
fn strings_must_end_with_their_only_nul_and_be_text() {
    for property in
        [property::NAME, property::DEVICE_TYPE, property::COMPATIBLE, property::LOC_CODE]
    {
        for bytes in [&b""[..], b"ibm,vmc", b"ibm\0vmc\0", b"ibm,vmc\0\0", b"\xFF\0"] {
            assert_eq!(
                parse_with(|p| p.set(property, bytes)),
                Err(NodeError::NotAString { property, found: bytes.into() })
            );
        }
    }
}

#[test]
fn an_interrupt_is_a_positive_edge_with_a_source_that_an_xirr_can_hold() {
    let parse = |cells: [u32; 2]| parse_with(|p| p.set_cells(property::INTERRUPTS, &cells));
    assert_eq!(parse([1, 0]).unwrap().interrupt, InterruptSource(1));
    assert_eq!(parse([0xFF_FFFF, 0]).unwrap().interrupt, InterruptSource(0xFF_FFFF));
    for source in [0, 0x100_0000] {
        let expected = "a source from 1 to 0xffffff";
        let error = NodeError::number(property::INTERRUPTS, expected, source);
        assert_eq!(parse([source, 0]), Err(error));
    }
    let error = NodeError::number(property::INTERRUPTS, "sense code 0 (positive edge)", 1_u64);
    assert_eq!(parse([1, 1]), Err(error));
}

#[test]
fn what_does_not_fit_the_device_tree_is_not_written() {
    let wide = 0x1_0000_0000;
    let mut wide_reg = node();
    wide_reg.unit_address = UnitAddress(wide);
    let too_wide = |property| Err(EncodeError::TooWide { property, value: wide });
    assert_eq!(wide_reg.to_properties(), too_wide(property::REG));

    let mut wide_liobn = node();
    wide_liobn.remote_window.liobn = Liobn(wide);
    assert_eq!(wide_liobn.to_properties(), too_wide(property::MY_DMA_WINDOW));

    let mut inner_nul = node();
    inner_nul.loc_code = "U\0".into();
    let error = EncodeError::InnerNul { property: property::LOC_CODE };
    assert_eq!(inner_nul.to_properties(), Err(error));
}

/// LoPAR, General VIO Requirements.
#[test]
fn verify_spec_r1_4_a_transfer_limit_is_optional_and_at_least_128_kib() {
    let with = |bytes: &[u8]| {
        let mut vdevice = Properties::new();
        vdevice.set(property::MAX_VIRTUAL_DMA_SIZE, bytes);
        max_virtual_dma_size(&vdevice)
    };
    assert_eq!(max_virtual_dma_size(&Properties::new()), Ok(None));
    assert_eq!(with(&[0, 2, 0, 0]), Ok(Some(0x2_0000)));
    assert_eq!(
        with(&[0, 1, 0xFF, 0xFF]),
        Err(NodeError::number(property::MAX_VIRTUAL_DMA_SIZE, "at least 128 KiB", 0x1_FFFF_u64))
    );
    assert!(matches!(with(&[0, 2, 0]), Err(NodeError::Length { expected_bytes: 4, .. })));
}

#[test]
fn setting_a_property_again_keeps_its_place() {
    let mut properties = Properties::new();
    properties.set("a", &[1]);
    properties.set("b", &[2]);
    properties.set("a", &[3]);
    assert!(properties.iter().eq([("a", &[3][..]), ("b", &[2])]));
}

fn any_node() -> impl Strategy<Value = VmcNode> {
    (any::<[u32; 4]>(), 1..=MAX_INTERRUPT_SOURCE, any::<[u64; 2]>(), "[^\0]{0,40}")
        .prop_filter("unique LIOBNs", |(cells, ..)| cells[1] != cells[2])
        .prop_map(|([reg, local, remote, drc], source, [local_size, remote_size], loc_code)| {
            VmcNode {
                unit_address: UnitAddress(reg.into()),
                interrupt: InterruptSource(source),
                local_window: Window { liobn: Liobn(local.into()), size_bytes: local_size },
                remote_window: Window { liobn: Liobn(remote.into()), size_bytes: remote_size },
                drc_index: DrcIndex(drc),
                loc_code,
            }
        })
}

proptest! {
    #[test]
    fn a_written_node_reads_as_itself(node in any_node()) {
        prop_assert_eq!(VmcNode::parse(&node.to_properties().unwrap()), Ok(node));
    }

    #[test]
    fn arbitrary_contents_are_an_error_or_a_node_that_can_be_written(
        which in 0..10_usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let parsed = parse_with(|p| {
            let name: String = p.iter().nth(which).map(|(name, _)| name.into()).unwrap();
            p.set(&name, &bytes);
        });
        if let Ok(node) = parsed {
            prop_assert_eq!(VmcNode::parse(&node.to_properties().unwrap()), Ok(node));
        }
    }
}
