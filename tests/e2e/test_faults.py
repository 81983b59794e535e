"""Processes, memory, descriptors and clocks fail under load: what that costs, and whom it does
not touch. Every byte is compared."""

import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
from conftest import OURO, PATIENCE_S, echoes, eventually, kill, runs, stop
from content_support import CLIENT, KIB, MIB, check
from talkers import Talkers

only_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
# Nobody else runs as this user: locked memory is charged to all processes of one.
SOMEBODY = ["setpriv", f"--reuid={200_000 + os.getpid()}", "--clear-groups"]
# The limits of another user's process are not ours to change.
ROOT = ["--user", "root"]
LOADS = pytest.mark.parametrize("ahead", [1000, 300_000])


def connect_many(server, count):
    return [server.connect() for _ in range(count)]


def connect_to_both(server, count):
    """On a busy machine one worker may be taken for hung for a moment, and gets none."""
    connections = connect_many(server, count)

    def both_have_some():
        if min(server.metric("connections_open")) == 0:
            connections.extend(connect_many(server, 4))
            return False
        return True

    eventually(both_have_some, "both workers have connections")
    return connections


def is_served(server):
    with server.connect() as newcomer:
        return echoes(newcomer)


def memory_size(process):
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmSize:\s+(\d+) kB", status)[1]) * KIB


def allow_memory(process, spare):
    """Its address space may grow by so much, and no more."""
    resource.prlimit(process, resource.RLIMIT_AS, (memory_size(process) + spare,) * 2)


def open_files(process):
    return len(os.listdir(f"/proc/{process}/fd"))


@LOADS
def test_a_worker_killed_under_load_costs_nobody_else_a_byte(server, ahead):
    some = 50 if ahead < 10_000 else 5
    with Talkers(connect_to_both(server, 40), ahead) as talkers:
        talkers.go_on(some)
        held = server.metric("connections_open")
        kill(server.worker(0))
        eventually(lambda: len(talkers.broken) == held[0], "its own connections end")
        with Talkers(connect_many(server, 40), ahead) as newcomers:
            newcomers.go_on(some)
            eventually(lambda: server.metric("worker_up") == [1, 1], "it is replaced")
            newcomers.go_on(some)
            talkers.moving(some)
        assert len(talkers.broken) == held[0]


@LOADS
def test_a_worker_stopped_under_load_goes_on_where_it_was(server, ahead):
    some = 10 if ahead < 10_000 else 3  # soon enough that the watchdog lets it live
    with Talkers(connect_to_both(server, 20), ahead) as talkers:
        talkers.go_on(some)
        of_the_other = server.metric("connections_open")[1]
        stopped = server.worker(0)
        for _ in range(3):
            stop(stopped)
            try:
                assert talkers.moving(some, at_least=of_the_other) == of_the_other
            finally:
                os.kill(stopped, signal.SIGCONT)
            talkers.go_on(some)
        assert server.worker(0) == stopped


@pytest.fixture
def program():
    """The program where everybody may read it; gives the words that put it in its place."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield ["sh", "-c", 'shift; exec "$0" "$@"', shutil.copy(OURO, folder)]


@only_root
@pytest.mark.parametrize("engine", ["auto"])
@pytest.mark.parametrize("locked", [0, 64 * KIB, 512 * KIB])
def test_little_locked_memory_means_smaller_rings_or_epoll_with_the_reason(start, program, locked):
    server = start(prefix=["prlimit", f"--memlock={locked}", *SOMEBODY, *program])
    if server.engine == "epoll":
        assert re.search(r"engine_fallback engine=epoll reason=.*([Ll]ocked|allocate) memory",
                         server.log()), server.log()
    check(server.places[0], connections=100, bytes=200_000)


def limit_locked_memory(process, limit):
    """The kernel lets only the user itself do that, where root has not all capabilities."""
    subprocess.run([*SOMEBODY, "prlimit", "--pid", str(process), f"--memlock={limit}:{4 * MIB}"],
                   check=True)


@only_root
@pytest.mark.parametrize("engine", ["uring"])
def test_a_worker_that_is_denied_its_ring_is_held_back_until_it_may(start, program):
    server = start(prefix=["prlimit", f"--memlock={4 * MIB}", *SOMEBODY, *program])
    with Talkers(connect_many(server, 20)) as talkers:
        talkers.go_on()
        limit_locked_memory(server.process.pid, 0)
        kill(server.worker(0))
        # Not every kernel charges rings to the user: there it is simply replaced.
        eventually(lambda: "event=crash_loop" in server.log() or server.metric("worker_up")[0],
                   "it is tried again")
        for _ in range(20):
            with server.connect() as newcomer:
                assert echoes(newcomer)
        talkers.moving(20)
        limit_locked_memory(server.process.pid, 4 * MIB)
        eventually(lambda: server.metric("worker_up") == [1, 1], "it comes back")
        talkers.moving(20)
        assert 0 < len(talkers.broken) < 20


def send_what_is_taken(connections):
    for connection in connections:
        try:
            connection.send(bytes(64 * KIB))
        except (BlockingIOError, ConnectionError):
            pass  # it is full, or was cut


def use_up_memory(server, spare):
    """With windows of slow readers that are three times as large; gives the slow readers."""
    allow_memory(server.worker(0), spare)
    readers = [socket.socket() for _ in range(3 * spare // (256 * KIB))]
    for reader in readers:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
        reader.connect(("127.0.0.1", server.port))
        reader.setblocking(False)

    def short():
        send_what_is_taken(readers)
        cut, stalled = server.metric("connections_cut_total"), server.metric("window_stalls_total")
        return sum(cut + stalled) > 100

    eventually(short, "memory is short")
    return readers


def test_slow_readers_that_use_up_the_memory_do_not_end_the_worker(start):
    server = start(workers=1, options=[*ROOT, "--drain-timeout", "1s"])
    worker = server.worker(0)
    with Talkers(connect_many(server, 10)) as talkers:
        talkers.go_on()
        readers = use_up_memory(server, 24 * MIB)
        talkers.go_on(100)
        for reader in readers:
            reader.close()
        eventually(lambda: server.metric("server_connections") == 10, "they are gone")
        check(server.places[0], connections=20, bytes=200_000, message=16 * KIB)
        talkers.go_on()
    assert server.worker(0) == worker


def test_without_memory_a_stream_may_be_cut_but_no_byte_is_wrong(start):
    server = start(workers=1, options=[*ROOT, "--drain-timeout", "1s"])
    worker = server.worker(0)
    readers = use_up_memory(server, 24 * MIB)
    ended = subprocess.run(
        [CLIENT, server.places[0], "--connections", "10", "--bytes", str(8 * MIB)],
        capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert ended.returncode == 0 or "reset" in ended.stderr, ended.stderr
    for reader in readers:
        reader.close()
    eventually(lambda: server.metric("server_connections") == 0, "they are gone")
    eventually(lambda: sum(server.metric("unsent_bytes")) == 0, "their memory is free")
    check(server.places[0], connections=10, bytes=1 * MIB)
    assert server.worker(0) == worker


def test_when_memory_is_out_newcomers_may_be_refused_but_the_others_are_served(start):
    server = start(workers=1, options=[*ROOT, "--drain-timeout", "1s"])
    worker = server.worker(0)
    with Talkers(connect_many(server, 10)) as talkers:
        talkers.go_on()
        allow_memory(worker, 256 * KIB)
        newcomers = connect_many(server, 2500)
        talkers.go_on(100)
        assert runs(worker)
        for newcomer in newcomers:
            newcomer.close()
        eventually(lambda: is_served(server), "another is served again")
        talkers.go_on()
    assert server.worker(0) == worker


def test_when_descriptors_run_out_under_load_the_served_go_on_and_the_rest_wait(start):
    server = start(workers=1, options=ROOT)
    worker = server.worker(0)
    with Talkers(connect_many(server, 8)) as talkers:
        talkers.go_on()
        limit = open_files(worker) + 4
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (limit, limit))
        newcomers = connect_many(server, 30)
        eventually(lambda: sum(server.metric("accept_pauses_total")) > 0, "it runs out")
        talkers.go_on(500)
        for newcomer in newcomers:  # in the order in which they came; each makes room for another
            assert echoes(newcomer)
            newcomer.close()
        talkers.go_on()
        assert server.metric("connections_reset_total") == [0]


def test_a_generator_killed_in_the_middle_leaves_nothing_behind(server, engine):
    check(server.places[0], connections=20, bytes=MIB)
    eventually(lambda: server.metric("server_connections") == 0, "all have left")
    workers = [server.worker(0), server.worker(1)]
    files = [open_files(worker) for worker in workers]
    generator = subprocess.Popen(
        [OURO, "load", server.places[0], "--mode", "stream", "-c", "500", "-d", "60"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )
    try:
        eventually(lambda: server.metric("server_connections") == 500, "all are there")
        before = sum(server.metric("received_bytes_total"))
        eventually(lambda: sum(server.metric("received_bytes_total")) > before + 100 * MIB, "flow")
    finally:
        os.killpg(generator.pid, signal.SIGKILL)
        generator.wait()
    eventually(lambda: server.metric("server_connections") == 0, "their places are free")
    eventually(lambda: sum(server.metric("unsent_bytes")) == 0, "nothing is kept for them")
    # What is lent to the kernel stays lent until it is used, and with it the slabs it lies in: in
    # the worst case all of the pool, which is 512 buffers of 60 KiB.
    kept = 4 * MIB if engine == "epoll" else 32 * MIB
    eventually(lambda: max(server.metric("pool_bytes")) <= kept, "the buffers go")
    eventually(lambda: [open_files(worker) for worker in workers] == files, "the files are closed")
    check(server.places[0], connections=20, bytes=MIB)


@only_root
@pytest.mark.parametrize("when", ["in a hundred years", "at the very beginning"])
def test_timers_hold_whatever_the_clock_shows(start, when):
    shift_s = 3_200_000_000 if when == "in a hundred years" else -int(time.monotonic())
    shifted = ["unshare", "--time", "--monotonic", str(shift_s), "--boottime", str(shift_s)]
    if subprocess.run([*shifted, "true"], capture_output=True).returncode != 0:
        pytest.skip("no time namespace can be made here")
    server = start(prefix=shifted, options=["--idle-timeout", "1s", "--drain-timeout", "500ms"])
    last_turn = eventually(lambda: server.metric("last_turn_ns")[0], "it turns")
    assert abs(last_turn / 1e9 - time.monotonic() - shift_s) < PATIENCE_S
    check(server.places[0], connections=5, bytes=100_000)
    with server.connect() as idle:
        assert echoes(idle)
        began = time.monotonic()
        assert idle.recv(1) == b""
        assert time.monotonic() - began > 0.9
    kill(server.worker(0))
    eventually(lambda: server.metric("worker_up") == [1, 1], "it is replaced")
    with server.connect() as newcomer:
        newcomer.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                newcomer.send(bytes(64 * KIB))
        assert server.end() == 0


def tracer_of(process):
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"TracerPid:\s+(\d+)", status)[1])


def test_no_timer_is_on_the_wall_clock(start, tmp_path):
    trace = tmp_path / "trace"
    calls = ("timerfd_create,timer_create,setitimer,alarm,clock_nanosleep,futex,io_uring_register,"
             "io_uring_enter,?epoll_wait,epoll_pwait2")
    server = start(prefix=["strace", "-D", "-f", "-qq", "--interruptible=waiting",
                           "-o", str(trace), "-e", f"trace={calls}"],
                   options=["--idle-timeout", "1s"])
    tracer = tracer_of(server.process.pid)
    try:
        with server.connect() as idle:
            assert echoes(idle)
            assert idle.recv(1) == b""
        kill(server.worker(0))
        eventually(lambda: server.metric("worker_up") == [1, 1], "it is replaced")
    finally:
        os.kill(tracer, signal.SIGINT)
        eventually(lambda: tracer_of(server.process.pid) == 0, "it is let go")
    said = trace.read_text()
    assert re.search(r"io_uring_enter|epoll_(wait|pwait2)", said), "nothing was watched"
    assert not re.findall(r".*CLOCK_REALTIME.*|.*ITIMER_REAL.*|.*REGISTER_CLOCK.*", said)
