"""Servers that a config names: a small DNS server of the tests' own says where they are."""

import contextlib
import signal
import socket
import struct
import threading

import pytest
from conftest import echoes, eventually, kill
from proxy_support import ask_name, config_of, is_refused, name_of_server, named, toml

A, AAAA, SRV = 1, 28, 33
NAME_ERROR, FAILURE = 3, 2


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def both_sockets():
    """For datagrams and for streams, with the same port; nothing if another has that."""
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 0))
    try:
        return datagrams, socket.create_server(datagrams.getsockname())
    except OSError:
        datagrams.close()
        return None


class Dns:
    """Answers from `records`: {(name, type): [data]}; other types of a name it knows are empty."""

    def __init__(self):
        self.records = {}
        self.ttl_s = 1
        self.code = 0  # an error, for everything
        self.truncate = False
        self.asked = []
        self._socket, self._stream = eventually(both_sockets, "a port is free for both")
        self.place = "127.0.0.1:%d" % self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        threading.Thread(target=self._serve_streams, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (self._socket, self._stream):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def set(self, name, *addresses):
        self.records[name, A] = [socket.inet_aton(one) for one in addresses]

    def set_services(self, name, *services):
        self.records[name, SRV] = [
            struct.pack(">HHH", priority, weight, port) + encoded(target)
            for priority, weight, port, target in services
        ]

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, peer = self._socket.recvfrom(4096)
                if not query:
                    return  # it was shut down
                self._socket.sendto(self._answer(query, self.truncate), peer)

    def _serve_streams(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._stream.accept()
                with connection, contextlib.suppress(OSError):
                    size = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))[0]
                    answer = self._answer(connection.recv(size, socket.MSG_WAITALL), False)
                    connection.sendall(struct.pack(">H", len(answer)) + answer)

    def _answer(self, query, truncate):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1 : at + 3])[0]
        self.asked.append((name, kind))
        found = self.records.get((name, kind), [])
        code = self.code or (0 if any(known == name for known, _ in self.records) else NAME_ERROR)
        if code or truncate:
            found = []
        head = query[:2] + struct.pack(
            ">HHHHH", 0x8180 | (0x200 if truncate else 0) | code, 1, len(found), 0, 0)
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, self.ttl_s, len(data)) + data
            for data in found)
        return head + query[12 : at + 5] + records


@pytest.fixture
def dns():
    with Dns() as server:
        yield server


@pytest.fixture
def one_port(backend):
    """Servers a, b, c on one port of 127.0.0.2 and so on: what one name can stand for."""
    first = backend(named("a"), place="127.0.0.2:0")
    port = first.place.rpartition(":")[2]
    b, c = (backend(named(name), place=f"127.0.0.{last}:{port}") for name, last in ("b3", "c4"))
    return [first, b, c], port


def names_of(proxy, count=12):
    found = set()
    for _ in range(count):
        try:
            found.add(ask_name(proxy))
        except (OSError, AssertionError):
            found.add("nobody")
    return found


def serve(proxy, expected):
    eventually(lambda: names_of(proxy) == set(expected), f"{expected} serve")


def went(proxy, event):
    eventually(lambda: f"event={event} " in proxy.log(), event)


def asking(dns):
    return {"resolvers": [dns.place]}


def test_a_name_is_its_addresses_whatever_becomes_of_them(proxy, dns, one_port):
    _, port = one_port
    dns.set("db.test", "127.0.0.2")
    running = proxy([f"db.test:{port}"], names=asking(dns), workers=2)
    serve(running, "a")
    dns.set("db.test", "127.0.0.2", "127.0.0.3", "127.0.0.4")
    serve(running, "abc")
    dns.set("db.test", "127.0.0.4")
    serve(running, "c")


def test_connections_live_on_when_their_address_goes(proxy, dns, one_port):
    _, port = one_port
    dns.set("db.test", "127.0.0.2")
    running = proxy([f"db.test:{port}"], names=asking(dns))
    serve(running, "a")
    with running.connect() as held:
        assert name_of_server(held) == "a"
        dns.set("db.test", "127.0.0.3")
        serve(running, "b")
        assert echoes(held)


def test_what_was_known_stays_when_the_dns_fails(proxy, dns, one_port):
    _, port = one_port
    dns.set("db.test", "127.0.0.2")
    running = proxy([f"db.test:{port}"], names=asking(dns))
    serve(running, "a")
    dns.code = FAILURE
    went(running, "name_not_found")
    assert names_of(running) == {"a"}
    dns.set("db.test", "127.0.0.3")
    dns.code = 0
    serve(running, "b")
    went(running, "name_found")


def test_a_proxy_starts_without_the_dns_and_finds_its_servers_later(proxy, dns, one_port):
    _, port = one_port
    running = proxy([f"db.test:{port}"], names=asking(dns))
    went(running, "name_not_found")
    assert is_refused(running)
    dns.set("db.test", "127.0.0.2")
    serve(running, "a")
    assert running.log().count("event=name_not_found ") == 1


def test_an_answer_too_long_for_a_datagram_comes_by_tcp(proxy, dns, one_port):
    _, port = one_port
    dns.truncate = True
    dns.set("db.test", "127.0.0.2")
    serve(proxy([f"db.test:{port}"], names=asking(dns)), "a")


def test_the_file_of_hosts_is_asked_first(proxy, dns, one_port, backend):
    local = backend(named("l"))
    port = local.place.rpartition(":")[2]
    running = proxy([f"localhost:{port}"], names=asking(dns))
    assert "l" in names_of(running)
    assert not any(name == "localhost" for name, _ in dns.asked)


def test_a_service_is_its_best_targets_with_the_others_behind_them(proxy, dns, one_port):
    servers, port = one_port
    for index, name in enumerate("abc"):
        dns.set(f"{name}.test", f"127.0.0.{2 + index}")
    dns.set_services("_db._tcp.test", (10, 3, int(port), "a.test"), (10, 1, int(port), "b.test"),
                     (20, 1, int(port), "c.test"))
    health = {"connect": True, "interval": "100ms", "fall": 1, "rise": 1}
    running = proxy(["srv:_db._tcp.test"], names=asking(dns), upstream={"health": health})
    serve(running, "ab")
    got = [ask_name(running) for _ in range(40)]
    assert got.count("a") == 30
    servers[0].go_down()
    servers[1].go_down()
    serve(running, "c")
    servers[0].come_up()
    serve(running, "a")


def test_each_address_of_a_name_is_checked(proxy, dns, one_port):
    servers, port = one_port
    dns.set("db.test", "127.0.0.2", "127.0.0.3")
    health = {"connect": True, "interval": "100ms", "fall": 2}
    running = proxy([f"db.test:{port}"], names=asking(dns), upstream={"health": health})
    serve(running, "ab")
    servers[0].go_down()
    went(running, "server_down")
    assert names_of(running) == {"b"}
    assert f"server=\"db.test:{port} at 127.0.0.2:{port}\"" in running.log()


def test_a_reload_and_another_attendant_keep_what_is_known(proxy, dns, one_port, backend, tmp_path):
    _, port = one_port
    dns.set("db.test", "127.0.0.2")
    running = proxy([f"db.test:{port}"], names=asking(dns))
    serve(running, "a")
    dns.code = FAILURE
    other = backend(named("o"))
    config = config_of([f"db.test:{port}", other.place], names=asking(dns))
    (tmp_path / "proxy0" / "proxy.toml").write_text(toml(config))
    running.signal(signal.SIGHUP)
    serve(running, "ao")
    first = running.children()["ouro-attendant"]
    kill(first)
    eventually(lambda: running.children().get("ouro-attendant") not in (None, first), "another")
    serve(running, "ao")
