//! The faults that can be had by hand, besides the rules of a scenario.

use vmc_machine::fault::{Act, Occasion, Rule};
use vmc_machine::plan::Plan;
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

/// Has a rule of a plan mean seats instead of processes: that of a process's first thread. `processes` are those of the
/// plan's threads.
pub(crate) fn of_seats(rule: &mut Rule, processes: &[u16]) {
    if let Act::Kill(process) = &mut rule.act
        && let Some(seat) = processes.iter().position(|of_thread| of_thread == process)
    {
        *process = seat as u16;
    }
}

/// The rules of a scenario file, for a machine that has some already: applications are meant by the names of programs'
/// threads.
pub(crate) fn of_file(plan: &Plan, seats: &[String], known: &[Rule]) -> Result<Vec<Rule>, String> {
    if plan.rules.is_empty() {
        return Err(String::from("it has no fault rules: add a `[[fault]]`"));
    }
    let processes: Vec<u16> = plan.threads.iter().map(|thread| thread.process).collect();
    let seat_of = |thread: u16| {
        let name = plan.threads.get(usize::from(thread)).map_or("", |thread| &thread.name);
        let seat = seats.iter().position(|seat| seat == name).map(|seat| seat as u16);
        seat.ok_or_else(|| {
            format!(
                "no program has a thread `{name}`, which a rule means: start it first, or name its thread so; `status` \
                 lists the threads"
            )
        })
    };
    let taken = |name: &str| known.iter().any(|rule| rule.name == name);
    let first = known.len();
    let of_machine = |rule: &Rule| {
        let mut rule = rule.clone();
        if taken(&rule.name) {
            return Err(format!("there is a rule `{}` already: give it another name", rule.name));
        }
        of_seats(&mut rule, &processes);
        if let Act::Kill(thread) | Act::Interrupt(thread) = &mut rule.act {
            *thread = seat_of(*thread)?;
        }
        if let Some(trigger) = &mut rule.trigger {
            trigger.app = trigger.app.map(seat_of).transpose()?;
            trigger.since = trigger.since.map(|rule| first + rule);
            if let Occasion::After { rule, .. } = &mut trigger.occasion {
                *rule += first;
            }
        }
        rule.optional = true;
        Ok(rule)
    };
    plan.rules.iter().map(of_machine).collect()
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
    fn rules_of_a_file_mean_seats_and_each_other() {
        let text = "title = \"t\"\n[[app]]\nname = \"a\"\nsteps = [{ open = {} }]\n[[app]]\nname = \"b\"\nsteps = \
                    [{ open = {} }]\n[[fault]]\nname = \"first\"\nwhen = { app = \"b\", call = \"read\" }\ndo = { kill = \
                    \"b\" }\n[[fault]]\nname = \"second\"\nwhen = { after = \"first\", ms = 1 }\ndo = { interrupt = \
                    \"a\" }\n";
        let scenario = vmc_sim::Scenario::parse("t", text).unwrap();
        let mut known = Vec::new();
        add(&mut known);
        let seats = ["x", "b", "a"].map(String::from);
        let rules = of_file(scenario.plan(), &seats, &known).unwrap();
        assert_eq!([&rules[0].act, &rules[1].act], [&Act::Kill(1), &Act::Interrupt(2)]);
        let triggers = [0, 1].map(|rule: usize| rules[rule].trigger.clone().unwrap());
        assert_eq!(triggers[0].app, Some(1));
        let after = Occasion::After { rule: known.len(), ns: 1_000_000 };
        assert_eq!(triggers[1].occasion, after);
        assert!(of_file(scenario.plan(), &seats[..1], &known).unwrap_err().contains("thread `b`"));
        known.extend(rules);
        let twice = of_file(scenario.plan(), &seats, &known).unwrap_err();
        assert!(twice.contains("a rule `first` already"), "{twice}");
        let text = "title = \"t\"\n[machine]\nhmcs = 1\n";
        let empty = vmc_sim::Scenario::parse("t", text).unwrap();
        assert!(of_file(empty.plan(), &seats, &known).unwrap_err().contains("add a `[[fault]]`"));
    }

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
