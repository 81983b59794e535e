"""The examples do what their first lines say, also when messages come in pieces or all at once."""

import os
import random
import select
import socket
import subprocess
import time

import pytest
from cli_support import EXAMPLES, Program, echo_server, exchange
from conftest import PATIENCE_S, eventually, receive_all, receive_exactly

REFUSE = os.environ.get("OURO_REFUSE_URING")
LINE_MAX = 8192


@pytest.fixture(scope="module", params=["uring", "epoll"])
def command(request):
    """Makes the command line of an example; under epoll, because io_uring is refused to it."""
    if request.param == "epoll" and REFUSE is None:
        pytest.skip("OURO_REFUSE_URING names no refuse_uring")
    prefix = [] if request.param == "uring" else [REFUSE, "--errno", "EPERM"]
    return lambda name, *arguments: [*prefix, str(EXAMPLES / name), *arguments]


@pytest.fixture(scope="module")
def kv(command):
    with Program(*command("kv_server", "127.0.0.1:0")) as server:
        yield server


def ask(connection, line):
    connection.sendall(line + b"\n")
    return read_line(connection)


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        line += receive_exactly(connection, 1)
    return line[:-1]


def ask_all(kv, text):
    """One connection for the whole text; the lines that come back."""
    with kv.connect() as client:
        return exchange(client, text).split(b"\n")[:-1]


# echo


def test_echo_gives_back_what_it_gets(command):
    message = random.Random(1).randbytes(3_000_000)
    with Program(*command("echo", "127.0.0.1:0")) as server, server.connect() as client:
        # The echo stops reading while its client does, so one has to read and write at once.
        received = bytearray()
        sent = 0
        while len(received) < len(message):
            writable = [client] if sent < len(message) else []
            readable, writable, _ = select.select([client], writable, [], PATIENCE_S)
            assert readable or writable
            if writable:
                sent += client.send(message[sent:sent + 10_000])
            if readable:
                received += client.recv(65536)
        assert received == message


@pytest.mark.parametrize("name", ["echo", "kv_server", "client"])
def test_a_wrong_address_is_said_in_one_line(name):
    result = subprocess.run([EXAMPLES / name, "nowhere"], capture_output=True, text=True)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{name}: 'nowhere' is not an address")


# kv_server


def test_what_is_set_can_be_got_until_it_is_deleted(kv):
    with kv.connect() as client:
        assert ask(client, b"GET color") == b"NONE"
        assert ask(client, b"SET color light blue") == b"OK"
        assert ask(client, b"GET color") == b"VALUE light blue"
        assert ask(client, b"SET color red") == b"OK"
        assert ask(client, b"GET color") == b"VALUE red"
        assert ask(client, b"DEL color") == b"OK"
        assert ask(client, b"DEL color") == b"NONE"
        assert ask(client, b"GET color") == b"NONE"


def test_quit_says_bye_and_ends_the_connection(kv):
    with kv.connect() as client:
        client.sendall(b"QUIT\nSET after quit\n")
        assert receive_all(client) == b"BYE\n"
    assert ask_all(kv, b"GET after\n") == [b"NONE"]


def test_lines_may_end_as_telnet_ends_them(kv):
    assert ask_all(kv, b"SET t 1\r\nGET t\r\nQUIT\r\n") == [b"OK", b"VALUE 1", b"BYE"]


@pytest.mark.parametrize("line", [b"", b" ", b"HELLO", b"set a b", b"SET", b"SET a", b"SET  b",
                                  b"SET a ", b"GET", b"GET a b", b"DEL", b"GET ", b"QUIT now",
                                  b"\xff\x00"])
def test_what_is_no_command_is_answered_and_harms_nothing(kv, line):
    with kv.connect() as client:
        assert ask(client, line).startswith(b"ERROR try ")
        assert ask(client, b"GET nothing") == b"NONE"


def test_a_line_may_come_byte_by_byte(kv):
    with kv.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"SET slow and steady\nGET slow\n":
            client.sendall(bytes([byte]))
            time.sleep(0.001)
        assert read_line(client) == b"OK"
        assert read_line(client) == b"VALUE and steady"


def test_pipelined_lines_cut_anywhere_are_answered_in_order(kv):
    chance = random.Random(2)
    lines = []
    answers = []
    for number in range(3000):
        value = chance.randbytes(chance.randrange(1, 300)).hex().encode()
        lines += [b"SET p%d %s" % (number % 50, value), b"GET p%d" % (number % 50)]
        answers += [b"OK", b"VALUE " + value]
    text = b"\n".join(lines) + b"\n"
    received = bytearray()
    with kv.connect() as client:
        client.setblocking(False)
        while text or not received.endswith(b"VALUE " + value + b"\n"):
            readable, writable, _ = select.select([client], [client] * bool(text), [], PATIENCE_S)
            assert readable or writable
            if writable:
                text = text[client.send(text[:chance.randrange(1, 20_000)]):]
            if readable:
                received += client.recv(65536)
    assert received.split(b"\n")[:-1] == answers


def test_the_longest_line_is_served(kv):
    value = b"v" * (LINE_MAX - len(b"SET long "))
    assert ask_all(kv, b"SET long " + value + b"\nGET long\n") == [b"OK", b"VALUE " + value]


@pytest.mark.parametrize("tail", [b"\nGET long\n", b""])
def test_a_longer_line_ends_the_connection(kv, tail):
    with kv.connect() as client:
        client.sendall(b"G" * (LINE_MAX + 1) + tail)
        assert receive_all(client) == b"ERROR a line has at most 8192 bytes\n"


def test_half_a_line_is_not_obeyed(kv):
    assert ask_all(kv, b"SET half 1\nSET half 2") == [b"OK", b"ERROR the last line has no end"]
    assert ask_all(kv, b"GET half\n") == [b"VALUE 1"]


def test_all_answers_come_after_the_client_has_ended(kv):
    assert ask_all(kv, b"SET end 1\n" + b"GET end\n" * 5000) == [b"OK"] + [b"VALUE 1"] * 5000


def test_a_full_store_says_so_and_serves_on():
    with Program(EXAMPLES / "kv_server", "127.0.0.1:0") as server, server.connect() as client:
        value = b"v" * 8000
        stored = 0
        while ask(client, b"SET k%d %s" % (stored, value)) == b"OK":
            stored += 1
        assert 7000 < stored < 64 * 2**20 / 8000
        assert ask(client, b"SET new %s" % value) == b"ERROR the store is full"
        assert ask(client, b"SET k0 small") == b"OK"
        assert ask(client, b"DEL k1") == b"OK"
        assert ask(client, b"SET new small") == b"OK"
        assert ask(client, b"GET k2") == b"VALUE " + value


def test_few_questions_with_long_answers_are_all_answered(kv):
    value = b"v" * 8000
    questions = 2000  # 12 kB of questions, 16 MB of answers
    with kv.connect() as client:
        assert ask(client, b"SET big " + value) == b"OK"
        client.sendall(b"GET big\n" * questions)
        for _ in range(questions):
            assert receive_exactly(client, len(value) + 7) == b"VALUE " + value + b"\n"
        assert ask(client, b"GET nothing") == b"NONE"


def test_a_client_that_asks_and_does_not_read_is_not_read_from(command):
    value = b"v" * 8000
    question = b"GET big\n"
    with Program(*command("kv_server", "127.0.0.1:0")) as server, server.connect() as client:
        assert ask(client, b"SET big " + value) == b"OK"
        sent = 0
        client.setblocking(False)
        # The kernel's buffers take some megabytes, the server less than one.
        while sent < 64 * 2**20 and select.select([], [client], [], 1)[1]:
            text = question * 4096
            sent += client.send(text[sent % len(question):])
        assert sent < 32 * 2**20
        client.settimeout(PATIENCE_S)
        with server.connect() as other:
            assert ask(other, b"GET nothing") == b"NONE"
        for _ in range(1000):
            assert receive_exactly(client, len(value) + 7) == b"VALUE " + value + b"\n"
        resident_pages = int(open(f"/proc/{server.process.pid}/statm").read().split()[1])
        assert resident_pages * os.sysconf("SC_PAGE_SIZE") < 256 * 2**20


def test_the_server_ends_on_sigterm_with_clients_connected():
    with Program(EXAMPLES / "kv_server", "127.0.0.1:0") as server, server.connect() as client:
        assert ask(client, b"SET a 1") == b"OK"
        assert server.end() == 0


# client


def run_client(command, port, stdin):
    return subprocess.run(
        command("client", f"127.0.0.1:{port}"),
        stdin=stdin,
        capture_output=True,
        timeout=PATIENCE_S,
    )


def open_client(command, port):
    return subprocess.Popen(
        command("client", f"127.0.0.1:{port}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def server():
    with echo_server() as server:
        yield server


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(random.Random(3).randbytes(2_000_000))
    return path


def test_client_sends_a_file_and_prints_what_comes(server, text, command):
    with open(text, "rb") as stdin:
        result = run_client(command, server.port, stdin)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout == text.read_bytes()


def test_client_sends_what_comes_through_a_pipe(server, text, command):
    with subprocess.Popen(["cat", text], stdout=subprocess.PIPE) as cat:
        result = run_client(command, server.port, cat.stdout)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout == text.read_bytes()


def test_client_with_nothing_to_send_ends(server, command):
    result = run_client(command, server.port, subprocess.DEVNULL)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_client_prints_each_line_when_it_comes(server, command):
    with open_client(command, server.port) as process:
        for line in (b"one\n", b"two\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == line
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(timeout=PATIENCE_S) == 0


def test_client_leaves_when_the_server_ends_first(kv, command):
    with open_client(command, kv.port) as process:
        process.stdin.write(b"QUIT\n")
        process.stdin.flush()
        assert process.stdout.read() == b"BYE\n"
        eventually(lambda: process.poll() is not None, "the client ends with stdin still open")
        assert process.returncode == 0


def test_client_says_when_nobody_listens(command):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = run_client(command, port, subprocess.DEVNULL)
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr == b"client: connection refused\n"
