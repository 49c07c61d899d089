//! The director of the faults: boots partitions, lets delayed messages arrive, and fires the rules whose time
//! has come.

use crate::backend::Setup;
use crate::context::Context;
use crate::runtime::{Progress, Runtime};
use crate::world::World;
use vmc_trace::Waiting;

/// What makes delayed faults and boots happen; it belongs to neither partition.
#[derive(Clone, Debug)]
pub struct Director;

impl Director {
    /// Whether the next step is invisible to the other activities.
    pub(crate) fn is_invisible<P: Setup>(&self, world: &World<P>) -> bool {
        world.faults.with(|faults| faults.is_idle())
    }

    pub(crate) fn step<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        if cx.world.faults.are_none() {
            return Progress::Finished;
        }
        let now_ns = cx.now_ns();
        let (boots, due) = cx.world.faults.with(|faults| {
            let due: Vec<_> = faults.due.extract_if(.., |(at_ns, _)| *at_ns <= now_ns).collect();
            (std::mem::take(&mut faults.boots), due)
        });
        let later: Vec<_> =
            boots.into_iter().filter(|(side, rule)| !cx.boot(*side, *rule)).collect();
        cx.world.faults.with(|faults| faults.boots.extend(later));
        cx.deliver_held();
        due.into_iter().for_each(|(_, rule)| cx.fire(rule));
        let until_ns = cx.world.faults.with(|faults| {
            let due = faults.due.iter().map(|(at_ns, _)| *at_ns);
            due.chain(faults.held.iter().map(|held| held.until_ns)).min()
        });
        Progress::Block { until_ns, why: Waiting::Work }
    }
}
