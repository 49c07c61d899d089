//! The VMC's node in the device tree of the management partition (LoPAR, Properties of the VMC Node in
//! the Client Partition), and the one property of its parent `/vdevice` that bounds its transfers.
//!
//! The hypervisor side writes the node, the driver's probe reads it. Reading trusts nothing: every length
//! and every value that LoPAR fixes is checked. Properties that are not named here are ignored.

mod dump;
#[cfg(test)]
mod dump_tests;
mod flat;
mod properties;
#[cfg(test)]
mod tests;

pub use dump::{Dump, DumpError};
pub use flat::{FlatError, Got, MAX_DEPTH, Node};
pub use properties::Properties;

use crate::address::{DrcIndex, InterruptSource, Liobn, UnitAddress};
use alloc::string::String;
use alloc::vec::Vec;
use properties::{CELL_BYTES, number};

/// Names of the properties that this module reads and writes.
pub mod property {
    /// Device name, `ibm,vmc`.
    pub const NAME: &str = "name";
    /// Device type, `ibm,vmc`.
    pub const DEVICE_TYPE: &str = "device_type";
    /// Programming model, `IBM,vmc`.
    pub const COMPATIBLE: &str = "compatible";
    /// Unique and persistent location code.
    pub const LOC_CODE: &str = "ibm,loc-code";
    /// Unit address, one cell.
    pub const REG: &str = "reg";
    /// Two panes (LIOBN, phys, size): the local window, then the remote one.
    pub const MY_DMA_WINDOW: &str = "ibm,my-dma-window";
    /// Interrupt source number and sense code.
    pub const INTERRUPTS: &str = "interrupts";
    /// Dynamic reconfiguration connector of the device.
    pub const MY_DRC_INDEX: &str = "ibm,my-drc-index";
    /// Cells of a size in [`MY_DMA_WINDOW`].
    pub const DMA_SIZE_CELLS: &str = "ibm,#dma-size-cells";
    /// Cells of a phys in [`MY_DMA_WINDOW`].
    pub const DMA_ADDRESS_CELLS: &str = "ibm,#dma-address-cells";
    /// Property of `/vdevice`: longest `H_COPY_RDMA` in bytes.
    pub const MAX_VIRTUAL_DMA_SIZE: &str = "ibm,max-virtual-dma-size";
}

/// Least value of `ibm,max-virtual-dma-size` (LoPAR, General VIO Requirements, R1-4).
pub const MIN_VIRTUAL_DMA_SIZE: u32 = 128 * 1024;

const DEVICE: &str = "ibm,vmc";
const PROGRAMMING_MODEL: &str = "IBM,vmc";

/// Positive edge triggered: the only sense code of a virtual adapter.
const SENSE_POSITIVE_EDGE: u32 = 0;

/// Largest interrupt source number: an XIRR has 24 bits for it.
const MAX_INTERRUPT_SOURCE: u32 = 0x00FF_FFFF;

/// Cells of a phys and of a size when the node does not say: LoPAR encodes the size as one integer, and
/// `#address-cells` of `/vdevice` is 1.
const DEFAULT_DMA_CELLS: usize = 1;

/// Cells of a phys and of a size in a node that is written here: a window may exceed 4 GiB.
const WRITTEN_DMA_CELLS: usize = 2;

/// The VMC device as its node describes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VmcNode {
    /// `reg`.
    pub unit_address: UnitAddress,
    /// First cell of `interrupts`: the number that `H_XIRR` returns.
    pub interrupt: InterruptSource,
    /// First pane of `ibm,my-dma-window`: maps memory of the management partition.
    pub local_window: Window,
    /// Second pane of `ibm,my-dma-window`: memory that the hypervisor makes available.
    pub remote_window: Window,
    /// `ibm,my-drc-index`. LoPAR wants it where the platform implements dynamic reconfiguration, as one
    /// with `H_REQUEST_VMC` does; so it is required here.
    pub drc_index: DrcIndex,
    /// `ibm,loc-code`.
    pub loc_code: String,
}

/// One pane of `ibm,my-dma-window`. Its I/O addresses begin at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Handle of the pane, unique in the partition.
    pub liobn: Liobn,
    /// Size in bytes.
    pub size_bytes: u64,
}

impl VmcNode {
    /// The node's properties, in the order of LoPAR's table, with phys and size of two cells each. What
    /// [`parse`](Self::parse) accepts can always be written.
    pub fn to_properties(&self) -> Result<Properties, EncodeError> {
        let mut node = Properties::new();
        node.set_string(property::NAME, DEVICE)?;
        node.set_string(property::DEVICE_TYPE, DEVICE)?;
        node.set_string(property::COMPATIBLE, PROGRAMMING_MODEL)?;
        node.set_string(property::LOC_CODE, &self.loc_code)?;
        node.set_cells(property::REG, &[one_cell(property::REG, self.unit_address.0)?]);
        let mut panes = Vec::new();
        for window in [self.local_window, self.remote_window] {
            let [size_high, size_low] = two_cells(window.size_bytes);
            let liobn = one_cell(property::MY_DMA_WINDOW, window.liobn.0)?;
            panes.extend([liobn, 0, 0, size_high, size_low]);
        }
        node.set_cells(property::MY_DMA_WINDOW, &panes);
        node.set_cells(property::INTERRUPTS, &[self.interrupt.0, SENSE_POSITIVE_EDGE]);
        node.set_cells(property::MY_DRC_INDEX, &[self.drc_index.0]);
        node.set_cells(property::DMA_SIZE_CELLS, &[WRITTEN_DMA_CELLS as u32]);
        node.set_cells(property::DMA_ADDRESS_CELLS, &[WRITTEN_DMA_CELLS as u32]);
        Ok(node)
    }

    /// The device that `properties` describe.
    ///
    /// `ibm,#dma-address-cells` and `ibm,#dma-size-cells` may be 1 or 2, and count as 1 when they are
    /// absent.
    pub fn parse(properties: &Properties) -> Result<VmcNode, NodeError> {
        expect_text(properties, property::NAME, DEVICE)?;
        expect_text(properties, property::DEVICE_TYPE, DEVICE)?;
        expect_text(properties, property::COMPATIBLE, PROGRAMMING_MODEL)?;
        let loc_code = properties.string(property::LOC_CODE)?;
        let [unit_address] = properties.cells(property::REG)?;
        let [local_window, remote_window] = parse_windows(properties)?;
        let interrupt = parse_interrupt(properties)?;
        let [drc_index] = properties.cells(property::MY_DRC_INDEX)?;
        Ok(VmcNode {
            unit_address: UnitAddress(unit_address.into()),
            interrupt,
            local_window,
            remote_window,
            drc_index: DrcIndex(drc_index),
            loc_code: loc_code.into(),
        })
    }
}

/// The longest `H_COPY_RDMA` in bytes according to the properties of `/vdevice`; `None` when the platform
/// sets no limit (LoPAR, General VIO Requirements, R1-4).
pub fn max_virtual_dma_size(vdevice: &Properties) -> Result<Option<u32>, NodeError> {
    let name = property::MAX_VIRTUAL_DMA_SIZE;
    if vdevice.get(name).is_none() {
        return Ok(None);
    }
    let [size] = vdevice.cells(name)?;
    if size < MIN_VIRTUAL_DMA_SIZE {
        return Err(NodeError::number(name, "at least 128 KiB", size));
    }
    Ok(Some(size))
}

/// What is wrong with a node that was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NodeError {
    /// property `{property}` is missing
    #[error("property `{property}` is missing")]
    Missing {
        /// The property.
        property: &'static str,
    },
    /// property `{property}`: expected {expected_bytes} bytes, found {found_bytes}
    #[error("property `{property}`: expected {expected_bytes} bytes, found {found_bytes}")]
    Length {
        /// The property.
        property: &'static str,
        /// Length that the property must have.
        expected_bytes: usize,
        /// Length that it has.
        found_bytes: usize,
    },
    /// property `{property}`: expected one NUL-terminated string, found the bytes {found:02x?}
    #[error(
        "property `{property}`: expected one NUL-terminated string, found the bytes {found:02x?}"
    )]
    NotAString {
        /// The property.
        property: &'static str,
        /// Its contents.
        found: Vec<u8>,
    },
    /// property `{property}`: expected "{expected}", found {found:?}
    #[error("property `{property}`: expected \"{expected}\", found {found:?}")]
    Text {
        /// The property.
        property: &'static str,
        /// The only value allowed.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// property `{property}`: expected {expected}, found {found:#x}
    #[error("property `{property}`: expected {expected}, found {found:#x}")]
    Number {
        /// The property.
        property: &'static str,
        /// Which value was expected where.
        expected: &'static str,
        /// The value found.
        found: u64,
    },
    /// property `ibm,my-dma-window`: expected two different LIOBNs, found {found} twice
    #[error("property `ibm,my-dma-window`: expected two different LIOBNs, found {found} twice")]
    SharedLiobn {
        /// The LIOBN of both panes.
        found: Liobn,
    },
}

impl NodeError {
    fn number(property: &'static str, expected: &'static str, found: impl Into<u64>) -> NodeError {
        NodeError::Number { property, expected, found: found.into() }
    }
}

/// Why a value has no form in the device tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EncodeError {
    /// property `{property}`: {value:#x} does not fit into a cell
    #[error("property `{property}`: {value:#x} does not fit into a cell")]
    TooWide {
        /// The property.
        property: &'static str,
        /// The value, larger than 32 bits.
        value: u64,
    },
    /// property `{property}`: a string cannot hold a NUL
    #[error("property `{property}`: a string cannot hold a NUL")]
    InnerNul {
        /// The property.
        property: &'static str,
    },
}

fn one_cell(property: &'static str, value: u64) -> Result<u32, EncodeError> {
    u32::try_from(value).map_err(|_| EncodeError::TooWide { property, value })
}

const fn two_cells(value: u64) -> [u32; 2] {
    [(value >> 32) as u32, value as u32]
}

fn expect_text(
    properties: &Properties,
    property: &'static str,
    expected: &'static str,
) -> Result<(), NodeError> {
    match properties.string(property)? {
        found if found == expected => Ok(()),
        found => Err(NodeError::Text { property, expected, found: found.into() }),
    }
}

fn parse_interrupt(properties: &Properties) -> Result<InterruptSource, NodeError> {
    let property = property::INTERRUPTS;
    let [source, sense] = properties.cells(property)?;
    // Source 0 in an XIRR means that no interrupt is pending.
    if !(1..=MAX_INTERRUPT_SOURCE).contains(&source) {
        return Err(NodeError::number(property, "a source from 1 to 0xffffff", source));
    }
    if sense != SENSE_POSITIVE_EDGE {
        return Err(NodeError::number(property, "sense code 0 (positive edge)", sense));
    }
    Ok(InterruptSource(source))
}

fn parse_windows(properties: &Properties) -> Result<[Window; 2], NodeError> {
    let property = property::MY_DMA_WINDOW;
    let address_cells = parse_cell_count(properties, property::DMA_ADDRESS_CELLS)?;
    let size_cells = parse_cell_count(properties, property::DMA_SIZE_CELLS)?;
    let pane_bytes = (1 + address_cells + size_cells) * CELL_BYTES;
    let (first, second) = properties.exactly(property, 2 * pane_bytes)?.split_at(pane_bytes);
    let local = parse_pane(first, address_cells)?;
    let remote = parse_pane(second, address_cells)?;
    // General VIO Requirements, R1-12.
    if local.liobn == remote.liobn {
        return Err(NodeError::SharedLiobn { found: local.liobn });
    }
    Ok([local, remote])
}

/// Reads one pane; its length has been checked against both cell counts.
fn parse_pane(pane: &[u8], address_cells: usize) -> Result<Window, NodeError> {
    let (liobn, rest) = pane.split_at(CELL_BYTES);
    let (phys, size) = rest.split_at(address_cells * CELL_BYTES);
    // General VIO Requirements, R1-12.
    match number(phys) {
        0 => Ok(Window { liobn: Liobn(number(liobn)), size_bytes: number(size) }),
        phys => Err(NodeError::number(property::MY_DMA_WINDOW, "phys 0", phys)),
    }
}

fn parse_cell_count(properties: &Properties, property: &'static str) -> Result<usize, NodeError> {
    if properties.get(property).is_none() {
        return Ok(DEFAULT_DMA_CELLS);
    }
    match properties.cells(property)? {
        [1] => Ok(1),
        [2] => Ok(2),
        [other] => Err(NodeError::number(property, "1 or 2 cells", other)),
    }
}
