//! Every quirk is noticed by the scenarios that are tagged with it, and by more than the snapshot.

use std::collections::BTreeSet;
use std::path::Path;
use vmc_sim::{Catch, Quirk, Scenario, catches};

fn hazards() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/hazards");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    paths.sort();
    let load = |path: &_| Scenario::load(path).unwrap_or_else(|error| panic!("{error}"));
    paths.iter().map(|path| load(path)).collect()
}

#[test]
fn every_hazard_has_a_scenario_with_its_id_in_the_title() {
    let titles: Vec<_> = hazards().iter().map(|s| s.title().to_owned()).collect();
    for hazard in 1..=39 {
        let id = format!("H{hazard:02}: ");
        assert!(titles.iter().any(|title| title.starts_with(&id)), "{id} has no scenario");
    }
}

#[test]
fn every_quirk_is_noticed() {
    let scenarios = hazards();
    for quirk in Quirk::ALL {
        let tagged = scenarios.iter().filter(|s| s.tags().iter().any(|tag| tag == quirk.id()));
        let caught: BTreeSet<Catch> =
            tagged.flat_map(|scenario| catches(scenario, quirk).expect("a machine")).collect();
        let noticed = caught.iter().any(|catch| *catch != Catch::Snapshot);
        assert!(noticed, "only {caught:?} notices {quirk}: {}", quirk.summary());
    }
}
