//! `pvmctl`: NovaLink's command line (management reference, section 2.5).
//!
//! Fields have pypowervm's names and REST's words. Exact widths of columns and the text between fields are not confirmed.
//!
//! | file | subject |
//! |---|---|
//! | `args` | objects, actions, options |
//! | `fields` | fields of objects by pypowervm's names |
//! | `table` | tables with boxes |
//! | `choose` | which object is meant |
//! | `lists` | actions that list |
//! | `changes` | actions that change something |

pub mod args;
mod changes;
mod choose;
mod fields;
mod lists;
mod table;
#[cfg(test)]
mod tests;

use super::dialect::Dialect;
use super::output::{Failure, Output};
use super::scene::{Done, Scene};
use super::usage;
use crate::App;
use args::{
    ControlLine, DiskAction, EthernetAction, MappingAction, Object, PartitionAction, SystemAction,
};
use clap::{CommandFactory, FromArgMatches};

/// Does what a command line says, and has what it prints. The line is its words after `pvmctl`, or all of it in one.
pub fn run(app: &App, line: &[String]) -> Output {
    let object = usage::words(line)
        .map_err(|error| Failure::from(error).into())
        .and_then(|words| parse(&words));
    let object = match object {
        Ok(object) => object,
        Err(output) => return output,
    };
    super::perform(app, Dialect::NovaLink, move |scene| execute(scene, &object))
}

/// The object and the action of these words; without them, what is printed instead.
fn parse(words: &[String]) -> Result<Object, Output> {
    let commands = ControlLine::command();
    let named = std::iter::once("pvmctl").chain(words.iter().map(String::as_str));
    let line = commands.clone().try_get_matches_from(named);
    match line.and_then(|matches| ControlLine::from_arg_matches(&matches)) {
        Ok(line) => Ok(line.object),
        Err(error) => Err(usage::told(&error, words, &commands)),
    }
}

fn execute(scene: &mut Scene<'_>, object: &Object) -> Result<Done, Failure> {
    match object {
        Object::Lpar(action) => match action {
            PartitionAction::List(listing) => lists::partitions(scene, listing),
            PartitionAction::Create(new) => changes::create_partition(scene, new),
            PartitionAction::Update(update) => changes::update_partition(scene, update),
            PartitionAction::Delete(chosen) => changes::delete_partition(scene, chosen),
            PartitionAction::PowerOn(how) => changes::power_on(scene, how),
            PartitionAction::PowerOff(how) => changes::power_off(scene, how, false),
            PartitionAction::Restart(how) => changes::power_off(scene, how, true),
        },
        Object::Vea(action) => match action {
            EthernetAction::List(listing) => lists::ethernet(scene, listing),
            EthernetAction::Create(new) => changes::create_ethernet(scene, new),
            EthernetAction::Update(update) => changes::update_ethernet(scene, update),
            EthernetAction::Delete(chosen) => changes::delete_ethernet(scene, chosen),
        },
        Object::Lv(action) => match action {
            DiskAction::List(listing) => lists::disks(scene, listing),
            DiskAction::Create(new) => changes::create_disk(scene, new),
            DiskAction::Update(update) => changes::update_disk(scene, update),
            DiskAction::Delete(chosen) => changes::delete_disk(scene, chosen),
        },
        Object::Scsi(action) => match action {
            MappingAction::List(listing) => lists::mappings(scene, listing),
            MappingAction::Create(mapped) => changes::map(scene, mapped),
            MappingAction::Delete(mapped) => changes::unmap(scene, mapped),
        },
        Object::Sys(action) => match action {
            SystemAction::List(listing) => lists::system(scene, listing),
            SystemAction::Update(update) => changes::update_system(scene, update),
        },
    }
}
