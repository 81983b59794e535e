"""Workers share the connections evenly, whatever the kernel's hash does."""

import socket

import pytest
from conftest import PATIENCE_S, echoes, eventually, kill


def counts(server):
    return [int(count) for count in server.metric("connections_open")]


@pytest.mark.parametrize("round_", range(3))
def test_64_connections_over_two_workers_are_29_to_35_each(server, round_):
    connections = [server.connect() for _ in range(64)]
    assert all(echoes(connection) for connection in connections)
    eventually(lambda: sum(counts(server)) == 64, "all are served")
    assert all(29 <= count <= 35 for count in counts(server)), counts(server)
    handed = sum(server.metric("connections_handed_over_total"))
    assert handed == sum(server.metric("connections_taken_over_total"))
    assert sum(server.metric("connections_accepted_total")) == 64
    assert server.metric("connections_imbalance") == abs(counts(server)[0] - counts(server)[1])


def test_connections_that_come_all_at_once_are_shared_as_well(server):
    connections = [socket.socket() for _ in range(64)]
    for connection in connections:
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", server.port))
    for connection in connections:
        connection.settimeout(PATIENCE_S)
        assert echoes(connection)
    assert all(29 <= count <= 35 for count in counts(server)), counts(server)


def test_a_unix_socket_is_shared_evenly_too(start, tmp_path):
    path = str(tmp_path / "echo.sock")
    server = start(listen=[f"unix:{path}"])
    connections = [socket.socket(socket.AF_UNIX) for _ in range(64)]
    for connection in connections:
        connection.settimeout(PATIENCE_S)
        connection.connect(path)
        assert echoes(connection)
    assert all(29 <= count <= 35 for count in counts(server)), counts(server)


def test_a_new_worker_gets_its_share_of_what_comes(server):
    connections = [server.connect() for _ in range(64)]
    assert all(echoes(connection) for connection in connections)
    kill(server.worker(0))
    eventually(lambda: server.metric("worker_respawns_total") == [1, 0], "it is replaced")
    eventually(lambda: server.metric("worker_up") == [1, 1], "and serves")
    connections += [server.connect() for _ in range(32)]
    assert all(echoes(connection) for connection in connections[64:])
    # How many were left depends on who was hung for a moment; the share does not.
    assert max(counts(server)) - min(counts(server)) <= 6, counts(server)


def test_many_workers_share_as_well(start):
    server = start(workers=6)
    connections = [server.connect() for _ in range(120)]
    assert all(echoes(connection) for connection in connections)
    assert sum(counts(server)) == 120
    assert max(counts(server)) <= 24, counts(server)
