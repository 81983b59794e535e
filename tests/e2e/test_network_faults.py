"""What a network does to a server: resets, floods, losses, slowness, peers that vanish. Others, on
a good path, do not notice; and every byte that arrives is right."""

import contextlib
import os
import socket
import subprocess
import sys

import network
import pytest
from conftest import PATIENCE_S, SANITIZED, echoes, eventually
from content_support import CLIENT, KIB, MIB, NeverReaders, check, memory_of, options_of
from talkers import Talkers

pytestmark = pytest.mark.skipif(network.missing() is not None, reason=str(network.missing()))

SILENCE_MAX_S = 10  # a ceiling that no noise reaches
CREDIT = 64 * KIB

# Connects, says something or not, and cuts with RST: whatever is under way is lost.
STORM = """
import socket, struct, sys
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
said = 0
for number in range(count):
    one = socket.create_connection((host, port))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.setblocking(False)
    if number % 3:
        one.send(bytes(200_000 if number % 3 == 1 else 10))
    one.close()
"""

# The first packet of connections that nobody means to have.
HALF_OPEN = """
import random, socket, struct, sys
host, port, nowhere, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
target = socket.inet_aton(host)

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

for number in range(count):
    source = socket.inet_aton(f"{nowhere}.{number // 250 % 250}.{number % 250 + 1}")
    tcp = [random.randrange(1024, 65536), port, random.getrandbits(32), 0, 0x5002, 65535, 0, 0]
    pseudo = source + target + struct.pack("!HH", socket.IPPROTO_TCP, 20)
    tcp[6] = checksum(pseudo + struct.pack("!HHIIHHHH", *tcp))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0)
    raw.sendto(head + source + target + struct.pack("!HHIIHHHH", *tcp), (host, 0))
"""


@pytest.fixture
def net():
    with network.Network() as made:
        yield made


@pytest.fixture
def serve(net, start):
    """Starts a server that listens on loopback and at the near end of the cable."""

    def start_one(**settings):
        return start(listen=["127.0.0.1:0", f"{network.NEAR}:0"], **settings)

    return start_one


def far_port(server):
    return int(server.places[1].rpartition(":")[2])


def connect_near(server, count):
    return [server.connect() for _ in range(count)]


def connect_far(net, server, count):
    with net.far():
        return [socket.create_connection((network.NEAR, far_port(server)), timeout=PATIENCE_S)
                for _ in range(count)]


@contextlib.contextmanager
def at_the_far_end(net, *command):
    """Runs a program there while the block runs; it ends by itself, and well."""
    with net.far():
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
    try:
        yield process
        _, error = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, error
    finally:
        process.kill()
        process.communicate()


def script(text, *arguments):
    return [sys.executable, "-c", text, *map(str, arguments)]


def content_client(server, **wishes):
    return [CLIENT, server.places[1], *options_of(wishes)]


def open_files(server):
    return [len(os.listdir(f"/proc/{server.worker(index)}/fd")) for index in (0, 1)]


def only_these_are_left(server, count):
    eventually(lambda: server.metric("server_connections") == count, "the others' places are free")
    assert server.metric("worker_respawns_total") == [0, 0]
    assert server.log().count("\n") < 200, "it says too much"


def test_a_storm_of_resets_touches_nobody_else(net, serve):
    server = serve()
    with Talkers(connect_near(server, 10)) as near, Talkers(connect_far(net, server, 10)) as far:
        near.go_on()
        files = sum(open_files(server))
        storm = script(STORM, network.NEAR, far_port(server), 3000)
        stream = content_client(server, connections=20, bytes=256 * KIB)
        with at_the_far_end(net, *storm), at_the_far_end(net, *stream):
            near.go_on(100)
            far.go_on(100)
        only_these_are_left(server, 20)
        assert sum(server.metric("connections_reset_total")) > 1000
        eventually(lambda: sum(server.metric("unsent_bytes")) == 0, "nothing is kept for them")
        eventually(lambda: sum(open_files(server)) == files, "the files are closed")
        near.go_on()
        far.go_on()
        assert max(near.longest_silence_s, far.longest_silence_s) < SILENCE_MAX_S


def test_a_flood_of_half_open_connections_leaves_room_for_whole_ones(net, serve):
    server = serve()
    with Talkers(connect_near(server, 10)) as near:
        near.go_on()
        flood = script(HALF_OPEN, network.NEAR, far_port(server), network.NOWHERE, 20_000)
        with at_the_far_end(net, *flood) as flooding:
            eventually(lambda: net.half_open() > 500, "the flood is here")
            served = 0
            while flooding.poll() is None or served < 20:
                for newcomer in connect_far(net, server, 1) + connect_near(server, 1):
                    assert echoes(newcomer)
                    newcomer.close()
                    served += 1
        assert net.half_open() > 500
        check(server.places[1], connections=50, bytes=100_000)
        near.go_on(100)
        only_these_are_left(server, 10)
        assert near.longest_silence_s < SILENCE_MAX_S


def test_a_link_that_loses_packets_loses_no_bytes(net, serve):
    server = serve()
    with Talkers(connect_near(server, 10)) as near:
        # Not the first packet of a connection: it is not sent again for a second.
        net.lose("tcp flags & syn == 0 numgen random mod 100 < 5")
        with at_the_far_end(net, *content_client(server, connections=30, bytes=200_000)):
            near.go_on(200)
        assert net.filtered() > 50
        net.heal()
        only_these_are_left(server, 10)
        assert near.longest_silence_s < SILENCE_MAX_S


def test_resets_from_something_between_cut_only_whom_they_meet(net, serve):
    server = serve(options=["--idle-timeout", "3s"])
    with Talkers(connect_near(server, 10)) as near:
        with Talkers(connect_far(net, server, 60), ahead=4000) as far:
            far.go_on()
            net.filter(f"tcp dport {far_port(server)} numgen random mod 300 < 1 counter "
                       "reject with tcp reset")
            eventually(lambda: len(far.broken) >= 10, "some are cut")
            net.heal()
            far.moving(20)
            lost = len(far.broken)
            assert lost < 60
            far.moving(50)
            near.go_on(50)
            assert len(far.broken) == lost
            # Those of which the server knows nothing are closed for their silence.
            only_these_are_left(server, 10 + 60 - lost)
        only_these_are_left(server, 10)
        assert near.longest_silence_s < SILENCE_MAX_S


def test_a_slow_link_holds_up_only_those_behind_it_and_costs_no_more_than_windows(net, serve):
    net.set("tcp_wmem", "4096 16384 65536")  # what the kernel does not hold, the server does
    server = serve()
    clients = 40
    most = 0
    with Talkers(connect_near(server, 10)) as near:
        near.go_on()
        net.slow_down("80mbit")
        stream = content_client(server, connections=clients, bytes=600 * KIB)
        with at_the_far_end(net, *stream) as streaming:
            while streaming.poll() is None:
                most = max(most, sum(server.metric("unsent_bytes")))
                near.go_on(20)
        assert MIB < most < clients * (256 * KIB + CREDIT)
        only_these_are_left(server, 10)
        assert near.longest_silence_s < SILENCE_MAX_S


@pytest.mark.parametrize("how", ["unplugged", "without a word"])
def test_the_places_of_peers_that_vanish_come_back(net, serve, how):
    server = serve(options=["--idle-timeout", "1500ms", "--max-connections", "8"])
    with Talkers(connect_far(net, server, 4), ahead=300_000) as far:
        quiet = connect_far(net, server, 4)
        assert all(echoes(one) for one in quiet)
        far.go_on(1)
        assert server.metric("server_connections") == 8
        net.unplug() if how == "unplugged" else net.lose()
        with Talkers(connect_near(server, 8)) as near:
            near.go_on(50)
            assert server.metric("server_connections") == 8
            assert sum(server.metric("connections_timed_out_total")) >= 4
            eventually(lambda: sum(server.metric("unsent_bytes")) == 0, "nothing is kept for them")
            assert not near.broken
        for one in quiet:
            one.close()


SLOW_READERS = 9000
UNSENT_MAX = 256 * MIB  # of a worker: WorkerOptions::unsent_bytes_max, see ARCHITECTURE.md
UNDER_WAY = 128 * MIB  # what receives that were asked for may bring above that
POOL = 32 * MIB


@pytest.mark.skipif(SANITIZED, reason="a sanitizer makes it take minutes")
def test_nine_thousand_that_never_read_cost_a_bound_and_starve_nobody(net, serve):
    # Small buffers in the kernel: what is measured is the server's memory.
    net.set("tcp_rmem", "4096 16384 32768")
    net.set("tcp_wmem", "4096 16384 32768")
    server = serve()
    workers = [server.worker(0), server.worker(1)]
    before = memory_of(workers)
    good = {"connections": 100, "bytes": 40 * KIB, "message": KIB, "write_max": KIB}
    with NeverReaders(server.places[0], SLOW_READERS, **good) as slow:
        assert server.metric("server_connections") == SLOW_READERS
        # All their windows together would be more than that.
        assert memory_of(workers) - before < 2 * (UNSENT_MAX + UNDER_WAY + POOL)
        assert max(server.metric("unsent_bytes")) < UNSENT_MAX + UNDER_WAY
        assert sum(server.metric("unsent_bytes")) > UNSENT_MAX
        with Talkers(connect_near(server, 20)) as near:
            near.go_on(40)
            assert slow.let_the_good_ones_go() == 100 * 40 * KIB
            only_these_are_left(server, 20)
            eventually(lambda: sum(server.metric("unsent_bytes")) == 0, "nothing is kept for them")
            near.go_on(40)
            assert near.longest_silence_s < SILENCE_MAX_S
