//! A dump of the part of a device tree that a driver of the VMC looks at: `/vdevice` and the VMC's node below it, as a
//! flattened device tree.

use super::flat::{FlatError, Node};
use super::{EncodeError, NodeError, Properties, VmcNode, max_virtual_dma_size, property};
use crate::address::UnitAddress;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The parent of virtual devices (LoPAR, The /vdevice Node).
const VDEVICE: &str = "vdevice";
const VDEVICE_MODEL: &str = "IBM,vdevice";

/// What a dump says of the VMC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// The VMC's node.
    pub vmc: VmcNode,
    /// The longest `H_COPY_RDMA` in bytes; `None` without a limit.
    pub max_virtual_dma_size: Option<u32>,
}

/// Something wrong with a dump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DumpError {
    /// no flattened device tree: {0}
    #[error("no flattened device tree: {0}")]
    Flat(#[from] FlatError),
    /// expected a node /vdevice, got none
    #[error("expected a node `/vdevice`, got none")]
    NoVdevice,
    /// expected a node `ibm,vmc` below `/vdevice`, got {found}
    #[error("expected one node `ibm,vmc` below `/vdevice`, got {found}")]
    NoVmc {
        /// How many there are.
        found: usize,
    },
    /// {node}: {error}
    #[error("{node}: {error}")]
    Node {
        /// Path of the node.
        node: String,
        /// What is wrong with it.
        error: NodeError,
    },
    /// {node}: expected the unit address of `reg`, {expected}, after the `@` of the name, got {got}
    #[error(
        "{node}: expected the unit address of `reg`, {expected}, after the `@` of the name, got {got}"
    )]
    UnitAddress {
        /// Path of the node.
        node: String,
        /// What `reg` says.
        expected: String,
        /// What the name says.
        got: String,
    },
}

impl Dump {
    /// The properties of `/vdevice`.
    ///
    /// # Errors
    ///
    /// A value that has no form in a device tree.
    pub fn vdevice(&self) -> Result<Properties, EncodeError> {
        let mut vdevice = Properties::new();
        vdevice.set_string(property::NAME, VDEVICE)?;
        vdevice.set_string(property::DEVICE_TYPE, VDEVICE)?;
        vdevice.set_string(property::COMPATIBLE, VDEVICE_MODEL)?;
        vdevice.set_cells("#address-cells", &[1]);
        vdevice.set_cells("#size-cells", &[0]);
        if let Some(size) = self.max_virtual_dma_size {
            vdevice.set_cells(property::MAX_VIRTUAL_DMA_SIZE, &[size]);
        }
        Ok(vdevice)
    }

    /// The dump as the bytes of a `.dtb` file.
    ///
    /// # Errors
    ///
    /// A value that has no form in a device tree.
    pub fn to_flat(&self) -> Result<Vec<u8>, EncodeError> {
        let mut root = Node::default();
        root.properties.set_cells("#address-cells", &[2]);
        root.properties.set_cells("#size-cells", &[2]);
        let mut vdevice = Node::new(VDEVICE);
        vdevice.properties = self.vdevice()?;
        let properties = self.vmc.to_properties()?;
        let name = format!("{}@{}", super::DEVICE, unit(self.vmc.unit_address));
        vdevice.children.push(Node { name, properties, children: Vec::new() });
        root.children.push(vdevice);
        Ok(root.to_flat())
    }

    /// What the bytes of a `.dtb` file say of the VMC.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the tree.
    pub fn from_flat(bytes: &[u8]) -> Result<Dump, Vec<DumpError>> {
        let root = Node::from_flat(bytes).map_err(|error| [error.into()])?;
        let of_name = |nodes: &[Node], name: &str| -> Vec<usize> {
            (0..nodes.len()).filter(|n| nodes[*n].base_name() == name).collect()
        };
        let Some(&at) = of_name(&root.children, VDEVICE).first() else {
            return Err([DumpError::NoVdevice].into());
        };
        let vdevice = &root.children[at];
        let mut problems = Vec::new();
        let max_virtual_dma_size = max_virtual_dma_size(&vdevice.properties);
        let wrong = |node: &str, error: &NodeError| DumpError::Node {
            node: String::from(node),
            error: error.clone(),
        };
        problems.extend(max_virtual_dma_size.as_ref().err().map(|error| wrong("/vdevice", error)));
        let found = of_name(&vdevice.children, super::DEVICE);
        let [at] = found[..] else {
            problems.push(DumpError::NoVmc { found: found.len() });
            return Err(problems);
        };
        let node = &vdevice.children[at];
        let path = format!("/vdevice/{}", node.name);
        let vmc = VmcNode::parse(&named(node));
        problems.extend(vmc.as_ref().err().map(|error| wrong(&path, error)));
        if let Ok([reg]) = node.properties.cells::<1>(property::REG) {
            let expected = unit(UnitAddress(reg.into()));
            if node.unit_address() != Some(&expected) {
                let got = node.unit_address().map_or("none".into(), String::from);
                problems.push(DumpError::UnitAddress { node: path, expected, got });
            }
        }
        match (vmc, max_virtual_dma_size) {
            (Ok(vmc), Ok(max_virtual_dma_size)) if problems.is_empty() => {
                Ok(Dump { vmc, max_virtual_dma_size })
            }
            _ => Err(problems),
        }
    }
}

/// A unit address as it stands in a node's name.
fn unit(address: UnitAddress) -> String {
    format!("{:x}", address.0)
}

/// The properties of a node. Flattened trees since version 16 leave out `name`, which the node's own name says.
fn named(node: &Node) -> Properties {
    let mut properties = node.properties.clone();
    if properties.get(property::NAME).is_none() {
        // A name that was read holds no NUL.
        let _ = properties.set_string(property::NAME, node.base_name());
    }
    properties
}
