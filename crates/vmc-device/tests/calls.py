"""System calls on the device, one function for each thing that must hold: calls.py DEVICE FUNCTION [ARGUMENT]."""

import ctypes
import errno
import fcntl
import os
import select
import signal
import socket
import sys
import threading
import time

SETHMCID = 0x4008CC00
QUERY = 0x800CCC01
REQUESTVMC = 0x8004CC02
EBADFD = 77
PATIENCE_S = 20

libc = ctypes.CDLL(None, use_errno=True)
device = sys.argv[1]


def call(function, *arguments):
    """A system call without Python's habit of making it again; a negative errno for one that fails."""
    result = function(*arguments)
    return result if result >= 0 else -ctypes.get_errno()


def read(fd, length=4096):
    room = ctypes.create_string_buffer(max(length, 1))
    result = call(libc.read, fd, room, ctypes.c_size_t(length))
    return room.raw[:result] if result >= 0 else result


def write(fd, message):
    return call(libc.write, fd, message, ctypes.c_size_t(len(message)))


def ioctl(fd, number, argument):
    return call(libc.ioctl, fd, ctypes.c_ulong(number), argument)


def again(attempt):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        result = attempt()
        if result not in (-errno.EBUSY, -errno.EAGAIN, -errno.ENOBUFS) or time.monotonic() > deadline:
            return result
        time.sleep(0.002)


def open_device(flags=os.O_RDWR):
    fd = again(lambda: call(libc.open, device.encode(), flags))
    assert fd >= 0, fd
    return fd


def session(name=b"test", flags=os.O_RDWR):
    """A file whose session is ready."""
    fd = open_device(flags)
    hmc_id = ctypes.create_string_buffer(name, 32)
    assert again(lambda: ioctl(fd, SETHMCID, hmc_id)) == 0
    return fd


def exchange(fd, message=b"hello"):
    assert again(lambda: write(fd, message)) == len(message)
    got = read(fd)
    assert got == message, got


def in_thread(function):
    """Starts it; the result comes from the call that is returned."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()

    def result():
        thread.join(PATIENCE_S)
        assert results, "it does not come back"
        return results[0]

    return result


def asleep(thread_id):
    """Waits until a thread sleeps in a system call on the device."""
    for _ in range(PATIENCE_S * 500):
        with open(f"/proc/{thread_id}/wchan") as wchan:
            if "fuse" in wchan.read() or "request_wait" in wchan.read():
                return
        time.sleep(0.002)


def messages():
    fd = session()
    for length in (1, 100, 4096):
        exchange(fd, bytes(n % 251 for n in range(length)))
    assert write(fd, b"x" * 4097) == -errno.EIO
    assert write(fd, b"long message") == 12
    assert read(fd, 4) == b"long"
    os.close(fd)


def nonblock():
    fd = session(flags=os.O_RDWR | os.O_NONBLOCK)
    assert read(fd) == -errno.EAGAIN
    again(lambda: write(fd, b"hello"))
    while (got := read(fd)) == -errno.EAGAIN:
        pass
    assert got == b"hello", got
    fcntl.fcntl(fd, fcntl.F_SETFL, 0)
    result = in_thread(lambda: read(fd))
    time.sleep(0.05)
    again(lambda: write(fd, b"second"))
    assert result() == b"second"
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK)
    assert read(fd) == -errno.EAGAIN
    os.close(fd)


def readers_hold_up_nobody():
    fd = session()
    other = session(b"other")
    waiting = in_thread(lambda: read(fd))
    for n in range(50):
        exchange(other, b"%d" % n)
    # On the file that is read as well.
    assert again(lambda: write(fd, b"at last")) == 7
    assert waiting() == b"at last"
    os.close(fd)
    os.close(other)


def close_while_reading():
    fd = session()
    waiting = in_thread(lambda: read(fd))
    time.sleep(0.1)
    os.close(fd)
    assert waiting() == -EBADFD, waiting()


def close_beside_a_duplicate():
    """Two files of one device are told apart, however many descriptors each has."""
    fd, other = session(), session(b"other")
    second = os.dup(other)
    waiting = in_thread(lambda: read(fd))
    time.sleep(0.1)
    os.close(fd)
    assert waiting() == -EBADFD, waiting()
    os.close(other)
    exchange(second)
    os.close(second)


def dup_and_fork():
    fd = session()
    second = os.dup(fd)
    os.close(fd)
    exchange(second)
    child = os.fork()
    if child == 0:
        exchange(second, b"child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    exchange(second, b"parent")
    os.close(second)
    # Every index is free again.
    for _ in range(20):
        os.close(session())


def spawned():
    """A program that is started gets no descriptor of the file, which stays open; and then it is the last one."""
    fd = session()
    os.set_inheritable(fd, False)
    environment = dict(os.environ)
    for _ in range(20):
        child = os.posix_spawn("/bin/true", ["true"], environment)
        assert os.waitpid(child, 0)[1] == 0
        exchange(fd)
    children = [os.posix_spawn("/bin/sleep", ["sleep", "0.01"], environment) for _ in range(8)]
    for child in children:
        exchange(fd)
        assert os.waitpid(child, 0)[1] == 0
    child = os.fork()
    if child == 0:
        # This one's own files are closed by exec() alone.
        mine = session(b"child")
        os.set_inheritable(mine, False)
        os.execv("/bin/true", ["true"])
    assert os.waitpid(child, 0)[1] == 0
    files = [fd, session(b"second")]
    [os.close(fd) for fd in files]


def interrupted():
    fd = session()
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.siginterrupt(signal.SIGUSR1, sys.argv[3] == "EINTR")
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1))
    timer.start()
    started = time.monotonic()
    assert read(fd) == -errno.EINTR
    assert time.monotonic() - started < PATIENCE_S
    exchange(fd)
    os.close(fd)


def killed():
    for how in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            fd = session()
            os.write(writer, b"x")
            read(fd)
            os._exit(1)
        os.read(reader, 1)
        time.sleep(0.05)
        os.kill(child, how)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -how
    # Their sessions are over: every index is free.
    files = [session(b"%d" % n) for n in range(2)]
    [os.close(fd) for fd in files]


def ioctls():
    fd = open_device()
    query = (ctypes.c_int * 3)()
    # The device may be there before its channel is ready.
    deadline = time.monotonic() + PATIENCE_S
    while ioctl(fd, QUERY, query) == 0 and query[1] != 3:
        assert time.monotonic() < deadline, list(query)
    assert list(query)[:2] == [1, 3], list(query)
    assert ioctl(fd, 0x4008CC07, query) == -errno.EINVAL
    assert ioctl(fd, QUERY, None) == -errno.EFAULT
    assert ioctl(fd, SETHMCID, None) == -errno.EFAULT
    assert read(fd) == -errno.EIO and write(fd, b"x") == -errno.EIO
    whole = ctypes.create_string_buffer(b"0123456789abcdef0123456789abcdef", 32)
    assert again(lambda: ioctl(fd, SETHMCID, whole)) == 0
    assert ioctl(fd, SETHMCID, whole) in (-errno.EIO, -errno.EBUSY)
    os.close(fd)


def waits():
    """poll, select and epoll are woken by messages, and by the end of a session."""
    fd = session()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    epoll = select.epoll()
    epoll.register(fd, select.EPOLLIN)
    waiters = {
        "poll": lambda: poll.poll(PATIENCE_S * 1000) != [],
        "select": lambda: select.select([fd], [], [], PATIENCE_S)[0] == [fd],
        "epoll": lambda: epoll.poll(PATIENCE_S) != [],
    }
    assert poll.poll(0) == [] and poll.poll(20) == [] and epoll.poll(0.02) == []
    for name, waiter in waiters.items():
        waiting = in_thread(waiter)
        time.sleep(0.05)
        assert again(lambda: write(fd, name.encode())) == len(name)
        assert waiting(), name
        assert poll.poll(0) == [(fd, select.POLLIN)]
        assert read(fd) == name.encode()
        assert poll.poll(0) == [], name
    waiting = [in_thread(waiter) for waiter in waiters.values()]
    time.sleep(0.05)
    order("crash hyp")
    for result in waiting:
        assert result()
    assert poll.poll(0)[0][1] & select.POLLHUP
    assert read(fd) == -EBADFD
    order("reboot hyp")
    os.close(fd)
    epoll.close()
    exchange(session())


def one_poll():
    """A thread that waits in poll() until a message comes."""
    fd = session()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    waiting = in_thread(lambda: poll.poll(PATIENCE_S * 1000))
    time.sleep(0.05)
    assert again(lambda: write(fd, b"hello")) == 5
    assert waiting() == [(fd, select.POLLIN)]
    assert read(fd) == b"hello"
    os.close(fd)


def event_loop():
    """A thread that waits with epoll, and makes other calls meanwhile; and then more files than the machine has seats."""
    fd = session()
    epoll = select.epoll()
    epoll.register(fd, select.EPOLLIN)
    assert epoll.poll(0.02) == []
    for n in range(20):
        assert again(lambda: write(fd, b"%d" % n)) > 0
        assert epoll.poll(PATIENCE_S) == [(fd, select.EPOLLIN)]
        assert read(fd) == b"%d" % n
    os.close(fd)
    for _ in range(600):
        fd = session()
        epoll.register(fd, select.EPOLLIN)
        assert epoll.poll(0.001) == []
        os.close(fd)
    epoll.close()


def busy():
    """Makes no call while timers of both sides fire: the hypervisor's before it sets the channel up again, the driver's before
    it sends what found no room."""
    fd = session()
    order("rules " + sys.argv[4])
    order("free-crq hyp")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        lines = order("status").splitlines()
        if lines[0].startswith("management partition runs, channel ready") and lines[2].startswith("index 0: no session"):
            break
        assert time.monotonic() < deadline, lines
    assert read(fd) == -EBADFD
    os.close(fd)
    exchange(session(b"again"))


def many_threads():
    """More threads than the machine has seats: one gets that of a thread which is gone and has left a poll() behind."""
    fd = session()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    assert in_thread(lambda: poll.poll(5))() == []
    for _ in range(600):
        assert in_thread(lambda: ioctl(fd, QUERY, (ctypes.c_int * 3)()))() == 0
    exchange(fd)
    os.close(fd)


def sleeper():
    """Sleeps in read(), and says what came of it."""
    fd = session()
    print("ready", flush=True)
    print(read(fd), flush=True)


def management_crashes():
    """A program lives on when its partition crashes: its calls fail, and it can open the device again."""
    fd = session()
    waiting = in_thread(lambda: read(fd))
    time.sleep(0.05)
    order("crash mgmt")
    assert waiting() == -errno.EIO
    assert write(fd, b"x") == -errno.EIO and ioctl(fd, QUERY, (ctypes.c_int * 3)()) == -errno.EIO
    assert call(libc.open, device.encode(), os.O_RDWR) == -errno.ENODEV
    order("reboot mgmt")
    while call(libc.open, device.encode(), os.O_RDWR) == -errno.ENODEV:
        time.sleep(0.002)
    assert read(fd) == -errno.EIO, "the file is one of the partition that is gone"
    os.close(fd)
    exchange(session(b"again"))


def order(text):
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(sys.argv[3])
        control.sendall(text.encode() + b"\n")
        lines = iter(control.makefile().readline, "\n")
        answer = "".join(lines)
        assert not answer.startswith("error"), answer
        return answer


def router():
    """As a public test program uses the device."""

    def command(opcode, data=b""):
        lengths = (32 + len(data)).to_bytes(4, "big"), len(data).to_bytes(4, "big")
        target, expects_response = b"\x80\x00", b"\x00\x80"
        header = b"\xde\xca\xff\x20" + lengths[0] + bytes(4) + target + expects_response
        message = header + lengths[1] + opcode.to_bytes(2, "big") + bytes(10) + data
        assert again(lambda: write(fd, message)) == len(message)
        response = read(fd)
        assert int.from_bytes(response[4:8], "big") == len(response)
        assert response[22:24] == b"\x00\x00", response
        return response[32:]

    fd = session(b"hmcless id")
    command(1, b"\x00\x01\x00\x00\x00\x00")
    for length in range(1, 101):
        data = os.urandom(length)
        assert command(0x103, data) == data
    command(2)
    os.close(fd)


def on_request():
    """A device that an application asks for: open, QUERY, REQUESTVMC, QUERY."""
    fd = open_device()
    query = (ctypes.c_int * 3)()
    assert ioctl(fd, QUERY, query) == 0 and list(query) == [0, 0, 0], list(query)
    index = ctypes.c_uint()
    assert ioctl(fd, REQUESTVMC, ctypes.byref(index)) == 0 and index.value != 0
    hmc_id = ctypes.create_string_buffer(b"x", 32)
    deadline = time.monotonic() + PATIENCE_S
    while ioctl(fd, SETHMCID, hmc_id) != 0:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    exchange(fd)


globals()[sys.argv[2]]()
