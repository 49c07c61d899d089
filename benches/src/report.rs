//! What the samples say: ratios for people, rows for programs, everything for criterion.

use crate::canary::Class;
use crate::case::{Case, Round};
use crate::rows::{Amounts, Row, RowFile, Skipped, rows};
use crate::stats::{MIN_ROUNDS, classes, of_class};
use crate::watchdog;
use criterion::{Criterion, SamplingMode, Throughput};
use std::time::Duration;

/// How often criterion draws new samples from the samples.
const RESAMPLES: usize = 5_000;

/// A group of cases under one name.
pub struct Bench {
    name: &'static str,
    criterion: Criterion,
    /// `None` when the benchmark is only tried out.
    rows: Option<RowFile>,
    filters: Vec<String>,
    /// The case that the next one comes after: it hung when the benchmark ran before.
    after: Option<String>,
}

/// The variable with the case that a benchmark goes on after.
const AFTER: &str = "VMC_BENCH_AFTER";

/// The variable that makes both sides of the hypervisor's handshakes execute fences.
const FENCES: &str = "VMC_BENCH_FENCES";

impl Bench {
    /// Takes the command line of `cargo bench`: words that a case must contain, and criterion's options. With
    /// `VMC_BENCH_AFTER=CASE` it goes on after that case, and with `VMC_BENCH_FENCES=1` the hypervisor does without a barrier
    /// that reaches all threads.
    ///
    /// # Panics
    ///
    /// When the target folder cannot be written to.
    pub fn from_args(name: &'static str) -> Bench {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let is = |option: &str| words.iter().any(|word| word == option);
        // As criterion has it: without `--bench` it is a test that the benchmark runs.
        let measures = is("--bench") && !is("--test");
        let after = std::env::var(AFTER).ok();
        if std::env::var_os(FENCES).is_some() {
            assert!(phyp::use_fences(), "no machine has been there before");
        }
        let rows = || match &after {
            None => RowFile::create(name),
            Some(_) => RowFile::append(name),
        };
        if measures {
            watchdog::watch();
        }
        Bench {
            name,
            criterion: Criterion::default().nresamples(RESAMPLES).configure_from_args(),
            rows: measures.then(|| rows().expect("a target folder for the rows")),
            filters: words.iter().filter(|word| !word.starts_with('-')).cloned().collect(),
            after,
        }
    }

    /// Says why the benchmark cannot be run here; it is then no failure that it has no figures.
    ///
    /// # Panics
    ///
    /// When that cannot be written.
    pub fn skip(&mut self, why: &str) {
        println!("{}: skipped: {why}", self.name);
        if let Some(file) = &mut self.rows {
            let line = Skipped { bench: self.name, skipped: why };
            file.push(&line).expect("a row can be written");
        }
    }

    /// Measures a case, prints the result and writes it down.
    ///
    /// # Panics
    ///
    /// When the rows cannot be written.
    pub fn run(&mut self, mut case: Case<'_>) {
        if let Some(after) = &self.after {
            if *after == case.name {
                self.after = None;
            }
            return;
        }
        let full_name = format!("{}/{}", self.name, case.name);
        if !self.filters.is_empty() && !self.filters.iter().any(|word| full_name.contains(word)) {
            return;
        }
        let Some(file) = &mut self.rows else {
            case.try_out();
            println!("{full_name}: ok");
            return;
        };
        let name = case.name.clone();
        let rounds = watchdog::during(self.name, &name, || case.measure());
        let names: Vec<&str> = case.contenders.iter().map(|contender| contender.name).collect();
        let classes = classes(&rounds);
        for &class in &classes {
            println!("{full_name} ({class})");
            for row in rows(self.name, &case.name, &names, case.amounts, &rounds, class) {
                print_row(&row);
                file.push(&row).expect("a row can be written");
            }
        }
        match classes.first() {
            None => println!("{full_name}: too few samples of one class; the machine is too busy"),
            Some(&most) => {
                give_to_criterion(
                    &mut self.criterion,
                    &full_name,
                    &rounds,
                    most,
                    &names,
                    case.amounts,
                );
            }
        }
    }
}

fn give_to_criterion(
    criterion: &mut Criterion,
    full_name: &str,
    rounds: &[Round],
    class: Class,
    names: &[&str],
    amounts: Amounts,
) {
    let mut group = criterion.benchmark_group(full_name);
    // The samples are there; criterion asks for each once and must not wait for more.
    group.sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_nanos(1));
    let bytes = amounts.bytes.map(Throughput::Bytes);
    if let Some(throughput) = bytes.or(amounts.messages.map(Throughput::Elements)) {
        group.throughput(throughput);
    }
    for (n, name) in names.iter().enumerate() {
        let samples = of_class(rounds, class, n);
        if samples.len() < MIN_ROUNDS {
            continue;
        }
        group.sample_size(samples.len());
        let mut samples = samples.into_iter().cycle();
        group.bench_function(*name, |bencher| {
            bencher.iter_custom(|times| {
                let ns = samples.next().unwrap_or_default();
                Duration::from_secs_f64(ns * times as f64 / 1e9)
            });
        });
    }
    group.finish();
}

fn print_row(row: &Row) {
    let Row { peer, ns, ratio, rounds, .. } = row;
    println!(
        "  {peer:24} {:>11.1} ns   vmcsim takes {:>6.3} of it ({:.3} to {:.3}, {rounds} rounds)",
        ns.median, ratio.median, ratio.low, ratio.high,
    );
}
