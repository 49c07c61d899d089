//! What the command line makes of runs for people's tools: files that are opened, pages beside each other, payloads.

use super::{RACE, Ran, folder, text, xtask_with};
use std::path::Path;

const ECHO: &str = r#"
title = "One echo"
[[app]]
steps = [
  { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
  { write = { bytes = 100 } }, { read = { expect = "echo" } },
]
"#;

/// Runs the command with this folder first in `PATH`.
fn xtask(path: &Path, arguments: &[&str]) -> Ran {
    let known = std::env::var("PATH").unwrap_or_default();
    xtask_with(&[("PATH", &format!("{}:{known}", path.display()))], arguments)
}

/// A program that writes down what it is to open, and ends with this code.
#[cfg(target_os = "linux")]
fn opener(folder: &Path, code: i32) {
    use std::os::unix::fs::PermissionsExt;
    let program = folder.join("xdg-open");
    let opened = folder.join("opened");
    let script = format!("#!/bin/sh\nprintf %s \"$1\" > {}\nexit {code}\n", opened.display());
    std::fs::write(&program, script).expect("a file");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("its mode");
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_made_is_opened() {
    let folder = folder("opening", &[("echo.toml", ECHO)]);
    opener(&folder, 0);
    let scenario = folder.join("echo.toml");
    let (scenario, page) = (scenario.display().to_string(), folder.join("page.html"));
    let opened = || std::fs::read_to_string(folder.join("opened")).expect("it was called");
    let named = ["trace", &scenario, "--to", "html", "--open", "-o", text(&page)];
    let Ran { code, out, err } = xtask(&folder, &named);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    assert_eq!(opened(), page.display().to_string());
    assert!(std::fs::read_to_string(&page).expect("a page").contains("<title>One echo</title>"));
    // Without a name it is a file for the moment, and its name tells what it is.
    for (format, ending) in [("svg", ".svg"), ("pcapng", ".pcapng")] {
        let Ran { code, out, err } =
            xtask(&folder, &["trace", &scenario, "--to", format, "--open"]);
        assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
        let made = opened();
        assert!(made.contains("echo") && made.ends_with(ending), "{made}");
        assert!(std::fs::metadata(&made).expect("a file").len() > 100);
        std::fs::remove_file(made).expect("a file");
    }
    // What cannot be opened is there all the same.
    opener(&folder, 3);
    let Ran { code, err, .. } = xtask(&folder, &named);
    assert_eq!(code, Some(2));
    assert!(err.contains("xdg-open could not open") && err.contains("open it by hand"), "{err}");
}

#[test]
fn payloads_are_kept_where_they_are_wanted() {
    let folder = folder("payloads", &[("echo.toml", ECHO)]);
    let scenario = folder.join("echo.toml");
    let scenario = scenario.display().to_string();
    let count = |arguments: &[&str]| {
        let traces = folder.join("traces");
        let base = ["sim", &scenario, "--save-traces", text(&traces)];
        let Ran { code, err, .. } = xtask(&folder, &[&base[..], arguments].concat());
        assert_eq!(code, Some(0), "{err}");
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(entry.expect("a file").path()).expect("text")
        };
        let texts: Vec<String> = std::fs::read_dir(&traces).expect("a folder").map(read).collect();
        std::fs::remove_dir_all(&traces).expect("a folder");
        assert_eq!(texts.len(), 2);
        // HMC ID, message and echo.
        texts.iter().map(|text| text.matches("{\"payload\":").count()).collect::<Vec<_>>()
    };
    assert_eq!(count(&[]), [0, 0]);
    assert_eq!(count(&["--payloads"]), [3, 3]);
    let json = |arguments: &[&str]| {
        let base = ["trace", &scenario, "--to", "json"];
        xtask(&folder, &[&base[..], arguments].concat()).out.matches("{\"payload\":").count()
    };
    assert_eq!((json(&[]), json(&["--no-payloads"])), (3, 0));
}

#[test]
fn a_report_has_a_page_of_each_trace_beside_the_one_that_it_should_be() {
    let folder = folder("report-beside", &[("race.toml", RACE)]);
    let scenario = folder.join("race.toml");
    let report = folder.join("report");
    let arguments = ["--runtime", "deterministic", "--schedules", "20", "--report"];
    let named = [text(&scenario), text(&report)];
    let Ran { code, .. } =
        xtask(&folder, &[&["sim", named[0]], &arguments[..], &[named[1]]].concat());
    assert_eq!(code, Some(1));
    let index = std::fs::read_to_string(report.join("index.html")).expect("an index");
    let pages: Vec<String> = index
        .split("<a href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
        .collect();
    let beside: Vec<_> = pages.iter().filter(|name| name.ends_with("-difference.html")).collect();
    assert!(!beside.is_empty() && pages.len() == 2 * beside.len(), "{index}");
    for name in beside {
        let page = std::fs::read_to_string(report.join(name)).expect("a page");
        assert!(page.contains("the run first come, first served"), "{name}");
        assert!(page.contains("write(20)") && page.contains("write(10)"), "{name}");
    }
}

#[test]
fn one_scenario_is_watched_at_a_port_that_is_free() {
    let folder = folder("watch", &[]);
    let Ran { code, err, .. } = xtask(&folder, &["sim", "messages", "--watch"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("--watch shows one scenario, not "), "{err}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let Ran { code, err, .. } =
        xtask(&folder, &["sim", "messages/echo", "--watch", "--port", &port]);
    assert_eq!(code, Some(2));
    assert!(err.contains(&format!("127.0.0.1:{port}: ")) && err.contains("`--port`"), "{err}");
}
