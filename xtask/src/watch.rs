//! `cargo xtask sim SCENARIO --watch`: a page of a scenario's run that follows the scenario's file.

use crate::failure::Judge;
use crate::failure_pages::judged;
use crate::lines::counted;
use crate::saved::run_of;
use crate::terminal::show;
use crate::terminal::{complain, open, print};
use crate::workspace::ScenarioFile;
use std::convert::Infallible;
use std::time::Duration;
use vmc_sim::{Options, Scenario, simulate};
use vmc_trace_file::Run;
use vmc_view::LivePage;

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// What is watched, and how.
pub(crate) struct Watch<'a> {
    pub(crate) file: &'a ScenarioFile,
    pub(crate) port: u16,
    /// Whether the page is opened in a browser.
    pub(crate) opens: bool,
    pub(crate) seed: Option<u64>,
    pub(crate) with_snapshot: bool,
}

impl Watch<'_> {
    /// Goes on until the process ends; comes back only when the page cannot be served.
    pub(crate) fn run(&self) -> Result<Infallible, String> {
        let page = LivePage::bind(self.port)
            .map_err(|e| format!("127.0.0.1:{}: {e}; `--port` takes another", self.port))?;
        let address = format!("http://{}/", page.address());
        let name = &self.file.name;
        print(&format!("{address} shows {name}, and follows its file; Ctrl-C ends it"));
        let mut seen = None;
        let mut opens = self.opens;
        loop {
            // A file that is not there for a moment is being written.
            let text = std::fs::read_to_string(&self.file.path).ok();
            if text.is_some() && text != seen {
                seen = text;
                self.renew(&page);
            }
            if std::mem::take(&mut opens) {
                open(&address)?;
            }
            std::thread::sleep(PERIOD);
        }
    }

    /// Runs the scenario, and shows it.
    fn renew(&self, page: &LivePage) {
        match self.run_once() {
            Ok(run) => {
                let verdict = match run.problems.len() {
                    0 => String::from("ok"),
                    number => format!("FAILED: {}", counted(number, "problem")),
                };
                print(&format!("{}: {verdict}", self.file.name));
                page.show(&run);
            }
            Err(problem) => {
                complain(&problem);
                // The last run stays in sight.
                page.notice(Some(&problem));
            }
        }
    }

    fn run_once(&self) -> Result<Run, String> {
        let scenario = Scenario::load(&self.file.path).map_err(|e| show(&e))?;
        let options = Options { payloads: true, ..Options::default() };
        let options = match self.seed {
            Some(seed) => options.with_seed(seed),
            None => options,
        };
        let report = simulate(&scenario, &options)
            .map_err(|e| format!("{}: the machine cannot be built: {e}", self.file.name))?;
        let judge = Judge::new(self.file, &scenario, self.with_snapshot)
            .map_err(|e| format!("{}: {e}", self.file.snapshot().display()))?;
        let run = run_of(self.file, &scenario, &options, &report);
        Ok(match judge.failure(&options, &report) {
            Some(failure) => judged(run, &failure),
            None => run,
        })
    }
}
