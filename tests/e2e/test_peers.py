"""The servers that Ouro is compared with are correct echo servers themselves, or a comparison says
nothing. They are built with the benchmarks, in the release preset."""

import pathlib
import socket
import subprocess

import pytest
from cli_support import Program, exchange
from conftest import OURO, PATIENCE_S, echoes
from content_support import KIB, MIB, NeverReaders, check, memory_of

BENCH = pathlib.Path(OURO).parent / "bench"
PEERS = ["asio_echo", "asio_uring_echo", "libevent_echo", "libuv_echo", "threads_echo"]

pytestmark = pytest.mark.skipif(not BENCH.is_dir(), reason="the benchmarks are not built here")


@pytest.fixture(scope="module", params=PEERS)
def peer(request):
    """One server for all tests of this file, and in the end it ends as it should."""
    with Program(BENCH / request.param, "0") as server:
        yield server
        assert server.end() == 0


@pytest.fixture
def place(peer):
    return f"127.0.0.1:{peer.port}"


def test_the_ready_line_ends_with_the_port(peer):
    name = pathlib.Path(peer.command[0]).name
    assert peer.ready == f"{name} ready on 127.0.0.1:{peer.port}"


@pytest.mark.parametrize("size", [1, KIB, 60 * KIB, 60 * KIB + 1, 64 * KIB, MIB, 4 * MIB])
def test_messages_of_any_size_come_back(place, size):
    wishes = {"bytes": 5 * size, "message": size, "write_max": size, "read_max": size}
    assert check(place, **wishes) == 5 * size


@pytest.mark.parametrize("write_max,read_max", [(200_000, 3000), (3000, 200_000), (17, 1000)])
def test_pieces_of_random_sizes_change_nothing(place, write_max, read_max):
    size = 4 * MIB if write_max > 17 else 100_000
    check(place, connections=8, bytes=size, write_max=write_max, read_max=read_max)


@pytest.mark.parametrize("connections", [10, 100, 1000])
def test_many_connections_are_served_at_once(place, connections):
    checked = check(place, connections=connections, bytes=100_000, write_max=7000)
    assert checked == connections * 100_000


@pytest.mark.parametrize("size", [0, 1, 1000, 60 * KIB, MIB + 1])
def test_who_half_closes_gets_every_byte_and_then_the_end(place, size):
    assert check(place, connections=10, bytes=size) == 10 * size


def test_full_buffers_on_the_way_lose_nothing(place):
    check(place, connections=20, bytes=8 * MIB, reading="full")
    small = {"receive_buffer": 64 * KIB, "send_buffer": 4 * KIB}
    check(place, connections=20, bytes=MIB, reading="full", **small)


def test_resets_touch_no_other_connection(place):
    for _ in range(3):
        check(place, connections=300, bytes=300_000, finish="resets-among")


def test_clients_that_never_read_are_not_read_from_and_delay_nobody(peer, place):
    before = memory_of([peer.process.pid])
    good = {"connections": 20, "bytes": MIB, "message": 16 * KIB, "write_max": 16 * KIB}
    with NeverReaders(place, 200, **good) as clients:
        assert memory_of([peer.process.pid]) - before < 200 * 128 * KIB
        assert clients.let_the_good_ones_go() == 20 * MIB


def test_a_client_that_says_nothing_keeps_its_connection(peer):
    with peer.connect() as silent:
        with peer.connect() as other:
            assert exchange(other, b"first") == b"first"
        assert echoes(silent)


@pytest.mark.parametrize("name", PEERS)
def test_sigterm_ends_it_with_clients_connected(name):
    with Program(BENCH / name, "0") as server, server.connect() as client:
        assert echoes(client)
        assert server.end() == 0


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("words", [[], ["x"], ["-1"], ["65536"], ["7007x"], ["0", "0"]])
def test_a_wrong_argument_is_refused(name, words):
    assert run(name, *words) == (2, "", f"usage: {name} PORT\n")


@pytest.mark.parametrize("name", PEERS)
def test_a_port_in_use_is_said(name):
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, said, error = run(name, str(other.getsockname()[1]))
    assert (code, said, error) == (1, "", f"{name}: bind: Address already in use\n")


def run(name, *words):
    ended = subprocess.run(
        [BENCH / name, *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
    )
    return ended.returncode, ended.stdout, ended.stderr
