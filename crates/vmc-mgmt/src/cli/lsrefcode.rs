//! `lsrefcode`: reference codes, the newest first.

use super::args::{ListReferenceCodes, StatefulType};
use super::listing::{Column, filters, fixed, of, print};
use super::lssyscfg::partitions;
use super::output::Failure;
use super::rows::CodeRow;
use super::scene::{Done, Scene, number, refuse_options};
use std::sync::Arc;

/// Attributes of a reference code (management reference, section 2.3).
const CODE: &[Column] = &[
    of("lpar_name"),
    of("lpar_id"),
    of("time_stamp"),
    of("refcode"),
    of("word2"),
    fixed("fru_call_out_loc_codes", ""),
];

/// Most that are asked for: a partition keeps fewer.
const MOST: u64 = 25;

pub(super) fn run(scene: &mut Scene<'_>, args: &ListReferenceCodes) -> Result<Done, Failure> {
    scene.check_system(&args.system)?;
    // Without a number it is the latest one, as on an HMC.
    let count = args.count.as_deref().map_or(Ok(1), |count| number("-n", count, MOST))?;
    let mut rows = Vec::new();
    match args.kind {
        StatefulType::Lpar => {
            let filters = filters(&args.listing, &["lpar_names", "lpar_ids"])?;
            for view in partitions(scene, &filters)? {
                let codes = scene.client.all_reference_codes(view.partition.id)?;
                for code in codes.into_iter().take(count as usize) {
                    let at = scene.times.since_1970(code.at_ns);
                    rows.push(CodeRow { view: Some(Arc::clone(&view)), code, at });
                }
            }
        }
        // The system's own codes are not simulated: it shows none.
        StatefulType::Sys => {
            refuse_options(&[(args.listing.filter.is_some(), "--filter")], "-r sys")?;
        }
    }
    let columns = match args.kind {
        StatefulType::Lpar => CODE,
        StatefulType::Sys => &CODE[2..],
    };
    Ok(print(columns, rows, &args.listing)?.into())
}
