#!/usr/bin/python3
"""Very many connections on one worker: each gets its own bytes back, and memory is accounted for.

    OURO=build/release/ouro tests/vm/many_connections.py [--connections 40000] [--engine uring]

Needs root, to raise limits. Prints figures; the exit code is 1 if a byte was wrong, or if something
was left when all had gone. The clients run on the same machine: the kernel's memory is for both
ends.
"""

import argparse
import json
import multiprocessing
import pathlib
import re
import resource
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from conftest import Server, echoes, eventually

CLIENTS = 4  # processes; each has a source address, and with it ports, of its own
FILES_SPARE = 1000  # what a process opens beside its connections
MESSAGE = 100
MOMENTS = ("idle", "echoed", "closed")


def message_of(client, number, turn):
    return f"{turn}: for connection {number} of client {client} ".ljust(MESSAGE, "=").encode()


def open_all(client, port, count):
    connections = []
    for _ in range(count):
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        one.bind((f"127.0.0.{client + 2}", 0))
        one.connect(("127.0.0.1", port))
        connections.append(one)
    return connections


def echo_all(client, connections, turn):
    """How many connections did not get their own message back, to the byte."""
    for number, one in enumerate(connections):
        one.sendall(message_of(client, number, turn))
    wrong = 0
    for number, one in enumerate(connections):
        received = b""
        while len(received) < MESSAGE and (piece := one.recv(MESSAGE - len(received))):
            received += piece
        wrong += received != message_of(client, number, turn)
    return wrong


def client_main(client, port, count, pipe):
    """Does what it is told over the pipe, a word at a time, and answers with a number."""
    connections, turn = [], 0
    while word := pipe.recv():
        if word == "open":
            connections = open_all(client, port, count)
            pipe.send(0)
        elif word == "echo":
            turn += 1
            pipe.send(echo_all(client, connections, turn))
        elif word == "close":
            for one in connections:
                one.close()
            connections = []
            pipe.send(0)


class Clients:
    def __init__(self, port, count):
        self.pipes = []
        for client in range(CLIENTS):
            ours, theirs = multiprocessing.Pipe()
            arguments = (client, port, count // CLIENTS, theirs)
            multiprocessing.Process(target=client_main, args=arguments, daemon=True).start()
            self.pipes.append(ours)

    def all(self, word):
        begun = time.monotonic()
        for pipe in self.pipes:
            pipe.send(word)
        wrong = sum(pipe.recv() for pipe in self.pipes)
        print(f"{time.monotonic() - begun:8.1f} s  {word}", flush=True)
        return wrong


def kib_in(path, *names):
    text = pathlib.Path(path).read_text()
    return [int(re.search(rf"^{name}: +(\d+) kB", text, re.MULTILINE)[1]) for name in names]


def sockets():
    """The kernel's count of TCP sockets, by name."""
    text = pathlib.Path("/proc/net/sockstat").read_text()
    words = re.search(r"^TCP: (.*)$", text, re.MULTILINE)[1].split()
    return dict(zip(words[::2], map(int, words[1::2])))


def nudge(server):
    """Some seconds with a little to do: a worker gives memory back in its turns."""
    with server.connect() as connection:
        for _ in range(5):
            assert echoes(connection)
            time.sleep(1.1)
    eventually(lambda: server.metric("connections_open")[0] % CLIENTS == 0, "the nudge is gone")


def memory_now(server, when):
    """KiB of the worker and of the kernel, when nothing moves any more."""
    nudge(server)
    rss, pss = kib_in(f"/proc/{server.worker(0)}/smaps_rollup", "Rss", "Pss")
    slab, kept = kib_in("/proc/meminfo", "Slab", "SUnreclaim")
    tcp = sockets()
    pool = int(server.metric("pool_bytes")[0]) // 1024  # for all; bounded, and kept for a while
    figures = {
        "rss": rss, "pss": pss, "pool": pool, "rest": rss - pool,
        "slab": slab, "slab_unreclaimable": kept,
        "tcp_in_use": tcp["inuse"], "tcp_time_wait": tcp["tw"], "tcp_pages": tcp["mem"],
        "open": server.metric("connections_open")[0],
    }
    print(f"            {when}: {figures}", flush=True)
    return figures


def measure(engine, count):
    """The figures by moment, and what was wrong."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(engine, pathlib.Path(folder, "log"), workers=1, files=count + FILES_SPARE)
        try:
            clients = Clients(server.port, count)
            memory = {"none": memory_now(server, "none")}
            for round_name in ("", "again_"):  # the second finds leaks: it must not need more
                clients.all("open")
                eventually(lambda: server.metric("connections_open")[0] == count, "all are open")
                memory[f"{round_name}idle"] = memory_now(server, f"{round_name}idle")
                if mistaken := clients.all("echo"):
                    wrong.append(f"{mistaken} connections did not get their own bytes back")
                memory[f"{round_name}echoed"] = memory_now(server, f"{round_name}echoed")
                clients.all("close")
                eventually(lambda: server.metric("connections_open")[0] == 0, "all are closed")
                memory[f"{round_name}closed"] = memory_now(server, f"{round_name}closed")
            if server.metric("unsent_bytes")[0] != 0:
                wrong.append("unsent bytes are left")
            if server.end() != 0 or "bug:" in server.log():
                wrong.append(f"the server did not end well: {server.log()}")
        finally:
            server.clear_away()
    return memory, wrong


def mistakes_in(memory, count):
    """What grew and should not have."""
    for when in MOMENTS:
        before, after = memory[when]["rest"], memory[f"again_{when}"]["rest"]
        if after > before * 1.1 + 2048:
            yield f"{when}: the second round needed {after} KiB, the first {before}"
    if memory["idle"]["open"] != count:
        yield f"{memory['idle']['open']} connections were open instead of {count}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--connections", type=int, default=40_000)
    parser.add_argument("--engine", default="uring", choices=("uring", "epoll"))
    parser.add_argument("--json", help="a file for the figures")
    wishes = parser.parse_args()
    count = wishes.connections // CLIENTS * CLIENTS
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + FILES_SPARE,) * 2)
    memory, wrong = measure(wishes.engine, count)
    wrong += mistakes_in(memory, count)

    def each(kind, moment):
        return round((memory[moment][kind] - memory["none"][kind]) * 1024 / count)

    figures = {"connections": count, "memory_kib": memory, "mistakes": wrong,
               "worker_bytes_each": {when: each("rest", when) for when in MOMENTS},
               "kernel_bytes_each": {when: each("slab", when) for when in MOMENTS}}
    print(json.dumps({name: figures[name] for name in figures if name != "memory_kib"}, indent=1))
    if wishes.json:
        pathlib.Path(wishes.json).write_text(json.dumps(figures))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
