"""`ouro load`: what it finds out about good servers and bad ones, and what it says about it."""

import json
import signal
import socket
import subprocess
import threading
import time

import pytest
from cli_support import echo_server, ouro
from conftest import OURO, PATIENCE_S
from misbehaving import (
    ClosingServer,
    CorruptingServer,
    DeafServer,
    EchoServer,
    GarbageServer,
    LateServer,
    LingeringServer,
    StallingServer,
    StarvingServer,
    StoppingServer,
)

ENGINES = ["uring", "epoll"]
LOOPS = {"closed": [], "open": ["--rate", "2000"]}


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.fixture(params=LOOPS)
def loop(request):
    return LOOPS[request.param]


def load(tmp_path, target, *arguments, expect=0):
    """Runs it, and gives its figures."""
    figures = tmp_path / "load.json"
    ended = subprocess.run(
        [OURO, "load", str(target), *map(str, arguments), "--json", str(figures)],
        capture_output=True, text=True, timeout=2 * PATIENCE_S,
    )
    assert ended.returncode == expect, ended.stdout + ended.stderr
    assert ended.stderr == ""
    found = json.loads(figures.read_text())
    found["text"] = ended.stdout
    return found


def at(server):
    return f"127.0.0.1:{server.port}"


# The modes, against the real server.


def test_every_request_is_answered_and_every_byte_checked(tmp_path, engine):
    for arguments in (
        ["-c", 1], ["-c", 64], ["-c", 64, "--depth", 8], ["-c", 8, "--size", "1MiB"],
        ["-c", 16, "--size", 1, "--depth", 32], ["-c", 64, "-t", 3], ["-c", 2, "--size", 100001],
    ):
        with echo_server("--engine", engine) as server:
            found = load(tmp_path, at(server), "--engine", engine, "-d", "200ms", "--verify",
                         *arguments)
        assert found["requests"] > 0
        assert found["errors"] == {}
        assert found["corrupt"] == 0
        assert found["engine"] == engine
        assert found["bytes_received"] > 0


def test_streams_fill_their_window_and_come_back_whole(tmp_path, engine):
    with echo_server("--engine", engine) as server:
        for arguments in (["-c", 8, "--size", "16KiB"], ["-c", 2, "--size", 1],
                          ["-c", 64, "--size", 100000, "--window", "4MiB"]):
            found = load(tmp_path, at(server), "--mode", "stream", "--engine", engine,
                         "-d", "300ms", "--verify", *arguments)
            assert found["corrupt"] == 0
            assert found["errors"] == {}
            assert found["bytes_received"] > 0


def test_an_open_loop_keeps_to_its_rate(tmp_path, engine):
    with echo_server() as server:
        for more in ([], ["--poisson"], ["-t", 2]):
            found = load(tmp_path, at(server), "--engine", engine, "--rate", 2000, "-d", 2,
                         *more)
            assert 3000 < found["requests"] < 5000
            waited = found["lost"] + found["unanswered"] + found["unsent"]
            assert found["latency"]["count"] == found["requests"] + waited
            assert found["fairness"]["min_max"] > 0.9
            assert "open loop" in found["text"]


def test_short_connections_are_counted_one_by_one(tmp_path, engine):
    with echo_server() as server:
        found = load(tmp_path, at(server), "--mode", "churn", "--engine", engine, "-c", 8, "-d", 1,
                     "--verify")
    assert found["requests"] > 100
    assert found["connect"]["count"] > found["requests"]
    assert found["errors"] == {}
    assert found["connections"]["requests"] == []


def test_quiet_connections_are_held_and_a_few_of_them_asked(tmp_path, engine):
    with echo_server() as server:
        found = load(tmp_path, at(server), "--mode", "idle", "--engine", engine, "-c", 500,
                     "--active", 20, "-d", 2)
    asked = found["connections"]["requests"]
    assert len(asked) == 500
    assert sum(asked[:20]) > 20
    assert sum(asked[20:]) == 0


def test_a_unix_socket_and_ipv6_can_be_the_target(tmp_path):
    with echo_server("--listen", "[::1]:0", "--listen", f"unix:{tmp_path}/echo") as server:
        port6 = server.ready.split("[::1]:")[1].split(",")[0].split(" ")[0]
        for target in (f"[::1]:{port6}", f"unix:{tmp_path}/echo", f"localhost:{server.port}"):
            assert load(tmp_path, target, "-d", "200ms", "--verify")["requests"] > 0


# What a server does wrong shows up.


def test_who_is_served_late_is_seen(tmp_path, loop):
    with LateServer() as server:
        found = load(tmp_path, at(server), "-c", 16, "-d", 1, *loop)
    late = LateServer.LATE_S * 1e9
    assert found["first_service"]["max_ns"] > 0.5 * late
    waited = found["connections"]["first_service_ns"]
    assert sum(one > 0.5 * late for one in waited) == 4


def test_who_is_starved_is_counted(tmp_path, loop):
    with StarvingServer() as server:
        found = load(tmp_path, at(server), "-c", 10, "-d", 2, *loop)
    assert found["fairness"]["starved"] == 1
    assert found["fairness"]["min_max"] < 0.1
    assert found["fairness"]["longest_silence_ns"] > 0.3e9
    assert found["fairness"]["jain"] < 0.95
    assert "starved" in found["text"]


def test_a_wrong_byte_is_found_and_named(tmp_path, loop):
    with CorruptingServer() as server:
        found = load(tmp_path, at(server), "-c", 4, "-d", 1, "--verify", *loop, expect=1)
    assert found["corrupt"] == 1
    assert found["first_corruption"]["offset"] == CorruptingServer.OFFSET
    wrong = found["first_corruption"]
    assert wrong["expected"] ^ wrong["received"] == 0x40
    assert str(CorruptingServer.OFFSET) in found["text"]


def test_only_an_open_loop_tells_what_a_stall_costs(tmp_path):
    """Coordinated omission: a closed loop asks nothing while it waits."""
    arguments = ["-c", 4, "-d", 3, "--warmup", "200ms"]
    with StallingServer(after_s=1.5) as server:
        closed_loop = load(tmp_path, at(server), *arguments)
    with StallingServer(after_s=1.5) as server:
        open_loop = load(tmp_path, at(server), *arguments, "--rate", 1000)
    stall_ns = StallingServer.STALL_S * 1e9
    for found in (closed_loop, open_loop):
        assert found["latency"]["max_ns"] > 0.9 * stall_ns
        assert found["fairness"]["longest_silence_ns"] > 0.9 * stall_ns
    assert open_loop["latency"]["p99_9_ns"] > 0.5 * stall_ns
    assert open_loop["service"]["p99_ns"] < 0.5 * stall_ns
    assert closed_loop["latency"]["p99_ns"] < 0.5 * stall_ns


def test_a_stall_at_the_end_counts_for_all_who_wait_in_it(tmp_path):
    for depth in (1, 10000):
        with StoppingServer(after_s=1.4) as server:
            found = load(tmp_path, at(server), "-c", 4, "-d", 2, "--warmup", "200ms",
                         "--rate", 1000, "--depth", depth)
        assert found["unanswered"] + found["unsent"] > 500
        assert found["latency"]["p90_ns"] > 0.5e9
        assert any("rate was not reached" in remark for remark in found["remarks"])


def test_connections_that_are_cut_are_counted_and_opened_again(tmp_path, loop):
    with ClosingServer() as server:
        found = load(tmp_path, at(server), "-c", 8, "-d", 1, *loop)
        assert server.accepted > 8
    assert found["errors"]
    assert sum(found["errors"].values()) + sum(found["early_errors"].values()) > 8
    assert found["lost"] > 0
    assert found["requests"] > 100


def test_garbage_is_an_error_and_not_a_hang(tmp_path):
    with GarbageServer() as server:
        found = load(tmp_path, at(server), "-c", 2, "-d", "400ms", "--size", 8, expect=1)
        every = found["errors"] | found["early_errors"]
        assert "more came back than was sent" in every
        found = load(tmp_path, f"http://127.0.0.1:{server.port}/", "-c", 2, "-d", "400ms", expect=1)
    every = found["errors"] | found["early_errors"]
    assert every["not an HTTP/1.1 response"] > 0
    assert found["requests"] == 0


def test_a_server_that_says_nothing_is_told_of(tmp_path):
    with DeafServer() as server:
        found = load(tmp_path, at(server), "-c", 2, "-d", 1, expect=1)
    assert found["requests"] == 0
    assert "no answer" in found["text"]


# Wrong input.


@pytest.mark.parametrize("typed, said", [
    (["127.0.0.1:1"], "cannot connect to 127.0.0.1:1: "),
    (["unix:/nowhere/at/all"], "cannot connect to unix:/nowhere/at/all: "),
    (["127.0.0.1:1", "-c", "1000000"], "1000000 connections need more open files than the "),
    (["127.0.0.1:1", "--server-pid", "4194304"], "there is no process 4194304"),
])
def test_what_cannot_be_done_is_said_in_one_line(typed, said):
    ended = ouro("load", *typed)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"ouro load: {said}")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("typed, said", [
    ([], "TARGET: is needed; try 127.0.0.1:7007"),
    (["127.0.0.1"], "TARGET: '127.0.0.1' has no port; try 127.0.0.1:7007"),
    (["127.0.0.1:x"], "TARGET: '127.0.0.1:x' has no port between 1 and 65535 after the colon"),
    (["no-such-host.invalid:7"], "TARGET: cannot resolve 'no-such-host.invalid': "),
    (["https://localhost/"], "TARGET: 'https' is not spoken here; try http:// or ADDR:PORT"),
    (["http://localhost/a b"], "TARGET: 'http://localhost/a b' has a space or control character"),
    (["L", "-c", "0"], "--connections: '0' is not a number from 1 to "),
    (["L", "--size", "1GiB"], "--size: '1GiB' is too large; the most is 64MiB"),
    (["L", "--rate", "-5"],
     "--rate: '-5' is not a rate; try 50000 (requests a second), at most 10000000"),
    (["L", "--rate", "nan"], "--rate: 'nan' is not a rate"),
    (["L", "--mode", "rate"], "--rate: is needed for this mode"),
    (["L", "--mode", "stream", "--rate", "5"], "--rate: is for --mode rate"),
    (["L", "--mode", "churn", "--depth", "2"], "--depth: is for --mode request and --mode rate"),
    (["L", "--window", "1k"], "--window: is for --mode stream"),
    (["L", "-d", "0"], "--duration: '0' is not between 100ms and 24h"),
    (["L", "-d", "forever"], "--duration: 'forever' is not a time"),
    (["L", "-c", "2", "-t", "3"], "--threads: are more than there are connections"),
    (["L", "-c", "1000", "--depth", "60000"], "--depth: is too many requests"),
    (["L", "-H", "A: b"], "--header: is for HTTP servers"),
    (["http://127.0.0.1:1/", "-H", "A: b\r\nC: d"], "--header: 'A: b"),
    (["http://127.0.0.1:1/", "--verify"], "--verify: is for echo servers"),
    (["http://127.0.0.1:1/", "--mode", "stream"], "--mode: 'stream' is for echo servers"),
])
def test_wrong_arguments_are_refused_in_one_line(typed, said):
    ended = ouro("load", *("127.0.0.1:1" if word == "L" else word for word in typed))
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"ouro load: {said}")
    assert ended.stderr.count("\n") == 1


def test_the_habits_of_others_are_known(tmp_path):
    with EchoServer() as server:
        found = load(tmp_path, "--address", at(server), "--number", 3, "--length", 512,
                     "--duration", 1)
    assert len(found["connections"]["requests"]) == 3
    assert found["options"]["size"] == 512


def test_an_interrupt_tells_what_there_is():
    with echo_server() as server:
        process = subprocess.Popen([OURO, "load", at(server), "-d", "1h"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert errors == ""
    assert "interrupted" in said
    assert "p99" in said


def test_files_that_cannot_be_written_are_a_failure():
    with EchoServer() as server:
        ended = ouro("load", at(server), "-d", "100ms", "--json", "/nowhere/at/all.json")
    assert ended.returncode == 1
    assert ended.stdout == ""  # it was noticed before the run
    why = "No such file or directory"
    assert ended.stderr == f"ouro load: cannot write /nowhere/at/all.json: {why}\n"


def test_the_servers_own_cost_is_measured(tmp_path):
    with echo_server() as server:
        found = load(tmp_path, at(server), "-d", 1, "--server-pid", server.process.pid)
    cost = found["server"]
    assert cost["processes"] == 2  # the master and its worker
    assert cost["user_ns"] + cost["kernel_ns"] > 0
    assert cost["memory_bytes"] > 0
    assert cost["context_switches"] > 0


# HTTP.


class HttpServer:
    """Gives each request the next of some prepared answers, in pieces."""

    def __init__(self, *answers, piece=None, farewell_s=0):
        self.answers = answers
        self.piece = piece
        self.farewell_s = farewell_s  # how long it takes to close when it has said so
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = b""
            number = 0
            try:
                while True:
                    while b"\r\n\r\n" not in asked:
                        more = connection.recv(65536)
                        if not more:
                            return
                        asked += more
                    request, _, asked = asked.partition(b"\r\n\r\n")
                    self.requests.append(request)
                    answer = self.answers[number % len(self.answers)]
                    number += 1
                    step = self.piece or len(answer)
                    for begin in range(0, len(answer), step):
                        connection.sendall(answer[begin:begin + step])
                    if b"onnection: close" in answer or b"ength" not in answer and \
                            b"chunked" not in answer:
                        time.sleep(self.farewell_s)
                        return
            except OSError:
                return


BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer: yes\r\n\r\n")
NONE = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + BODY


@pytest.mark.parametrize("piece", [None, 1, 7])
def test_http_responses_of_every_form_are_counted(tmp_path, piece):
    with HttpServer(BODY, CHUNKS, NONE, EARLY, piece=piece) as server:
        found = load(tmp_path, f"http://localhost:{server.port}/a?b=c#d", "-c", 2, "-d", "400ms")
        assert server.requests[0].startswith(
            f"GET /a?b=c HTTP/1.1\r\nHost: localhost:{server.port}".encode())
    assert found["errors"] == {}
    assert found["requests"] > 4


def test_http_headers_can_be_given(tmp_path):
    with HttpServer(BODY) as server:
        url = f"http://127.0.0.1:{server.port}/"
        load(tmp_path, url, "-c", 1, "-d", "200ms", "-H", "X-One: 1", "--header", "Two:2")
        load(tmp_path, url, "-c", 1, "-d", "200ms", "-H", "host: example.org")
        first, last = server.requests[0], server.requests[-1]
    host = f"127.0.0.1:{server.port}"
    assert first == f"GET / HTTP/1.1\r\nHost: {host}\r\nX-One: 1\r\nTwo:2".encode()
    assert last == b"GET / HTTP/1.1\r\nhost: example.org"


def test_http_that_ends_with_the_connection_is_no_error(tmp_path):
    for answer in (b"HTTP/1.0 200 OK\r\n\r\nall of it",
                   b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"):
        with HttpServer(answer) as server:
            found = load(tmp_path, f"http://127.0.0.1:{server.port}", "-c", 2, "-d", "400ms")
        assert found["errors"] == {}
        assert found["requests"] > 2


def test_who_is_due_on_a_closing_connection_waits_for_the_next(tmp_path):
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    with HttpServer(answer, farewell_s=0.05) as server:
        found = load(tmp_path, f"http://127.0.0.1:{server.port}", "-c", 1, "-d", 1,
                     "--warmup", "0ms", "--rate", 25)
    assert found["errors"] == {}
    assert found["lost"] == 0
    assert found["requests"] > 5


def test_http_errors_are_counted_by_status(tmp_path):
    with HttpServer(BODY, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") as server:
        found = load(tmp_path, f"http://127.0.0.1:{server.port}/", "-c", 1, "-d", "400ms")
    assert found["errors"]["status 503"] > 0
    assert found["requests"] > found["errors"]["status 503"]


def test_a_response_that_nobody_asked_for_is_no_answer(tmp_path):
    with HttpServer(BODY + BODY) as server:
        found = load(tmp_path, f"http://127.0.0.1:{server.port}", "-c", 2, "-d", 1, expect=0)
    assert found["errors"]["an unasked response"] > 0


def test_a_server_that_does_not_close_is_told_of(tmp_path):
    with LingeringServer() as server:
        found = load(tmp_path, at(server), "--mode", "churn", "-c", 2, "-d", 3)
    assert found["errors"]["not closed by the server"] > 0


def test_short_http_connections_are_closed_by_either_side(tmp_path):
    with HttpServer(BODY) as server:
        found = load(tmp_path, f"http://127.0.0.1:{server.port}/", "--mode", "churn", "-c", 2,
                     "-d", "400ms")
        assert b"Connection: close" in server.requests[0]
    assert found["errors"] == {}
    assert found["requests"] > 10
