"""What /metrics says of listeners, servers and how sessions ended."""

import pathlib
import re
import signal

from conftest import echoes, eventually, receive_exactly
from proxy_support import config_of, echo, is_refused, reset, toml


def metrics(proxy):
    """All of ouro_proxy_*: values by name and labels, as they stand there."""
    body = proxy.get("/metrics")[1]
    labels = r'(?:[^"{}]|"(?:[^"\\\n]|\\["\\n])*")*'
    found = re.findall(rf"^ouro_proxy_([a-z_]+)\{{({labels})\}} (\d+)$", body, re.MULTILINE)
    assert len(found) == len(re.findall(r"^ouro_proxy_", body, re.MULTILINE)), body
    described = set(re.findall(r"^# TYPE ouro_proxy_(\S+) (?:counter|gauge)$", body, re.MULTILINE))
    assert {name for name, _, _ in found} == described
    return {(name, labels): int(value) for name, labels, value in found}


def of_server(server, upstream="u"):
    return f'upstream="{upstream}",server="{server}"'


def test_connections_and_bytes_of_servers_and_listeners(proxy, backend):
    first, second = backend(echo), backend(echo)
    running = proxy([first, second], workers=2, listen={"name": "door"})
    clients = [running.connect() for _ in range(4)]
    for client in clients:
        assert echoes(client, b"x" * 1000)
    now = metrics(running)
    assert now["listener_connections", 'listener="door"'] == 4
    assert now["listener_connections_total", 'listener="door"'] == 4
    assert now["listener_refused_total", 'listener="door"'] == 0
    servers = [of_server(one.place) for one in (first, second)]
    assert sum(now["server_connections", one] for one in servers) == 4
    for name in ("server_sent_bytes_total", "server_received_bytes_total"):
        assert sum(now[name, one] for one in servers) == 4000
    for one in servers:
        assert now["server_up", one] == 1
        assert now["server_draining", one] == now["server_ejected", one] == 0
    for client in clients:
        client.close()
    eventually(lambda: metrics(running)["sessions_ended_total", 'cause="done"'] == 4, "counted")
    now = metrics(running)
    assert now["listener_connections", 'listener="door"'] == 0
    assert sum(now["server_connections", one] for one in servers) == 0
    assert sum(now["server_connections_total", one] for one in servers) == 4


def test_bytes_are_counted_while_a_session_lasts_and_when_it_ends(proxy, backend):
    running = proxy([backend(echo)],
                    listen={"proxy_protocol": "required", "proxy_protocol_from": "127.0.0.1"})

    def counted(count):
        names = ("proxy_server_sent_bytes_total", "proxy_server_received_bytes_total")
        eventually(lambda: [running.metric(name) for name in names] == [[count]] * 2, "counted")

    client, other = running.connect(), running.connect()
    client.sendall(b"PROXY TCP4 192.0.2.7 198.51.100.1 5555 443\r\nhello")  # less the header
    assert receive_exactly(client, 5) == b"hello"
    other.sendall(b"PROXY UNKNOWN\r\n")
    for _ in range(10):
        assert echoes(client, b"x" * 100_000)
    counted(1_000_005)
    assert echoes(other, b"y" * 1000)
    assert echoes(client, b"z" * 1000)
    client.close()
    reset(other)
    counted(1_002_005)


def test_what_fails_is_counted_by_cause(proxy, backend):
    server = backend(echo)
    running = proxy([server], listen={"max_connections": 1},
                    upstream={"retries": 0, "ejection": {"failures": 1, "percent_most": 100}})
    listener = 'listener="127.0.0.1:0"'  # as it stands in the config
    first = running.connect()
    assert echoes(first)
    assert is_refused(running)
    now = metrics(running)
    assert now["listener_refused_total", listener] == 1
    assert now["sessions_ended_total", 'cause="listener_full"'] == 1
    reset(first)
    eventually(lambda: metrics(running)["sessions_ended_total", 'cause="client_aborted"'] == 1,
               "counted")
    server.go_down()
    assert is_refused(running)
    now = metrics(running)
    assert now["sessions_ended_total", 'cause="connect_failed"'] == 1
    assert now["server_connect_failures_total", of_server(server.place)] == 1
    assert now["server_ejected", of_server(server.place)] == 1


def test_a_server_that_comes_with_a_reload_begins_at_zero(proxy, backend, tmp_path):
    old, stays, new = backend(echo), backend(echo), backend(echo)
    running = proxy([old, stays])
    for _ in range(4):
        with running.connect() as client:
            assert echoes(client, b"x" * 10)
    assert metrics(running)["server_sent_bytes_total", of_server(old.place)] == 20
    path = tmp_path / "proxy0" / "proxy.toml"
    path.write_text(toml(config_of([new.place, stays.place])))
    running.signal(signal.SIGHUP)
    eventually(lambda: "event=reloaded" in running.log(), "it is in force")
    now = metrics(running)
    assert ("server_up", of_server(old.place)) not in now
    assert now["server_sent_bytes_total", of_server(new.place)] == 0
    assert now["server_connections_total", of_server(new.place)] == 0
    assert now["server_sent_bytes_total", of_server(stays.place)] == 20


def test_a_name_may_hold_any_letter(proxy, backend):
    name = 'a "quoted" \\ name'
    running = proxy([backend(echo)], listen={"name": name})
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    assert metrics(running)["listener_connections", f'listener="{escaped}"'] == 0


def test_the_page_in_the_docs_has_all_of_them(proxy, backend):
    running = proxy([backend(echo)], limits={"max_connections": 100})
    page = pathlib.Path(__file__).parents[2] / "docs" / "metrics.md"
    told = re.findall(r"^\| `(\S+)` \| (counter|gauge) \| [a-z,]* \| (.+) \|$", page.read_text(),
                      re.MULTILINE)
    body = running.get("/metrics")[1]
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", body, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", body, re.MULTILINE))
    assert told == [(name, kinds[name], text) for name, text in helps.items()]
