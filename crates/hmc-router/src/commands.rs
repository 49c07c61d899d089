//! What a request is, and which partitions it is about, for fault rules.

use hmc_proto::{Message, Operation, Request, Value};
use managed_system::{JobId, JobKind, PartitionId, System};
use phyp::vmc::Command;

/// Fields of requests that hold the number of a partition.
const OF_PARTITIONS: [&str; 6] = ["id", "partition", "vios", "client", "from", "to"];

/// The command that a message is; `None` when it is none.
pub(crate) fn command(system: &System, message: &[u8]) -> Option<Command> {
    let request = Request::decode(&Message::decode(message).ok()?).ok()?;
    let operation = request.operation().number();
    Some(Command { operation, partitions: names(system, &request) })
}

fn names(system: &System, request: &Request) -> Vec<String> {
    let name = |id: u16| Some(system.partition(PartitionId(id)).ok()?.name().to_owned());
    match request {
        Request::CreatePartition(request) => vec![request.name.clone()],
        Request::ShowJob(number) | Request::CancelJob(number) | Request::DeleteJob(number) => {
            let Ok(job) = system.job(JobId(number.job)) else { return Vec::new() };
            match job.kind() {
                JobKind::PowerOn(id) | JobKind::PowerOff(id) | JobKind::Restart(id) => {
                    name(id.0).into_iter().collect()
                }
                JobKind::SystemOn | JobKind::SystemOff | JobKind::SystemRestart => Vec::new(),
            }
        }
        _ if is_of_network(request.operation()) => Vec::new(),
        _ => {
            let Value::Table(fields) = request.to_value() else { return Vec::new() };
            let numbers = fields.iter().filter_map(|(field, value)| match value {
                Value::Number(number) if OF_PARTITIONS.contains(&field.as_str()) => {
                    u16::try_from(*number).ok()
                }
                _ => None,
            });
            numbers.filter_map(name).collect()
        }
    }
}

/// Its `id` is that of a switch or a network.
fn is_of_network(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::ChangeSwitch | Operation::DeleteSwitch | Operation::DeleteNetwork
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmc_proto::{
        AddScsi, CreatePartition, DeleteSwitch, Memory, MoveMemory, PartitionId as Id, Token,
    };

    /// The partitions that a request is about.
    fn about(request: &Request) -> Vec<String> {
        let message = request.encode(Token(1));
        let command = command(&crate::small_system(), &message).expect("a command");
        assert_eq!(command.operation, request.operation().number());
        command.partitions
    }

    #[test]
    fn a_command_is_about_the_partitions_that_it_names_by_number() {
        let show = |id| Request::ShowPartition(Id { id });
        assert_eq!(about(&show(2)), ["vios1"]);
        assert_eq!(about(&show(9)), [""; 0]);
        let version = None;
        let moved = MoveMemory { from: 1, to: 2, mb: 256, version };
        assert_eq!(about(&Request::MoveMemory(moved)), ["mgmt", "vios1"]);
        let (server_slot, client_slot, highest) = (None, None, false);
        let pair = AddScsi { vios: 2, server_slot, client: 1, client_slot, highest, version };
        assert_eq!(about(&Request::AddScsi(pair)), ["vios1", "mgmt"]);
    }

    #[test]
    fn one_that_is_created_counts_by_its_name_and_a_switch_is_no_partition() {
        let memory = Memory { min_mb: 256, desired_mb: 256, max_mb: 512 };
        let create = Request::CreatePartition(CreatePartition::linux("web1", memory, 1));
        assert_eq!(about(&create), ["web1"]);
        let delete = Request::DeleteSwitch(DeleteSwitch { id: 1, version: None });
        assert_eq!(about(&delete), [""; 0]);
    }

    #[test]
    fn what_is_no_request_is_no_command() {
        assert_eq!(command(&crate::small_system(), b"hello"), None);
    }
}
