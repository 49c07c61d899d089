//! Placeholder for the device-tree node.
