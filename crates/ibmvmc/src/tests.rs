//! Tests of the driver core against a scripted hypervisor side.
