//! Fields by name, and what is told about wrong ones.

use crate::*;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

fn table(fields: &[(&str, Value)]) -> Value {
    Value::Table(fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
}

fn error(operation: Operation, fields: &[(&str, Value)]) -> String {
    Request::from_value(operation, &table(fields)).unwrap_err().to_string()
}

#[test]
fn what_is_not_said_is_absent_empty_or_missing() {
    let fields = table(&[
        ("partition", Value::Number(3)),
        ("vlan", Value::Number(100)),
        ("switch", Value::Number(0)),
        ("trunk_priority", Value::Number(0)),
    ]);
    let Ok(Request::AddEthernet(request)) = Request::from_value(Operation::AddEthernet, &fields)
    else {
        panic!("expected a request");
    };
    assert_eq!(
        (request.slot, request.mac, request.additional, request.ieee),
        (None, None, vec![], false)
    );
    assert_eq!(
        error(Operation::ShowPartition, &[]),
        "`id`: expected a number from 0 to 65535, got nothing"
    );
}

#[test]
fn wrong_fields_are_told_by_their_path() {
    use Operation::{AddEthernet, CreatePartition, PowerOff, ShowPartition};
    let id = ("id", Value::Number(70000));
    assert_eq!(error(ShowPartition, &[id]), "`id`: expected a number from 0 to 65535, got 70000");
    let id = ("id", Value::Text("one".into()));
    assert_eq!(error(ShowPartition, &[id]), "`id`: expected a number from 0 to 65535, got \"one\"");
    let unknown = ("ident", Value::Number(1));
    assert_eq!(error(ShowPartition, &[unknown]), "expected a field of id, got \"ident\"");
    let nested = [
        ("name", Value::Text("x".into())),
        ("kind", Value::Text("AIX/Linux".into())),
        ("configuration", table(&[("memory", table(&[("min_mb", Value::Truth(true))]))])),
    ];
    let expected =
        "`configuration.memory.min_mb`: expected a number from 0 to 4294967295, got true";
    assert_eq!(error(CreatePartition, &nested), expected);
    let stop = [("id", Value::Number(1)), ("stop", Value::Text("softly".into()))];
    let expected = "`stop`: expected one of `osshutdown` `osshutdown immediate` `shutdown` `shutdown immediate` `dumprestart`, got \"softly\"";
    assert_eq!(error(PowerOff, &stop), expected);
    let mac = |text: &str| [("partition", Value::Number(1)), ("mac", Value::Text(text.into()))];
    for wrong in ["", "FAD48DC2DC0", "FAD48DC2DC0G", "FA-D48DC2DC03", "FAD48DC2DC0300"] {
        assert!(
            error(AddEthernet, &mac(wrong)).starts_with("`mac`: expected 12 hex digits, got"),
            "{wrong}"
        );
    }
}

#[test]
fn octets_have_one_form_in_texts() {
    let mac: Mac = "fad48dc2dc03".parse().unwrap();
    assert_eq!(mac.to_string(), "FAD48DC2DC03");
    let uuid: Uuid = "0A1B2C3D-0001-4002-8003-0123456789ab".parse().unwrap();
    assert_eq!(uuid.to_string(), "0A1B2C3D-0001-4002-8003-0123456789AB");
    assert_eq!(uuid.to_string().replace('-', "").parse(), Ok(uuid));
    assert!("0A1B-2C3D-0001-4002-8003-0123456789ab".parse::<Uuid>().is_err());
}

#[test]
fn a_difference_is_told_by_its_path() {
    let got = Response::ShowPartition(partition()).to_value();
    let state = |state: &str| table(&[("state", Value::Text(state.into()))]);
    assert_eq!(got.difference(&state("running")), None);
    let difference = got.difference(&state("error")).unwrap().to_string();
    assert_eq!(difference, "`state`: expected \"error\", got \"running\"");
    let memory =
        table(&[("configuration", table(&[("memory", table(&[("max_mb", Value::Number(9))]))]))]);
    let difference = got.difference(&memory).unwrap().to_string();
    assert_eq!(difference, "`configuration.memory.max_mb`: expected 9, got 4096");
    let absent = table(&[("profile", Value::Text("default".into()))]);
    let difference = got.difference(&absent).unwrap().to_string();
    assert_eq!(difference, "`profile`: expected \"default\", got nothing");
    let (one, two) = (Value::List(vec![Value::Number(1)]), Value::List(vec![Value::Number(2)]));
    assert_eq!(one.difference(&two).unwrap().to_string(), "`0`: expected 2, got 1");
    assert_eq!(
        one.difference(&Value::List(Vec::new())).unwrap().to_string(),
        "expected [], got [1]"
    );
}

fn partition() -> Partition {
    let configuration = [
        (
            "memory",
            table(&[
                ("min_mb", Value::Number(1024)),
                ("desired_mb", Value::Number(2048)),
                ("max_mb", Value::Number(4096)),
            ]),
        ),
        (
            "processors",
            table(&[
                ("mode", Value::Text("dedicated".into())),
                ("sharing", Value::Text("keep idle procs".into())),
                ("weight", Value::Number(0)),
                ("pool", Value::Number(0)),
                ("min", Value::Number(1)),
                ("desired", Value::Number(1)),
                ("max", Value::Number(1)),
                ("min_units", Value::Number(0)),
                ("desired_units", Value::Number(0)),
                ("max_units", Value::Number(0)),
            ]),
        ),
        ("max_slots", Value::Number(64)),
        ("availability", Value::Number(127)),
        ("boot_mode", Value::Text("normal".into())),
        ("keylock", Value::Text("normal".into())),
        ("compatibility", Value::Text("default".into())),
        ("page_table_ratio", Value::Number(0)),
        ("secure_boot", Value::Number(0)),
    ];
    let configuration = Configuration::from_value(Some(&table(&configuration))).unwrap();
    Partition {
        id: 2,
        uuid: Uuid([1; 16]),
        version: 5,
        name: "web1".into(),
        kind: PartitionType::AixLinux,
        os: OperatingSystem::Linux,
        configuration,
        state: PartitionState::Running,
        rmc: RmcState::Active,
        reference_code: String::new(),
        uptime_s: 3,
        memory_mb: 2048,
        processors: 1,
        units: 100,
        management: false,
        physical_boot_device: false,
        terminal_open: false,
        job: None,
        profile: None,
    }
}

/// The words of a trace.
#[test]
fn main_fields_are_shown() {
    let configuration = partition().configuration;
    let create = Request::CreatePartition(CreatePartition {
        name: "web1".into(),
        kind: PartitionType::AixLinux,
        os: None,
        configuration,
        physical_boot_device: false,
        profile: None,
        id: None,
        uuid: None,
    });
    assert_eq!(create.to_string(), "CREATE PARTITION web1 2048 MB");
    let good = Answer::Good(Response::PowerOn(JobStarted { job: 3 }));
    assert_eq!(good.to_string(), "POWER ON -> good, job 3");
    let refused = Refusal { code: "HSCL05EA".into(), text: "…".into() };
    assert_eq!(Answer::Refused(refused).to_string(), "refused, HSCL05EA");
    assert_eq!(Answer::Failed(ReturnCode::SIZE).to_string(), "size out of bounds");
}
