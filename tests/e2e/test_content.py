"""What a client of the shipped program gets is what it sent, byte for byte."""

import itertools
import subprocess

import pytest
from conftest import OURO, PATIENCE_S, SANITIZED, Server, feature
from content_support import KIB, LARGE, MIB, NeverReaders, check, memory_of, pipe_through, talk

TEXT = b"".join(b"line %d of what is said\n" % number for number in range(20_000))


@pytest.mark.parametrize("size", [1, KIB, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, MIB, LARGE])
def test_messages_of_any_size_come_back(server, size):
    count = 20 if size <= MIB else 2
    wishes = {"bytes": count * size, "message": size, "write_max": size, "read_max": size}
    assert check(server.places[0], **wishes) == count * size


@pytest.mark.parametrize("connections", [1, 10, 100, 1000, 10_000])
def test_any_number_of_connections_is_served_at_once(server, connections):
    size = 20_000 if connections > 1000 else 100_000
    checked = check(server.places[0], connections=connections, bytes=size, write_max=7000)
    assert checked == connections * size


def test_streams_with_reads_and_writes_of_random_size_change_nothing(server):
    for write_max, read_max in [(200_000, 3000), (3000, 200_000), (100_000, 100_000), (17, 1000)]:
        size = LARGE // 8 if write_max > 17 else 100_000
        check(server.places[0], connections=8, bytes=size, write_max=write_max, read_max=read_max)


def test_streams_that_fill_every_buffer_on_the_way_lose_nothing(server):
    check(server.places[0], connections=20, bytes=LARGE // 4, reading="full")


def test_large_messages_on_many_connections(server):
    size = LARGE
    check(server.places[0], connections=4, bytes=size, message=size, write_max=MIB, read_max=MIB)


def test_small_socket_buffers_lose_nothing(server):
    wishes = {"receive_buffer": 64 * KIB, "send_buffer": 4 * KIB}
    check(server.places[0], connections=20, bytes=MIB, reading="full", **wishes)


@pytest.mark.parametrize("size", [0, 1, 1000, 64 * KIB, MIB + 1])
def test_who_half_closes_gets_every_byte_and_then_the_end(server, size):
    assert check(server.places[0], connections=10, bytes=size) == 10 * size


def test_resets_touch_no_other_connection(server):
    for _ in range(3):
        check(server.places[0], connections=600, bytes=300_000, finish="resets-among")


def test_zero_copy_changes_nothing(start, engine):
    if engine == "epoll":
        pytest.skip("the epoll engine always copies")
    server = start(options=["--zerocopy", "on"])
    place = server.places[0]
    check(place, connections=50, bytes=2 * MIB)
    check(place, connections=10, bytes=500_000, reading="full")
    check(place, connections=60, bytes=500_000, finish="resets-among")
    check(place, bytes=LARGE, message=LARGE, write_max=MIB, read_max=MIB)
    check(place, connections=5, bytes=100 * KIB, message=KIB, write_max=KIB)


@pytest.mark.parametrize("window", [64 * KIB, 256 * KIB])
def test_a_thousand_clients_that_never_read_cost_their_windows_and_delay_nobody(start, window):
    server = start(options=["--window", str(window)])
    workers = list(server.children().values())
    before = memory_of(workers)
    good = {"connections": 100, "bytes": MIB, "message": 16 * KIB, "write_max": 16 * KIB}
    with NeverReaders(server.places[0], 1000, **good) as clients:
        credit = 64 * KIB
        spare = 64 * MIB  # the pool, and what is not counted by the connection
        assert memory_of(workers) - before < 1000 * (window + credit) + spare
        assert clients.let_the_good_ones_go() == 100 * MIB


@pytest.fixture
def everywhere(start, tmp_path):
    """A server on IPv4, IPv6 and a Unix socket; gives the port of each and the path."""
    path = tmp_path / "echo.sock"
    server = start(listen=("127.0.0.1:0", "[::1]:0", f"unix:{path}"))
    ports = [place.rpartition(":")[2] for place in server.places[:2]]
    return *ports, path


def test_netcat_gets_its_text_back(everywhere):
    port, port6, path = everywhere
    for where in (["-4", "127.0.0.1", port], ["-6", "::1", port6], ["-U", path]):
        assert pipe_through(["nc", "-N", *where], TEXT) == TEXT


def test_socat_gets_its_text_back(everywhere):
    port, port6, path = everywhere
    for where in (f"TCP4:127.0.0.1:{port}", f"TCP6:[::1]:{port6}", f"UNIX-CONNECT:{path}"):
        assert pipe_through(["socat", "-t", "60", "-", where], TEXT) == TEXT


def test_curl_gets_its_text_back(everywhere):
    port, port6, path = everywhere
    text = TEXT[: 4 * KIB]
    for where in (
        [f"telnet://127.0.0.1:{port}"],
        ["-g", f"telnet://[::1]:{port6}"],
        ["--unix-socket", str(path), "telnet://localhost"],
    ):
        assert talk(["curl", "--silent", "--no-buffer", *where], text, len(text)) == text


def test_ipv6_and_unix_carry_the_same_streams(everywhere):
    _, port6, path = everywhere
    for place in (f"[::1]:{port6}", f"unix:{path}"):
        check(place, connections=100, bytes=MIB, write_max=100_000, reading="full")
        check(place, connections=100, bytes=100_000, finish="resets-among")


RECEIVES = ["auto", "multishot", "single", "poll-first"]
OPERATIONS = ["recv", "read", "recvmsg", "readv"]
TASK_RUNS = [["--taskrun", "defer"], ["--taskrun", "coop"], ["--taskrun", "none"], ["--sqpoll"]]
# What changes no path of another knob: each combination of the others gets one of these.
BESIDE = [
    [],
    ["--accept", "multishot"],
    ["--restrictions", "off", "--buffer-size", "4KiB", "--buffers", "4"],
    ["--buffer-size", "1MiB", "--buffers", "8"],
]


def ring_combinations():
    """All that io_uring allows: multishot and zero-copy exist for recv and send alone."""
    data_paths = [
        ["--recv", receive, "--op", operation, "--zerocopy", zero_copy]
        for receive, operation, zero_copy in itertools.product(RECEIVES, OPERATIONS, ["on", "off"])
        if operation == "recv" or (receive != "multishot" and zero_copy == "off")
    ]
    fixed_files = ["off", "on"] if feature("direct_accept")["in_force"] else ["off"]
    for path, fixed, task_run in itertools.product(data_paths, fixed_files, TASK_RUNS):
        yield [*path, "--fixed-files", fixed, *task_run]


def epoll_combinations():
    for receive, operation in itertools.product(["auto", "single"], OPERATIONS):
        for zero_copy in ["auto", "off"]:
            yield ["--recv", receive, "--op", operation, "--zerocopy", zero_copy]


def combinations(engine):
    chosen = ring_combinations() if engine == "uring" else epoll_combinations()
    beside = BESIDE if engine == "uring" else [BESIDE[0], BESIDE[3]]
    for number, options in enumerate(chosen):
        yield [*options, *beside[number % len(beside)]]


def test_every_combination_of_knobs_that_is_allowed_carries_bytes(engine, tmp_path):
    # Under sanitizers a fifth of them; the engine's own tests try each there too.
    for options in itertools.islice(combinations(engine), 0, None, 5 if SANITIZED else 1):
        server = Server(engine, tmp_path / "log", workers=1, admin=None, options=options)
        try:
            check(server.places[0], connections=3, bytes=150_000, write_max=70_000)
            check(server.places[0], connections=3, bytes=20_000, write_max=500, reading="full")
            assert server.end() == 0, options
        finally:
            assert not server.clear_away(), options


@pytest.mark.parametrize(
    "options",
    [
        ["--recv", "multishot", "--op", "read"],
        ["--zerocopy", "on", "--op", "recvmsg"],
        ["--sqpoll", "--taskrun", "defer"],
        ["--engine", "epoll", "--recv", "multishot"],
        ["--engine", "epoll", "--recv", "poll-first"],
        ["--engine", "epoll", "--zerocopy", "on"],
        ["--engine", "epoll", "--fixed-files", "on"],
        ["--engine", "epoll", "--taskrun", "coop"],
        ["--engine", "epoll", "--sqpoll"],
    ],
    ids=" ".join,
)
def test_a_combination_that_cannot_be_is_refused_in_one_line(options):
    command = [OURO, "echo", "--listen", "127.0.0.1:0", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1 and "--" in ended.stderr
