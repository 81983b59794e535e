"""Limits hold exactly, and who is over them waits instead of being thrown away."""

import os
import pathlib
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import (
    OURO, PATIENCE, PATIENCE_S, echoes, eventually, feature, kill, receive_exactly, stop
)

# Who is not served by then would have been, were the limit not kept.
A_MOMENT_S = 0.3 * min(PATIENCE, 10)


def answered(connections):
    """Those that get their word back within a moment; each is asked once."""
    for connection in connections:
        if not connection.asked:
            connection.sendall(b"x")
            connection.asked = True
    time.sleep(A_MOMENT_S)
    there = []
    for connection in connections:
        connection.setblocking(False)
        try:
            if connection.recv(1, socket.MSG_PEEK) == b"x":
                there.append(connection)
        except BlockingIOError:
            pass
    return there


class Client(socket.socket):
    asked = False


def connect_clients(server, count):
    clients = []
    for _ in range(count):
        clients.append(Client())
        clients[-1].connect(("127.0.0.1", server.port))
    return clients


def test_the_limit_is_exact_over_all_workers_and_the_rest_wait(start):
    server = start(options=["--max-connections", "4"])
    clients = connect_clients(server, 10)
    while len(clients) > 4:
        served = answered(clients)
        assert len(served) == 4
        assert server.metric("server_connections") == 4
        served[0].close()
        clients.remove(served[0])
        eventually(lambda: len(answered(clients)) == 4, "a free place is taken")
    assert len(answered(clients)) == 4


def test_everybody_is_served_in_turn_and_never_too_many_at_once(start):
    server = start(options=["--max-connections", "3"])
    served = []
    most = []
    done = threading.Event()

    def client():
        for _ in range(20):
            with server.connect() as connection:
                assert echoes(connection)
            served.append(1)

    def watch():
        while not done.is_set():
            most.append(server.metric("server_connections"))

    watching = threading.Thread(target=watch)
    watching.start()
    clients = [threading.Thread(target=client) for _ in range(12)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    done.set()
    watching.join()
    assert len(served) == 240
    # A claim that is being taken back is seen for a moment: one per worker.
    assert max(most) <= 3 + 2
    eventually(lambda: server.metric("server_connections") == 0, "all places are free again")


def test_the_places_of_a_dead_worker_are_free_again(start):
    server = start(options=["--max-connections", "6"])
    clients = connect_clients(server, 6)
    assert len(answered(clients)) == 6
    held = server.metric("connections_open")
    kill(server.worker(0))
    eventually(lambda: server.metric("worker_respawns_total")[0] == 1, "it is replaced")
    eventually(lambda: server.metric("worker_up") == [1, 1], "and serves")
    others = connect_clients(server, 8)
    eventually(lambda: len(answered(others)) == held[0], "the free places are taken")
    assert server.metric("server_connections") == 6


def test_a_worker_that_stands_still_keeps_its_places_and_no_more(start):
    server = start(options=["--max-connections", "6"])
    clients = connect_clients(server, 4)
    assert len(answered(clients)) == 4
    stopped = server.worker(0)
    stop(stopped)
    try:
        eventually(lambda: server.metric("worker_up")[0] == 0, "it is noticed")
        others = connect_clients(server, 4)
        eventually(lambda: len(answered(others)) == 2, "the free places are taken")
    finally:
        os.kill(stopped, signal.SIGCONT)
    for client in clients:
        client.close()
    eventually(lambda: len(answered(others)) == 4, "all are served")


@pytest.mark.parametrize("engine", ["uring"])
def test_the_limit_holds_with_fixed_files(start):
    if not feature("direct_accept")["in_force"]:
        pytest.skip(f"no fixed files here: {feature('direct_accept')['why']}")
    server = start(options=["--max-connections", "4", "--fixed-files", "on"])
    clients = connect_clients(server, 6)
    assert len(answered(clients)) == 4
    for client in answered(clients)[:2]:
        client.close()
        clients.remove(client)
    eventually(lambda: len(answered(clients)) == 4, "the places are taken")


def processor_ticks(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def check_that_it_waits_quietly(server, workers):
    """A loop that spins makes a hundred thousand turns in a second, and uses a hundred ticks."""
    before = sum(server.metric("turns_total"))
    ticks = [processor_ticks(server.worker(index)) for index in range(workers)]
    time.sleep(1)
    assert sum(server.metric("turns_total")) - before < 2000
    for index in range(workers):
        assert processor_ticks(server.worker(index)) - ticks[index] < 30


def check_that_all_are_served(clients, served):
    for client in served:  # who was served still is
        client.settimeout(PATIENCE_S)
        client.sendall(b"y")
        assert receive_exactly(client, 2) == b"xy"
        client.close()
    waiting = [client for client in clients if client not in served]
    while waiting:
        there = eventually(lambda: answered(waiting), "those in the queue are served")
        for client in there:
            client.close()
        waiting = [client for client in waiting if client not in there]


@pytest.mark.parametrize("workers", [1, 2])
def test_few_descriptors_are_shared_out_and_the_rest_wait(start, workers):
    server = start(workers=workers, files=64)
    clients = connect_clients(server, 200)
    served = eventually(lambda: answered(clients), "some are served")
    assert len(served) < 64 * workers
    check_that_it_waits_quietly(server, workers)
    assert sum(server.metric("accept_errors_total")) == 0
    check_that_all_are_served(clients, served)
    assert "event=connections_lost" not in server.log()


def test_when_descriptors_run_out_accepting_pauses_and_resumes_by_itself(start):
    """The limit is lowered behind the worker's back."""
    server = start(workers=1, options=["--user", "root"])  # others' limits are not ours to change
    limits = (24, 24)
    resource.prlimit(server.worker(0), resource.RLIMIT_NOFILE, limits)
    clients = connect_clients(server, 60)
    eventually(lambda: sum(server.metric("accept_pauses_total")) > 0, "it runs out")
    eventually(lambda: "event=accepting_paused worker=0" in server.log(), "it says so")
    served = answered(clients)
    assert 0 < len(served) < 24
    check_that_it_waits_quietly(server, 1)
    check_that_all_are_served(clients, served)


def test_an_impossible_limit_is_an_argument_error():
    ended = subprocess.run(
        ["prlimit", "--nofile=128:128", OURO, "echo", "--listen", "127.0.0.1:0",
         "--max-connections", "100000"],
        capture_output=True, text=True, timeout=PATIENCE_S,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("ouro: 100000 connections are more than the limit on open files")
    assert ended.stderr.count("\n") == 1
