"""Servers are asked how they are: who does not answer well gets no clients until it does."""

import contextlib
import signal
import time

import pytest
from conftest import PATIENCE_S, echoes, eventually, kill
from proxy_support import (
    ask_name,
    config_of,
    echo,
    how_it_ends,
    is_refused,
    name_of_server,
    named,
    toml,
)

OFTEN = {"interval": "100ms", "timeout": "2s", "rise": 2, "fall": 2}
CONNECT = {"connect": True, **OFTEN}


class Answers:
    """Says the same to everybody who asks, or who only connects."""

    def __init__(self, text, asked=True):
        self.text = text
        self.asked = asked
        self.heard = []

    def __call__(self, connection):
        if self.asked:
            self.heard.append(connection.recv(4096))
        connection.sendall(self.text)
        while connection.recv(4096):
            pass
        connection.close()


def http(status):
    return f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode()


def events(proxy, event):
    return [line for line in proxy.log().splitlines() if f"event={event} " in line]


def went(proxy, event, count=1):
    eventually(lambda: len(events(proxy, event)) >= count, f"{event} {count} times")
    return events(proxy, event)[-1]


def names(proxy, count=12):
    return {ask_name(proxy) for _ in range(count)}


def seen(proxy, expected):
    """Whether in the end, once a reload or a check has come through, these alone serve."""
    eventually(lambda: names(proxy) == set(expected), f"{expected} serve")


def reload(proxy, folder, config):
    (folder / "proxy.toml").write_text(toml(config))
    before = len(events(proxy, "reloaded"))
    proxy.signal(signal.SIGHUP)
    went(proxy, "reloaded", before + 1)


def attendant(proxy):
    return eventually(lambda: proxy.children().get("ouro-attendant"), "the attendant is there")


def test_a_server_that_takes_no_connections_is_down_until_it_does(proxy, backend):
    a, b = backend(named("a")), backend(named("b"))
    running = proxy([a, b], workers=2, upstream={"health": CONNECT})
    seen(running, "ab")
    b.go_down()
    line = went(running, "server_down")
    assert "upstream=u" in line and f"server={b.place}" in line and "refused" in line
    assert names(running) == {"a"}
    b.come_up()
    assert f"server={b.place}" in went(running, "server_up")
    seen(running, "ab")


@pytest.mark.parametrize("way", ["expect", "banner", "http", "status"])
def test_a_server_that_answers_wrongly_is_down_until_it_answers_well(proxy, backend, way):
    good, bad, health = {
        "expect": (b"+PONG\r\n", b"-LOADING\r\n", {"send": "PING\r\n", "expect": "PONG"}),
        "banner": (b"220 mail ESMTP\r\n", b"554 no\r\n", {"expect": "220 "}),
        "http": (http(200), http(503), {"http": "/healthz"}),
        "status": (http(418), http(200), {"http": "/tea?a=b", "status": [418], "host": "tea.pot"}),
    }[way]
    answers = Answers(good, asked=way != "banner")
    checked, spare = backend(answers), backend(named("s"))
    servers = [
        {"address": spare.place, "check_address": checked.place},
    ]
    running = proxy(servers, upstream={"health": {**health, **OFTEN}})
    eventually(lambda: len(checked.connections) > 3, "it is asked")
    assert ask_name(running) == "s"
    answers.text = bad
    went(running, "server_down")
    assert is_refused(running)
    answers.text = good
    went(running, "server_up")
    assert ask_name(running) == "s"
    if way == "expect":
        assert answers.heard[0] == b"PING\r\n"
    if way == "http":
        lines = answers.heard[0].decode().split("\r\n")
        assert lines[0] == "GET /healthz HTTP/1.1"
        assert f"Host: {checked.place}" in lines and "Connection: close" in lines
    if way == "status":
        assert b"GET /tea?a=b HTTP/1.1\r\nHost: tea.pot\r\n" in answers.heard[0]


def says(answer):
    """Answers and ends, whatever it is asked."""

    def serve(connection):
        connection.recv(4096)
        connection.sendall(answer)
        connection.close()

    return serve


@pytest.mark.parametrize("answer, why", [
    (b"HTTP/1.1 2\r", "the answer is not what is expected: HTTP/1.1 2"),
    (b"HTTP/1.1 2\x1b\xff0 OK\r\n", "the answer is not HTTP/1: HTTP/1.1 2..0 OK"),
    (b"SSH-2.0-" + 100 * b"x" + b"\r\n", "the answer is not HTTP/1: SSH-2.0-" + 32 * "x" + '"'),
    (b"", 'the answer is not what is expected"'),
])
def test_the_log_shows_how_a_wrong_answer_begins(proxy, backend, answer, why):
    running = proxy([backend(says(answer))], upstream={"health": {"http": "/", **OFTEN}})
    assert why in went(running, "server_down")


class BehindHeader:
    """A server that serves nobody without a PROXY header."""

    def __init__(self, header):
        self.header = header
        self.heard = []

    def __call__(self, connection):
        said = b""
        while not said.endswith(b"\r\n\r\n") and (piece := connection.recv(4096)):
            said += piece
        self.heard.append(said)
        if said.startswith(self.header):
            connection.sendall(http(200))
        connection.close()


HEADERS = {"v1": b"PROXY UNKNOWN\r\n",
           "v2": b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"}


@pytest.mark.parametrize("version", HEADERS)
@pytest.mark.parametrize("check", [{"http": "/"}, {"connect": True}])
def test_checks_begin_with_the_header_that_the_server_waits_for(proxy, backend, version, check):
    serve = BehindHeader(HEADERS[version])
    running = proxy([backend(serve)],
                    upstream={"send_proxy": version, "health": {**check, **OFTEN}})
    eventually(lambda: len(serve.heard) >= 4, "it is asked")
    asked = b"GET / HTTP/1.1\r\n" if "http" in check else b""
    assert all(one.startswith(serve.header + asked) for one in serve.heard), serve.heard
    assert not events(running, "server_down")


def test_checks_of_another_port_begin_without_a_header(proxy, backend):
    serve = BehindHeader(b"GET / ")
    server = {"address": backend(echo).place, "check_address": backend(serve).place}
    running = proxy([server], upstream={"send_proxy": "v2", "health": {"http": "/", **OFTEN}})
    eventually(lambda: len(serve.heard) >= 4, "it is asked")
    assert all(one.startswith(b"GET / ") for one in serve.heard), serve.heard
    assert not events(running, "server_down")


def test_a_server_that_says_nothing_in_time_is_down(proxy, backend):
    server = backend(lambda connection: connection.recv(1) and time.sleep(PATIENCE_S))
    running = proxy([server], upstream={"health": {"http": "/", **OFTEN, "timeout": "100ms"}})
    assert "timed out" in went(running, "server_down")


def test_a_check_of_another_port_decides(proxy, backend):
    """As with Patroni: HTTP on one port says who may be asked on another."""
    primary, replica = backend(named("p")), backend(named("r"), place="127.0.0.2:0")
    one, other = Answers(http(200)), Answers(http(503))
    port = backend(one).place.rpartition(":")[2]
    backend(other, place=f"127.0.0.2:{port}")
    servers = [{"address": each.place, "check_address": f":{port}"} for each in (primary, replica)]
    running = proxy(servers, upstream={"health": {"http": "/primary", **OFTEN}})
    went(running, "server_down")
    seen(running, "p")
    one.text, other.text = other.text, one.text
    went(running, "server_up")
    went(running, "server_down", 2)
    seen(running, "r")


def test_a_server_is_asked_once_whatever_the_number_of_workers(proxy, backend):
    server, asked = backend(echo), backend(echo)
    servers = [{"address": server.place, "check_address": asked.place}]
    proxy(servers, workers=4, upstream={"health": {**CONNECT, "interval": "1s"}})
    eventually(lambda: len(asked.connections) >= 1, "it is asked")
    begun, before = time.monotonic(), len(asked.connections)
    eventually(lambda: len(asked.connections) >= before + 3, "and again")
    # Four workers would have made it twelve.
    assert time.monotonic() - begun > 2 * 0.9
    assert server.connections == []


def test_clients_are_reset_at_once_when_all_servers_are_down(proxy, backend):
    server = backend(listening=False)
    running = proxy([server], upstream={"health": CONNECT})
    went(running, "server_down")
    for _ in range(10):
        begun = time.monotonic()
        assert is_refused(running)
        assert time.monotonic() - begun < PATIENCE_S / 2


def test_a_backup_takes_over_and_gives_back(proxy, backend):
    first, backup = backend(named("f")), backend(named("b"))
    running = proxy([first.place, {"address": backup.place, "backup": True}],
                    upstream={"health": CONNECT})
    assert names(running) == {"f"}
    first.go_down()
    went(running, "server_down")
    assert names(running) == {"b"}
    first.come_up()
    went(running, "server_up")
    assert names(running) == {"f"}


@pytest.mark.parametrize("on_down", ["close", "keep"])
def test_connections_of_a_server_that_goes_down_are_cut_or_kept(proxy, backend, on_down):
    sick, well, agent = backend(named("s")), backend(named("w")), backend()
    servers = [{"address": sick.place, "check_address": agent.place}, well.place]
    running = proxy(servers, workers=2, upstream={"health": CONNECT, "on_down": on_down})
    held = {"s": [], "w": []}
    while len(held["s"]) < 4 or len(held["w"]) < 4:
        connection = running.connect()
        held[name_of_server(connection)].append(connection)
    agent.go_down()
    went(running, "server_down")
    if on_down == "close":
        assert [how_it_ends(one) for one in held["s"]] == ["reset"] * len(held["s"])
    else:
        time.sleep(0.5)
        assert all(echoes(one) for one in held["s"])
    assert all(echoes(one) for one in held["w"])
    for one in held["s"] + held["w"]:
        one.close()


def test_a_reload_keeps_what_is_known_and_follows_the_config(proxy, backend, tmp_path):
    a, b = backend(named("a")), backend(named("b"))
    running = proxy([a, b], upstream={"health": CONNECT, "slow_start": "0"})
    b.go_down()
    went(running, "server_down")
    slowly = {**CONNECT, "interval": "1h"}
    folder = tmp_path / "proxy0"
    reload(running, folder, config_of([a.place, b.place], upstream={"health": slowly}))
    assert names(running) == {"a"}
    assert len(events(running, "server_down")) == 1
    reload(running, folder, config_of([a.place, b.place], upstream={"health": CONNECT}))
    a.go_down()
    went(running, "server_down", 2)
    a.come_up()
    went(running, "server_up")
    # Without checks everybody is taken for up.
    b.come_up()
    reload(running, folder, config_of([a.place, b.place]))
    seen(running, "ab")
    a.go_down()
    reload(running, folder, config_of([a.place, b.place], upstream={"health": CONNECT}))
    went(running, "server_down", 3)
    assert names(running) == {"b"}


def test_another_attendant_goes_on_from_what_the_first_knew(proxy, backend):
    a, b = backend(named("a")), backend(named("b"))
    running = proxy([a, b], upstream={"health": {**CONNECT, "rise": 3}})
    b.go_down()
    went(running, "server_down")
    first = attendant(running)
    kill(first)
    assert names(running) == {"a"}
    eventually(lambda: attendant(running) != first, "there is another")
    assert names(running) == {"a"}
    assert len(events(running, "server_down")) == 1
    b.come_up()
    went(running, "server_up")
    seen(running, "ab")


def test_many_servers_are_not_asked_all_at_once(proxy, backend):
    """And an unlucky one does not hold up the others."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(backend(echo)) for _ in range(60)]
        servers[7].go_down()
        running = proxy(servers, upstream={"health": CONNECT})
        went(running, "server_down")
        others = servers[:7] + servers[8:]
        eventually(lambda: all(one.connections for one in others), "all are asked")
        assert len(events(running, "server_down")) == 1
