//! Many clients at a time: no request goes wrong, and nothing of them stays.

use std::path::Path;
use std::time::Duration;
use vmc_mgmt::cli::Dialect;
use vmc_mgmt::rest::Sizes;
use vmc_mgmt::serve::{Options, Served};
use vmc_rest_load::{Kind, Load, Progress};

const CLIENTS: usize = 16;

/// Of each client, so that each asks for everything.
const REQUESTS: usize = 70;

/// The time between them: a start is over after a few looks at its job.
const EVERY: Duration = Duration::from_millis(5);

const INVENTORY: &str = "
name = \"sys1\"
[timings]
start-ms = 5
firmware-ms = 5
boot-ms = 5
rmc-ms = 5
shutdown-ms = 5
immediate-shutdown-ms = 5
[[partition]]
name = \"mgmt\"
management = true
memory-mb = { desired = 2048 }
processors = { desired = 1 }
";

#[test]
fn sixteen_clients_get_what_they_ask_for_and_leave_nothing_behind() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("load");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let password = folder.join("password");
    std::fs::write(&password, "secret").expect("a password");
    let inventory = folder.join("inventory.toml");
    std::fs::write(&inventory, INVENTORY).expect("an inventory");
    let served = Served::start(&Options {
        file: Some(inventory),
        device: None,
        dialect: Dialect::NovaLink,
        http_port: 0,
        https_port: 0,
        data: Some(folder),
        user: String::from("admin"),
        password_file: Some(password),
        session_seconds: 7200,
        session_requests: None,
        recording: Default::default(),
    })
    .expect("the application");
    let load = Load {
        address: served.http,
        user: String::from("admin"),
        password: String::from("secret"),
        clients: CLIENTS,
        requests: REQUESTS,
        every: Some(EVERY),
        keep: false,
    };
    let partitions = || served.app.snapshot().expect("the session").partitions.len();
    let before = partitions();
    // What is there after one load is there after the next one, and no more.
    for _ in 0..2 {
        let outcome = load.run(&Progress::default());
        assert_eq!(outcome.errors, [""; 0]);
        assert_eq!(outcome.requests(), CLIENTS * REQUESTS);
        for kind in Kind::ALL {
            assert!(!outcome.times(Some(kind)).is_empty(), "{kind}");
        }
        let sizes = served.rest.sizes();
        // A client whose last request was a start leaves its job, and stops the partition by another one.
        assert!(sizes.begun <= 2 * 2 * CLIENTS && sizes.at_once == 0, "{sizes:?}");
        assert_eq!(Sizes { begun: 0, ..sizes }, Sizes { listeners: CLIENTS, ..Sizes::default() });
        assert_eq!(partitions(), before);
    }
    served.end().expect("no recording");
}
