//! The text of the protocol's flows.

use super::protocol::LIMITS;
use super::run::Run;

#[test]
fn a_session_from_boot_to_close() {
    let mut run = Run::new(&["a"]);
    run.boot(LIMITS);
    run.open_file(0);
    run.open_session(0, (0, 1), 31);
    run.echo(0, (0, 1), 1, b"hello");
    run.close_session(0, (0, 1));
    let expected = "\
application   management partition                                                 hypervisor
              H_REG_CRQ = H_Closed
                                                                                   H_REG_CRQ = H_Success
              |<---------------------------- CRQ INIT -----------------------------|
              |------------------------ CRQ INIT COMPLETE ------------------------>|
              |-------- CAPABILITIES hmcs=1 pool=32 mtu=4096 crq=256 v1.1 -------->|
              |<--- CAPABILITIES RESPONSE hmcs=1 pool=32 mtu=4096 crq=256 v1.1 ----|
              |<----------------- ADD BUFFER slot 0 b0 owner=mgmt -----------------|
              |------------------ ADD BUFFER RESPONSE slot 0 b0 ------------------>|
              channel: ready
a  open() = 0
a  set-hmc-id(\"HMC-A\")
              session a#1: opening
              |==================== RDMA 5 B 7d1318bd a#1 b0 =====================>|
a  set-hmc-id(\"HMC-A\") = 0
              |---------------------- INTERFACE OPEN a#1 b0 ---------------------->|
                                                                                   session a#1: opening
              |<---------------- ADD BUFFER a#1 b1..b15 owner=mgmt ----------------|  \\
              |----------------- ADD BUFFER RESPONSE a#1 b1..b15 ----------------->|  / x15
              |<---------------- ADD BUFFER a#1 b16..b31 owner=hyp ----------------|  \\
              |---------------- ADD BUFFER RESPONSE a#1 b16..b31 ----------------->|  / x16
              |<----------------- INTERFACE OPEN RESPONSE a#1 b0 ------------------|
              session a#1: ready
a  write(5)
              |==================== RDMA 5 B 4f9f2cab a#1 b1 =====================>|
              |------------------------ SIGNAL a#1 b1 5 B ------------------------>|
a  write(5) = 5
              |<------------------------ SIGNAL a#1 b1 5 B ------------------------|
              |<==================== RDMA 5 B 4f9f2cab a#1 b1 =====================|
a  read(4096) = 5 4f9f2cab
a  close()
              session a#1: closing
a  close() = 0
              |----------------------- INTERFACE CLOSE a#1 ----------------------->|
              |<------------------ INTERFACE CLOSE RESPONSE a#1 -------------------|
              session a#1: ended
              |<---------------- ADD BUFFER a's slot b0 owner=mgmt ----------------|
              |----------------- ADD BUFFER RESPONSE a's slot b0 ----------------->|
";
    assert_eq!(run.text(), expected, "\n{}", run.text());
}
