//! The order of crates: what each may know of the others, and what it must not pull in.

use crate::workspace::root;
use std::process::Command;

/// A crate, the crates of this workspace that it may depend on, directly or not, and the heavy crates that it must
/// not.
struct Layer {
    name: &'static str,
    knows: &'static [&'static str],
    without: &'static [&'static str],
}

/// What only scenario files and models need; programs that embed a machine do not wait for it.
const HEAVY: &[&str] = &["stateright", "schemars", "toml", "miette"];

const ABI: &[&str] = &["papr", "vmc-proto"];
const ROUTER: &[&str] = &["hmc-proto", "managed-system", "papr", "phyp", "vmc-proto"];
const MACHINE: &[&str] = &["ibmvmc", "papr", "phyp", "vmc-proto", "vmc-threads", "vmc-trace"];
const CLIENT: &[&str] = &[
    "hmc-proto",
    "ibmvmc",
    "papr",
    "phyp",
    "vmc-machine",
    "vmc-proto",
    "vmc-threads",
    "vmc-trace",
];
const LIBRARY: &[&str] = &[
    "hmc-proto",
    "ibmvmc",
    "papr",
    "phyp",
    "vmc-check",
    "vmc-machine",
    "vmc-proto",
    "vmc-threads",
    "vmc-trace",
    "vmc-trace-file",
];
const SCENARIO: &[&str] = &[
    "hmc-proto",
    "hmc-router",
    "ibmvmc",
    "managed-system",
    "papr",
    "phyp",
    "vmc-machine",
    "vmc-proto",
    "vmc-threads",
    "vmc-trace",
];

/// What boots a machine with a scenario's faults and an inventory's system, and manages it.
const MANAGER: &[&str] = &[
    "hmc-client",
    "hmc-proto",
    "hmc-router",
    "ibmvmc",
    "managed-system",
    "papr",
    "phyp",
    "vmc-check",
    "vmc-machine",
    "vmc-proto",
    "vmc-scenario",
    "vmc-threads",
    "vmc-trace",
    "vmc-trace-file",
    "vmc-view",
];

const ALL: &[&str] = &[
    "hmc-proto",
    "hmc-router",
    "ibmvmc",
    "managed-system",
    "papr",
    "phyp",
    "vmc-check",
    "vmc-cli",
    "vmc-machine",
    "vmc-proto",
    "vmc-scenario",
    "vmc-sim",
    "vmc-threads",
    "vmc-trace",
    "vmc-trace-file",
    "vmc-view",
    "vmcsim-ffi",
];

/// From the bottom up.
const LAYERS: &[Layer] = &[
    Layer { name: "papr", knows: &[], without: HEAVY },
    Layer { name: "vmc-proto", knows: &["papr"], without: HEAVY },
    Layer { name: "hmc-proto", knows: &[], without: HEAVY },
    Layer { name: "managed-system", knows: &[], without: HEAVY },
    Layer { name: "ibmvmc", knows: ABI, without: HEAVY },
    Layer { name: "phyp", knows: ABI, without: HEAVY },
    Layer { name: "hmc-router", knows: ROUTER, without: HEAVY },
    Layer { name: "vmc-trace", knows: ABI, without: HEAVY },
    Layer { name: "vmc-threads", knows: &[], without: HEAVY },
    Layer { name: "vmc-check", knows: &["papr", "vmc-proto", "vmc-trace"], without: HEAVY },
    Layer {
        name: "vmc-trace-file",
        knows: &["hmc-proto", "papr", "vmc-check", "vmc-proto", "vmc-trace"],
        without: HEAVY,
    },
    Layer {
        name: "vmc-view",
        knows: &["hmc-proto", "papr", "vmc-check", "vmc-proto", "vmc-trace", "vmc-trace-file"],
        without: HEAVY,
    },
    Layer { name: "vmc-machine", knows: MACHINE, without: HEAVY },
    Layer { name: "hmc-client", knows: CLIENT, without: HEAVY },
    Layer { name: "vmcsim-ffi", knows: LIBRARY, without: HEAVY },
    Layer { name: "vmc-scenario", knows: SCENARIO, without: &["stateright"] },
    Layer { name: "vmc-mgmt", knows: MANAGER, without: &["stateright"] },
    Layer { name: "vmc-device", knows: ALL, without: &[] },
    Layer { name: "vmc-cli", knows: ALL, without: &[] },
    Layer { name: "vmc-driver-host", knows: ALL, without: &[] },
];

/// Dependencies that point upwards or pull in what is heavy.
pub(crate) fn problems() -> Vec<String> {
    LAYERS.iter().flat_map(of_layer).collect()
}

fn of_layer(layer: &Layer) -> Vec<String> {
    let name = layer.name;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "-p", name, "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output();
    let output = match output {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            return vec![format!("cargo tree: {}", String::from_utf8_lossy(&output.stderr).trim())];
        }
        Err(e) => return vec![format!("cargo tree: {e}")],
    };
    wrong(layer, &String::from_utf8_lossy(&output.stdout))
}

/// What of a tree, a crate a line, a layer must not have.
fn wrong(layer: &Layer, tree: &str) -> Vec<String> {
    let name = layer.name;
    let mut found = Vec::new();
    for line in tree.lines().skip(1) {
        let dependency = line.split(' ').next().unwrap_or_default();
        // A crate of the workspace is shown with its path.
        let is_ours = line.contains("(/") || line.contains(":\\");
        if is_ours && !layer.knows.contains(&dependency) {
            found.push(format!(
                "{name} depends on {dependency}, which stands above it: move what it needs down"
            ));
        }
        if layer.without.contains(&dependency) {
            found
                .push(format!("{name} pulls in {dependency}: move what needs it to a crate above"));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_points_upwards_or_is_heavy_is_told() {
        let layer = LAYERS.iter().find(|layer| layer.name == "vmc-machine").expect("its layer");
        let good = "vmc-machine v0.1.0 (/x/vmc-machine)\npapr v0.1.0 (/x/papr)\nthiserror v2.0.0\n";
        assert_eq!(wrong(layer, good), [""; 0]);
        let bad = "vmc-machine v0.1.0 (/x/vmc-machine)\nvmc-sim v0.1.0 (/x/vmc-sim)\ntoml v1.0.0\n\
                   toml v1.0.0 (*)\n";
        let found = wrong(layer, bad);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("depends on vmc-sim") && found[1].contains("pulls in toml"));
    }
}
