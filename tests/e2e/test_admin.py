"""The admin address: what it says, and whom it does not let bother it."""

import os
import re
import socket
import stat

import pytest
from conftest import PATIENCE_S, echoes, eventually, kill, receive_all


def say(server, text):
    """The whole answer to raw bytes."""
    host, _, port = server.admin.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall(text)
        return receive_all(connection).decode()


def status_of(answer):
    return int(re.match(r"HTTP/1\.1 (\d+) ", answer)[1])


def test_metrics_say_what_was_done(server):
    with server.connect() as connection:
        assert echoes(connection, b"x" * 1000)
        assert sum(server.metric("connections_open")) == 1
        assert sum(server.metric("received_bytes_total")) == 1000
        assert sum(server.metric("sent_bytes_total")) == 1000
        assert server.metric("workers") == 2
        assert server.metric("worker_up") == [1, 1]
        assert server.metric("ready") == 1
    eventually(lambda: sum(server.metric("connections_closed_total")) == 1, "it is counted")
    assert f'engine="{server.engine}"' in server.get("/metrics")[1]


def test_metrics_are_what_prometheus_reads(server):
    status, body = server.get("/metrics")
    assert status == 200
    described = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge)$", body, re.MULTILINE))
    for line in body.splitlines():
        if not line.startswith("#"):
            name = re.fullmatch(r"(ouro_[a-z_]+)(\{[^{}]*\})? [0-9.e+-]+", line)[1]
            assert name in described, line


def test_a_replaced_worker_is_seen(server):
    kill(server.worker(1))
    eventually(lambda: server.metric("worker_respawns_total") == [0, 1], "it is counted")


def test_health_is_yes_while_it_serves(server):
    assert server.get("/healthz") == (200, "ready\n")


def test_a_head_has_the_length_and_no_body(server):
    answer = say(server, b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status_of(answer) == 200
    assert "Content-Length: 6\r\n" in answer
    assert answer.endswith("\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: " + b"a" * 10000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00" * 30 + b"\r\n\r\n", 400),
    ],
)
def test_what_it_does_not_do_is_refused(server, request_, status):
    assert status_of(say(server, request_)) == status


def test_a_request_may_come_byte_by_byte(server):
    host, _, port = server.admin.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n":
            connection.sendall(bytes([byte]))
        assert status_of(receive_all(connection).decode()) == 200


def test_clients_that_say_nothing_are_sent_away(server):
    host, _, port = server.admin.rpartition(":")
    silent = [
        socket.create_connection((host, int(port)), timeout=PATIENCE_S) for _ in range(100)
    ]
    # More than it takes at a time: whoever comes next waits until they are gone.
    assert server.get("/healthz")[0] == 200
    for connection in silent[:60]:
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass


def test_on_a_unix_socket_it_is_its_owners_alone(start, tmp_path):
    path = tmp_path / "admin.sock"
    server = start(admin=f"unix:{path}")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(path))
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert status_of(receive_all(connection).decode()) == 200
    assert server.end() == 0
    assert not path.exists()


def test_without_an_admin_address_there_is_no_attendant(start):
    server = start(admin=None)
    assert sorted(server.children()) == ["ouro-worker-0", "ouro-worker-1"]
