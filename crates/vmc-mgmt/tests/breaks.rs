//! What breaks made on purpose have shown to be seen by no other test.

mod client;
mod common;

use client::Client;
use common::Server;
use vmc_mgmt::cli::Dialect;
use vmc_mgmt::rest::routes::table;
use vmc_rest_load::Connection;

#[test]
fn no_route_but_the_logon_is_open() {
    for dialect in [Dialect::NovaLink, Dialect::Hmc] {
        let stranger = Client { token: String::new(), ..Client::new(dialect) };
        for route in table::routes(dialect) {
            let path = route.path.join("/");
            let status = stranger.ask(route.method, &path, "", &[]).status;
            assert_eq!(status == 401, !route.open, "{} {path}: {status}", route.method);
        }
    }
}

#[test]
fn a_search_for_others_leaves_out_the_one() {
    let client = Client::new(Dialect::NovaLink);
    client.create("web1");
    let names = |search: &str| {
        let found = client.get(&format!("uom/LogicalPartition/search/(PartitionName{search})"));
        ["mgmt", "web1"].map(|name| found.text().contains(&format!("<PartitionName>{name}<")))
    };
    assert_eq!(names("=='web1'"), [false, true]);
    assert_eq!(names("!='web1'"), [true, false]);
}

#[test]
fn a_new_listener_is_told_that_it_is_new_and_then_what_changes() {
    let client = Client::new(Dialect::NovaLink);
    let poll = || client.get("uom/Event?QUEUE_APPLICATIONID=a").text();
    let first = poll();
    assert!(first.contains(">NEW_CLIENT<") && !first.contains("_URI<"), "{first}");
    client.create("web1");
    let next = poll();
    assert!(next.contains(">ADD_URI<") && !next.contains("NEW_CLIENT"), "{next}");
}

#[test]
fn a_filter_takes_whole_names() {
    let client = Client::new(Dialect::Hmc);
    client.create("web1");
    client.create("web10");
    let one = "lssyscfg -r lpar -m vmcsim -F name --filter lpar_names=web1";
    assert_eq!(client.hmc(one), "web1\n");
}

#[test]
fn the_server_has_limits_and_the_console_takes_a_token() {
    let server = Server::start("breaks", &[]);
    let address = format!("127.0.0.1:{}", server.http).parse().expect("an address");
    let ask = |method: &str, path: &str, header: (&str, &str), body: &str| {
        let mut connection = Connection::open(address).expect("the server");
        connection.ask(method, path, &[header], body.as_bytes()).expect("an answer").status
    };
    let long = "x".repeat(vmc_mgmt::rest::server::MAX_HEADERS);
    let path = "/rest/api/uom/ManagedSystem";
    assert_eq!(ask("GET", path, ("X-Transaction-ID", &long), ""), 431);
    assert_eq!(ask("GET", path, ("X-Transaction-ID", "x"), ""), 401);
    assert_eq!(ask("GET", "/console/follow", ("X-API-Session", "x"), ""), 401);
    let log_on = |password: &str| {
        let body = format!("{{\"user\":\"admin\",\"password\":\"{password}\"}}");
        ask("POST", "/console/logon", ("Content-Type", "application/json"), &body)
    };
    assert_eq!((log_on("secret"), log_on("Secret")), (200, 401));
}
