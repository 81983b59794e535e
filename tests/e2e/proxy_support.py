"""What the tests of the proxy share: the proxy itself, started from a config, and servers behind
it that do what a test says, or what a bad day would."""

import array
import contextlib
import fcntl
import json
import os
import queue
import re
import socket
import struct
import subprocess
import termios
import threading

import pytest
from conftest import OURO, PATIENCE_S, Processes, eventually, receive_exactly
from talkers import PATTERN, PERIOD, PIECE

KIB = 1 << 10
MIB = 1 << 20


def _value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)


def toml(config):
    """The text of a config: tables, and lists of tables, by name."""
    lines = []
    for name, tables in config.items():
        several = isinstance(tables, list)
        for table in tables if several else [tables]:
            lines.append(f"[[{name}]]" if several else f"[{name}]")
            lines += [f"{key} = {_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def config_of(servers, listen=None, upstream=None, workers=1, **sections):
    """One listener before some servers, and whatever else is given."""
    return {
        "workers": {"count": workers},
        "admin": {"address": "127.0.0.1:0"},
        "listen": [{"address": "127.0.0.1:0", "upstream": "u", **(listen or {})}],
        "upstream": [{"name": "u", "balance": "round-robin", "servers": servers,
                      **(upstream or {})}],
        **sections,
    }


class Proxy(Processes):
    """`ouro proxy` and its processes."""

    def __init__(self, engine, folder, config, prefix=(), files=None):
        path = folder / "proxy.toml"
        path.write_text(config if isinstance(config, str) else toml(config))
        command = [*prefix, OURO, "proxy", "--config", str(path), "--engine", engine]
        super().__init__(command, folder / "log", files)

    def connect(self, place=0, source=None):
        return connect_to(self.places[place], source)


@pytest.fixture
def forward():
    """How bytes pass; test_forwarding.py has the same tests in another mode."""
    return "copy"


@pytest.fixture
def proxy(engine, tmp_path, started, forward):
    """Starts proxies on one engine."""

    def start(servers=None, config=None, prefix=(), files=None, **wishes):
        folder = tmp_path / f"proxy{len(started)}"
        folder.mkdir()
        servers = [one.place if isinstance(one, Backend) else one for one in servers or []]
        config = config or config_of(servers, **wishes)
        if forward != "copy" and not isinstance(config, str):
            for upstream in config["upstream"]:
                upstream.setdefault("forward", forward)
        started.append(Proxy(engine, folder, config, prefix, files))
        return started[-1]

    return start


@pytest.fixture
def backend():
    """Starts servers for a proxy; they end with the test."""
    with contextlib.ExitStack() as all_of_them:
        yield lambda *what, **how: all_of_them.enter_context(Backend(*what, **how))


def address_of(place):
    """(family, address) of "127.0.0.1:80", "[::1]:80" or "unix:/path"."""
    if place.startswith("unix:"):
        return socket.AF_UNIX, place.removeprefix("unix:")
    host, _, port = place.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    return family, (host.strip("[]"), int(port))


def connect_to(place, source=None, receive_buffer=None):
    family, address = address_of(place)
    connection = socket.socket(family)
    connection.settimeout(PATIENCE_S)
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        connection.bind((source, 0))
    connection.connect(address)
    return connection


class Backend:
    """A server. Without `serve` the test itself accepts, and says and hears what it likes; else
    `serve(connection)` is called for each connection, on a thread of its own."""

    def __init__(self, serve=None, place="127.0.0.1:0", listening=True):
        self.serve = serve
        self.connections = []  # all that were accepted
        self.family, self._address = address_of(place)
        self._socket = self._bind()
        self._address = self._socket.getsockname()
        if listening:
            self.come_up()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go_down()
        self._socket.close()

    def _bind(self):
        bound = socket.socket(self.family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(self._address)
        bound.settimeout(PATIENCE_S)
        return bound

    @property
    def place(self):
        if self.family == socket.AF_UNIX:
            return f"unix:{self._address}"
        host, port = self._address[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def come_up(self, backlog=256):
        self._socket.listen(backlog)
        if self.serve:
            threading.Thread(target=self._accept_all, args=[self._socket], daemon=True).start()

    def go_down(self):
        """Its connections are reset, and new ones refused; the port stays its own."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self.connections:
            reset(connection)
        self.connections = []
        if self.family != socket.AF_UNIX:
            self._socket = self._bind()

    def fill(self):
        """Nobody can connect any more, and nobody is told."""
        self._socket.listen(0)
        for _ in range(3):
            waiting = socket.socket(self.family)
            waiting.setblocking(False)
            waiting.connect_ex(self._address)
            self.connections.append(waiting)

    def accept(self):
        connection, _ = self._socket.accept()
        connection.settimeout(PATIENCE_S)
        self.connections.append(connection)
        return connection

    def accept_after_fillers(self):
        """The first after fill() who is none of those."""
        fillers = {one.getsockname() for one in self.connections}
        accepted = self.accept()
        while accepted.getpeername() in fillers:
            accepted = self.accept()
        return accepted

    def nobody_comes(self, within_s=0.3):
        self._socket.settimeout(within_s)
        try:
            self._socket.accept()
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(PATIENCE_S)
        return False

    def _accept_all(self, listener):
        with contextlib.suppress(OSError):
            listener.settimeout(None)
            while True:
                connection, _ = listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self._serve_one, args=[connection], daemon=True).start()

    def _serve_one(self, connection):
        with contextlib.suppress(OSError):
            self.serve(connection)


def echo(connection):
    while piece := connection.recv(PIECE):
        connection.sendall(piece)
    connection.shutdown(socket.SHUT_WR)


def named(name):
    """A server that says who it is, one letter, and echoes."""

    def serve(connection):
        connection.sendall(name.encode())
        echo(connection)

    return serve


def name_of_server(connection):
    return receive_exactly(connection, 1).decode()


def ask_name(proxy, **how):
    """Who serves a new connection; it ends, and when this returns the server has seen it."""
    with proxy.connect(**how) as connection:
        name = name_of_server(connection)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
        return name


def pattern(count, offset=0):
    offset %= PERIOD
    whole = PATTERN[:PERIOD] * ((offset + count) // PERIOD + 1)
    return whole[offset : offset + count]


def reset(connection):
    """Closes with RST."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def unacknowledged(connection):
    count = array.array("i", [0])
    fcntl.ioctl(connection, termios.TIOCOUTQ, count)
    return count[0]


def all_acknowledged(connection):
    eventually(lambda: unacknowledged(connection) == 0, "all it sent has arrived")


def send_what_is_taken(connection, most=1 << 40, calm_s=0.3):
    """Sends the pattern until nothing more is taken; gives how much that was."""
    sent = 0
    connection.settimeout(calm_s)
    with contextlib.suppress(TimeoutError):
        while sent < most:
            begin = sent % PERIOD
            sent += connection.send(PATTERN[begin : begin + min(PIECE, most - sent)])
    connection.settimeout(PATIENCE_S)
    return sent


def open_to_workers(path):
    """They are not root, and the folder of a test is root's alone."""
    for opened in (path, path.parent):
        opened.chmod(0o777)
    for folder in path.parent.parents[:2]:
        folder.chmod(0o755)


def send_until_reset(connection):
    """Sends the pattern, and never ends it."""
    sent = 0
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            begin = sent % PERIOD
            sent += connection.send(PATTERN[begin : begin + PIECE])


def receive_pattern(connection, offset=0):
    """Everything until the end or a reset, each byte compared; gives how much, and whether it was
    an end."""
    received = 0
    try:
        while piece := connection.recv(PIECE):
            begin = (offset + received) % PERIOD
            assert piece == PATTERN[begin : begin + len(piece)], f"wrong after {received}"
            received += len(piece)
    except ConnectionResetError:
        return received, "reset"
    return received, "end"


def in_background(function, *arguments):
    """Runs it on a thread; gives a function that waits for it and gives what it gave."""
    result = queue.Queue()

    def run():
        try:
            result.put((function(*arguments), None))
        except BaseException as error:
            result.put((None, error))

    threading.Thread(target=run, daemon=True).start()

    def wait():
        value, error = result.get(timeout=PATIENCE_S)
        if error:
            raise error
        return value

    return wait


def how_it_ends(connection):
    """"end" or "reset", after nothing."""
    try:
        assert connection.recv(1) == b""
    except (ConnectionResetError, BrokenPipeError):
        return "reset"
    return "end"


def is_refused(proxy, **how):
    """Whether a new connection is reset; that may be before it was even seen to be there."""
    try:
        with proxy.connect(**how) as connection:
            return how_it_ends(connection) == "reset"
    except ConnectionResetError:
        return True


def memory_of(process):
    status = open(f"/proc/{process}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * KIB


def cpu_time_of(process):
    fields = open(f"/proc/{process}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(place, mode, *more):
    ended = subprocess.run(
        [OURO, "load", place, "--mode", mode, "--verify", "--duration", "1", *more],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def comers(server, seconds=4):
    """Four connections at a time, each for one request whose bytes are checked."""
    return subprocess.Popen(
        [OURO, "load", server.places[0], "--mode", "churn", "--connections", "4", "--verify",
         "--duration", str(seconds), "--json", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def all_served(churn):
    said, complaint = churn.communicate(timeout=PATIENCE_S)
    result = json.loads(said)
    assert result["requests"] > 0 and result["corrupt"] == 0, complaint
    errors = {**result["early_errors"], **result["errors"]}
    errors.pop("not closed by the server", None)  # a farewell of a second: a packet was lost
    assert not errors, (errors, complaint)
