#!/usr/bin/env python3
"""Brings the channel up, as a driver of the management partition does. Argument: the path of libvmcsim.so."""
import ctypes, sys
from ctypes import byref, c_int64, c_size_t, c_uint8, c_uint32, c_uint64

PUT_TCE, REG_CRQ, SEND_CRQ, READ_WRITE, PAGE = 0x20, 0xFC, 0x108, 3, 4096
MANAGEMENT, PLATFORM, START, TRACE = 0, 1, 9, 1
lib = ctypes.CDLL(sys.argv[1])
lib.vmcsim_hcall.restype = c_int64

def fields(*names):  # A structure that begins with its size.
    return type("Structure", (ctypes.Structure,), {"_fields_": [("size", c_uint32)] + list(names)})

Config = fields(("abi_version", c_uint32), ("flags", c_uint32), ("rest", c_uint8 * 92))
Adapter = fields(("interrupt", c_uint32), ("unit", c_uint64), ("liobn", c_uint64), ("rest", c_uint64 * 3))
Progress = fields(("is_idle", c_uint32), ("steps", c_uint64), ("wake_at_ns", c_uint64))

def check(status):
    if status != 0:
        text, length = ctypes.create_string_buffer(512), c_size_t()
        lib.vmcsim_last_error(text, 512, byref(length))
        sys.exit(text.value.decode())

def hcall(opcode, *arguments):
    args, rets = (c_uint64 * 9)(*arguments), (c_uint64 * 9)()
    return lib.vmcsim_hcall(machine, MANAGEMENT, c_uint64(opcode), args, rets)

def send(*entry):  # The bytes of an entry; the rest are zero.
    high, low = (int.from_bytes(bytes(entry).ljust(16, b"\0")[half:half + 8], "big") for half in (0, 8))
    assert hcall(SEND_CRQ, adapter.unit, high, low) == 0

machine, adapter = c_uint64(), Adapter(size=ctypes.sizeof(Adapter))
config = Config(size=ctypes.sizeof(Config), abi_version=0x10000, flags=TRACE)
check(lib.vmcsim_create(byref(config), byref(machine)))
check(lib.vmcsim_adapter_of(machine, MANAGEMENT, byref(adapter)))

# The queue is the first page of memory, at the same address of the window.
assert hcall(PUT_TCE, adapter.liobn, 0, READ_WRITE) == 0
assert hcall(REG_CRQ, adapter.unit, 0, PAGE) == 2  # H_Closed: the partner is not there yet.
check(lib.vmcsim_order(machine, PLATFORM, START))

progress, entry, taken, at = Progress(size=ctypes.sizeof(Progress)), (c_uint8 * 16)(), c_uint32(1), 0
while taken.value:
    check(lib.vmcsim_service_run(machine, c_uint64(2**64 - 1), byref(progress)))
    check(lib.vmcsim_take_entry(machine, MANAGEMENT, c_uint64(at), entry, byref(taken)))
    at += 16
    if taken.value and bytes(entry[:2]) == b"\xc0\x01":  # INIT: answer it, and offer what the driver has.
        send(0xC0, 0x02)
        send(0x80, 0x01, 0, 0, 0, 1, 0, 32, 0, 0, 0x10, 0, 1, 0, 1, 1)
    elif taken.value and entry[1] == 0x04:  # Add Buffer: take it.
        send(0x80, 0x84, 0, 0, *entry[4:8])

text, length, problems = ctypes.create_string_buffer(65536), c_size_t(), c_uint32()
check(lib.vmcsim_trace_text(machine, text, c_size_t(65536), byref(length)))
print(text.value.decode(), end="")
check(lib.vmcsim_check(machine, 1, byref(problems), text, c_size_t(65536), byref(length)))
print("problems:", problems.value)
