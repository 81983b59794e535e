"""Which server gets a connection, what becomes of it when servers fail, and from where they are
connected to."""

import collections
import contextlib
import random
import time

import pytest
from conftest import echoes, eventually, kill
from proxy_support import (
    ask_name,
    cpu_time_of,
    echo,
    how_it_ends,
    is_refused,
    name_of_server,
    named,
    reset,
)


def shares(proxy, count, **how):
    return dict(collections.Counter(ask_name(proxy, **how) for _ in range(count)))


def hold(proxy, count, **how):
    """Connections that stay, by the server they got."""
    held = collections.defaultdict(list)
    for _ in range(count):
        connection = proxy.connect(**how)
        held[name_of_server(connection)].append(connection)
    return held


@pytest.fixture
def three(backend):
    return [backend(named(name)) for name in "abc"]


def weighted(servers, *settings):
    return [{"address": server.place, **one} for server, one in zip(servers, settings)]


def test_round_robin_gives_exact_shares(proxy, three):
    assert shares(proxy(three), 30) == {"a": 10, "b": 10, "c": 10}


def test_round_robin_goes_by_weight_and_weight_0_gets_nothing(proxy, three):
    running = proxy(weighted(three, {"weight": 3}, {"weight": 1}, {"weight": 0}))
    assert shares(running, 40) == {"a": 30, "b": 10}


@pytest.mark.parametrize("balance", ["two-choices", "least-connections"])
def test_connections_one_after_the_other_go_by_weight(proxy, three, balance):
    running = proxy(weighted(three[:2], {"weight": 3}, {"weight": 1}),
                    upstream={"balance": balance})
    assert 120 <= shares(running, 200)["a"] <= 180
    held = hold(running, 40)
    assert 28 <= len(held["a"]) <= 32


def test_least_connections_fills_up_whoever_has_the_fewest(proxy, three):
    running = proxy(three, upstream={"balance": "least-connections"})
    held = hold(running, 9)
    assert {name: len(some) for name, some in held.items()} == {"a": 3, "b": 3, "c": 3}
    for connection in held["b"]:
        connection.close()
    eventually(lambda: running.metric("server_connections") <= 6, "they have left")
    time.sleep(0.1)
    assert {name: len(some) for name, some in hold(running, 3).items()} == {"b": 3}


def test_least_connections_goes_by_weight(proxy, three):
    running = proxy(weighted(three, {"weight": 2}, {"weight": 1}, {"weight": 0}),
                    upstream={"balance": "least-connections"})
    assert {name: len(some) for name, some in hold(running, 12).items()} == {"a": 8, "b": 4}


def test_two_choices_is_nearly_even_over_two_workers(proxy, three):
    running = proxy(three, workers=2, upstream={"balance": "two-choices"})
    held = hold(running, 60)
    assert all(15 <= len(held[name]) <= 25 for name in "abc")


def test_a_hash_keeps_each_address_with_its_server(proxy, three):
    running = proxy(three, workers=2, upstream={"balance": "hash"})
    sources = [f"127.0.0.{number}" for number in range(1, 31)]
    chosen = [ask_name(running, source=source) for source in sources]
    assert set(chosen) == set("abc")
    assert [ask_name(running, source=source) for source in sources] == chosen


def test_with_a_hash_only_the_clients_of_a_server_that_is_down_move(proxy, three):
    running = proxy(three, upstream={"balance": "hash", "ejection": {"failures": 0}})
    sources = [f"127.0.0.{number}" for number in range(1, 31)]
    before = [ask_name(running, source=source) for source in sources]
    three[1].go_down()
    during = [ask_name(running, source=source) for source in sources]
    assert "b" not in during
    assert all(now == was for now, was in zip(during, before) if was != "b")
    three[1].come_up()
    assert [ask_name(running, source=source) for source in sources] == before


def test_a_backup_serves_only_while_nobody_else_does(proxy, three):
    running = proxy(weighted(three, {}, {}, {"backup": True}),
                    upstream={"ejection": {"failures": 1, "time": "500ms", "percent_most": 100}})
    assert shares(running, 10) == {"a": 5, "b": 5}
    three[0].go_down()
    three[1].go_down()
    assert shares(running, 10) == {"c": 10}
    three[0].come_up()
    eventually(lambda: ask_name(running) == "a", "a is back")
    assert shares(running, 5) == {"a": 5}


def test_no_client_notices_a_server_that_refuses(proxy, three):
    running = proxy(three)
    three[0].go_down()
    assert shares(running, 30) == {"b": 15, "c": 15}


def test_no_client_notices_a_server_that_does_not_answer(proxy, three, backend):
    mute = backend(listening=False)
    mute.fill()
    running = proxy([mute, *three[:2]],
                    upstream={"connect_timeout": "200ms", "ejection": {"failures": 2}})
    assert set(shares(running, 12)) == {"a", "b"}
    assert f"server={mute.place}" in running.log()


def test_when_all_are_down_clients_are_reset(proxy, three):
    running = proxy(three[:2])
    for server in three:
        server.go_down()
    for _ in range(20):
        assert is_refused(running)
    three[0].come_up()
    eventually(lambda: is_served(running), "and served when one is back")


def is_served(running):
    with contextlib.suppress(ConnectionResetError), running.connect() as connection:
        return name_of_server(connection)


def test_without_retries_the_client_of_a_dead_server_is_reset(proxy, three):
    three[0].go_down()
    running = proxy(three[:2], upstream={"retries": 0, "ejection": {"failures": 0}})
    endings = [is_served(running) for _ in range(10)]
    assert endings == [None, "b"] * 5 or endings == ["b", None] * 5


def test_a_server_that_fails_again_and_again_is_ejected_and_comes_back(proxy, three):
    running = proxy(three, upstream={"ejection": {"failures": 3, "time": "1s"}})
    three[0].go_down()
    shares(running, 20)
    assert running.log().count("event=server_ejected") == 1
    assert f"upstream=u server={three[0].place} failures=3 for=1s" in running.log()
    three[0].come_up()
    eventually(lambda: ask_name(running) == "a", "it is back")
    assert shares(running, 15) == {"a": 5, "b": 5, "c": 5}


def test_the_last_servers_are_not_ejected(proxy, three):
    running = proxy(three, upstream={"ejection": {"failures": 1, "time": "1m",
                                                  "percent_most": 34}})
    three[0].go_down()
    three[1].go_down()
    assert shares(running, 10) == {"c": 10}
    assert running.log().count("event=server_ejected") == 1


def test_a_client_that_gives_up_while_waiting_leaves_nothing_behind(proxy, backend):
    mute = backend(listening=False)
    mute.fill()
    running = proxy([mute])
    clients = [running.connect() for _ in range(5)]
    eventually(lambda: sum(running.metric("connections_open")) == 10, "it tries")
    for client in clients:
        client.close()
    running.signal(15)
    assert running.wait() == 0


def test_a_client_that_resets_while_waiting_leaves_nothing_behind(proxy, backend):
    mute = backend(listening=False)
    mute.fill()
    running = proxy([mute], timeouts={"connect": "300ms"}, upstream={"retries": 0})
    for _ in range(5):
        reset(running.connect())
    eventually(lambda: sum(running.metric("connections_open")) == 0, "all is over")


def test_servers_see_the_source_that_is_configured(proxy, backend):
    server = backend()
    running = proxy([server], upstream={"source": "127.0.0.77"})
    for _ in range(5):
        running.connect()
        assert server.accept().getpeername()[0] == "127.0.0.77"


def own_range(size):
    """(source, range of ports) that nobody else on this machine uses."""
    source = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.7"
    first = random.randint(10_000, 30_000)
    return source, range(first, first + size)


def with_range(proxy, server, source, ports, **more):
    return proxy([server], upstream={
        "source": source, "source_ports": f"{ports[0]}-{ports[-1]}", "retries": 0, **more})


def is_taken(running, server):
    with contextlib.suppress(ConnectionResetError, TimeoutError), running.connect() as connection:
        connection.settimeout(0.05)
        connection.recv(1)
    return not server.nobody_comes(0.05)


def test_a_range_of_source_ports_is_kept_and_used_up(proxy, backend):
    server = backend()
    source, ports = own_range(3)
    running = with_range(proxy, server, source, ports)
    clients = [running.connect() for _ in range(3)]
    accepted = [server.accept() for _ in clients]
    assert {one.getpeername() for one in accepted} == {(source, port) for port in ports}
    worker = running.worker(0)
    before = cpu_time_of(worker)
    for _ in range(20):
        assert is_refused(running)
    time.sleep(0.5)
    assert cpu_time_of(worker) - before < 0.3
    for one in (*accepted, *clients):  # who closes first keeps the port for a minute: not the proxy
        one.close()
    eventually(lambda: is_taken(running, server), "the port is free again")


def test_the_same_source_ports_serve_several_servers(proxy, backend):
    servers = [backend(), backend()]
    source, ports = own_range(3)
    running = proxy(servers, upstream={
        "source": source, "source_ports": f"{ports[0]}-{ports[-1]}"})
    clients = [running.connect() for _ in range(6)]
    for server in servers:
        got = {server.accept().getpeername()[1] for _ in range(3)}
        assert got == set(ports)
    assert len(clients) == 6


def test_a_server_by_its_name_is_found(proxy, backend):
    server = backend(echo)
    running = proxy([f"localhost:{server.place.rpartition(':')[2]}"])
    assert echoes(running.connect())


def test_a_unix_socket_that_cannot_be_reached_is_a_server_that_is_down(proxy, backend, tmp_path):
    running = proxy([f"unix:{tmp_path}/nobody", backend(named("a"))])
    assert shares(running, 6) == {"a": 6}


def test_a_worker_that_is_killed_gives_back_its_places_at_servers(proxy, backend):
    running = proxy([{"address": backend(named("a")).place, "max_connections": 2}],
                    upstream={"queue": 0})
    held = [running.connect() for _ in range(2)]
    assert [name_of_server(one) for one in held] == ["a", "a"]
    assert is_refused(running)
    kill(running.worker(0))
    assert {how_it_ends(one) for one in held} <= {"end", "reset"}
    held = hold(running, 2)
    assert held.keys() == {"a"}
    assert is_refused(running)
