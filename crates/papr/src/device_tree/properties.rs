//! Properties as Open Firmware has them: names and bytes.

use super::{EncodeError, NodeError};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// Size of a cell: an integer as `encode-int` writes it.
pub(super) const CELL_BYTES: usize = 4;

/// The properties of one node, in the order in which they were first set. Each name occurs once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Properties(Vec<(String, Vec<u8>)>);

impl Properties {
    /// A node without properties.
    pub const fn new() -> Properties {
        Properties(Vec::new())
    }

    /// The raw contents of a property, `None` when the node does not have it.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, bytes)| bytes)
    }

    /// All properties, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Sets a property to raw contents; one that the node has keeps its place.
    pub fn set(&mut self, name: &str, bytes: &[u8]) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = bytes.to_owned(),
            None => self.0.push((name.to_owned(), bytes.to_owned())),
        }
    }

    /// Sets a property to a row of cells, each 32 bits, big-endian (`encode-int`).
    pub fn set_cells(&mut self, name: &str, cells: &[u32]) {
        let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.set(name, &bytes);
    }

    /// Sets a property to one NUL-terminated string (`encode-string`).
    pub fn set_string(&mut self, name: &'static str, value: &str) -> Result<(), EncodeError> {
        if value.contains('\0') {
            return Err(EncodeError::InnerNul { property: name });
        }
        let mut bytes = value.as_bytes().to_owned();
        bytes.push(0);
        self.set(name, &bytes);
        Ok(())
    }

    /// Removes a property and hands back its contents.
    pub fn remove(&mut self, name: &str) -> Option<Vec<u8>> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.remove(at).1)
    }

    /// The contents of a property that must be `expected_bytes` long.
    pub(super) fn exactly(
        &self,
        property: &'static str,
        expected_bytes: usize,
    ) -> Result<&[u8], NodeError> {
        match self.required(property)? {
            bytes if bytes.len() == expected_bytes => Ok(bytes),
            bytes => Err(NodeError::Length { property, expected_bytes, found_bytes: bytes.len() }),
        }
    }

    /// A property that must be a row of `N` cells.
    pub(super) fn cells<const N: usize>(
        &self,
        property: &'static str,
    ) -> Result<[u32; N], NodeError> {
        let bytes = self.exactly(property, N * CELL_BYTES)?;
        Ok(core::array::from_fn(|i| number(&bytes[i * CELL_BYTES..][..CELL_BYTES]) as u32))
    }

    /// A property that must be one NUL-terminated string.
    pub(super) fn string(&self, property: &'static str) -> Result<&str, NodeError> {
        let bytes = self.required(property)?;
        let text = match bytes.split_last() {
            Some((0, text)) if !text.contains(&0) => core::str::from_utf8(text).ok(),
            _ => None,
        };
        text.ok_or_else(|| NodeError::NotAString { property, found: bytes.to_owned() })
    }

    fn required(&self, property: &'static str) -> Result<&[u8], NodeError> {
        self.get(property).ok_or(NodeError::Missing { property })
    }
}

/// The big-endian number in up to 8 bytes: one cell or two.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
