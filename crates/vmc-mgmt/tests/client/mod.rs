//! A client of the REST interface without a server.

#![allow(dead_code, unreachable_pub, reason = "each test is a crate of its own, and uses a part")]

use std::time::Duration;
use vmc_mgmt::App;
use vmc_mgmt::app::{HMC_ID, Host, Source};
use vmc_mgmt::cli::{self, Dialect};
use vmc_mgmt::rest::Rest;
use vmc_mgmt::rest::audit::Audit;
use vmc_mgmt::rest::http::{Reply, Request};
use vmc_mgmt::rest::sessions::{Sessions, User};
use vmc_mgmt::rest::xml::{Element, UOM, WEB};

/// A client with a session.
pub struct Client {
    pub app: App,
    pub rest: Rest,
    pub token: String,
}

impl Client {
    pub fn new(dialect: Dialect) -> Client {
        Client::of(App::embedded(hmc_router::small_system()).expect("an application"), dialect)
    }

    /// One of a small system with these fault rules, as in a scenario.
    pub fn with_faults(rules: &str) -> Client {
        let text = format!("title = \"T\"\nmachine.behaviour = \"router\"\n{rules}");
        Client::of_scenario(&text)
    }

    /// One of a small system with the fault rules of a scenario.
    pub fn of_scenario(text: &str) -> Client {
        let scenario = vmc_scenario::Scenario::parse("faults.toml", text).expect("a scenario");
        let rules = scenario.plan().rules.clone();
        let (host, application) =
            Host::boot(hmc_router::small_system(), rules, None, None).expect("a machine");
        let app = App::open(Source::Embedded(application), HMC_ID, Some(host));
        Client::of(app.expect("an application"), Dialect::NovaLink)
    }

    fn of(app: App, dialect: Dialect) -> Client {
        let user = User::new("admin", "secret").expect("a user");
        let sessions = Sessions::new(user, Duration::from_secs(60), &std::env::temp_dir());
        let rest = Rest::new(app.clone(), sessions, dialect, Audit::default());
        let mut client = Client { app, rest, token: String::new() };
        let reply = client.log_on("secret");
        assert_eq!(reply.status, 200, "{}", reply.text());
        client.token = reply.header("X-API-Session").expect("a token").to_owned();
        client
    }

    pub fn log_on(&self, password: &str) -> Reply {
        let body = format!(
            "<LogonRequest xmlns='{WEB}' schemaVersion='V1_0'><UserID>admin</UserID><Password>{password}</Password></LogonRequest>"
        );
        self.ask("PUT", "web/Logon", &body, &[])
    }

    pub fn ask(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let own = [("x-api-session", self.token.as_str()), ("x-audit-memento", "tester")];
        let headers =
            own.iter().chain(headers).map(|(name, value)| (name.to_string(), value.to_string()));
        self.rest.answer(&Request {
            method: method.into(),
            uri: format!("/rest/api/{path}"),
            path: path.split('/').map(str::to_owned).collect(),
            query: pairs.map(|(name, value)| (name.into(), value.into())).collect(),
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
            base: "https://localhost:12443".into(),
        })
    }

    /// What a command prints that does its work.
    pub fn hmc(&self, line: &str) -> String {
        let output = cli::run(&self.app, Dialect::Hmc, &[line.to_owned()]);
        assert_eq!(output.code, 0, "{line}: {}", output.stdout);
        output.stdout
    }

    pub fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "", &[])
    }

    /// The object of an entry.
    pub fn object(&self, path: &str) -> Element {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        in_entry(&reply)
    }

    pub fn create(&self, name: &str) -> String {
        let reply = self.ask("PUT", "uom/LogicalPartition", &document(name, 1024), &[]);
        assert_eq!(reply.status, 200, "{}", reply.text());
        in_entry(&reply).text_at("PartitionUUID").expect("a UUID").to_owned()
    }

    pub fn job(&self, uuid: &str, operation: &str, parameters: &str) -> Element {
        let body = format!(
            "<JobRequest xmlns='{WEB}' schemaVersion='V1_0'><JobParameters>{parameters}</JobParameters></JobRequest>"
        );
        let reply =
            self.ask("PUT", &format!("uom/LogicalPartition/{uuid}/do/{operation}"), &body, &[]);
        assert_eq!(reply.status, 200, "{}", reply.text());
        in_entry(&reply)
    }
}

pub fn document(name: &str, mb: u32) -> String {
    format!(
        "<p:LogicalPartition xmlns:p='{UOM}' schemaVersion='V1_0'>\
         <p:PartitionMemoryConfiguration><p:DesiredMemory>{mb}</p:DesiredMemory><p:MaximumMemory>4096</p:MaximumMemory>\
         <p:MinimumMemory>512</p:MinimumMemory></p:PartitionMemoryConfiguration><p:PartitionName>{name}</p:PartitionName>\
         <p:PartitionType>AIX/Linux</p:PartitionType></p:LogicalPartition>"
    )
}

pub fn in_entry(reply: &Reply) -> Element {
    let entry = Element::parse(&reply.body).expect("a document");
    let content = entry.get("content").unwrap_or_else(|| panic!("an entry: {}", reply.text()));
    content.children[0].clone()
}

pub fn message(reply: &Reply) -> String {
    in_entry(reply).text_at("Message").expect("a message").to_owned()
}
