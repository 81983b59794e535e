"""Bytes that pass within the kernel: what is asked of the proxy elsewhere, once more, and what
splicing alone could get wrong."""

import os
import signal
import socket
import subprocess
import time

import pytest
import test_proxy
from conftest import OURO, eventually, receive_exactly
from content_support import check
from proxy_support import (
    KIB,
    MIB,
    config_of,
    echo,
    how_it_ends,
    in_background,
    load,
    open_to_workers,
    pattern,
    receive_pattern,
    reset,
    send_what_is_taken,
    toml,
)
from talkers import Talkers
from test_access_log import log, logged, test_a_good_session  # noqa: F401
from test_proxy import *  # noqa: F403
from test_proxy_limits import (  # noqa: F401
    test_a_session_that_lasts_too_long_is_cut_whatever_it_does,
    test_after_one_end_the_other_side_may_be_silent_for_so_long,
    test_who_talks_into_one_direction_is_not_idle,
    test_with_nothing_from_either_side_both_are_cut,
)
from test_proxy_metrics import (  # noqa: F401
    test_bytes_are_counted_while_a_session_lasts_and_when_it_ends,
)
from test_proxy_names import (  # noqa: F401
    by_name,
    certificates,
    test_a_header_is_passed_on_with_the_first_client_in_it,
    test_a_header_is_taken_off_however_it_comes,
    test_a_hello_may_come_in_pieces,
    test_a_hello_may_follow_a_proxy_header,
    test_what_follows_a_header_at_once_is_not_lost,
)
from test_proxy_reload import (  # noqa: F401
    Reloaded,
    places_of,
    test_many_reloads_under_load_cost_nobody_anything,
)

pair = test_proxy.pair


@pytest.fixture
def forward():
    return "splice"


def files_of(process):
    return len(os.listdir(f"/proc/{process}/fd"))


def spliced(running):
    return sum(running.metric("spliced_bytes_total"))


def refused(running):
    return sum(running.metric("splices_refused_total"))


def test_bytes_are_spliced_from_the_first_on(proxy, start):
    running = proxy(start(workers=1).places)
    check(running.places[0], connections=10, bytes=MIB)
    eventually(lambda: running.metric("connections_open") == [0], "all have left")
    assert sum(running.metric("received_bytes_total")) == 20 * MIB
    # On io_uring a slow peer that has ended is served by copying.
    assert spliced(running) > 18 * MIB
    assert refused(running) == 0


def test_copying_is_what_happens_unless_it_is_asked_for(proxy, backend):
    running = proxy([backend(echo)], upstream={"forward": "copy"})
    load(running.places[0], "request", "-c", "2")
    assert spliced(running) == 0


def test_pipes_are_there_only_while_there_are_bytes_in_them(proxy, backend):
    server = backend()
    running = proxy([server])
    worker = running.worker(0)
    before = files_of(worker)
    sessions = [(running.connect(), server.accept()) for _ in range(30)]
    for client, accepted in sessions:
        client.sendall(b"quiet from now on")
        receive_exactly(accepted, 17)
    assert files_of(worker) - before <= 60 + 2
    for client, _ in sessions:
        send_what_is_taken(client, calm_s=0.05)
    assert 60 + 40 <= files_of(worker) - before <= 60 + 60 + 2
    for session in sessions:
        for connection in session:
            reset(connection)
    eventually(lambda: running.metric("connections_open") == [0], "all are gone")
    assert files_of(worker) - before <= 2 * 16


def test_who_finds_no_pipe_is_served_by_copying(proxy, backend):
    server = backend()
    running = proxy([server], prefix=["prlimit", "--nofile=200"])
    sessions = []
    for _ in range(35):
        client = running.connect()
        sessions.append((client, server.accept()))
        taken = [send_what_is_taken(one, calm_s=0.03) for one in sessions[-1]]
        sessions[-1] += tuple(taken)
    assert refused(running) > 0
    for client, accepted, to_server, to_client in sessions:
        client.shutdown(socket.SHUT_WR)
        accepted.shutdown(socket.SHUT_WR)
        hearing = in_background(receive_pattern, client)
        assert receive_pattern(accepted) == (to_server, "end")
        assert hearing() == (to_client, "end")
        client.close()
        accepted.close()


def test_urgent_data_does_not_stop_what_is_behind_it(pair):
    for first, second in (pair(), pair()[::-1]):
        for round_ in range(5):
            first.sendall(b"before")
            first.send(b"!", socket.MSG_OOB)
            first.sendall(b"behind")
            got = b""
            while len(got) < 12:
                got += receive_exactly(second, 1).replace(b"!", b"")
            assert got == b"beforebehind", round_
        first.sendall(pattern(MIB))
        first.shutdown(socket.SHUT_WR)
        assert receive_pattern(second) == (MIB, "end")


def test_small_buffers_and_uneven_pieces(proxy, start):
    running = proxy(start(workers=1).places, limits={"window": "4KiB"})
    check(running.places[0], connections=8, bytes=300 * KIB)
    for mode in ("request", "stream"):
        load(running.places[0], mode, "-c", "8", "--size", "100000")


def test_who_does_not_read_holds_little(proxy, backend):
    """A pipe at the most, beside what the two sockets hold in the kernel."""
    server = backend()
    running = proxy([server])
    client = running.connect()
    server.accept()
    taken = send_what_is_taken(client)
    assert taken < 32 * MIB
    passed, received = spliced(running), sum(running.metric("sent_bytes_total"))
    assert passed - received <= 64 * KIB


@pytest.mark.parametrize("order", [1, -1])
def test_a_half_closed_peer_that_is_slow_gets_it_all(pair, order):
    """It ends, and only then begins to read: waiting for room must not be taken for its end."""
    speaker, hearer = pair()[::order]
    hearer.shutdown(socket.SHUT_WR)
    assert speaker.recv(1) == b""
    taken = send_what_is_taken(speaker)
    send = in_background(lambda: (speaker.sendall(pattern(5 * MIB, taken)),
                                  speaker.shutdown(socket.SHUT_WR)))
    time.sleep(0.2)
    assert receive_pattern(hearer) == (taken + 5 * MIB, "end")
    send()


def test_the_log_has_the_bytes_of_a_session_that_was_reset(logged, backend, log):
    server = backend()
    running = logged([server])
    client = running.connect()
    accepted = server.accept()
    client.sendall(pattern(MIB))
    assert receive_exactly(accepted, MIB) == pattern(MIB)
    accepted.sendall(b"heard")
    assert receive_exactly(client, 5) == b"heard"
    reset(client)
    assert how_it_ends(accepted) == "reset"
    line = log.only()
    assert (line["to_server"], line["to_client"]) == (MIB, 5)
    assert line["cause"] == "client_aborted"


def test_a_reload_changes_the_mode_for_newcomers_alone(proxy, start, tmp_path):
    servers = start(workers=1).places
    running = proxy(servers)
    reloaded = Reloaded(running, tmp_path)
    reloaded.path = tmp_path / "proxy1" / "proxy.toml"  # the server was started before
    with Talkers([running.connect() for _ in range(8)], ahead=20_000) as talkers:
        for mode in ("copy", "splice") * 3:
            reloaded.to(config_of(servers, upstream={"forward": mode}))
            talkers.go_on(5)
            before = spliced(running)
            with Talkers([running.connect() for _ in range(2)]) as newcomers:
                newcomers.go_on(5)
            load(running.places[0], "churn", "-c", "4")
            assert not talkers.broken
            assert spliced(running) > before  # those who have been there go on as they began


def test_workers_that_began_without_it_cannot_be_told_to(proxy, backend, tmp_path):
    servers = places_of([backend(echo)])
    running = proxy(servers, upstream={"forward": "copy"})
    reloaded = Reloaded(running, tmp_path)
    told = reloaded.refused(config_of(servers, upstream={"forward": "splice"}))
    assert 'needs a restart' in told
    load(running.places[0], "request", "-c", "2")
    assert spliced(running) == 0


def test_without_a_sandbox_they_can(proxy, backend, tmp_path):
    servers = places_of([backend(echo)])
    config = config_of(servers)
    config["workers"]["sandbox"] = False
    running = proxy(config={**config, "upstream": [{**config["upstream"][0], "forward": "copy"}]})
    config["upstream"][0]["forward"] = "splice"
    Reloaded(running, tmp_path).to(config)
    load(running.places[0], "request", "-c", "2")
    assert spliced(running) > 0


def test_sockmap_is_refused_with_its_reason(tmp_path):
    path = tmp_path / "proxy.toml"
    path.write_text(toml(config_of(["127.0.0.1:1"], upstream={"forward": "sockmap"})))
    ended = subprocess.run([OURO, "proxy", "--config", str(path), "--check"],
                           capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "sockmap" in ended.stderr and "without bound" in ended.stderr


def test_a_drain_waits_for_sessions_in_both_directions(proxy, backend):
    server = backend()
    running = proxy([server])
    client = running.connect()
    accepted = server.accept()
    taken = [send_what_is_taken(one) for one in (client, accepted)]
    running.signal(signal.SIGTERM)
    client.shutdown(socket.SHUT_WR)
    accepted.shutdown(socket.SHUT_WR)
    assert receive_pattern(accepted) == (taken[0], "end")
    assert receive_pattern(client) == (taken[1], "end")
    client.close()
    accepted.close()
    assert running.wait() == 0
    assert "connections_cut=0" in running.log()


@pytest.mark.parametrize("place", ["unix", "tcp"])
def test_who_waits_for_room_is_told_of_it_though_the_other_side_talks(
        proxy, backend, tmp_path, place):
    """The side that has no room says something, and what was waiting for it goes on."""
    server = backend(place=f"unix:{tmp_path}/server") if place == "unix" else backend()
    if place == "unix":
        open_to_workers(tmp_path / "server")
    running = proxy([server])
    client = running.connect()
    accepted = server.accept()
    if place == "tcp":  # as behind urgent data, readiness is not told of by itself
        accepted.send(b"!", socket.MSG_OOB)
        assert receive_exactly(client, 1) == b"!"
    taken = send_what_is_taken(client)
    accepted.sendall(b"I hear you")
    assert receive_exactly(client, 10) == b"I hear you"
    time.sleep(0.2)
    client.shutdown(socket.SHUT_WR)
    assert receive_pattern(accepted) == (taken, "end")
