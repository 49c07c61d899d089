"""Makes the calls of a scenario's applications with system calls: scenario.py DEVICE SOCKET PROCESS APP...

One process runs the threads of one application: each asks for its next instruction over the socket, makes that call, and
says what came of it. The words are those of the crate's `script.rs`.
"""

import ctypes
import os
import select
import socket
import sys
import threading

SETHMCID = 0x4008CC00
QUERY = 0x800CCC01
REQUESTVMC = 0x8004CC02
PR_SET_NAME = 15

libc = ctypes.CDLL(None, use_errno=True)
device, control_path = sys.argv[1:3]
descriptors = {}
nameless = []


def outcome(result, success):
    return success(result) if result >= 0 else f"error {ctypes.get_errno()}"


def unhex(word):
    return b"" if word == "-" else bytes.fromhex(word)


def ioctl(name, number, argument):
    return libc.ioctl(descriptors[name], ctypes.c_ulong(number), argument)


def do_open(name, flags):
    fd = libc.open(device.encode(), os.O_RDWR | (os.O_NONBLOCK if flags == "nonblock" else 0))
    if fd >= 0:
        # The file that had the name stays open.
        nameless.append(descriptors.get(name))
        descriptors[name] = fd
    return outcome(fd, lambda _: "done")


def do_hmc_id(name, number, word):
    memory = ctypes.create_string_buffer(unhex(word), 32)
    return outcome(ioctl(name, number, memory), lambda _: "done")


def do_write(name, word):
    message = unhex(word)
    return outcome(libc.write(descriptors[name], message, ctypes.c_size_t(len(message))), lambda n: f"written {n}")


def do_read(name, length):
    room = ctypes.create_string_buffer(max(int(length), 1))
    result = libc.read(descriptors[name], room, ctypes.c_size_t(int(length)))
    return outcome(result, lambda n: "read " + (room.raw[:n].hex() or "-"))


def do_poll(name, how):
    class Poll(ctypes.Structure):
        _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]

    poll = Poll(descriptors[name], select.POLLIN, 0)
    result = libc.poll(ctypes.byref(poll), ctypes.c_ulong(1), -1 if how == "wait" else 0)
    return outcome(result, lambda _: f"events {poll.revents}")


def do_query(name, number=QUERY):
    query = (ctypes.c_int * 3)()
    return outcome(ioctl(name, number, query), lambda _: f"state {query[0]} {query[1]}")


def do_request(name, number=REQUESTVMC):
    index = ctypes.c_uint()
    return outcome(ioctl(name, number, ctypes.byref(index)), lambda _: f"index {index.value}")


def do_ioctl(name, number, word):
    by_number = {
        SETHMCID: lambda: do_hmc_id(name, SETHMCID, word),
        QUERY: lambda: do_query(name),
        REQUESTVMC: lambda: do_request(name),
    }
    return by_number.get(int(number), lambda: do_hmc_id(name, int(number), word))()


def do_dup(name, other):
    nameless.append(descriptors.get(other))
    descriptors[other] = os.dup(descriptors[name])
    return ""


def do_close(name):
    return outcome(libc.close(descriptors.pop(name)), lambda _: "done")


def run(app):
    libc.prctl(PR_SET_NAME, app.encode(), 0, 0, 0)
    control = socket.socket(socket.AF_UNIX)
    control.connect(control_path)
    lines = control.makefile()
    result = ""
    while True:
        control.sendall(f"next {app} {result}\n".encode())
        words = lines.readline().split()
        lines.readline()
        if not words or words[0] in ("end", "failed", "stuck", "error:"):
            # Files stay open until the run has ended, and the device is gone.
            lines.readline()
            return
        if words[0] == "hmc-id":
            result = do_hmc_id(words[1], SETHMCID, words[2])
        else:
            result = globals()["do_" + words[0]](*words[1:])


threads = [threading.Thread(target=run, args=(app,)) for app in sys.argv[3:]]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
