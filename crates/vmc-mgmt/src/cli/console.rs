//! `lshmc`, `lslic` and `lssysconn`: the console, the firmware, the connections.

use super::args::{ListConnections, ListFirmware};
use super::listing::{Column, Row, fixed, of, print};
use super::output::{Failure, Output};
use super::scene::{Done, Scene, refuse_options};
use crate::app::Snapshot;
use crate::objects::Value;
use crate::objects::system::type_model_serial;

/// The version that the application says that it has: clients take what they can do from it.
const VERSION: &str = "10";
const RELEASE: &str = "3";
const SERVICE_PACK: &str = "1060";
const BUILD: &str = "2408210051";

/// `lshmc -V`: a value of several lines, in quotes (management reference, section 2.3).
pub(super) fn version() -> Output {
    let text = format!(
        "\"version= Version: {VERSION}\n Release: {RELEASE}\n Service Pack: {SERVICE_PACK}\n\
         HMC Build level {BUILD}\n\",\"base_version=V{VERSION}R{RELEASE}\n\""
    );
    Output::lines(&[text])
}

/// Attributes of the firmware. Their order is general knowledge, not confirmed.
const FIRMWARE: &[Column] = &[
    fixed("lic_type", "Managed System"),
    fixed("management_status", "Enabled"),
    fixed("disabled_reason", ""),
    of("activated_level"),
    of("installed_level"),
    of("accepted_level"),
    of("ecnumber"),
    of("mtms"),
    of("firmware"),
];

/// Attributes of a connection. Their order is general knowledge, not confirmed.
const CONNECTION: &[Column] = &[
    fixed("resource_type", "sys"),
    of("type_model_serial_num"),
    fixed("sp_type", "fsp"),
    fixed("sp", "primary"),
    fixed("sp_phys_loc", "unavailable"),
    fixed("ipaddr", "127.0.0.1"),
    fixed("alt_ipaddr", "unavailable"),
    fixed("state", "Connected"),
];

struct SystemLine<'a>(&'a Snapshot);

impl Row for SystemLine<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        let (stream, level) = levels(&self.0.system.firmware);
        Some(match name {
            "mtms" | "type_model_serial_num" => type_model_serial(self.0).into(),
            "firmware" => self.0.system.firmware.as_str().into(),
            "ecnumber" => stream.into(),
            "activated_level" | "installed_level" | "accepted_level" => level.into(),
            _ => return None,
        })
    }
}

/// `01VL950` and `92` of `FW950.40 (VL950_092)`; the whole and nothing of another text.
fn levels(firmware: &str) -> (String, String) {
    let inside = firmware.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    match inside.and_then(|inside| inside.split_once('_')) {
        Some((stream, level)) => (format!("01{stream}"), level.trim_start_matches('0').to_owned()),
        None => (firmware.to_owned(), String::new()),
    }
}

pub(super) fn firmware(scene: &Scene<'_>, args: &ListFirmware) -> Result<Done, Failure> {
    scene.check_system(&args.system)?;
    refuse_options(&[(args.listing.filter.is_some(), "--filter")], "lslic")?;
    Ok(print(FIRMWARE, [SystemLine(scene.snapshot)], &args.listing)?.into())
}

pub(super) fn connections(scene: &Scene<'_>, args: &ListConnections) -> Result<Done, Failure> {
    refuse_options(&[(args.listing.filter.is_some(), "--filter")], "lssysconn")?;
    Ok(print(CONNECTION, [SystemLine(scene.snapshot)], &args.listing)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_taken_from_the_firmware_s_name() {
        let both = |text| levels(text);
        assert_eq!(both("FW950.40 (VL950_092)"), ("01VL950".into(), "92".into()));
        assert_eq!(both("FW950.40"), ("FW950.40".into(), String::new()));
    }

    #[test]
    fn the_version_is_the_text_that_clients_split() {
        let expected = "\"version= Version: 10\n Release: 3\n Service Pack: 1060\nHMC Build level 2408210051\n\",\"base_version=V10R3\n\"\n";
        assert_eq!(version().stdout, expected);
    }
}
