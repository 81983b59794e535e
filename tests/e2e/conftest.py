"""A whole server with its processes, for every test that needs one: started on a port of the
kernel's choice, watched from outside, and gone without a trace when the test is over."""

import functools
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

OURO = os.environ.get("OURO", "")
# How many times as long as usual everything may take, for emulated machines.
PATIENCE = max(1, int(os.environ.get("OURO_TEST_PATIENCE", "1")))
PATIENCE_S = 30 * PATIENCE  # a hang is a failure; nothing is asserted about being faster
READY = re.compile(
    r"ouro (echo|proxy) ready on (?P<places>.+?) "
    r"\((?P<engine>io_uring|epoll), (?P<workers>\d+) workers?\)"
    r"(, admin on (?P<admin>\S+))?\n"
)


@functools.cache
def feature(key):
    """The line of `ouro doctor` about it, for tests of what a kernel may lack."""
    report = json.loads(subprocess.check_output([OURO, "doctor", "--json"], text=True))
    return next(line for line in report["features"] if line["key"] == key)


# Slow, and short of what a sanitizer takes for itself.
SANITIZED = "sanitizers" in feature("seccomp")["why"]


def eventually(holds, what, within_s=PATIENCE_S):
    """Waits until `holds()` gives something true, and gives that."""
    deadline = time.monotonic() + within_s
    while not (result := holds()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)
    return result


def parent_and_state(process):
    """(parent, state letter) of a process; nothing if there is none."""
    try:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), fields[0]


def runs(process):
    found = parent_and_state(process)
    return found is not None and found[1] != "Z"


def stop(process):
    """SIGSTOP; when this returns, it stands still."""
    os.kill(process, signal.SIGSTOP)
    eventually(lambda: parent_and_state(process)[1] == "T", "it stops")


def kill(process):
    """SIGKILL; when this returns, it is dead. Until then it may still accept connections."""
    os.kill(process, signal.SIGKILL)
    eventually(lambda: not runs(process), "it dies")


def name_of(process):
    try:
        return pathlib.Path(f"/proc/{process}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def receive_exactly(connection, count):
    received = bytearray()
    while len(received) < count:
        piece = connection.recv(count - len(received))
        assert piece, f"ended after {len(received)} of {count} bytes"
        received += piece
    return bytes(received)


def receive_all(connection):
    received = bytearray()
    while piece := connection.recv(65536):
        received += piece
    return bytes(received)


def echoes(connection, message=b"are you there?"):
    """Whether the connection still gives back what it is sent."""
    try:
        connection.sendall(message)
        return receive_exactly(connection, len(message)) == message
    except (OSError, AssertionError):
        return False


class Processes:
    """A server of the program and its processes."""

    def __init__(self, command, log, files=None, stderr=None):
        self.log_path = log
        log.touch()
        self.seen = set()  # every process of it that was ever looked at
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log.open("wb") if stderr is None else stderr,
            text=True,
            preexec_fn=files
            and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))),
        )
        self.line = self.process.stdout.readline()
        ready = READY.fullmatch(self.line)
        assert ready, f"said {self.line!r}, and on stderr: {self.log()}"
        self.places = ready["places"].split(", ")
        self.engine = ready["engine"]
        self.admin = ready["admin"]
        self.children()

    @property
    def port(self):
        return int(self.places[0].rpartition(":")[2])

    def log(self):
        return self.log_path.read_text()

    def children(self):
        """Processes by name: ouro-worker-0, ouro-attendant."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                process = int(entry.name)
                about = parent_and_state(process)
                if about and about[0] == self.process.pid and about[1] != "Z":
                    found[name_of(process)] = process
        self.seen.update(found.values())
        return found

    def worker(self, index):
        name = f"ouro-worker-{index}"
        return eventually(lambda: self.children().get(name), f"{name} is there")

    def connect(self, timeout=PATIENCE_S):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def get(self, path):
        """(status, body) of an admin page."""
        try:
            with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def metric(self, name):
        """The values of a metric: a list by worker, or one number."""
        body = self.get("/metrics")[1]
        values = re.findall(rf"^ouro_{name}(\{{[^}}]*\}})? (\S+)$", body, re.MULTILINE)
        assert values, f"no metric {name}"
        numbers = [float(value) for _, value in values]
        return numbers if values[0][0] else numbers[0]

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        return self.process.wait(timeout=PATIENCE_S)

    def end(self):
        """SIGTERM; gives the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def clear_away(self):
        """Ends what a failed test may have left, and says whether there was something."""
        if self.process.poll() is None:
            self.children()
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        left = [one for one in self.seen if runs(one) and name_of(one).startswith("ouro-")]
        for process in left:
            os.kill(process, signal.SIGKILL)
        return left


class Server(Processes):
    """`ouro echo` and its processes."""

    def __init__(self, engine, log, listen=("127.0.0.1:0",), workers=2, admin="127.0.0.1:0",
                 options=(), files=None, prefix=(), stderr=None):
        command = [*prefix, OURO, "echo", "--engine", engine, "--workers", str(workers)]
        for address in listen:
            command += ["--listen", address]
        if admin:
            command += ["--admin", admin]
        super().__init__([*command, *options], log, files, stderr)


@pytest.fixture(params=["uring", "epoll"])
def engine(request):
    return request.param


@pytest.fixture
def started():
    """Servers; when the test is over none of their processes may be left."""
    servers = []
    yield servers
    for server in servers:
        try:
            if server.process.poll() is None:
                server.children()
                server.end()
        finally:
            left = server.clear_away()
        assert not left, f"left behind: {left}, log: {server.log()}"
        assert "bug:" not in server.log(), server.log()


@pytest.fixture
def start(engine, tmp_path, started):
    """Starts echo servers on one engine."""

    def start_one(**settings):
        settings.setdefault("log", tmp_path / f"log{len(started)}")
        started.append(Server(settings.pop("engine", engine), **settings))
        return started[-1]

    return start_one


@pytest.fixture
def server(start):
    return start()


def pytest_configure(config):
    config.pluginmanager.import_plugin("proxy_support")
