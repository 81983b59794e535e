"""How much and how long: places at listeners and servers, queues, timeouts, and who may come."""

import contextlib
import random
import socket
import time

import pytest
from conftest import PATIENCE, echoes, eventually, kill, receive_all, receive_exactly, runs
from proxy_support import (
    echo,
    how_it_ends,
    in_background,
    is_refused,
    name_of_server,
    named,
    reset,
)


def limited(server, most):
    return [{"address": server.place, "max_connections": most}]




def served(proxy, count):
    """So many new connections, each of which is served."""
    connections = [proxy.connect() for _ in range(count)]
    assert all(map(echoes, connections))
    return connections


@pytest.mark.parametrize("workers", [1, 2])
def test_a_listener_takes_no_more_than_it_may(proxy, backend, workers):
    running = proxy([backend(echo)], listen={"max_connections": 5}, workers=workers)
    held = served(running, 5)
    for _ in range(5):
        assert is_refused(running)
    held.pop().close()
    held += eventually(lambda: one_more(running), "the place is free again")
    assert is_refused(running)
    assert all(map(echoes, held))


def one_more(running):
    try:
        connection = running.connect()
        return [connection] if echoes(connection) else []
    except ConnectionResetError:
        return []


def test_over_all_workers_exactly_so_many_are_served_and_the_rest_waits(proxy, backend):
    server = backend(echo)
    running = proxy([server], limits={"max_connections": 6}, workers=2)
    held = served(running, 6)
    waiting = [running.connect() for _ in range(6)]
    for one in waiting:
        one.sendall(b"x")
    time.sleep(0.3)
    assert running.metric("server_connections") <= 12
    assert len(server.connections) == 6
    for number, one in enumerate(held, 1):
        one.close()
        several = 6 + number
        eventually(lambda: len(server.connections) >= several, "one more is served")  # noqa: B023
    assert [receive_exactly(one, 1) for one in waiting] == [b"x"] * 6


def test_a_killed_worker_gives_back_its_places_at_listeners(proxy, backend):
    running = proxy([backend(echo)], listen={"max_connections": 3})
    held = served(running, 3)
    assert is_refused(running)
    kill(running.worker(0))
    assert all(how_it_ends(one) in ("end", "reset") for one in held)
    served(running, 3)


@pytest.mark.parametrize("workers", [1, 2])
def test_who_finds_no_place_at_a_server_waits_for_one(proxy, backend, workers):
    server = backend(echo)
    running = proxy(limited(server, 3), workers=workers)
    held = served(running, 3)
    waiting = [running.connect() for _ in range(6)]
    for number, one in enumerate(waiting):
        one.sendall(bytes([number]))
    time.sleep(0.2)
    assert len(server.connections) == 3
    for one in held:
        one.close()
    eventually(lambda: len(server.connections) == 6, "three more are served")
    for one in waiting:
        one.shutdown(socket.SHUT_WR)
    for number, one in enumerate(waiting):
        assert receive_exactly(one, 1) == bytes([number])


def test_who_waited_first_is_served_first(proxy, backend):
    server = backend(echo)
    running = proxy(limited(server, 1))
    held = served(running, 1)[0]
    waiting = []
    for number in range(5):
        waiting.append(running.connect())
        waiting[-1].sendall(bytes([number]))
        come = [number + 2]
        eventually(lambda: running.metric("connections_accepted_total") == come,  # noqa: B023
                   "it waits")
    for number, one in enumerate(waiting):
        held.close()
        assert receive_exactly(one, 1) == bytes([number])
        assert len(server.connections) == number + 2
        held = one


def test_who_waits_too_long_is_reset(proxy, backend):
    running = proxy(limited(backend(echo), 1), timeouts={"queue": "300ms"})
    held = served(running, 1)
    waiting = [running.connect() for _ in range(3)]
    assert [how_it_ends(one) for one in waiting] == ["reset"] * 3
    assert echoes(held[0])


def test_a_full_queue_takes_nobody(proxy, backend):
    running = proxy(limited(backend(echo), 1), upstream={"queue": 2})
    held = served(running, 1)
    waiting = [running.connect() for _ in range(2)]
    eventually(lambda: running.metric("connections_open") == [4], "they wait")
    assert is_refused(running)
    held[0].close()
    assert echoes(waiting[0])


def behave(running, random):
    """One client that does something and goes in one way or another."""
    with contextlib.suppress(OSError, AssertionError), running.connect() as client:
        client.settimeout(1)
        if random.random() < 0.8:
            client.sendall(random.randbytes(random.choice([1, 1000, 200_000])))
        how = random.choice(["end", "reset", "close", "read"])
        if how == "end":
            client.shutdown(socket.SHUT_WR)
        if how in ("end", "read"):
            client.recv(random.choice([1, 100_000]))
        if how == "reset":
            reset(client)


def moody(random):
    """A server that does the same."""

    def serve(connection):
        mood = random.choice(["echo", "echo", "reset", "end", "close", "deaf"])
        if mood == "echo":
            echo(connection)
        elif mood == "end":
            connection.shutdown(socket.SHUT_WR)
            receive_all(connection)
        elif mood == "deaf":
            connection.sendall(bytes(300_000))
        reset(connection) if mood == "reset" else connection.close()

    return serve


def test_however_sessions_end_no_place_is_lost_or_won(proxy, backend):
    chance = random.Random(11)
    server = backend(moody(chance))
    running = proxy(limited(server, 5), workers=2, upstream={"ejection": {"failures": 0}},
                    timeouts={"idle": "1s", "half_closed": "500ms"}, listen={"max_connections": 40})
    clients = [in_background(lambda: [behave(running, chance) for _ in range(20)])
               for _ in range(20)]
    for wait in clients:
        wait()
    eventually(lambda: sum(running.metric("connections_open")) == 0, "all have left")
    server.serve = echo
    seen = len(server.connections)
    held = [running.connect() for _ in range(40)]
    for one in held:
        one.sendall(b"x")
    eventually(lambda: len(server.connections) == seen + 5, "so many have a place")
    time.sleep(0.2)
    assert len(server.connections) == seen + 5
    assert is_refused(running)
    assert sum(runs(running.worker(index)) for index in range(2)) == 2
    assert "child_ended" not in running.log()


def test_a_full_server_leaves_its_clients_to_the_others(proxy, backend):
    small, large = backend(named("s")), backend(named("l"))
    running = proxy([*limited(small, 2), large.place])
    held = [running.connect() for _ in range(12)]
    assert sorted(map(name_of_server, held)) == ["l"] * 10 + ["s"] * 2


def measured(wait):
    began = time.monotonic()
    result = wait()
    return result, time.monotonic() - began


def test_with_nothing_from_either_side_both_are_cut(proxy, backend):
    server = backend()
    client = proxy([server], timeouts={"idle": "500ms"}).connect()
    accepted = server.accept()
    ending, after = measured(lambda: how_it_ends(client))
    assert (ending, how_it_ends(accepted)) == ("reset", "reset")
    assert after > 0.4


def both_ways(running, server):
    """Two sessions: (client, server) of one, and (server, client) of the other."""
    sessions = []
    for order in (1, -1):
        client = running.connect()
        sessions.append((client, server.accept())[::order])
    return sessions


def test_who_talks_into_one_direction_is_not_idle(proxy, backend):
    server = backend()
    running = proxy([server], timeouts={"idle": f"{500 * PATIENCE}ms"})
    sessions = both_ways(running, server)
    for _ in range(6):
        time.sleep(0.2 * PATIENCE)
        for speaker, hearer in sessions:
            speaker.sendall(b"still here")
            assert receive_exactly(hearer, 10) == b"still here"
    assert [how_it_ends(speaker) for speaker, _ in sessions] == ["reset"] * 2


def test_an_upstream_may_have_its_own_idle_time(proxy, backend):
    client = proxy([backend()], upstream={"idle_timeout": "300ms"}).connect()
    assert how_it_ends(client) == "reset"


def test_after_one_end_the_other_side_may_be_silent_for_so_long(proxy, backend):
    server = backend()
    running = proxy([server], timeouts={"half_closed": f"{500 * PATIENCE}ms"})
    sessions = both_ways(running, server)
    time.sleep(0.7 * PATIENCE)  # before there is an end, this limit does not count
    for ended, silent in sessions:
        ended.shutdown(socket.SHUT_WR)
        assert silent.recv(1) == b""
    for _ in range(4):
        time.sleep(0.2 * PATIENCE)
        for ended, silent in sessions:
            silent.sendall(b"more")
            assert receive_exactly(ended, 4) == b"more"
    endings, after = measured(lambda: [how_it_ends(ended) for ended, _ in sessions])
    assert endings == ["reset"] * 2
    assert after > 0.3 * PATIENCE


def test_who_ended_before_there_was_a_server_waits_no_longer(proxy, backend):
    server = backend(listening=False)
    running = proxy(
        [server],
        timeouts={"half_closed": f"{500 * PATIENCE}ms", "idle": "1h", "connect": "1m"},
        listen={"proxy_protocol": "required", "proxy_protocol_from": "127.0.0.1"})
    server.fill()  # it takes nobody until somebody is accepted
    client = running.connect()
    client.sendall(b"PROXY UNKNOWN\r\nhello")
    client.shutdown(socket.SHUT_WR)
    time.sleep(0.2 * PATIENCE)  # the end has been heard
    accepted = server.accept_after_fillers()
    assert receive_exactly(accepted, 5) == b"hello"
    assert how_it_ends(accepted) == "end"
    ending, after = measured(lambda: how_it_ends(client))
    assert ending == "reset"
    assert after > 0.3 * PATIENCE


def test_a_session_that_lasts_too_long_is_cut_whatever_it_does(proxy, backend):
    client = proxy([backend(echo)], timeouts={"total": "600ms"}).connect()
    began = time.monotonic()
    while echoes(client):
        time.sleep(0.01)
    assert time.monotonic() - began > 0.5


def test_the_total_time_counts_while_waiting_for_a_server_too(proxy, backend):
    running = proxy(limited(backend(echo), 1), timeouts={"total": "500ms"})
    held = served(running, 1)
    waiting = running.connect()
    assert how_it_ends(waiting) == "reset"
    assert not echoes(held[0])
    eventually(lambda: running.metric("connections_open") == [0], "all is over")


def test_connecting_to_a_server_that_does_not_answer_ends_in_time(proxy, backend):
    mute = backend(listening=False)
    mute.fill()
    running = proxy([mute], timeouts={"connect": "400ms"}, upstream={"retries": 0})
    ending, after = measured(lambda: is_refused(running))
    assert ending
    assert after > 0.3


ME, OTHER = "127.0.0.1", "127.0.0.9"


@pytest.mark.parametrize("lists, served_ones", [
    ({"allow": ["127.0.0.9"]}, [OTHER]),
    ({"deny": ["127.0.0.9"]}, [ME]),
    ({"allow": ["127.0.0.0/8"], "deny": ["127.0.0.8/30"]}, [ME]),
    ({"allow": ["10.0.0.0/8", "::1"]}, []),
])
def test_only_those_who_may_come_are_served(proxy, backend, lists, served_ones):
    server = backend(echo)
    running = proxy([server], listen=lists)
    for source in (ME, OTHER):
        if source in served_ones:
            with running.connect(source=source) as connection:
                assert echoes(connection)
        else:
            assert is_refused(running, source=source)
    assert len(server.connections) == len(served_ones)


def test_those_who_may_not_come_take_no_place(proxy, backend):
    running = proxy([backend(echo)], listen={"max_connections": 1, "deny": [OTHER]})
    for _ in range(5):
        assert is_refused(running, source=OTHER)
    with running.connect() as connection:
        assert echoes(connection)


def listening_for_hellos(proxy, server, listen=None, limits=None):
    """Waits for a ClientHello for as long as it takes."""
    return proxy(config={
        "workers": {"count": 1},
        "limits": limits or {},
        "timeouts": {"header": "10m"},
        "admin": {"address": "127.0.0.1:0"},
        "listen": [{"address": "127.0.0.1:0", "upstream": "u", **(listen or {})}],
        "route": [{"sni": "a.test", "upstream": "u"}],
        "upstream": [{"name": "u", "servers": [server.place]}],
    })


def test_who_may_not_come_is_not_waited_for(proxy, backend):
    running = listening_for_hellos(proxy, backend(echo), listen={"deny": [OTHER]})
    assert is_refused(running, source=OTHER)
    assert sum(running.metric("proxy_sessions_ended_total")) == 1


@pytest.mark.parametrize("limits", [{"max_connections_per_client": 2},
                                    {"connection_rate_per_client": 2}])
def test_who_has_said_nothing_yet_counts(proxy, backend, limits):
    running = listening_for_hellos(proxy, backend(echo), limits=limits)
    held = [running.connect() for _ in range(2)]
    assert is_refused(running)
    for one in held:
        one.close()
    eventually(lambda: is_waited_for(running), "there is a place again")


def is_waited_for(running):
    try:
        with running.connect() as connection:
            connection.settimeout(0.2)
            connection.recv(1)
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False
    return False


def test_v6_clients_go_by_v6_lists(proxy, backend):
    running = proxy([backend(echo)], listen={"address": "[::1]:0", "deny": ["::/0"]})
    assert is_refused(running)
