#!/usr/bin/env python3
"""Opens the device, sends messages of growing length, and reads their echoes. Needs ctypes and select only.

Usage: echo.py [DEVICE [MESSAGES]]
"""

import ctypes
import errno
import fcntl
import os
import select
import sys
import time

# The numbers of x86-64 and aarch64: _IOW(0xCC, 0, unsigned char *) and _IOR(0xCC, 1, three ints).
SETHMCID = 0x4008CC00
QUERY = 0x800CCC01

PATIENCE_S = 10


class Query(ctypes.Structure):
    _fields_ = [("have_vmc", ctypes.c_int), ("state", ctypes.c_int), ("drc_index", ctypes.c_int)]


def until_not_busy(call):
    """Calls again while the device is busy, as it is before the channel or the session is ready."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except OSError as e:
            if e.errno not in (errno.EBUSY, errno.EAGAIN, errno.ENOBUFS) or time.monotonic() > deadline:
                raise
            time.sleep(0.001)


def main():
    device = sys.argv[1] if len(sys.argv) > 1 else "/tmp/ibmvmc"
    messages = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    fd = until_not_busy(lambda: os.open(device, os.O_RDWR))
    query = Query()
    fcntl.ioctl(fd, QUERY, query)
    print(f"have_vmc {query.have_vmc}, state {query.state}")
    # The ioctl's argument points to the 32 bytes of the HMC ID.
    hmc_id = ctypes.create_string_buffer(b"example", 32)
    libc = ctypes.CDLL(None, use_errno=True)

    def set_hmc_id():
        if libc.ioctl(fd, ctypes.c_ulong(SETHMCID), hmc_id) != 0:
            raise OSError(ctypes.get_errno(), "SETHMCID")

    until_not_busy(set_hmc_id)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    for n in range(messages):
        message = bytes(byte % 251 for byte in range(n, n + 1 + n * 40))
        until_not_busy(lambda: os.write(fd, message))
        if not poll.poll(PATIENCE_S * 1000):
            sys.exit("no echo")
        if os.read(fd, 4096) != message:
            sys.exit("another message than was written")
    os.close(fd)
    print(f"{messages} echoes")


if __name__ == "__main__":
    try:
        main()
    except OSError as e:
        sys.exit(f"echo.py: {e}")
