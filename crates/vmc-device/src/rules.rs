//! The faults that can be had by hand, besides the rules of a scenario.

use vmc_machine::fault::{Act, Rule};
use vmc_trace::Side;

/// Adds the rules to those of a scenario; one whose name is taken is left out.
pub(crate) fn add(rules: &mut Vec<Rule>) {
    for (name, act) in acts() {
        if rules.iter().all(|rule| rule.name != name) {
            let (trigger, nth, times) = (None, 1, None);
            rules.push(Rule { name, trigger, nth, times, act, optional: true, span: 0..0 });
        }
    }
}

/// What is done to a side.
type ActOf = fn(Side) -> Act;

/// What can be done to the machine by hand, in the words of scenarios.
fn acts() -> Vec<(String, Act)> {
    let of_side: [(&str, ActOf); 10] = [
        ("crash", Act::Crash),
        ("terminate", Act::Terminate),
        ("reboot", Act::Reboot),
        ("free-crq", Act::FreeCrq),
        ("stop", Act::Stop),
        ("start", Act::Start),
        ("suspend", Act::Suspend),
        ("pause", Act::Pause),
        ("resume", Act::Resume),
        ("fill-crq", Act::FillCrq),
    ];
    let sides = [Side::Hyp, Side::Mgmt];
    let of_sides = of_side
        .into_iter()
        .flat_map(|(name, act)| sides.map(|side| (format!("{name} {side}"), act(side))));
    let hmc = [("attach-hmc", true), ("detach-hmc", false)];
    of_sides
        .chain(hmc.map(|(name, attached)| (name.to_owned(), Act::AttachHmc(attached))))
        .collect()
}

/// The number of the rule that an order means: by its name, or for the hypervisor's side without one.
pub(crate) fn find(rules: &[Rule], order: &str) -> Option<usize> {
    let named =
        |name: &str| rules.iter().position(|rule| rule.name == name && rule.trigger.is_none());
    named(order).or_else(|| named(&format!("{order} hyp")))
}

/// The names of all that can be ordered.
pub(crate) fn names(rules: &[Rule]) -> String {
    let names = rules.iter().filter(|rule| rule.trigger.is_none());
    names.map(|rule| format!("`{}`", rule.name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_without_a_side_is_for_the_hypervisor() {
        let mut rules = Vec::new();
        add(&mut rules);
        let act = |order: &str| find(&rules, order).map(|rule| rules[rule].act.clone());
        assert_eq!(act("crash"), Some(Act::Crash(Side::Hyp)));
        assert_eq!(act("crash mgmt"), Some(Act::Crash(Side::Mgmt)));
        assert_eq!(act("attach-hmc"), Some(Act::AttachHmc(true)));
        assert_eq!(act("explode"), None);
        let len = rules.len();
        add(&mut rules);
        assert_eq!(rules.len(), len, "each name once");
    }
}
