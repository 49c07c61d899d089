-- Dissector for traces of a Virtual Management Channel, as `cargo xtask trace NAME --to pcapng` writes them.
-- Installed by: cp crates/vmc-view/wireshark/vmc.lua ~/.local/lib/wireshark/plugins/
-- The packets' form is documented in crates/vmc-view/src/pcapng.rs; fields of messages are named as in LoPAR.

local vmc = Proto("vmc", "Virtual Management Channel")

local kinds = { [0] = "entry", [1] = "entry taken", [2] = "hypervisor call", [3] = "RDMA", [4] = "event", [5] = "violation" }
local directions = { [0] = "none", [1] = "to hyp", [2] = "to mgmt" }
local headers = { [0x00] = "free", [0x80] = "command/response", [0xC0] = "initialization", [0xFF] = "transport event" }
local inits = { [1] = "CRQ INIT", [2] = "CRQ INIT COMPLETE" }
local transport = {
  [1] = "partner failed", [2] = "partner deregistered", [4] = "partner terminated by request",
  [6] = "partner suspended", [9] = "prepare for client adapter suspend", [10] = "client adapter resume",
}
local types = {
  [0x01] = "CAPABILITIES", [0x81] = "CAPABILITIES RESPONSE", [0x02] = "INTERFACE OPEN", [0x82] = "INTERFACE OPEN RESPONSE",
  [0x03] = "INTERFACE CLOSE", [0x83] = "INTERFACE CLOSE RESPONSE", [0x04] = "ADD BUFFER", [0x84] = "ADD BUFFER RESPONSE",
  [0x05] = "REMOVE BUFFER", [0x85] = "REMOVE BUFFER RESPONSE", [0x06] = "SIGNAL",
}
local owners = { [0] = "mgmt", [1] = "hyp" }

local f = {
  kind = ProtoField.uint8("vmc.kind", "Kind", base.DEC, kinds),
  direction = ProtoField.uint8("vmc.direction", "Direction", base.DEC, directions),
  seq = ProtoField.uint64("vmc.seq", "Event number"),
  slot = ProtoField.uint32("vmc.slot", "Element of the queue"),
  entry = ProtoField.bytes("vmc.entry", "Entry"),
  header = ProtoField.uint8("vmc.header", "Header", base.HEX, headers),
  init = ProtoField.uint8("vmc.init", "Initialization", base.HEX, inits),
  transport = ProtoField.uint8("vmc.transport_event", "Transport event", base.HEX, transport),
  type = ProtoField.uint8("vmc.type", "Type", base.HEX, types),
  status = ProtoField.uint8("vmc.status", "Status"),
  owner = ProtoField.uint8("vmc.owner", "Owner", base.DEC, owners),
  hmc_session = ProtoField.uint8("vmc.hmc_session", "HMC session"),
  hmc_index = ProtoField.uint8("vmc.hmc_index", "HMC index"),
  buffer_id = ProtoField.uint16("vmc.buffer_id", "Buffer ID"),
  buffer_lioba = ProtoField.uint32("vmc.buffer_lioba", "Buffer LIOBA", base.HEX),
  length = ProtoField.uint32("vmc.length", "Message length"),
  hmcs = ProtoField.uint8("vmc.hmcs", "HMC connections"),
  pool_size = ProtoField.uint16("vmc.pool_size", "Pool size"),
  mtu = ProtoField.uint32("vmc.mtu", "MTU"),
  crq_size = ProtoField.uint16("vmc.crq_size", "CRQ size"),
  version = ProtoField.uint16("vmc.version", "Version", base.HEX),
  opcode = ProtoField.uint64("vmc.opcode", "Opcode (R3)", base.HEX),
  argument = ProtoField.uint64("vmc.argument", "Argument", base.HEX),
  code = ProtoField.int64("vmc.code", "Return code (R3)"),
  r4 = ProtoField.uint64("vmc.r4", "R4", base.HEX),
  bytes = ProtoField.uint64("vmc.bytes", "Bytes copied"),
  source = ProtoField.uint64("vmc.source", "Source address", base.HEX),
  destination = ProtoField.uint64("vmc.destination", "Destination address", base.HEX),
  digest = ProtoField.uint32("vmc.digest", "Digest", base.HEX),
  payload = ProtoField.bytes("vmc.payload", "Payload"),
  text = ProtoField.string("vmc.text", "Text"),
  response_in = ProtoField.framenum("vmc.response_in", "Response in", base.NONE, frametype.RESPONSE),
  request_in = ProtoField.framenum("vmc.request_in", "Request in", base.NONE, frametype.REQUEST),
}
vmc.fields = f

local bad_status = ProtoExpert.new("vmc.status.failure", "Status other than success", expert.group.RESPONSE_CODE, expert.severity.WARN)
local bad_code = ProtoExpert.new("vmc.code.failure", "The hypervisor call failed", expert.group.RESPONSE_CODE, expert.severity.NOTE)
local reserved = ProtoExpert.new("vmc.reserved", "Reserved bytes are not zero", expert.group.PROTOCOL, expert.severity.WARN)
local violation = ProtoExpert.new("vmc.violation", "A rule is broken", expert.group.PROTOCOL, expert.severity.ERROR)
vmc.experts = { bad_status, bad_code, reserved, violation }

-- Fields of each message: name, first byte, length.
local status, session, index, buffer = { "status", 2, 1 }, { "hmc_session", 4, 1 }, { "hmc_index", 5, 1 }, { "buffer_id", 6, 2 }
local limits = { { "hmcs", 5, 1 }, { "pool_size", 6, 2 }, { "mtu", 8, 4 }, { "crq_size", 12, 2 }, { "version", 14, 2 } }
local layouts = {
  [0x01] = limits,
  [0x81] = { status, limits[1], limits[2], limits[3], limits[4], limits[5] },
  [0x02] = { session, index, buffer },
  [0x82] = { status, session, index, buffer },
  [0x03] = { session, index },
  [0x83] = { status, session, index },
  [0x04] = { { "owner", 3, 1 }, session, index, buffer, { "buffer_lioba", 12, 4 } },
  [0x84] = { status, session, index, buffer },
  [0x05] = { session, index },
  [0x85] = { status, session, index, buffer },
  [0x06] = { session, index, buffer, { "length", 12, 4 } },
}

local interface_name = Field.new("frame.interface_name")

-- Requests that wait for their response, and what answers what, by frame number.
local waiting, answered_by, answers = {}, {}, {}

function vmc.init()
  waiting, answered_by, answers = {}, {}, {}
end

-- A request and its response have this in common.
local function key_of(entry, kind)
  local key = string.format("%02x", kind % 0x80)
  if kind % 0x80 ~= 1 then key = key .. string.format(" %d/%d", entry(5, 1):uint(), entry(4, 1):uint()) end
  if kind % 0x80 == 4 then key = key .. string.format(" %d", entry(6, 2):uint()) end
  return key
end

local function link(entry, kind, pinfo, tree)
  local number = pinfo.number
  if not pinfo.visited and kind ~= 6 then
    local key = key_of(entry, kind)
    if kind < 0x80 then
      waiting[key] = waiting[key] or {}
      table.insert(waiting[key], number)
    elseif waiting[key] and #waiting[key] > 0 then
      local request = table.remove(waiting[key], 1)
      answered_by[request], answers[number] = number, request
    end
  end
  if answered_by[number] then tree:add(f.response_in, answered_by[number]):set_generated() end
  if answers[number] then tree:add(f.request_in, answers[number]):set_generated() end
end

local function message(entry, kind, pinfo, tree, is_send)
  local used = { [0] = true, [1] = true }
  local words = {}
  for _, field in ipairs(layouts[kind]) do
    local name, first, length = field[1], field[2], field[3]
    local item = tree:add(f[name], entry(first, length))
    for byte = first, first + length - 1 do used[byte] = true end
    if name == "status" and entry(first, 1):uint() ~= 0 then item:add_proto_expert_info(bad_status) end
    if name == "hmc_index" then table.insert(words, "index " .. entry(first, 1):uint()) end
    if name == "hmc_session" then table.insert(words, "session " .. entry(first, 1):uint()) end
    if name == "buffer_id" then table.insert(words, "buffer " .. entry(first, 2):uint()) end
    if name == "length" then table.insert(words, entry(first, 4):uint() .. " B") end
    if name == "status" then table.insert(words, "status " .. entry(first, 1):uint()) end
  end
  for byte = 0, 15 do
    if not used[byte] and entry(byte, 1):uint() ~= 0 then
      tree:add_proto_expert_info(reserved, "Reserved byte " .. byte .. " is not zero")
    end
  end
  if is_send then link(entry, kind, pinfo, tree) end
  return types[kind] .. " " .. table.concat(words, " ")
end

local function entry_of(entry, pinfo, tree, is_send)
  local sub = tree:add(f.entry, entry)
  local header, kind = entry(0, 1):uint(), entry(1, 1):uint()
  sub:add(f.header, entry(0, 1))
  if header == 0xC0 then
    sub:add(f.init, entry(1, 1))
    return inits[kind] or "CRQ INIT, reserved format"
  elseif header == 0xFF then
    sub:add(f.transport, entry(1, 1))
    return "transport event: " .. (transport[kind] or "reserved")
  elseif header == 0x80 then
    sub:add(f.type, entry(1, 1))
    if layouts[kind] then return message(entry, kind, pinfo, sub, is_send) end
  end
  return "unknown entry"
end

local function text_of(range)
  if range:len() == 0 then return "" end
  return range:string(ENC_UTF_8)
end

function vmc.dissector(buffer, pinfo, root)
  pinfo.cols.protocol = "VMC"
  local tree = root:add(vmc, buffer())
  local kind, direction = buffer(1, 1):uint(), buffer(2, 1):uint()
  tree:add(f.kind, buffer(1, 1))
  tree:add(f.direction, buffer(2, 1))
  tree:add(f.seq, buffer(4, 8))
  if direction == 1 then pinfo.cols.src, pinfo.cols.dst = "mgmt", "hyp" end
  if direction == 2 then pinfo.cols.src, pinfo.cols.dst = "hyp", "mgmt" end
  if direction == 0 and interface_name() then pinfo.cols.src = interface_name().value end
  local info
  if kind == 0 or kind == 1 then
    tree:add(f.slot, buffer(12, 4))
    info = entry_of(buffer(16, 16), pinfo, tree, kind == 0)
    if kind == 1 then info = "takes " .. info end
  elseif kind == 2 then
    tree:add(f.opcode, buffer(12, 8))
    for i = 0, 8 do tree:add(f.argument, buffer(20 + 8 * i, 8)):prepend_text("R" .. (4 + i) .. " ") end
    local code = tree:add(f.code, buffer(92, 8))
    if buffer(92, 8):int64() < Int64.new(0) then code:add_proto_expert_info(bad_code) end
    tree:add(f.r4, buffer(100, 8))
    tree:add(f.text, buffer(108))
    info = text_of(buffer(108):range())
  elseif kind == 3 then
    tree:add(f.hmc_index, buffer(12, 1))
    tree:add(f.hmc_session, buffer(13, 1))
    if buffer(14, 2):uint() ~= 0xFFFF then tree:add(f.buffer_id, buffer(14, 2)) end
    local code = tree:add(f.code, buffer(16, 8))
    if buffer(16, 8):int64() < Int64.new(0) then code:add_proto_expert_info(bad_code) end
    tree:add(f.bytes, buffer(24, 8))
    tree:add(f.source, buffer(32, 8))
    tree:add(f.destination, buffer(40, 8))
    tree:add(f.digest, buffer(48, 4))
    if buffer:len() > 52 then tree:add(f.payload, buffer(52)) end
    info = "RDMA " .. tostring(buffer(24, 8):uint64()) .. " B"
  else
    tree:add(f.text, buffer(12))
    info = text_of(buffer(12):range())
    if kind == 5 then tree:add_proto_expert_info(violation, info) end
  end
  pinfo.cols.info = info
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, vmc)
