"""Bytes through the proxy: both ways, to the last one, with ends and resets where they belong."""

import os
import signal
import socket
import time

import pytest
from conftest import echoes, eventually, kill, receive_exactly, stop
from content_support import check
from proxy_support import (
    KIB,
    MIB,
    all_acknowledged,
    connect_to,
    cpu_time_of,
    echo,
    how_it_ends,
    in_background,
    load,
    memory_of,
    open_to_workers,
    pattern,
    receive_pattern,
    reset,
    send_until_reset,
    send_what_is_taken,
    unacknowledged,
)
from talkers import Talkers

SIZES = [0, 1, 64 * KIB, 5 * MIB]
DIRECTIONS = ["to the server", "to the client"]
BOTH = pytest.mark.parametrize("direction", DIRECTIONS)


@pytest.fixture
def pair(proxy, backend):
    """A client and the server it got, with the proxy between; the test plays both."""
    server = backend()
    running = proxy([server])

    def connect():
        client = running.connect()
        return client, server.accept()

    return connect


def in_order(pair, direction):
    """(who says something, who hears it)."""
    client, server = pair()
    return (client, server) if direction == "to the server" else (server, client)


def send_all(connection, count):
    connection.sendall(pattern(count))
    connection.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("size", SIZES)
def test_every_byte_passes_both_ways_at_once(pair, size):
    client, server = pair()
    sent = [in_background(send_all, one, size) for one in (client, server)]
    received = [in_background(receive_pattern, one) for one in (server, client)]
    assert [wait() for wait in received] == [(size, "end")] * 2
    for wait in sent:
        wait()


def test_many_connections_each_get_their_own_bytes(proxy, backend):
    running = proxy([backend(echo), backend(echo)], workers=2)
    with Talkers([running.connect() for _ in range(60)], ahead=20_000) as talkers:
        talkers.go_on(30)
        assert sum(running.metric("connections_reset_total")) == 0


def test_loads_of_both_kinds_at_once_find_every_byte_right(proxy, start):
    running = proxy(start(workers=1).places, workers=2)
    loads = [in_background(load, running.places[0], mode, "-c", "10")
             for mode in ("request", "stream")]
    for wait in loads:
        wait()


def test_uneven_messages_come_back_whole(proxy, start):
    running = proxy(start(workers=1).places, workers=2)
    check(running.places[0], connections=20, bytes=MIB)


def test_new_connections_one_after_the_other_leave_nothing_behind(proxy, start):
    running = proxy(start(workers=1).places)
    load(running.places[0], "churn", "-c", "20")
    eventually(lambda: running.metric("connections_open") == [0], "all have left")


@BOTH
def test_who_does_not_read_holds_up_the_sender_and_not_the_memory(proxy, backend, direction):
    server = backend()
    running = proxy([server])
    client = running.connect()
    speaker, hearer = client, server.accept()
    if direction == "to the client":
        speaker, hearer = hearer, speaker
    before = memory_of(running.worker(0))
    taken = send_what_is_taken(speaker)
    assert memory_of(running.worker(0)) - before < 8 * MIB
    total = 100 * MIB
    assert taken < total
    sent = in_background(lambda: (speaker.sendall(pattern(total - taken, taken)),
                                  speaker.shutdown(socket.SHUT_WR)))
    most = 0
    received = 0
    while received < total // 2:
        received += len(receive_exactly(hearer, MIB))
        most = max(most, memory_of(running.worker(0)))
    assert most - before < 32 * MIB
    assert receive_pattern(hearer, received) == (total - received, "end")
    sent()


@BOTH
def test_an_end_passes_and_the_other_direction_stays_open(pair, direction):
    first, second = in_order(pair, direction)
    first.sendall(b"that is all")
    first.shutdown(socket.SHUT_WR)
    assert receive_exactly(second, 11) == b"that is all"
    assert second.recv(1) == b""
    for _ in range(3):
        second.sendall(b"not from here")
        assert receive_exactly(first, 13) == b"not from here"
    second.sendall(pattern(MIB))
    second.shutdown(socket.SHUT_WR)
    assert receive_pattern(first) == (MIB, "end")


def test_both_may_end_at_once(pair):
    client, server = pair()
    for _ in range(20):
        client.shutdown(socket.SHUT_WR)
        server.shutdown(socket.SHUT_WR)
        assert (how_it_ends(client), how_it_ends(server)) == ("end", "end")
        client, server = pair()


def test_an_end_before_the_server_is_there_is_not_lost(proxy, backend):
    server = backend(listening=False)
    running = proxy([server], upstream={"retries": 0})
    server.fill()  # it listens, but does not answer until somebody is accepted
    client = running.connect()
    client.sendall(b"last words")
    client.shutdown(socket.SHUT_WR)
    accepted = server.accept_after_fillers()
    assert receive_exactly(accepted, 10) == b"last words"
    assert how_it_ends(accepted) == "end"
    accepted.sendall(b"heard")
    accepted.shutdown(socket.SHUT_WR)
    assert receive_exactly(client, 5) == b"heard"
    assert how_it_ends(client) == "end"


@BOTH
def test_a_reset_arrives_as_a_reset(pair, direction):
    first, second = in_order(pair, direction)
    reset(first)
    assert how_it_ends(second) == "reset"


@BOTH
def test_what_was_sent_before_a_reset_arrives_before_it(pair, direction):
    first, second = in_order(pair, direction)
    received = in_background(receive_pattern, second)
    first.sendall(pattern(MIB))
    all_acknowledged(first)
    reset(first)
    assert received() == (MIB, "reset")


def say_and_reset(speaker):
    """Says what is taken, and is gone; gives how much has arrived for certain."""
    arrived = send_what_is_taken(speaker) - unacknowledged(speaker)
    reset(speaker)
    return arrived


def test_a_slow_reader_gets_all_that_was_sent_before_a_reset(pair):
    pairs = [in_order(pair, direction) for direction in DIRECTIONS]
    arrived = [say_and_reset(speaker) for speaker, _ in pairs]
    time.sleep(1)
    for count, (_, hearer) in zip(arrived, pairs):
        received, ending = receive_pattern(hearer)
        assert ending == "reset"
        assert received >= count


def test_who_is_reset_while_nobody_reads_was_heard_to_the_end(pair):
    pairs = [in_order(pair, direction) for direction in DIRECTIONS]
    for _, hearer in pairs:
        send_what_is_taken(hearer)
    arrived = [say_and_reset(speaker) for speaker, _ in pairs]
    time.sleep(0.3)
    for count, (_, hearer) in zip(arrived, pairs):
        received, ending = receive_pattern(hearer)
        assert ending == "reset"
        assert received >= count


def test_a_server_killed_in_the_middle_is_no_clean_end(proxy, start):
    """It had not read all it was sent: its machine answers with a reset."""
    origin = start(workers=1)
    worker = origin.worker(0)
    client = proxy(origin.places).connect()
    assert echoes(client)
    stop(worker)
    send_what_is_taken(client)
    kill(worker)
    assert receive_pattern(client)[1] == "reset"


def stand_still(first, second, how):
    """One side of a session does something, and nothing can go on."""
    if how != "ended":
        send_what_is_taken(first, calm_s=0.1)
    if how == "stalled both ways, then reset":
        send_what_is_taken(second, calm_s=0.1)
    if how in ("ended", "stalled, then ended"):
        first.shutdown(socket.SHUT_WR)
    if how.endswith("reset"):
        reset(first)
    if how == "stalled, and the hearer ended":
        second.shutdown(socket.SHUT_WR)


def test_sessions_that_stand_still_cost_nothing_and_leave_nothing(proxy, backend):
    server = backend()
    running = proxy([server])
    sessions = []
    for how in ("ended", "stalled", "stalled, then ended", "stalled, then reset",
                "stalled both ways, then reset", "stalled, and the hearer ended"):
        for order in (1, -1):
            client = running.connect()
            sessions.append((client, server.accept())[::order])
            stand_still(*sessions[-1], how)
    worker = running.worker(0)
    before, turns = cpu_time_of(worker), running.metric("turns_total")[0]
    time.sleep(0.5)
    assert cpu_time_of(worker) - before < 0.1
    assert running.metric("turns_total")[0] - turns < 100
    for session in sessions:
        for connection in session:
            reset(connection)
    eventually(lambda: running.metric("connections_open") == [0], "all are gone")


def test_what_a_client_that_is_gone_will_never_take_keeps_nobody(proxy, backend):
    server = backend()
    running = proxy([server])
    client = running.connect()
    accepted = server.accept()
    client.close()
    assert how_it_ends(accepted) == "end"
    accepted.sendall(b"too late")  # its machine answers with a reset
    time.sleep(0.1)
    reset(accepted)
    eventually(lambda: running.metric("connections_open") == [0], "both are gone")


def test_a_client_that_goes_while_the_server_is_slow_frees_both(proxy, backend):
    server = backend()
    running = proxy([server])
    client = running.connect()
    accepted = server.accept()
    send_what_is_taken(client)
    reset(client)
    eventually(lambda: running.metric("server_connections") <= 1, "the client's place is free")
    accepted.close()
    eventually(lambda: running.metric("connections_open") == [0], "nothing is left")


@pytest.mark.parametrize("place", ["[::1]:0", "unix"])
def test_other_families_serve_and_are_served(proxy, backend, tmp_path, place):
    front = f"unix:{tmp_path}/front" if place == "unix" else place
    server = backend(echo, place=f"unix:{tmp_path}/back" if place == "unix" else place)
    if place == "unix":
        open_to_workers(tmp_path / "back")
    running = proxy([server], listen={"address": front})
    with Talkers([running.connect() for _ in range(10)], ahead=50_000) as talkers:
        talkers.go_on()


def test_two_listeners_lead_to_their_own_servers(proxy, backend):
    one, other = backend(), backend()
    running = proxy(config={
        "workers": {"count": 2},
        "listen": [{"address": "127.0.0.1:0", "upstream": "one", "name": "a"},
                   {"address": "127.0.0.1:0", "upstream": "other", "name": "b"}],
        "upstream": [{"name": "one", "servers": [one.place]},
                     {"name": "other", "servers": [other.place]}],
    })
    clients = [running.connect(number % 2) for number in range(20)]
    for number, client in enumerate(clients):
        client.sendall(bytes([number]))
    for server, numbers in ((one, range(0, 20, 2)), (other, range(1, 20, 2))):
        got = {receive_exactly(server.accept(), 1)[0] for _ in range(10)}
        assert got == set(numbers)


def test_a_transfer_under_way_finishes_when_the_proxy_is_told_to_stop(pair, started):
    client, server = pair()
    send = in_background(send_all, server, 20 * MIB)
    first = receive_exactly(client, MIB)
    assert first == pattern(MIB)
    started[0].signal(signal.SIGTERM)
    time.sleep(0.2)
    assert receive_pattern(client, MIB) == (19 * MIB, "end")
    send()
    client.shutdown(socket.SHUT_WR)
    assert how_it_ends(server) == "end"
    assert started[0].wait() == 0
    assert "connections_cut=0" in started[0].log()


def test_sessions_without_end_are_cut_at_the_limit(proxy, backend):
    server = backend()
    running = proxy([server], timeouts={"drain": "500ms"})
    client = running.connect()
    accepted = server.accept()
    send_what_is_taken(accepted)
    running.signal(signal.SIGTERM)
    assert running.wait() == 0
    assert "connections_cut=0" not in running.log()
    assert receive_pattern(client)[1] == "reset"


def test_who_is_cut_by_a_drain_takes_no_half_for_a_whole(proxy, backend):
    server = backend()
    running = proxy([server], timeouts={"drain": "400ms"})
    client = running.connect()
    accepted = server.accept()
    sending = in_background(send_until_reset, client)
    receive_exactly(accepted, MIB)
    running.signal(signal.SIGTERM)
    assert receive_pattern(accepted, MIB)[1] == "reset"
    sending()
    assert running.wait() == 0
    assert "connections_cut=1" in running.log()


def test_a_second_signal_resets_both_sides_of_every_session(proxy, backend):
    server = backend()
    running = proxy([server], timeouts={"drain": "10m"})
    sessions = [(running.connect(), server.accept()) for _ in range(10)]
    for client, accepted in sessions:
        accepted.sendall(b"half of it")
        assert receive_exactly(client, 10) == b"half of it"
    for _ in range(2):
        running.signal(signal.SIGTERM)
        time.sleep(0.1)
    assert [how_it_ends(one) for session in sessions for one in session] == ["reset"] * 20
    assert running.wait() == 1
    assert "event=ended_at_once" in running.log()
    assert "connections_cut=10" in running.log()


def test_a_killed_worker_costs_its_own_sessions_only(proxy, backend):
    server = backend(echo)
    running = proxy([server], workers=2)
    connections = [running.connect() for _ in range(20)]
    with Talkers(connections) as talkers:
        talkers.go_on(5)
        own = running.metric("connections_open")[0] // 2
        kill(running.worker(0))
        eventually(lambda: len(talkers.broken) == own, "its own sessions end")
        talkers.moving(10)
        with Talkers([running.connect() for _ in range(10)]) as newcomers:
            newcomers.go_on()
        assert len(talkers.broken) == own


def test_a_client_with_a_tiny_window_gets_it_all(proxy, backend):
    server = backend()
    running = proxy([server])
    client = connect_to(running.places[0], receive_buffer=4 * KIB)
    send = in_background(send_all, server.accept(), MIB)
    assert receive_pattern(client) == (MIB, "end")
    send()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_it_needs_no_root(proxy, backend, tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    server = backend(echo)
    running = proxy([server], prefix=["setpriv", "--reuid=65534", "--clear-groups"])
    with Talkers([running.connect()]) as talkers:
        talkers.go_on()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has something to give up")
def test_started_as_root_its_workers_are_not_root_and_confined(proxy, backend):
    from test_sandbox import check_confined, nobody_or_ouro

    running = proxy([backend(echo)], workers=2)
    assert len(running.children()) == 3
    for child in running.children().values():
        check_confined(child, nobody_or_ouro())
    with Talkers([running.connect()]) as talkers:
        talkers.go_on()
