//! Golden bytes of a dump, what is wrong with one, and bytes that are none.

use super::property;
use super::tests::node;
use super::*;
use crate::address::Liobn;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

fn dump() -> Dump {
    Dump { vmc: node(), max_virtual_dma_size: Some(MIN_VIRTUAL_DMA_SIZE) }
}

fn flat() -> Vec<u8> {
    dump().to_flat().expect("it has a form")
}

/// The tree of a dump with a change.
fn changed(change: impl FnOnce(&mut Node)) -> Result<Dump, Vec<String>> {
    let mut root = Node::from_flat(&flat()).expect("a tree");
    change(&mut root);
    Dump::from_flat(&root.to_flat())
        .map_err(|problems| problems.iter().map(DumpError::to_string).collect())
}

fn vmc(root: &mut Node) -> &mut Node {
    &mut root.children[0].children[0]
}

/// Devicetree Specification, Header, Memory Reservation Block and Structure Block.
#[test]
fn a_tree_has_its_golden_bytes() {
    let mut root = Node::default();
    let mut child = Node::new("vdevice");
    child.properties.set("reg", &[0x30, 0, 0, 2]);
    child.properties.set("eg", &[7]);
    root.children.push(child);
    #[rustfmt::skip]
    let golden = [
        0xD0, 0x0D, 0xFE, 0xED, 0, 0, 0, 0x7C, 0, 0, 0, 0x38, 0, 0, 0, 0x78, // magic, all, structure, strings
        0, 0, 0, 0x28, 0, 0, 0, 17, 0, 0, 0, 16, 0, 0, 0, 0,                 // reserved, versions, boot processor
        0, 0, 0, 4, 0, 0, 0, 0x40,                                           // sizes of strings and structure
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                      // nothing is reserved
        0, 0, 0, 1, 0, 0, 0, 0,                                              // the root
        0, 0, 0, 1, b'v', b'd', b'e', b'v', b'i', b'c', b'e', 0,
        0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0x30, 0, 0, 2,                   // reg
        0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 7, 0, 0, 0,                      // eg, the end of reg
        0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 9,
        b'r', b'e', b'g', 0,
    ];
    assert_eq!(root.to_flat(), golden);
    assert_eq!(Node::from_flat(&golden), Ok(root));
}

#[test]
fn a_dump_reads_as_it_was_written_with_a_limit_and_without() {
    assert_eq!(Dump::from_flat(&flat()), Ok(dump()));
    let without = Dump { max_virtual_dma_size: None, ..dump() };
    assert_eq!(Dump::from_flat(&without.to_flat().expect("a form")), Ok(without));
    let root = Node::from_flat(&flat()).expect("a tree");
    assert_eq!(root.children[0].children[0].name, "ibm,vmc@30000002");
}

/// Flattened trees leave out what the node's own name says.
#[test]
fn a_dump_without_name_properties_is_whole() {
    let without_names = changed(|root| {
        vmc(root).properties.remove(property::NAME);
        root.children[0].properties.remove(property::NAME);
    });
    assert_eq!(without_names, Ok(dump()));
}

#[test]
fn every_mistake_is_told_with_its_node() {
    let path = "/vdevice/ibm,vmc@30000002: ";
    let told = |change: &dyn Fn(&mut Node), expected: &[&str]| {
        assert_eq!(changed(change).expect_err("a mistake"), expected);
    };
    let missing = "property `ibm,my-dma-window` is missing";
    told(
        &|root| drop(vmc(root).properties.remove(property::MY_DMA_WINDOW)),
        &[&[path, missing].concat()],
    );
    let length = "property `interrupts`: expected 8 bytes, found 4";
    told(
        &|root| vmc(root).properties.set(property::INTERRUPTS, &[0; 4]),
        &[&[path, length].concat()],
    );
    told(
        &|root| vmc(root).name = String::from("ibm,vmc@3"),
        &[
            "/vdevice/ibm,vmc@3: expected the unit address of `reg`, 30000002, after the `@` of the name, got 3",
        ],
    );
    told(
        &|root| vmc(root).name = String::from("ibm,vmc"),
        &[
            "/vdevice/ibm,vmc: expected the unit address of `reg`, 30000002, after the `@` of the name, got none",
        ],
    );
    let panes = "property `ibm,my-dma-window`: expected two different LIOBNs, found 0xa twice";
    told(
        &|root| {
            let panes = [0xA, 0, 0, 0, 0x1000, 0xA, 0, 0, 0, 0x1000];
            vmc(root).properties.set_cells(property::MY_DMA_WINDOW, &panes);
        },
        &[&[path, panes].concat()],
    );
    told(&|root| root.children.clear(), &["expected a node `/vdevice`, got none"]);
    let none = "expected one node `ibm,vmc` below `/vdevice`, got 0";
    told(&|root| root.children[0].children.clear(), &[none]);
    let twice = |root: &mut Node| {
        let again = vmc(root).clone();
        root.children[0].children.push(again);
    };
    told(&twice, &["expected one node `ibm,vmc` below `/vdevice`, got 2"]);
    // All of them at once.
    let limit =
        "/vdevice: property `ibm,max-virtual-dma-size`: expected at least 128 KiB, found 0x1000";
    told(
        &|root| {
            let properties = &mut root.children[0].properties;
            properties.set_cells(property::MAX_VIRTUAL_DMA_SIZE, &[0x1000]);
            vmc(root).name = String::from("ibm,vmc@4");
            vmc(root).properties.remove(property::MY_DRC_INDEX);
        },
        &[
            limit,
            "/vdevice/ibm,vmc@4: property `ibm,my-drc-index` is missing",
            "/vdevice/ibm,vmc@4: expected the unit address of `reg`, 30000002, after the `@` of the name, got 4",
        ],
    );
}

#[test]
fn bytes_that_are_no_tree_are_refused_where_they_are_wrong() {
    let wrong = |at: usize, byte: u8| {
        let mut bytes = flat();
        bytes[at] = byte;
        Node::from_flat(&bytes).expect_err("no tree").to_string()
    };
    assert_eq!(wrong(0, 0), "at byte 0: expected the magic number 0xd00dfeed, got 0xdfeed");
    assert_eq!(wrong(11, 0x39), "at byte 8: expected an aligned offset within the bytes, got 0x39");
    assert_eq!(wrong(23, 15), "at byte 20: expected version 16 or later, got 0xf");
    assert_eq!(
        wrong(27, 18),
        "at byte 24: expected a version that is compatible with 17, got 0x12"
    );
    assert_eq!(wrong(59, 2), "at byte 56: expected the beginning of the root node, got 0x2");
    assert!(wrong(4, 1).starts_with("at byte 4: expected a total size that the bytes have"));
    let problems = Dump::from_flat(&[0xD0, 0x0D]).expect_err("no tree");
    let told: Vec<String> = problems.iter().map(DumpError::to_string).collect();
    let end = "no flattened device tree: at byte 0: expected a header of 40 bytes, got the end of the bytes";
    assert_eq!(told, [end]);
}

#[test]
fn nodes_nest_so_deep_and_no_deeper() {
    let nested = |depth: usize| {
        let mut root = Node::default();
        for _ in 1..depth {
            root = Node { children: vec![root], ..Node::new("n") };
        }
        Node::from_flat(&root.to_flat())
    };
    assert!(nested(MAX_DEPTH).is_ok());
    assert_eq!(nested(MAX_DEPTH + 1).map_err(|error| error.got), Err(Got::Depth));
}

fn any_tree() -> impl Strategy<Value = Node> {
    let property = ("[a-z,#-]{1,12}", proptest::collection::vec(any::<u8>(), 0..9));
    let properties = proptest::collection::vec(property, 0..4);
    let leaf = ("[a-z@0-9]{0,9}", properties.clone(), Just(Vec::new()));
    type Parts = (String, Vec<(String, Vec<u8>)>, Vec<Node>);
    let made = |(name, properties, children): Parts| {
        let mut node = Node { children, ..Node::new(name) };
        properties.iter().for_each(|(name, value)| node.properties.set(name, value));
        node
    };
    leaf.prop_map(made).prop_recursive(4, 20, 4, move |inner| {
        let children = proptest::collection::vec(inner, 0..4);
        ("[a-z@0-9]{0,9}", properties.clone(), children).prop_map(made)
    })
}

proptest! {
    #[test]
    fn a_tree_that_was_written_reads_as_itself(tree in any_tree()) {
        prop_assert_eq!(Node::from_flat(&tree.to_flat()), Ok(tree));
    }

    #[test]
    fn hostile_bytes_are_a_dump_or_an_error(
        changes in proptest::collection::vec((0..1000_usize, any::<u8>()), 0..6),
        length in 0..1000_usize,
    ) {
        let mut bytes = flat();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if length < bytes.len() {
            bytes.truncate(length);
        }
        if let Ok(dump) = Dump::from_flat(&bytes) {
            prop_assert_eq!(Dump::from_flat(&dump.to_flat().expect("a form")), Ok(dump));
        }
    }

    #[test]
    fn random_bytes_behind_a_header_are_a_tree_or_an_error(
        tokens in proptest::collection::vec((0..11_u32, any::<u32>()), 0..40),
    ) {
        let mut bytes = flat();
        bytes.truncate(56);
        let words = tokens.iter().flat_map(|(token, word)| [*token, *word]);
        bytes.extend(words.flat_map(u32::to_be_bytes));
        let size = (bytes.len() as u32).to_be_bytes();
        bytes[4..8].copy_from_slice(&size);
        bytes[12..16].copy_from_slice(&size);
        let _ = Node::from_flat(&bytes);
    }

    #[test]
    fn any_liobns_are_dumped(local in 1..u32::MAX, size in any::<u64>()) {
        let mut dump = dump();
        dump.vmc.local_window = Window { liobn: Liobn(local.into()), size_bytes: size };
        prop_assume!(dump.vmc.local_window.liobn != dump.vmc.remote_window.liobn);
        prop_assert_eq!(Dump::from_flat(&dump.to_flat().expect("a form")), Ok(dump));
    }
}
