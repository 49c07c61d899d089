//! What is served: each method of each path, with what it takes and gives. A request that is not here reaches nothing, and the
//! OpenAPI document says what is here.

use crate::cli::Dialect;
use crate::rest::error::RestError;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What a request is answered with when nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// An object of that type.
    Entry(&'static str),
    /// Objects of that type; 204 when there are none.
    Feed(&'static str),
    /// A document of that type without an entry.
    Document(&'static str),
    /// Quick properties of an object.
    Properties,
    /// One quick property.
    Property,
    /// Quick properties of several objects.
    ArrayOfProperties,
    /// Nothing: 204.
    Nothing,
}

/// A method of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The parts of the path behind `/rest/api`; `{name}` is any.
    pub path: Vec<&'static str>,
    /// What it is for.
    pub does: &'static str,
    /// The type of the document that it takes.
    pub takes: Option<&'static str>,
    /// What it gives.
    pub gives: Gives,
    /// Whether `If-Match` counts.
    pub conditional: bool,
    /// The only dialect that has it.
    pub dialect: Option<Dialect>,
    /// Whether it needs no session.
    pub open: bool,
}

impl Route {
    /// Whether it is about that path, and how many of its parts are named.
    fn named_parts(&self, path: &[&str]) -> Option<usize> {
        (self.path.len() == path.len()).then_some(())?;
        begins(&self.path, path).then(|| self.path.iter().filter(|part| !is_any(part)).count())
    }

    fn is_of(&self, dialect: Dialect) -> bool {
        self.dialect.is_none_or(|only| only == dialect)
    }

    /// The names of what stands for any part of its path.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.iter().filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

fn is_any(part: &str) -> bool {
    part.starts_with('{')
}

/// Whether a path begins as parts of a route do.
fn begins(parts: &[&str], path: &[&str]) -> bool {
    parts.iter().zip(path).all(|(part, it)| is_any(part) || part == it)
}

/// All that an application of this dialect serves.
pub fn routes(dialect: Dialect) -> impl Iterator<Item = &'static Route> {
    TABLE.iter().filter(move |route| route.is_of(dialect))
}

/// The route of a request; why there is none.
pub fn find(
    dialect: Dialect,
    method: &str,
    path: &[&str],
    uri: &str,
) -> Result<&'static Route, RestError> {
    let about: Vec<_> =
        routes(dialect).filter_map(|route| Some((route.named_parts(path)?, route))).collect();
    let Some(most) = about.iter().map(|(named, _)| *named).max() else {
        return Err(missing(dialect, method, path, uri));
    };
    let mut about = about.into_iter().filter(|(named, _)| *named == most).map(|(_, route)| route);
    let allowed: BTreeSet<_> = about.clone().map(|route| route.method).collect();
    about.find(|route| route.method == method).ok_or_else(|| {
        let only_hmc = TABLE.iter().any(|route| {
            route.method == method && !route.is_of(dialect) && route.named_parts(path).is_some()
        });
        let allowed = allowed.into_iter().collect::<Vec<_>>().join(", ");
        RestError::no_method(method, &allowed, only_hmc)
    })
}

/// There is no such path. Where a type stands in others, those that there are.
fn missing(dialect: Dialect, method: &str, path: &[&str], uri: &str) -> RestError {
    let known = |len: usize| {
        let longer = routes(dialect).filter(move |route| route.path.len() > len);
        longer.filter(move |route| begins(&route.path[..len], path))
    };
    // The first part that nothing has.
    let first = (0..path.len()).find(|at| {
        !known(*at).any(|route| is_any(route.path[*at]) || route.path[*at] == path[*at])
    });
    let types: BTreeSet<_> = first
        .into_iter()
        .flat_map(known)
        .filter_map(|route| route.path.get(first?).copied())
        .filter(|part| part.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect();
    match first.map(|at| path[at]) {
        Some(kind)
            if path.first() == Some(&"uom")
                && !types.is_empty()
                && kind.starts_with(|c: char| c.is_ascii_uppercase()) =>
        {
            RestError::unknown_type(kind, &types.into_iter().collect::<Vec<_>>())
        }
        _ => RestError::no_path(method, uri),
    }
}

fn get(path: &'static str, gives: Gives, does: &'static str) -> Route {
    row("GET", path, gives, does)
}

fn row(method: &'static str, path: &'static str, gives: Gives, does: &'static str) -> Route {
    let path = path.split('/').collect();
    Route { method, path, does, takes: None, gives, conditional: false, dialect: None, open: false }
}

impl Route {
    fn takes(self, kind: &'static str) -> Route {
        Route { takes: Some(kind), ..self }
    }

    fn conditional(self) -> Route {
        Route { conditional: true, ..self }
    }

    fn on_hmc(self) -> Route {
        Route { dialect: Some(Dialect::Hmc), ..self }
    }
}

static TABLE: LazyLock<Vec<Route>> = LazyLock::new(|| {
    use Gives::{ArrayOfProperties, Document, Entry, Feed, Nothing, Properties, Property};
    let logon = row("PUT", "web/Logon", Document("LogonResponse"), "Begins a session");
    let mut all = vec![
        Route { open: true, ..logon.takes("LogonRequest") },
        row("DELETE", "web/Logon", Nothing, "Ends the session"),
        get("uom/ManagementConsole", Feed("ManagementConsole"), "The management console"),
        get(
            "uom/ManagementConsole/{console}",
            Entry("ManagementConsole"),
            "The management console",
        ),
        get("uom/ManagedSystem", Feed("ManagedSystem"), "The managed system"),
        get("uom/ManagedSystem/{system}", Entry("ManagedSystem"), "The managed system"),
        row("POST", "uom/ManagedSystem/{system}", Entry("ManagedSystem"), "Renames the system")
            .takes("ManagedSystem")
            .conditional(),
        get("uom/ManagedSystem/quick", Entry("QuickPropertySet"), "Names of its quick properties"),
        get("uom/ManagedSystem/quick/All", ArrayOfProperties, "Quick properties of the system"),
        get("uom/ManagedSystem/{system}/quick", Properties, "Quick properties of the system"),
        get(
            "uom/ManagedSystem/{system}/quick/{property}",
            Property,
            "A quick property of the system",
        ),
        get("uom/ManagedSystem/search", Entry("SearchParameterSet"), "What it is searched by"),
        get(
            "uom/ManagedSystem/search/{expression}",
            Feed("ManagedSystem"),
            "The system, if it is so",
        ),
        get(
            "uom/ManagedSystem/{system}/do/{operation}",
            Entry("JobRequest"),
            "A template of its jobs",
        ),
        row(
            "PUT",
            "uom/ManagedSystem/{system}/do/{operation}",
            Entry("JobResponse"),
            "Starts or stops it",
        )
        .takes("JobRequest"),
        get("uom/Event", Feed("Event"), "Events of an application; waits for at most 10 s"),
    ];
    for service in ["uom/jobs/{job}", "web/jobs/{job}"] {
        all.push(get(service, Entry("JobResponse"), "A job"));
        all.push(row("DELETE", service, Nothing, "Forgets a job that is over"));
    }
    for cancel in ["uom/jobs/{job}/cancel", "web/jobs/{job}/cancel"] {
        all.push(row("POST", cancel, Nothing, "Cancels a job"));
        all.push(row("PUT", cancel, Nothing, "Cancels a job"));
    }
    let mut below = partitions("LogicalPartition");
    below.extend(partitions("VirtualIOServer"));
    below.extend(switches());
    below.extend(networks());
    for kind in ["NetworkBridge", "SharedProcessorPool"] {
        below.push(in_kind("GET", kind, "", Feed(kind), "There are none"));
        below.push(in_kind("GET", kind, "{object}", Entry(kind), "There are none"));
    }
    // Each stands below its system, too.
    for route in &below {
        let path = ["uom", "ManagedSystem", "{system}"].iter().chain(&route.path[1..]).copied();
        all.push(Route { path: path.collect(), ..route.clone() });
    }
    all.extend(below);
    all
});

/// A route of a type, with the rest of its path.
fn in_kind(
    method: &'static str,
    kind: &'static str,
    rest: &'static str,
    gives: Gives,
    does: &'static str,
) -> Route {
    let path = ["uom", kind].into_iter().chain(rest.split('/').filter(|part| !part.is_empty()));
    Route { path: path.collect(), ..row(method, "", gives, does) }
}

fn partitions(kind: &'static str) -> Vec<Route> {
    use Gives::{ArrayOfProperties, Entry, Feed, Nothing, Properties, Property};
    let is_server = kind == "VirtualIOServer";
    let of = |method, rest, gives, does| in_kind(method, kind, rest, gives, does);
    let mut all = vec![
        of("GET", "", Feed(kind), "All of them"),
        of("PUT", "", Entry(kind), "Defines one").takes(kind),
        of("GET", "quick", Entry("QuickPropertySet"), "Names of their quick properties"),
        of("GET", "quick/All", ArrayOfProperties, "Quick properties of all"),
        of("GET", "search", Entry("SearchParameterSet"), "What they are searched by"),
        of("GET", "search/{expression}", Feed(kind), "Those that are so"),
        of("GET", "{partition}", Entry(kind), "One of them"),
        of("POST", "{partition}", Entry(kind), "Changes one").takes(kind).conditional(),
        of("DELETE", "{partition}", Nothing, "Removes one that is off").conditional(),
        of("GET", "{partition}/quick", Properties, "Quick properties of one"),
        of("GET", "{partition}/quick.json", Properties, "Quick properties of one"),
        of("GET", "{partition}/quick/All", Properties, "Quick properties of one"),
        of("GET", "{partition}/quick/{property}", Property, "A quick property of one"),
        of("GET", "{partition}/do/{operation}", Entry("JobRequest"), "A template of its jobs"),
        of("PUT", "{partition}/do/{operation}", Entry("JobResponse"), "Begins a job")
            .takes("JobRequest"),
    ];
    let adapter = "ClientNetworkAdapter";
    all.extend([
        of("GET", "{partition}/ClientNetworkAdapter", Feed(adapter), "Its Ethernet adapters"),
        of("PUT", "{partition}/ClientNetworkAdapter", Entry(adapter), "Adds one").takes(adapter),
        of("GET", "{partition}/ClientNetworkAdapter/{adapter}", Entry(adapter), "One of them"),
        of("POST", "{partition}/ClientNetworkAdapter/{adapter}", Entry(adapter), "Changes one")
            .takes(adapter)
            .conditional(),
        of("DELETE", "{partition}/ClientNetworkAdapter/{adapter}", Nothing, "Removes one")
            .conditional(),
    ]);
    if is_server {
        let group = "VolumeGroup";
        all.extend([
            of("GET", "{partition}/VolumeGroup", Feed(group), "Its volume groups"),
            of("PUT", "{partition}/VolumeGroup", Entry(group), "Creates one").takes(group),
            of("GET", "{partition}/VolumeGroup/{group}", Entry(group), "One of them"),
            of("POST", "{partition}/VolumeGroup/{group}", Entry(group), "Changes what is in one")
                .takes(group)
                .conditional(),
            of("DELETE", "{partition}/VolumeGroup/{group}", Nothing, "Removes one").conditional(),
        ]);
    }
    let profile = "LogicalPartitionProfile";
    all.extend([
        of("GET", "{partition}/LogicalPartitionProfile", Feed(profile), "Its profiles").on_hmc(),
        of("GET", "{partition}/LogicalPartitionProfile/{profile}", Entry(profile), "One of them")
            .on_hmc(),
    ]);
    all
}

fn switches() -> Vec<Route> {
    use Gives::{ArrayOfProperties, Entry, Feed, Nothing};
    let kind = "VirtualSwitch";
    let of = |method, rest, gives, does| in_kind(method, kind, rest, gives, does);
    vec![
        of("GET", "", Feed(kind), "All virtual switches"),
        of("PUT", "", Entry(kind), "Creates one").takes(kind),
        of("GET", "quick/All", ArrayOfProperties, "Quick properties of all"),
        of("GET", "{switch}", Entry(kind), "One of them"),
        of("POST", "{switch}", Entry(kind), "Changes its mode").takes(kind).conditional(),
        of("DELETE", "{switch}", Nothing, "Removes one that nothing uses").conditional(),
    ]
}

fn networks() -> Vec<Route> {
    use Gives::{ArrayOfProperties, Entry, Feed, Nothing};
    let kind = "VirtualNetwork";
    let of = |method, rest, gives, does| in_kind(method, kind, rest, gives, does);
    vec![
        of("GET", "", Feed(kind), "All virtual networks"),
        of("GET", "quick/All", ArrayOfProperties, "Quick properties of all"),
        of("GET", "{network}", Entry(kind), "One of them"),
        of("PUT", "", Entry(kind), "Creates one").takes(kind).on_hmc(),
        of("DELETE", "{network}", Nothing, "Removes one that nothing uses").conditional().on_hmc(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Result<&'static Route, RestError> {
        let parts: Vec<_> = path.split('/').collect();
        find(Dialect::NovaLink, method, &parts, path)
    }

    #[test]
    fn a_named_part_goes_before_any() {
        let does = |path| found("GET", path).map(|route| route.does);
        assert_eq!(does("uom/LogicalPartition/search"), Ok("What they are searched by"));
        assert_eq!(does("uom/LogicalPartition/x/quick/All"), Ok("Quick properties of one"));
        assert_eq!(does("uom/LogicalPartition/x/quick/Y"), Ok("A quick property of one"));
        assert_eq!(does("uom/ManagedSystem/x/VirtualSwitch/y"), Ok("One of them"));
        assert_eq!(does("uom/ManagedSystem/search/(A==b)"), Ok("The system, if it is so"));
    }

    #[test]
    fn what_is_missing_says_what_there_is() {
        let refused = |method, path| {
            let error = found(method, path).expect_err(path);
            (error.status, error.allowed, error.message)
        };
        let (status, allowed, _) = refused("PATCH", "uom/LogicalPartition");
        assert_eq!((status, allowed.as_str()), (405, "GET, PUT"));
        let (status, allowed, text) = refused("PUT", "uom/VirtualNetwork");
        assert_eq!((status, allowed.as_str(), text.contains("--dialect hmc")), (405, "GET", true));
        let (status, _, text) = refused("GET", "uom/LogicalPartition/x/VolumeGroup");
        assert!(status == 400 && text.ends_with("there are ClientNetworkAdapter"), "{text}");
        let (status, _, text) = refused("GET", "uom/SRIOVAdapter");
        assert!(status == 400 && text.contains("VirtualSwitch"), "{text}");
        for path in ["pcm/Anything", "uom", "web/File", "uom/LogicalPartition/x/y", "uom/jobs", ""]
        {
            assert_eq!(refused("GET", path).0, 404, "{path}");
        }
    }

    #[test]
    fn no_two_routes_are_of_the_same_request() {
        for dialect in [Dialect::NovaLink, Dialect::Hmc] {
            let all: Vec<_> = routes(dialect).map(|route| (route.method, &route.path)).collect();
            let once: BTreeSet<_> = all.iter().collect();
            assert_eq!(once.len(), all.len());
        }
    }
}
