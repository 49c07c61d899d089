//! What a viewer is sent.

use super::stream::follow;
use crate::App;
use crate::cli::{self, Dialect};
use serde_json::Value;
use std::sync::mpsc;
use std::time::Duration;

/// A viewer, and what it is sent by key.
struct Viewer {
    messages: mpsc::Receiver<String>,
}

impl Viewer {
    fn new(app: &App) -> Viewer {
        let (sender, messages) = mpsc::channel();
        let app = app.clone();
        std::thread::spawn(move || {
            follow(&app, Dialect::Hmc, move |message| sender.send(message).is_ok())
        });
        Viewer { messages }
    }

    /// The first message with this key of which that is true.
    fn first(&self, key: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.messages.recv_timeout(Duration::from_secs(60)).expect("a message");
            let json = message.strip_prefix("data: ").and_then(|rest| rest.strip_suffix("\n\n"));
            let mut json: Value = serde_json::from_str(json.expect("an event")).expect("JSON");
            if json.get(key).is_some_and(&is_it) {
                return json[key].take();
            }
        }
    }
}

fn any(_: &Value) -> bool {
    true
}

#[test]
fn a_viewer_sees_everything_and_then_what_changes() {
    let app = App::embedded(hmc_router::small_system()).expect("an application");
    let viewer = Viewer::new(&app);
    assert_eq!(viewer.first("hello", any)["dialect"], "hmc");
    let partitions = viewer.first("partitions", any);
    assert_eq!(partitions.as_array().map(Vec::len), Some(2));
    assert_eq!(partitions[1]["storage"]["volumes"][0]["name"], "hdisk0");
    let hmc = |line: &str| {
        let output = cli::run(&app, Dialect::Hmc, &[line.to_owned()]);
        assert_eq!(output.code, 0, "{}", output.stdout);
    };
    let record =
        "name=a,profile_name=p,lpar_env=aixlinux,min_mem=1024,desired_mem=1024,max_mem=1024";
    hmc(&format!("mksyscfg -r lpar -m vmcsim -i {record}"));
    // Only the new one is told.
    let changed = viewer.first("partitions", any);
    assert_eq!(
        (changed.as_array().map(Vec::len), &changed[0]["name"]),
        (Some(1), &Value::from("a"))
    );
    hmc("chsysstate -m vmcsim -r lpar -o on -n a");
    let has = |state: &'static str| {
        move |them: &Value| {
            them.as_array()
                .is_some_and(|them| them.iter().any(|it| it["name"] == "a" && it["state"] == state))
        }
    };
    viewer.first("partitions", has("running"));
    hmc("chsysstate -m vmcsim -r lpar -o shutdown -n a --immed");
    viewer.first("partitions", has("not activated"));
    hmc("rmsyscfg -r lpar -m vmcsim -n a");
    assert_eq!(viewer.first("gone", any), Value::from(vec![3]));
}

#[test]
fn jobs_events_and_messages_are_told() {
    let app = App::embedded(hmc_router::small_system()).expect("an application");
    let hmc = |line: &str| cli::run(&app, Dialect::Hmc, &[line.to_owned()]);
    let record =
        "name=a,profile_name=p,lpar_env=aixlinux,min_mem=1024,desired_mem=1024,max_mem=1024";
    hmc(&format!("mksyscfg -r lpar -m vmcsim -i {record}"));
    hmc("chsysstate -m vmcsim -r lpar -o on -n a");
    let viewer = Viewer::new(&app);
    let jobs = viewer.first("jobs", any);
    assert_eq!(
        (&jobs[0]["kind"], &jobs[0]["state"]),
        (&Value::from("power on"), &Value::from("done"))
    );
    let viewer = Viewer::new(&app);
    let events = viewer.first("events", any);
    let started = |event: &Value| event["from"] == "not activated" && event["to"] == "starting";
    assert!(events.as_array().is_some_and(|events| events.iter().any(started)), "{events}");
    let viewer = Viewer::new(&app);
    let vmc = viewer.first("vmc", any);
    let open =
        |session: &Value| session["number"].is_u64() && session["inbound"].as_u64() > Some(0);
    assert!(
        vmc["machine"]["sessions"].as_array().is_some_and(|them| them.iter().any(open)),
        "{vmc}"
    );
    assert_eq!(vmc["machine"]["running"], Value::from(vec![true, true]));
    let texts: Vec<_> = vmc["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|it| it["text"].to_string())
        .collect();
    assert!(texts.iter().any(|text| text.contains("LIST PARTITIONS")), "{texts:?}");
}
