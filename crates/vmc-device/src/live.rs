//! The trace while it comes about: drawn, or as JSON, on the terminal or into a file.

use serde_json::json;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use vmc_machine::embed::programs::Programs;
use vmc_trace::{Live, Record, TraceNames, render_steps};

/// How often new records are looked for.
const PERIOD: Duration = Duration::from_millis(100);

/// Where the trace goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceTo {
    /// Nowhere.
    Nothing,
    /// Drawn on standard output.
    Text,
    /// As JSON on standard output, an object a line.
    Json,
    /// Drawn into a file.
    File(PathBuf),
}

impl TraceTo {
    /// What the command line says.
    pub fn parse(text: &str) -> TraceTo {
        match text {
            "none" => TraceTo::Nothing,
            "text" => TraceTo::Text,
            "json" => TraceTo::Json,
            path => TraceTo::File(PathBuf::from(path)),
        }
    }
}

/// Writes the trace until it is told to end.
pub(crate) struct Writer<'p> {
    programs: &'p Programs<'p>,
    is_json: bool,
    output: Box<dyn Write + Send + 'p>,
    live: Live,
    written: usize,
}

impl<'p> Writer<'p> {
    /// `None` when nothing is to be written.
    pub(crate) fn new(programs: &'p Programs<'p>, to: &TraceTo) -> io::Result<Option<Writer<'p>>> {
        let output: Box<dyn Write + Send> = match to {
            TraceTo::Nothing => return Ok(None),
            TraceTo::Text | TraceTo::Json => Box::new(io::stdout()),
            TraceTo::File(path) => Box::new(File::create(path)?),
        };
        let is_json = *to == TraceTo::Json;
        Ok(Some(Writer { programs, is_json, output, live: Live::default(), written: 0 }))
    }

    /// Writes what comes until `has_ended`, and then what is left. Ends early when it is not read any more.
    pub(crate) fn run(mut self, has_ended: impl Fn() -> bool) {
        loop {
            let ends = has_ended();
            let started = Instant::now();
            if self.write_new().is_err() || ends {
                return;
            }
            // A trace that takes long to draw must not take all of a processor.
            std::thread::sleep(PERIOD.max(started.elapsed()));
        }
    }

    fn write_new(&mut self) -> io::Result<()> {
        let (records, written) = self.programs.log().since(self.written);
        self.written = written;
        let names = self.programs.names();
        let text = match self.is_json {
            true => records.iter().map(|record| json_of(record, &names)).collect(),
            false => render_steps(&self.live.next(&records, &names)),
        };
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }
}

/// A record as a line of JSON: its place, its time, who did it, and what happened as the raw trace words it.
fn json_of(record: &Record, names: &TraceNames) -> String {
    let line = record.to_string();
    let mut words = line.splitn(4, ' ');
    let (_, _, actor) = (words.next(), words.next(), words.next().unwrap_or_default());
    let who = match record.actor {
        vmc_trace::ActorId::App(app) => names.apps.get(usize::from(app)).map_or(actor, |name| name),
        _ => actor,
    };
    let event = words.next().unwrap_or_default();
    let Record { seq, time_ns, .. } = record;
    format!("{}\n", json!({ "seq": seq, "time_ns": time_ns, "actor": who, "event": event }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmc_trace::{ActorId, Event};

    #[test]
    fn a_record_is_an_object_of_json() {
        let event = Event::Posted(String::from("go"));
        let record = Record { seq: 3, time_ns: 70, actor: ActorId::BottomHalf, event };
        let expected = r#"{"actor":"bottom-half","event":"posted \"go\"","seq":3,"time_ns":70}"#;
        let line = json_of(&record, &TraceNames::default());
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(same(&line), same(expected));
    }
}
