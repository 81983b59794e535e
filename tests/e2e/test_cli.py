"""What `ouro` says to whoever types at it: help, version, the ready line, and what is wrong."""

import shlex
import signal
import socket
import subprocess

import pytest
from cli_support import echo_server, exchange, ouro
from conftest import OURO, PATIENCE_S

# What was typed after `ouro`, and the one line on stderr. L stands for a good --listen.
WRONG = [
    # commands
    ("", "ouro: a command is needed; see ouro --help"),
    ("ecko", "ouro: 'ecko' is not a command; did you mean echo?"),
    ("bake", "ouro: 'bake' is not a command; see ouro --help"),
    ("ecko L", "ouro: 'ecko' is not a command; did you mean echo?"),
    ("-x", "ouro: -x: there is no such option; see ouro --help"),
    ("--verison", "ouro: --verison: there is no such option; did you mean --version?"),
    ("--listen 127.0.0.1:0", "ouro: --listen: there is no such option; see ouro --help"),
    ("echo L doctor", "ouro: one command at a time"),
    # options nobody knows
    ("echo L --windwo 4k", "ouro echo: --windwo: there is no such option; did you mean --window?"),
    ("echo L --windwo=4k", "ouro echo: --windwo: there is no such option; did you mean --window?"),
    ("echo L --max", "ouro echo: --max: there is no such option; did you mean --max-connections?"),
    ("echo L --worker 2", "ouro echo: --worker: there is no such option; did you mean --workers?"),
    ("echo L --color", "ouro echo: --color: there is no such option; see ouro echo --help"),
    ("echo L -v", "ouro echo: -v: there is no such option; see ouro echo --help"),
    ("echo L extra", "ouro echo: 'extra' belongs to no option; see ouro echo --help"),
    ("echo 127.0.0.1:7", "ouro echo: '127.0.0.1:7' belongs to no option; see ouro echo --help"),
    # values that are missing or too many
    ("echo", "ouro echo: --listen: is needed; try --listen 127.0.0.1:7007"),
    ("echo --workers 1", "ouro echo: --listen: is needed; try --listen 127.0.0.1:7007"),
    ("echo --listen", "ouro echo: --listen: needs a value, ADDR:PORT|unix:PATH"),
    ("echo L --window", "ouro echo: --window: needs a value, SIZE"),
    ("echo L --window 1k --window 2k", "ouro echo: --window: is given more than once"),
    ("echo L --sqpoll=yes", "ouro echo: --sqpoll: takes no value"),
    # addresses
    (
        "echo --listen 7007",
        "ouro echo: --listen: '7007' is not an address; "
        "try 127.0.0.1:7007, [::1]:7007 or unix:/run/echo.sock",
    ),
    ("echo --listen 127.0.0.1:65536", "ouro echo: --listen: '127.0.0.1:65536' has no port *"),
    ("echo --listen 127.0.0.1:-1", "ouro echo: --listen: '127.0.0.1:-1' has no port *"),
    ("echo --listen 127.0.0.1:", "ouro echo: --listen: '127.0.0.1:' has no port *"),
    ("echo --listen localhost:7", "ouro echo: --listen: 'localhost' is not an IP address*"),
    ("echo --listen ::1:7", "ouro echo: --listen: '::1' is not an IP address*"),
    ("echo --listen [127.0.0.1]:7", "ouro echo: --listen: '127.0.0.1' is not an IP address*"),
    ("echo --listen unix:", "ouro echo: --listen: a Unix socket path has 1 to 107 characters"),
    ("echo --listen unix:@it", "ouro echo: --listen: abstract Unix sockets are not supported"),
    (
        "echo --listen unix:/" + "x" * 107,
        "ouro echo: --listen: a Unix socket path has 1 to 107 characters",
    ),
    (
        "echo --listen 127.0.0.1:7 --listen 127.0.0.1:7",
        "ouro echo: --listen: '127.0.0.1:7' is given twice",
    ),
    (
        "echo --listen 127.0.0.1:7 --admin 127.0.0.1:7",
        "ouro echo: --admin: is the same address as --listen; give it one of its own",
    ),
    ("echo L --admin 9901", "ouro echo: --admin: '9901' is not an address; try *"),
    # sizes
    ("echo L --window 12q", "ouro echo: --window: '12q' is not a size; try 256KiB"),
    ("echo L --window ''", "ouro echo: --window: '' is not a size; try 256KiB"),
    ("echo L --window -1", "ouro echo: --window: '-1' is not a size; try 256KiB"),
    ("echo L --window 0", "ouro echo: --window: '0' is too small; the least is 1"),
    ("echo L --window 1GiB", "ouro echo: --window: '1GiB' is too large; the most is 256MiB"),
    ("echo L --window 99999999999999999999", "ouro echo: --window: '9*9' is too large"),
    ("echo L --window $'1\\n2'", "ouro echo: --window: *is not a size; try 256KiB"),
    ("echo L --buffer-size 1", "ouro echo: --buffer-size: '1' is too small; the least is 64"),
    ("echo L --buffer-size 1G", "ouro echo: --buffer-size: '1G' is too large; the most is 16MiB"),
    # times
    ("echo L --idle-timeout 2", "ouro echo: --idle-timeout: '2' is not a time; try 2s or 500ms"),
    ("echo L --idle-timeout -1s", "ouro echo: --idle-timeout: '-1s' is not a time; *"),
    ("echo L --idle-timeout 25h", "ouro echo: --idle-timeout: '25h' is too large; the most is 24h"),
    ("echo L --drain-timeout soon", "ouro echo: --drain-timeout: 'soon' is not a time; *"),
    # numbers
    ("echo L --workers 0", "ouro echo: --workers: '0' is not a number from 1 to 1024; or use auto"),
    ("echo L --workers 1025", "ouro echo: --workers: '1025' is not a number from 1 to 1024; *"),
    ("echo L --workers two", "ouro echo: --workers: 'two' is not a number from 1 to 1024; *"),
    ("echo L --workers 1.5", "ouro echo: --workers: '1.5' is not a number from 1 to 1024; *"),
    (
        "echo L --max-connections 0",
        "ouro echo: --max-connections: '0' is not a number from 1 to 16777216",
    ),
    ("echo L --backlog 65536", "ouro echo: --backlog: '65536' is not a number from 1 to 65535"),
    ("echo L --buffers 1", "ouro echo: --buffers: '1' is not a number from 2 to 16384"),
    # names and words
    ("echo L --user no-such-user", "ouro*: there is no user 'no-such-user' (--user)"),
    (
        "echo L --engine epol",
        "ouro echo: --engine: 'epol' is not one of auto, uring, epoll; did you mean epoll?",
    ),
    ("echo L --engine fast", "ouro echo: --engine: 'fast' is not one of auto, uring, epoll"),
    ("echo L --log-level loud", "ouro echo: --log-level: 'loud' is not one of error, warn, *"),
    ("echo L --fixed-files yes", "ouro echo: --fixed-files: 'yes' is not one of on, off"),
    ("echo L --recv multi", "ouro echo: --recv: 'multi' is not one of auto, multishot, *"),
    ("echo L --op pread", "ouro echo: --op: 'pread' is not one of recv, *; did you mean read?"),
    ("echo L --user ''", "ouro echo: --user: '' is not a user; try nobody"),
    # what cannot be together
    ("echo L --recv multishot --op read", "ouro echo: --recv: multishot receives by --op recv *"),
    ("echo L --zerocopy on --op readv", "ouro echo: --zerocopy: only the send of --op recv can *"),
    ("echo L --zerocopy on --listen unix:x", "ouro echo: --zerocopy: Unix sockets always copy; *"),
    ("echo L --sqpoll --taskrun defer", "ouro echo: --taskrun: with --sqpoll *; use none"),
    ("echo L --sqpoll --taskrun coop", "ouro echo: --taskrun: with --sqpoll *; use none"),
    (
        "echo L --buffers 16384 --buffer-size 1MiB",
        "ouro echo: --buffers: times --buffer-size is more than 1GiB *",
    ),
    ("echo L --engine epoll --recv multishot", "ouro echo: --recv: * or --engine uring"),
    ("echo L --engine epoll --taskrun none", "ouro echo: --taskrun: * or use --engine uring"),
    ("echo L --engine epoll --sqpoll", "ouro echo: --sqpoll: * or use --engine uring"),
    ("echo L --engine epoll --fixed-files on", "ouro echo: --fixed-files: * or --engine uring"),
    ("echo L --buffer-size 16MiB", "ouro echo: --buffer-size: 512 buffers of that size *"),
    ("echo L --engine epoll --zerocopy on", "ouro echo: --zerocopy: * or --engine uring"),
    ("echo L --engine epoll --accept multishot", "ouro echo: --accept: * or --engine uring"),
    ("echo L --engine epoll --restrictions on", "ouro echo: --restrictions: * or --engine uring"),
]


def matches(line, expected):
    """`*` in what is expected stands for anything."""
    first, *others = expected.split("*")
    if not line.startswith(first):
        return False
    line = line[len(first):]
    for part in others:
        if part not in line:
            return False
        line = line[line.index(part) + len(part):]
    return line == "" or expected.endswith("*")


@pytest.mark.parametrize("typed, expected", WRONG, ids=[typed or "nothing" for typed, _ in WRONG])
def test_wrong_arguments_are_refused_in_one_line(typed, expected):
    words = shlex.split(typed.replace(" L", " --listen 127.0.0.1:0").replace("$", ""))
    result = ouro(*(word.replace("\\n", "\n") for word in words))
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert matches(line, expected), line


def test_what_is_refused_has_bound_nothing(tmp_path):
    path = tmp_path / "socket"
    result = ouro("echo", "--listen", f"unix:{path}", "--engine", "epoll", "--sqpoll")
    assert result.returncode == 2
    assert not path.exists()


def fails_in_one_line(*arguments):
    result = ouro(*arguments)
    assert result.returncode == 1, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_a_port_in_use_is_a_failure_that_names_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert address in fails_in_one_line("echo", "--listen", address)


def test_an_address_of_another_machine_is_a_failure_that_names_it():
    assert "192.0.2.1:7" in fails_in_one_line("echo", "--listen", "192.0.2.1:7")


def test_a_unix_socket_in_a_missing_folder_is_a_failure_that_names_it():
    assert "/no/such/folder" in fails_in_one_line("echo", "--listen", "unix:/no/such/folder/socket")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_help_lists_the_commands_and_shows_an_example(arguments):
    result = ouro(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    for word in ("echo", "doctor", "--version", "Example:", "ouro echo --listen"):
        assert word in result.stdout


@pytest.mark.parametrize("command", ["echo", "ctl", "doctor"])
def test_every_command_has_help_with_an_example(command):
    result = ouro(command, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"ouro {command}" in result.stdout
    assert "Example" in result.stdout


def test_help_of_echo_names_every_option():
    text = ouro("echo", "--help").stdout
    for option in """--listen --workers --engine --admin --user --log-level --window
                     --max-connections --backlog --idle-timeout --drain-timeout --recv --op
                     --zerocopy --buffer-size --buffers --fixed-files --taskrun --sqpoll --accept
                     --restrictions""".split():
        assert f"  {option}" in text


@pytest.mark.parametrize("typed", [["--help"], ["echo", "--help"], ["--version"], ["doctor"]])
def test_what_cannot_be_written_is_a_failure(typed):
    with open("/dev/full", "w") as full:
        assert subprocess.run([OURO, *typed], stdout=full, timeout=PATIENCE_S).returncode == 1


def test_version_is_one_line():
    result = ouro("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("ouro 0.")
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_a_server_says_in_one_line_what_it_is(engine):
    with echo_server("--engine", engine) as server:
        assert "echo" in server.ready
        assert engine in server.ready
        assert "1 worker" in server.ready
        assert server.port != 0  # the real one
        with server.connect() as client:
            assert exchange(client, b"hello") == b"hello"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.stdout.read() == ""  # nothing but the ready line
        assert server.process.wait() == 0


def test_sizes_and_times_are_taken_as_people_write_them():
    with echo_server("--window", "1MiB", "--idle-timeout", "90s", "--drain-timeout", "500ms",
                     "--buffer-size", "16k", "--buffers", "64", "--max-connections", "10",
                     "--backlog", "16", "--log-level", "error") as server:
        with server.connect() as client:
            assert exchange(client, b"hello") == b"hello"
        assert server.end() == 0


def test_several_addresses_are_served(tmp_path):
    path = str(tmp_path / "socket")
    with echo_server("--listen", "[::1]:0", "--listen", f"unix:{path}") as server:
        assert "[::1]:" in server.ready
        assert f"unix:{path}" in server.ready
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            assert exchange(client, b"hello") == b"hello"
        with server.connect() as client:
            assert exchange(client, b"hello") == b"hello"
        assert server.end() == 0
