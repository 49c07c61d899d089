"""Unmodified pypowervm against the application: what its users do, step by step.

Arguments: the port of HTTP, the port of HTTPS, a file with the password, and `expiring`, `few-requests`, `faults` or `restarted` for the steps with
sessions that expire, with the rules of `faults.toml`, or with an application that is killed and started again when this program prints
`restart`. Each step prints a line; the
last line is their number.
"""

import logging
import sys
import threading
import time

import pypowervm.adapter as adp
import pypowervm.exceptions as pvmex
import pypowervm.tasks.power as power
import pypowervm.tasks.power_opts as popts
import pypowervm.tasks.scsi_mapper as scsi
import pypowervm.tasks.storage as tstor
import pypowervm.utils.lpar_builder as bldr
import pypowervm.utils.transaction as tx
import pypowervm.wrappers.base_partition as bp
import pypowervm.wrappers.event as pvm_event
import pypowervm.wrappers.job as pvm_job
import pypowervm.wrappers.logical_partition as pvm_lpar
import pypowervm.wrappers.managed_system as pvm_ms
import pypowervm.wrappers.network as pvm_net
import pypowervm.wrappers.storage as pvm_stor
import pypowervm.wrappers.virtual_io_server as pvm_vios
from pypowervm import const as pc
from pypowervm.tasks import partition as tpart

logging.disable(logging.CRITICAL)
HTTP, HTTPS, PASSWORD = int(sys.argv[1]), int(sys.argv[2]), open(sys.argv[3]).readline().strip()
MODE = sys.argv[4] if len(sys.argv) > 4 else "all"
count = 0


def step(what):
    global count
    count += 1
    print("%3d %s" % (count, what), flush=True)


def check(what, got, expected):
    if got != expected:
        raise AssertionError("%s: expected %r, got %r" % (what, expected, got))
    step(what)


def refused(what, status, code, work):
    try:
        work()
    except pvmex.HttpError as error:
        message = error.args[0]
        if error.response.status != status or code not in message:
            raise AssertionError("%s: expected %s %s, got %s %s" % (what, status, code, error.response.status, message))
        step(what)
        return
    raise AssertionError("%s: it was not refused" % what)


def until(what, test, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        if test():
            step(what)
            return
        time.sleep(0.05)
    raise AssertionError("%s: not within %s seconds" % (what, seconds))


def state_of(name):
    return lambda wanted: lpar(name).state == wanted


def lpar(name):
    return pvm_lpar.LPAR.search(adapter, name=name)[0]


def vios(*groups):
    return pvm_vios.VIOS.get(adapter, xag=list(groups) or None)[0]


def volume_group():
    return pvm_stor.VG.get(adapter, parent=vios())[0]


# Logon.
file_session = adp.Session(host="localhost", port=HTTP, protocol="http", conn_tries=3)
check("a logon by a token file says that it is a NovaLink", file_session.mc_type, "PVM")
check("and is local to the management partition", file_session.traits.local_api, True)
try:
    adp.Session(host="localhost", port=HTTPS, username="admin", password="wrong", certpath=None)
    raise AssertionError("a wrong password was taken")
except pvmex.HttpUnauth:
    step("a wrong password is a 401")
session = adp.Session(host="localhost", port=HTTPS, username="admin", password=PASSWORD, certpath=None)
step("a logon with a password over HTTPS")
adapter = adp.Adapter(session)

if MODE == "expiring":
    # Sessions end after a second: the next request logs on again by itself.
    token = session._sessToken
    time.sleep(2.5)
    system = pvm_ms.System.get(adapter)[0]
    check("after a session has expired, the request is made", system.system_name, "sys1")
    check("with another token", session._sessToken != token, True)
    print("steps: %d" % count)
    sys.exit(0)

if MODE == "few-requests":
    token = session._sessToken
    names = [pvm_ms.System.get(adapter)[0].system_name for _ in range(9)]
    check("every request is made, although sessions end after three", names, ["sys1"] * 9)
    check("with another token", session._sessToken != token, True)
    print("steps: %d" % count)
    sys.exit(0)

if MODE == "faults":
    system = pvm_ms.System.get(adapter)[0]
    made = bldr.LPARBuilder(adapter, {"name": "web1", "memory": "1024", "vcpu": "1"}, bldr.DefaultStandardize(system)).build().create(parent=system)
    try:
        power.power_on(made, None)
        raise AssertionError("the hypervisor was not busy")
    except pvmex.VMPowerOnFailure as error:
        check("a busy hypervisor is a failure with 503", "HTTP error 503" in str(error) and "no buffer" in str(error), True)
    check("nothing has happened", lpar("web1").state, bp.LPARState.NOT_ACTIVATED)
    try:
        power.power_on(lpar("web1"), None)
        raise AssertionError("the job has not failed")
    except pvmex.VMPowerOnFailure as error:
        check("a job that fails says why", "BA210002" in str(error), True)
    check("the partition is in error", lpar("web1").state, bp.LPARState.ERROR)
    power.power_off(lpar("web1"), None, force_immediate=power.Force.TRUE)
    check("a hard power off ends that", lpar("web1").state, bp.LPARState.NOT_ACTIVATED)
    try:
        power.PowerOp.start(lpar("web1"), timeout=3)
        raise AssertionError("the job has ended")
    except pvmex.VMPowerOnTimeout:
        step("a job that never ends is given up")
    power.power_off(lpar("web1"), None, force_immediate=power.Force.TRUE)
    power.power_on(lpar("web1"), None)
    until("a reset of the channel in the middle of a job is not seen", lambda: lpar("web1").state in (bp.LPARState.RUNNING, bp.LPARState.OPEN_FIRMWARE))
    print("steps: %d" % count)
    sys.exit(0)

if MODE == "restarted":
    # The same client goes on when the application was killed and is there again.
    system = pvm_ms.System.get(adapter)[0]
    made = bldr.LPARBuilder(adapter, {"name": "web1", "memory": "1024", "vcpu": "1"}, bldr.DefaultStandardize(system)).build().create(parent=system)
    step("a partition is created")
    check("events begin", [it.etype for it in pvm_event.Event.get(adapter, "17")], ["NEW_CLIENT"])
    power.power_on(made, None)
    until("it is started", lambda: lpar("web1").state in (bp.LPARState.RUNNING, bp.LPARState.OPEN_FIRMWARE))
    token = session._sessToken
    print("restart", flush=True)
    sys.stdin.readline()
    check("it is there after a restart", lpar("web1").uuid, made.uuid)
    check("by the same session", session._sessToken, token)
    check("and is as it was", lpar("web1").state in (bp.LPARState.RUNNING, bp.LPARState.OPEN_FIRMWARE), True)
    check("the listener is told that it is new", [it.etype for it in pvm_event.Event.get(adapter, "17")], ["NEW_CLIENT"])
    power.power_off(lpar("web1"), None, force_immediate=power.Force.TRUE)
    until("it is stopped", lambda: lpar("web1").state == bp.LPARState.NOT_ACTIVATED)
    print("steps: %d" % count)
    sys.exit(0)

# The system.
system = pvm_ms.System.get(adapter)[0]
check("the system's name", system.system_name, "sys1")
check("its type, model and serial number", system.mtms.mtms_str, "9009-42A*1234567")
check("its memory", (system.memory_configurable, system.memory_region_size), (65536, 256))
check("its processors", (system.proc_units_configurable, system.max_procs_per_aix_linux_lpar), (16.0, 64))
check("its compatibility modes have POWER9", "POWER9" in system.proc_compat_modes, True)
check("custom MAC addresses", system.get_capability("custom_mac_addr_capable"), True)
host_uuid = system.uuid

# Partitions that are there.
management = tpart.get_mgmt_partition(adapter)
check("there is one management partition", (management.name, management.id), ("mgmt", 1))
check("the servers are told from partitions", [it.name for it in tpart.get_partitions(adapter, lpars=True, vioses=False)], ["mgmt"])
check("servers that can be used", [it.name for it in tpart.get_active_vioses(adapter)], ["vios1"])
check("a search that finds nothing", pvm_lpar.LPAR.search(adapter, name="nothing"), [])
refused("a UUID that there is not", 404, "REST029B", lambda: adapter.read("LogicalPartition", root_id="7FFFFFFF-0000-0000-0000-000000000000"))
refused("a server is no LogicalPartition", 404, "REST029B", lambda: adapter.read("LogicalPartition", root_id=vios().uuid))
refused("a type that there is not", 400, "REST000B", lambda: adapter.read("SRIOVAdapter"))

# Events begin.
appid = "0123abcd"
check("the first poll says NEW_CLIENT", [it.etype for it in pvm_event.Event.get(adapter, appid)], ["NEW_CLIENT"])

# Create.
builder = bldr.LPARBuilder(adapter, {"name": "web1", "memory": "1024", "vcpu": "1"}, bldr.DefaultStandardize(system))
web1 = builder.build().create(parent=system)
check("created by the builder", (web1.name, web1.state, web1.env), ("web1", "not activated", "AIX/Linux"))
check("with the lowest free ID", web1.id, 3)
check("its memory", (web1.mem_config.min, web1.mem_config.desired, web1.mem_config.max), (1024, 1024, 1024))
check("its units", web1.proc_config.shared_proc_cfg.desired_units, 0.5)
check("its weight", web1.proc_config.shared_proc_cfg.uncapped_weight, 64)
check("its mode", (web1.proc_config.has_dedicated, web1.proc_config.sharing_mode), (False, "uncapped"))
check("its slots", web1.io_config.max_virtual_slots, 64)
check("no RMC", web1.rmc_state, "none" if web1.rmc_state == "none" else "inactive")
refused("the same name again", 500, "HSCL05DE", lambda: builder.build().create(parent=system))
uuid = "0A1B2C3D-0000-4000-8000-00000000ABCD"
chosen = bldr.LPARBuilder(adapter, {"name": "db1", "memory": "2048", "max_mem": "4096", "min_mem": "1024", "vcpu": "2", "dedicated_proc": "true", "uuid": uuid, "id": 17}, bldr.DefaultStandardize(system)).build().create(parent=system)
check("a client's UUID and ID are kept", (chosen.uuid.upper(), chosen.id), (uuid, 17))
check("dedicated processors", (chosen.proc_config.has_dedicated, chosen.proc_config.dedicated_proc_cfg.desired), (True, 2))
check("found by its name", lpar("db1").id, 17)
check("found by its ID", pvm_lpar.LPAR.search(adapter, id=17)[0].name, "db1")
events = pvm_event.Event.get(adapter, appid)
check("events tell of new partitions", sum(it.etype == "ADD_URI" and "LogicalPartition" in it.data for it in events), 2)

# Change.
db1 = lpar("db1")
db1.mem_config.desired = 3072
db1 = db1.update()
check("resized while off", db1.mem_config.desired, 3072)
db1.name = "db2"
db1 = db1.update()
check("renamed", (db1.name, lpar("db2").uuid), ("db2", db1.uuid))
db1.name = "web1"
refused("renamed to a name in use", 500, "HSCL05DE", db1.update)
db1 = lpar("db2")
db1.mem_config.desired = 8192
refused("more than the most", 500, "REST0264", db1.update)
first, second = lpar("web1"), lpar("web1")
first.avail_priority = 100
first = first.update()
second.avail_priority = 90
refused("of two writers the second has a 412", 412, "ETag", second.update)


@tx.entry_transaction
def prioritize(wrapper, priority):
    wrapper.avail_priority = priority
    return wrapper.update()


check("and succeeds with its retry", prioritize(second, 90).avail_priority, 90)
check("a quick property", adapter.read("LogicalPartition", root_id=web1.uuid, suffix_type="quick", suffix_parm="PartitionState").body, '"not activated"')
refused("no quick property of that name", 404, "REST0003", lambda: adapter.read("LogicalPartition", root_id=web1.uuid, suffix_type="quick", suffix_parm="Nothing"))
unchanged = lpar("web1")
etag = unchanged.etag
check("a document that is posted back changes nothing", unchanged.update().etag, etag)
check("an ETag that is known is a 304", adapter.read("LogicalPartition", root_id=web1.uuid, etag=etag).status, 304)

# Adapters.
switch = pvm_net.VSwitch.search(adapter, parent_type=pvm_ms.System, parent_uuid=host_uuid, one_result=True, name="ETHERNET0")
check("the default switch", (switch.name, switch.switch_id), ("ETHERNET0", 0))
web1 = lpar("web1")
cna = pvm_net.CNA.bld(adapter, pvid=100, vswitch_href=switch.related_href).create(parent=web1)
check("an adapter", (cna.pvid, cna.vswitch_id), (100, 0))
check("its place", cna.loc_code, "U9009.42A.1234567-V3-C%d" % cna.slot)
check("its MAC address has twelve digits", len(cna.mac), 12)
tagged = pvm_net.CNA.bld(adapter, pvid=1, vswitch_href=switch.related_href, slot_num=10, mac_addr="AABBCCDDEE02", addl_tagged_vlans=[10, 11]).create(parent=web1)
check("one with more VLANs, of a slot and MAC address that were chosen", (tagged.slot, tagged.mac, tagged.tagged_vlans), (10, "AABBCCDDEE02", [10, 11]))
refused("a slot that is taken", 500, "HSCLF010", lambda: pvm_net.CNA.bld(adapter, pvid=1, vswitch_href=switch.related_href, slot_num=10).create(parent=web1))
cna.pvid = 200
cna = cna.update()
check("another VLAN", cna.pvid, 200)
check("NovaLink's networks follow", sorted(it.vlan for it in pvm_net.VNet.get(adapter, parent=system))[-1], 200)
tagged.delete()
check("an adapter is removed", [it.slot for it in pvm_net.CNA.get(adapter, parent=web1)], [cna.slot])
made = pvm_net.VSwitch.bld(adapter, "OPEN", pvm_net.VSwitchMode.VEB).create(parent=system)
check("a switch is created", (made.name, made.mode), ("OPEN", "Veb"))
made.delete()
step("and removed")

# Power.
power.power_on(lpar("web1"), None)
until("started", lambda: lpar("web1").state == bp.LPARState.RUNNING or lpar("web1").state == bp.LPARState.OPEN_FIRMWARE)
power.power_on(lpar("web1"), None)
step("started again: it is on already")
refused("removed while it is on", 500, "HSCLF007", lambda: lpar("web1").delete())
power.power_off(lpar("web1"), None, force_immediate=power.Force.TRUE)
until("stopped hard", lambda: lpar("web1").state == bp.LPARState.NOT_ACTIVATED)
power.PowerOp.stop(lpar("web1"), opts=popts.PowerOffOpts().vsp_hard())
step("stopped again: it is off already")
try:
    pvm_job.Job.wrap(adapter.read("LogicalPartition", root_id=web1.uuid, suffix_type="do", suffix_parm="PowerOff")).run_job(web1.uuid)
    raise AssertionError("a stop of a partition that is off did not fail")
except pvmex.JobRequestFailed as error:
    check("without pypowervm's help that fails", "HSCL1558" in error.args[0], True)
power.PowerOp.start(lpar("web1"), opts=popts.PowerOnOpts().bootmode(popts.BootMode.SMS))
until("started into its menu", lambda: lpar("web1").state == bp.LPARState.OPEN_FIRMWARE)
power.PowerOp.stop(lpar("web1"), opts=popts.PowerOffOpts().vsp_hard())
until("stopped from there", lambda: lpar("web1").state == bp.LPARState.NOT_ACTIVATED)

# Storage.
group = volume_group()
check("the volume group", (group.name, group.capacity), ("rootvg", 50.0))
free = group.free_space
disk = pvm_stor.VDisk.bld(adapter, "disk1", 10)
disks = group.virtual_disks
disks.append(disk)
group.virtual_disks = disks
group = group.update()
check("a disk is created", [(it.name, it.capacity) for it in group.virtual_disks], [("disk1", 10.0)])
check("the free space is less", free - group.free_space, 10.0)
disk = group.virtual_disks[0]
check("it has an identifier", bool(disk.udid), True)
client = lpar("web1")
server = vios(pc.XAG.VIO_SMAP)
check("no mapping yet", len(server.scsi_mappings), 0)
mapping = scsi.build_vscsi_mapping(host_uuid, server, client.uuid, disk)
scsi.add_map(server, mapping)
server = server.update(xag=[pc.XAG.VIO_SMAP])
mapped = server.scsi_mappings[0]
check("a mapping is made", (mapped.backing_storage.name, mapped.server_adapter.name), ("disk1", "vhost0"))
check("its ends name each other", (mapped.client_adapter.lpar_id, mapped.client_adapter.vios_id, mapped.server_adapter.lpar_slot_num), (3, 2, mapped.client_adapter.lpar_slot_num))
check("its first address", mapped.target_dev.lua, "0x8100000000000000")
group = volume_group()
group.virtual_disks = [it for it in group.virtual_disks if it.name != "disk1"]
refused("a disk that is mapped stays", 500, "HSCLF021", group.update)
volume = [it for it in vios(pc.XAG.VIO_STOR).phys_vols if it.name == "hdisk1"][0]
check("a physical volume", (volume.capacity, volume.avail_for_use), (51200, True))
server = vios(pc.XAG.VIO_SMAP)
again = scsi.build_vscsi_mapping(host_uuid, server, client.uuid, volume)
scsi.add_map(server, again)
server = server.update(xag=[pc.XAG.VIO_SMAP])
check("a physical volume is mapped, too", sorted(it.backing_storage.name for it in server.scsi_mappings), ["disk1", "hdisk1"])
power.power_on(lpar("web1"), None)
until("with a disk it runs", lambda: lpar("web1").state == bp.LPARState.RUNNING)
until("its RMC is active", lambda: lpar("web1").rmc_state == bp.RMCState.ACTIVE)
running = lpar("web1")
check("it can be changed while it runs", (running.can_modify_mem()[0], running.can_modify_io()[0]), (True, True))
running.avail_priority = 77
running = running.update()
check("and is", running.avail_priority, 77)
running.mem_config.max = 4096
refused("but not its most memory", 500, "REST012A", running.update)
running = lpar("web1")
power.PowerOp.stop(running, opts=popts.PowerOffOpts().os_normal())
until("its operating system stops it", lambda: lpar("web1").state == bp.LPARState.NOT_ACTIVATED)
power.power_on(lpar("web1"), None)
until("started anew", lambda: lpar("web1").rmc_state == bp.RMCState.ACTIVE)
power.power_off(lpar("web1"), None, restart=True)
until("restarted", lambda: lpar("web1").rmc_state == bp.RMCState.ACTIVE)
power.PowerOp.stop(lpar("web1"), opts=popts.PowerOffOpts().vsp_normal())
until("the service processor stops it", lambda: lpar("web1").state == bp.LPARState.NOT_ACTIVATED)
server = vios(pc.XAG.VIO_SMAP)
gone = scsi.remove_maps(server, client.uuid)
server = server.update(xag=[pc.XAG.VIO_SMAP])
check("the mappings are removed", (len(gone), len(server.scsi_mappings)), (2, 0))
group = volume_group()
group.virtual_disks = []
group = group.update()
check("the disk is removed", (len(group.virtual_disks), group.free_space), (0, free))
repository = pvm_stor.VMediaRepos.bld(adapter, "VMLibrary", 5)
group.vmedia_repos = [repository]
group = group.update()
check("a media repository is created", [it.size for it in group.vmedia_repos], [5])
media = pvm_stor.VOptMedia.bld(adapter, "cd1", size=1, mount_type="r")
group.vmedia_repos[0].optical_media.append(media)
group = group.update()
check("a medium is created", [it.name for it in group.vmedia_repos[0].optical_media], ["cd1"])
server = vios(pc.XAG.VIO_SMAP)
scsi.add_map(server, scsi.build_vscsi_mapping(host_uuid, server, client.uuid, group.vmedia_repos[0].optical_media[0]))
server = server.update(xag=[pc.XAG.VIO_SMAP])
check("and mapped", server.scsi_mappings[0].backing_storage.name, "cd1")
scsi.remove_maps(server, client.uuid)
server = server.update(xag=[pc.XAG.VIO_SMAP])
check("and unmapped", len(server.scsi_mappings), 0)

# Events, again.
events = pvm_event.Event.get(adapter, appid)
details = ",".join(it.detail or "" for it in events)
check("events tell what has changed", all(name in details for name in ("PartitionState", "RMCState", "ReferenceCode")), True)

# A session that another has ended.
adapter.session.request("DELETE", "/rest/api/web/Logon")
check("an expired session is opened again in silence", lpar("web1").name, "web1")

# The end.
lpar("web1").delete()
lpar("db2").delete()
check("partitions are removed", pvm_lpar.LPAR.search(adapter, name="web1"), [])
events = pvm_event.Event.get(adapter, appid)
check("events tell of it", sum(it.etype == "DELETE_URI" for it in events), 2)
file_adapter = adp.Adapter(file_session)
check("the first session is there still", pvm_ms.System.get(file_adapter)[0].system_name, "sys1")
print("steps: %d" % count)
