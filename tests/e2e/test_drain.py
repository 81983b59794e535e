"""How a server leaves: what is under way finishes, and nothing is left behind."""

import contextlib
import os
import signal
import socket
import threading
import time

import pytest
from conftest import PATIENCE_S, echoes, eventually, receive_all, runs, stop

MIB = 1 << 20


class Sender:
    """A client that sends, and reads what comes back at the same time."""

    def __init__(self, server, message=None):
        self.connection = server.connect()
        self.message = message  # none: the same pattern without end
        self.received = bytearray()
        self.error = None
        self.sending = threading.Thread(target=self._send, daemon=True)
        self.receiving = threading.Thread(target=self._receive, daemon=True)
        self.sending.start()
        self.receiving.start()

    def _send(self):
        try:
            if self.message is not None:
                return self.connection.sendall(self.message)
            while True:
                self.connection.sendall(bytes(range(256)) * 64)
        except OSError:
            pass  # a stream without end is cut

    def _receive(self):
        try:
            while piece := self.connection.recv(65536):
                self.received += piece
        except OSError as error:
            self.error = error

    def wait(self):
        self.receiving.join(timeout=PATIENCE_S)
        assert not self.receiving.is_alive(), "the connection never ended"
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it was reset
        self.sending.join()
        self.connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_leaves_at_once(start, number):
    server = start()
    connection = server.connect()
    assert echoes(connection)
    server.signal(number)
    assert connection.recv(1) == b""
    assert server.wait() == 0
    assert "connections_cut=0" in server.log()
    with pytest.raises(ConnectionRefusedError):
        server.connect()


def test_echoes_under_way_complete(start):
    server = start()
    message = os.urandom(4 * MIB)
    senders = [Sender(server, message) for _ in range(4)]
    eventually(lambda: all(len(sender.received) > MIB // 2 for sender in senders), "flow")
    server.signal(signal.SIGTERM)
    for sender in senders:
        sender.wait()
        assert sender.error is None
        assert sender.received == message
    assert server.wait() == 0
    assert "connections_cut=0" in server.log()


def test_a_stream_without_end_is_cut_at_the_limit(start):
    server = start(options=["--drain-timeout", "1s"])
    streams = [Sender(server) for _ in range(3)]
    eventually(lambda: all(len(stream.received) > MIB for stream in streams), "flow")
    server.signal(signal.SIGTERM)
    for stream in streams:
        stream.wait()
        assert stream.received == (bytes(range(256)) * (len(stream.received) // 256 + 1))[
            : len(stream.received)
        ]
    assert server.wait() == 0


def test_a_client_that_never_reads_is_cut_and_counted(start):
    server = start(options=["--drain-timeout", "1s"])
    connection = server.connect()
    connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            connection.send(bytes(65536))
    eventually(lambda: sum(server.metric("window_stalls_total")) > 0, "its window is full")
    assert server.end() == 0
    assert "connections_cut=1" in server.log()


def test_a_second_signal_ends_it_at_once(start):
    server = start(options=["--drain-timeout", "10m"])
    stream = Sender(server)
    eventually(lambda: len(stream.received) > MIB, "flow")
    children = server.children().values()
    server.signal(signal.SIGTERM)
    eventually(lambda: server.get("/healthz")[0] == 503, "it is leaving")
    server.signal(signal.SIGTERM)
    assert server.wait() == 1
    assert not any(runs(child) for child in children)
    assert "event=ended_at_once" in server.log()
    stream.wait()


def test_readiness_fails_while_what_is_under_way_goes_on(start):
    server = start(options=["--drain-timeout", "4s"])
    stream = Sender(server)
    eventually(lambda: len(stream.received) > MIB, "flow")
    assert server.get("/healthz") == (200, "ready\n")
    assert server.metric("ready") == 1
    server.signal(signal.SIGTERM)
    eventually(lambda: server.get("/healthz") == (503, "not ready\n"), "it is leaving")
    assert server.metric("ready") == 0
    assert server.wait() == 0
    stream.wait()


def test_what_the_kernel_has_queued_is_served_before_leaving(start, tmp_path):
    """The workers stand still, so that everything is in the queues when the signal comes."""
    path = tmp_path / "echo.sock"
    server = start(listen=["127.0.0.1:0", f"unix:{path}"])
    workers = [server.worker(0), server.worker(1)]
    for worker in workers:
        stop(worker)
    connections = [server.connect() for _ in range(10)]
    for _ in range(10):
        connections.append(socket.socket(socket.AF_UNIX))
        connections[-1].connect(str(path))
    for connection in connections:
        connection.sendall(b"last words")
    server.signal(signal.SIGTERM)
    eventually(lambda: server.get("/healthz")[0] == 503, "it is leaving")
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    for connection in connections:
        connection.settimeout(PATIENCE_S)
        assert receive_all(connection) == b"last words"
    assert server.wait() == 0


def test_who_waits_for_a_place_is_served_before_leaving(start):
    server = start(options=["--max-connections", "3", "--drain-timeout", f"{PATIENCE_S}s"])
    connections = [server.connect() for _ in range(12)]
    for connection in connections:
        connection.sendall(b"me too")
    eventually(lambda: server.metric("server_connections") == 3, "it is full")
    server.signal(signal.SIGTERM)
    for connection in connections:
        assert receive_all(connection) == b"me too"
    assert server.wait() == 0


def test_nobody_leaves_before_all_have_heard_of_it(start):
    """Who has not might just be handing over a connection."""
    server = start()
    stop(server.worker(0))
    server.signal(signal.SIGTERM)
    eventually(lambda: server.get("/healthz")[0] == 503, "it is leaving")
    time.sleep(0.3)  # it would be gone by then
    assert runs(server.worker(1))
    os.kill(server.worker(0), signal.SIGCONT)
    assert server.wait() == 0


def test_no_time_to_drain_is_kept_to(start):
    server = start(options=["--drain-timeout", "0"])
    stream = Sender(server)
    eventually(lambda: len(stream.received) > MIB, "flow")
    assert server.end() == 0
    stream.wait()


def test_a_worker_that_stands_still_is_killed_at_the_limit(start):
    server = start(options=["--drain-timeout", "1s"])
    stop(server.worker(0))
    assert server.end() == 1
    assert "event=killed_at_limit" in server.log()


def test_sigquit_ends_it_as_sigterm_does(server):
    server.signal(signal.SIGQUIT)
    assert server.wait() == 0


def test_who_sends_until_the_end_is_read_until_shortly_before_the_limit(start):
    server = start(options=["--drain-timeout", "4s"])
    sent = received = 0
    with server.connect() as connection:
        connection.settimeout(PATIENCE_S)
        server.signal(signal.SIGTERM)
        end = time.monotonic() + 2.1  # more than half of the limit
        while time.monotonic() < end:
            connection.sendall(bytes(1000))
            sent += 1000
            time.sleep(0.01)
        connection.shutdown(socket.SHUT_WR)
        received = len(receive_all(connection))
    assert received == sent
    assert server.wait() == 0
    assert "connections_cut=0" in server.log()


def test_what_is_not_read_any_more_counts_as_cut(start):
    server = start(options=["--drain-timeout", "2s"])
    with server.connect() as connection:
        connection.settimeout(0.01)
        server.signal(signal.SIGTERM)
        with contextlib.suppress(OSError):
            while server.process.poll() is None:
                connection.send(bytes(1000))
                with contextlib.suppress(TimeoutError):
                    connection.recv(65536)
                time.sleep(0.01)
        assert server.wait() == 0
    assert "connections_cut=1" in server.log()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_it_has_no_use_for_changes_nothing(server, number):
    with server.connect() as connection:
        server.signal(number)
        eventually(lambda: "event=signal_ignored" in server.log(), "it is heard")
        assert echoes(connection)
    assert server.end() == 0


def test_a_signal_while_it_starts_ends_it_too(start):
    for _ in range(5):
        server = start()
        assert server.end() == 0
