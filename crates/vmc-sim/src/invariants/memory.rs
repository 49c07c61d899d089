//! Verifies that memory holds what was put there: every byte of both partitions' memory that changes was written by its
//! owner, is an entry of its queue, or belongs to a copy that succeeded, within the copy's bounds (`vmc_machine::shadow`).
//! So what overruns a buffer, goes to another page, or lands in memory that was freed is told, and so is a copy that fails
//! and writes all the same. A copy that succeeds has begun in the same life of both partitions, no H_FREE_CRQ and no change of
//! its TCEs comes between its halves, and it takes along nothing that lies behind its message.
//!
//! Does not verify runs on threads, where a queue's owner and the platform write to one element at the same time; nor
//! that a copy is the one that ought to be made (`rdma`, `isolation`), or that its owner writes the right thing
//! (`delivery`).

use vmc_machine::backend::Setup;
use vmc_machine::world::World;

pub(super) fn check<P: Setup>(world: &World<P>) -> Vec<String> {
    world.memory_problems()
}
