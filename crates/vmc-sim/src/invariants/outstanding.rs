//! Verifies, in any state of a machine, that neither side has more requests outstanding than half of its peer's queue
//! (LoPAR, VMC Capabilities), by what both sides count themselves.

use ibmvmc::{Driver, Quirks};
use phyp::vmc::{Behaviour, Service};
use vmc_proto::Limits;

pub(super) fn check_now<B: Behaviour, Q: Quirks>(
    driver: &Driver<Q>,
    service: Option<&Service<B>>,
) -> Vec<String> {
    let ours = (usize::from(driver.outstanding()), driver.limits(), "the driver");
    let theirs = service.map(|service| (service.outstanding(), service.limits(), "the hypervisor"));
    let too_many = |(count, limits, who): (usize, Option<Limits>, &str)| {
        let limit = usize::from(limits?.max_outstanding());
        (count > limit).then(|| format!("{count} requests of {who} outstanding, at most {limit}"))
    };
    std::iter::once(ours).chain(theirs).filter_map(too_many).collect()
}
