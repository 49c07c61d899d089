//! The run of an embedded machine for people's tools: a page that follows it, and a trace file when it has ended.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use vmc_machine::embed::Log;
use vmc_trace::{Trace, TraceNames};
use vmc_trace_file::{About, Run};
use vmc_view::LivePage;

/// What ran it, by the name that trace files have for it.
const RUNTIME: &str = "management";

/// What is recorded, and where it goes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RecordingOptions {
    /// Serves a page that follows the messages of the VMC, at this port of 127.0.0.1; at any that is free, for 0
    #[arg(long, value_name = "PORT", conflicts_with = "device")]
    pub serve: Option<u16>,

    /// Writes the trace of the run into this folder at the end, as a file that `cargo xtask trace` takes
    #[arg(long, value_name = "DIR", conflicts_with = "device")]
    pub save_traces: Option<PathBuf>,

    /// So many records from the beginning are shown and saved, some 150 bytes each, and those of messages as much as these have
    #[arg(long, value_name = "RECORDS", default_value_t = 1_000_000)]
    pub keep: usize,
}

impl RecordingOptions {
    /// Whether anything is recorded.
    pub fn records(&self) -> bool {
        self.serve.is_some() || self.save_traces.is_some()
    }
}

/// What there is of a run that is recorded.
#[derive(Debug)]
pub struct Recording {
    options: RecordingOptions,
    title: String,
    log: Log,
    names: TraceNames,
    page: Option<Arc<LivePage>>,
    has_ended: Arc<AtomicBool>,
    follower: Option<JoinHandle<()>>,
}

/// What became of it.
#[derive(Debug)]
pub struct Recorded {
    /// The trace file.
    pub file: Option<PathBuf>,
    /// What does not hold, as far as the messages tell.
    pub problems: Vec<String>,
}

impl Recording {
    /// Follows a run on a page, if one is wanted.
    pub fn start(
        options: &RecordingOptions,
        page: Option<LivePage>,
        title: String,
        log: Log,
        names: TraceNames,
    ) -> io::Result<Recording> {
        let mut recording = Recording {
            options: options.clone(),
            title,
            log,
            names,
            page: page.map(Arc::new),
            has_ended: Arc::default(),
            follower: None,
        };
        if let Some(page) = &recording.page {
            page.show(&Run { is_complete: false, ..recording.run(Vec::new()) });
            let (page, log) = (Arc::clone(page), recording.log.clone());
            let (names, has_ended) = (recording.names.clone(), Arc::clone(&recording.has_ended));
            let keep = options.keep;
            let follow = move || {
                let since = |len| log.since(len);
                page.follow(keep, since, || names.clone(), || has_ended.load(Ordering::Acquire));
            };
            let thread = std::thread::Builder::new().name(String::from("page")).spawn(follow)?;
            recording.follower = Some(thread);
        }
        Ok(recording)
    }

    /// Where the page is.
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        self.page.as_ref().map(|page| page.address())
    }

    fn run(&self, records: Vec<vmc_trace::Record>) -> Run {
        let about = About {
            title: Some(self.title.clone()),
            runtime: Some(RUNTIME.to_owned()),
            ..About::default()
        };
        Run { about, ..Run::of(Trace::new(records, self.names.clone())) }
    }

    /// Judges what was kept, shows it and writes it. The machine goes on meanwhile, so nothing is missed that may still come.
    pub fn end(mut self) -> io::Result<Recorded> {
        self.has_ended.store(true, Ordering::Release);
        if let Some(follower) = self.follower.take() {
            // It has shown what it could.
            let _ = follower.join();
        }
        let (mut records, all) = self.log.since(0);
        records.truncate(self.options.keep);
        records.iter_mut().for_each(|record| record.time_ns = 0);
        let mut run = self.run(records);
        run.is_complete = run.trace.records().len() == all;
        // Every message may have any content.
        run.problems = run.check(|_, _| Vec::new());
        let file =
            self.options.save_traces.as_ref().map(|folder| run.save_in(folder)).transpose()?;
        let problem = |it: &vmc_trace_file::Problem| format!("{}: {}", it.rule, it.what);
        let problems = run.problems.iter().map(problem).collect();
        if let Some(page) = &self.page {
            page.conclude(&mut run);
        }
        Ok(Recorded { file, problems })
    }
}
