"""A proxy that is told to do something else while it serves."""

import signal
import socket
import time

import pytest
from conftest import PATIENCE_S, SANITIZED, echoes, eventually, kill
from proxy_support import (
    all_served,
    ask_name,
    comers,
    config_of,
    connect_to,
    echo,
    how_it_ends,
    name_of_server,
    named,
    toml,
)
from talkers import Talkers


def free_place():
    """An address that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return "127.0.0.1:%d" % listener.getsockname()[1]


class Reloaded:
    """Writes a config, and sees to it that it is in force."""

    def __init__(self, running, folder):
        self.running = running
        self.path = folder / "proxy0" / "proxy.toml"
        self.times = 0

    def write(self, config):
        self.path.write_text(config if isinstance(config, str) else toml(config))
        self.running.signal(signal.SIGHUP)

    def to(self, config):
        self.write(config)
        self.times += 1
        eventually(lambda: f"event=reloaded reload={self.times}\n" in self.running.log(),
                   "it is in force everywhere")

    def refused(self, config):
        before = self.running.log().count("event=reload_refused")
        self.write(config)
        eventually(lambda: self.running.log().count("event=reload_refused") > before, "it is told")
        return self.running.log()


@pytest.fixture
def two(backend):
    return [backend(named(name)) for name in "ab"]


def served_by(running):
    """Who serves a new connection; nobody if it is reset."""
    try:
        return ask_name(running)
    except ConnectionResetError:
        return None


def places_of(servers):
    return [server.place for server in servers]


def test_who_is_here_stays_and_who_comes_is_treated_anew(proxy, two, tmp_path):
    running = proxy(two[:1], workers=2)
    old = [running.connect() for _ in range(8)]
    assert {name_of_server(one) for one in old} == {"a"}
    Reloaded(running, tmp_path).to(config_of(places_of(two[1:]), workers=2))
    assert {ask_name(running) for _ in range(8)} == {"b"}
    for one in old:
        assert echoes(one)


def test_what_a_reload_cannot_change_is_named(proxy, two, tmp_path):
    running = proxy(two[:1])
    config = config_of(places_of(two[1:]), workers=2, limits={"window": "32KiB"},
                       timeouts={"drain": "7s"})
    config["workers"]["engine"] = "epoll"  # says the file; --engine says otherwise, and that holds
    Reloaded(running, tmp_path).to(config)
    assert ask_name(running) == "b"
    log = running.log()
    for key in ("workers.count", "limits.window", "timeouts.drain"):
        assert f"event=needs_a_restart key={key} " in log
    assert log.count("event=needs_a_restart") == 3


def test_listeners_come_and_go_and_those_that_stay_keep_their_port(proxy, two, tmp_path):
    running = proxy(two[:1], workers=2)
    reloaded = Reloaded(running, tmp_path)
    config = config_of(places_of(two[:1]), workers=2)
    place = free_place()
    config["listen"].append({"address": place, "upstream": "u", "name": "second"})
    reloaded.to(config)
    kept = connect_to(place)
    assert name_of_server(kept) == "a"
    assert ask_name(running) == "a"
    del config["listen"][1]
    reloaded.to(config)
    with pytest.raises(ConnectionRefusedError):
        connect_to(place)
    assert echoes(kept)
    reloaded.to({**config, "listen": [*config["listen"], {"address": place, "upstream": "u"}]})
    assert name_of_server(connect_to(place)) == "a"


def test_a_unix_listener_takes_its_file_along(proxy, two, tmp_path):
    running = proxy(two[:1])
    reloaded = Reloaded(running, tmp_path)
    path = tmp_path / "door"
    config = config_of(places_of(two[:1]))
    reloaded.to({**config, "listen": [*config["listen"],
                                      {"address": f"unix:{path}", "upstream": "u"}]})
    assert name_of_server(connect_to(f"unix:{path}")) == "a"
    reloaded.to(config)
    assert not path.exists()


def test_a_wrong_config_changes_nothing_and_says_all_that_is_wrong(proxy, two, tmp_path):
    running = proxy(two[:1])
    reloaded = Reloaded(running, tmp_path)
    log = reloaded.refused('[[listen]]\naddress = "127.0.0.1:0"\nupstreem = "u"\n[limits]\nx = 1\n')
    assert "proxy.toml:3:1: " in log and "did you mean 'upstream'?" in log
    eventually(lambda: "proxy.toml:5:1: " in running.log(), "the other one too")
    reloaded.refused("no toml at all")
    taken = socket.create_server(("127.0.0.1", 0))
    config = config_of(places_of(two[1:]))
    config["listen"].append(
        {"address": "127.0.0.1:%d" % taken.getsockname()[1], "upstream": "u"})
    assert "cannot listen on 127.0.0.1:%d" % taken.getsockname()[1] in reloaded.refused(config)
    reloaded.path.unlink()
    running.signal(signal.SIGHUP)
    eventually(lambda: "No such file" in running.log() or "no such file" in running.log(), "said")
    assert ask_name(running) == "a"
    reloaded.to(config_of(places_of(two[1:])))  # and a good one is still taken
    assert ask_name(running) == "b"


def test_a_replaced_worker_goes_by_the_new_config(proxy, two, tmp_path):
    running = proxy(two[:1], workers=2)
    Reloaded(running, tmp_path).to(config_of(places_of(two[1:]), workers=2))
    for index in (0, 1):
        process = running.worker(index)
        kill(process)
        eventually(lambda i=index, p=process: running.worker(i) != p, "another is there")
    eventually(lambda: served_by(running) == "b", "it serves")
    assert {ask_name(running) for _ in range(10)} == {"b"}


def test_what_is_known_of_a_server_stays_with_it(proxy, backend, tmp_path):
    good = backend(named("a"))
    bad = backend(named("b"), listening=False)
    wishes = {"upstream": {"ejection": {"failures": 2, "time": "1m"}}, "workers": 2}
    running = proxy([good, bad], **wishes)
    reloaded = Reloaded(running, tmp_path)
    while "server_ejected" not in running.log():
        assert ask_name(running) == "a"
    bad.come_up()
    other = backend(named("c"))
    reloaded.to(config_of(places_of([good, bad, other]), **wishes))
    assert {ask_name(running) for _ in range(20)} == {"a", "c"}


def test_who_came_before_a_server_cannot_charge_it_with_anothers_failures(
        proxy, backend, tmp_path):
    """Its slot is free only when nobody can choose by it who was there before."""
    stays, leaves, comes = (backend(named(name)) for name in "alc")
    header = b"PROXY TCP4 192.0.2.7 198.51.100.1 5555 443\r\n"
    wishes = {
        "listen": {"proxy_protocol": "required", "proxy_protocol_from": "127.0.0.1"},
        "upstream": {"ejection": {"failures": 2, "percent_most": 100}},
    }
    running = proxy([stays, leaves], **wishes)
    early = [running.connect() for _ in range(6)]
    for one in early:
        one.sendall(header[:20])
    eventually(lambda: running.metric("connections_open") == [6], "they are there")
    reloaded = Reloaded(running, tmp_path)
    reloaded.to(config_of(places_of([stays]), **wishes))
    leaves.go_down()
    reloaded.to(config_of(places_of([stays, comes]), **wishes))
    for one in early:
        one.sendall(header[20:])
        assert name_of_server(one) == "a"
    assert f"server={leaves.place}" in running.log().split("event=server_ejected")[1]
    assert running.metric("proxy_server_connect_failures_total") == [0, 0]
    assert running.metric("proxy_server_ejected") == [0, 0]


def test_servers_may_come_and_go_without_end(proxy, tmp_path):
    """Each has one of 4096 slots, and gives it back."""
    def servers(number):
        return [f"127.{number}.{i // 250}.{i % 250}:9" for i in range(2000)]

    running = proxy(servers(0))
    reloaded = Reloaded(running, tmp_path)
    for number in range(1, 5):
        reloaded.to(config_of(servers(number)))


def test_limits_count_those_who_came_before(proxy, backend, tmp_path):
    server = backend(named("a"))
    running = proxy([server], workers=2)
    held = [running.connect() for _ in range(4)]
    for one in held:
        assert name_of_server(one) == "a"
    limited = {"listen": {"max_connections": 4}, "workers": 2}
    Reloaded(running, tmp_path).to(config_of([server.place], **limited))
    assert served_by(running) is None
    held.pop().close()
    eventually(lambda: served_by(running) == "a", "there is a place")


def test_many_reloads_under_load_cost_nobody_anything(proxy, backend, tmp_path):
    servers = [backend(echo) for _ in range(3)]
    running = proxy(servers[:2], workers=2)
    reloaded = Reloaded(running, tmp_path)
    one = config_of(places_of(servers[:2]), workers=2)
    other = config_of(places_of(servers[1:]), workers=2, timeouts={"idle": "5m"})
    other["listen"].append({"address": "127.0.0.1:0", "upstream": "u", "name": "more"})
    churn = comers(running, 3)
    with Talkers([running.connect() for _ in range(12)]) as talkers:
        for i in range(5 if SANITIZED else 20):
            reloaded.to(other if i % 2 == 0 else one)
            talkers.go_on()
        assert not talkers.broken
    all_served(churn)


def test_a_burst_of_signals_is_not_too_much(proxy, two):
    running = proxy(two[:1], workers=2)
    for _ in range(50):
        running.signal(signal.SIGHUP)
    eventually(lambda: "event=reloaded" in running.log(), "it has reloaded")
    assert ask_name(running) == "a"


def test_an_answer_that_takes_long_is_waited_for_when_the_proxy_leaves(proxy, backend):
    server = backend()
    running = proxy([server], timeouts={"drain": f"{PATIENCE_S}s"})
    client = running.connect()
    client.sendall(b"think about it")
    accepted = server.accept()
    assert accepted.recv(100) == b"think about it"
    running.signal(signal.SIGTERM)
    time.sleep(2)  # longer than any silence by which a connection would be taken for done
    accepted.sendall(b"42")
    assert client.recv(100) == b"42"
    accepted.close()
    client.shutdown(socket.SHUT_WR)
    assert how_it_ends(client) == "end"
    assert running.wait() == 0
