"""`ouro ctl` as its users run it, and servers that can be steered."""

import contextlib
import json
import os
import socket
import subprocess

from conftest import OURO, PATIENCE_S, eventually, receive_all, runs


def ctl(server, *words):
    """Runs `ouro ctl` on the server's admin address, or on one that is given, to its end."""
    admin = server if isinstance(server, str) else server.admin
    return subprocess.run([OURO, "ctl", "--admin", admin, *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def ctl_begun(server, *words):
    return subprocess.Popen([OURO, "ctl", "--admin", server.admin, *words], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def done(server, *words):
    """What it prints when it succeeds."""
    ended = ctl(server, *words)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr + server.log()
    return ended.stdout


def refused(server, *words):
    """The lines on stderr when it fails."""
    ended = ctl(server, *words)
    assert (ended.returncode, ended.stdout) == (1, ""), ended.stdout
    lines = ended.stderr.splitlines()
    assert lines and all(line.startswith("ouro ctl: ") for line in lines), ended.stderr
    return [line.removeprefix("ouro ctl: ") for line in lines]


def status(server):
    return json.loads(done(server, "status", "--json"))


def servers(server):
    """Rows by name; of a name with several addresses, the last."""
    listed = json.loads(done(server, "servers", "--json"))
    return {row["name"]: row for row in listed["servers"]}


def state(server, name):
    return servers(server)[name]["state"]


def becomes(server, name, wanted):
    eventually(lambda: state(server, name) == wanted, f"{name} is {wanted}")


def say(place, text):
    """The whole answer of an admin address to raw bytes."""
    with contextlib.closing(connected(place)) as connection:
        connection.sendall(text)
        return receive_all(connection).decode()


def connected(place):
    if place.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        connection.connect(place.removeprefix("unix:"))
        return connection
    host, _, port = place.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


def request(method, target, *fields):
    lines = [f"{method} {target} HTTP/1.1", "Host: a", *fields]
    return "".join(line + "\r\n" for line in [*lines, ""]).encode()


def end_successor(server, process):
    """The first one ends by itself."""
    eventually(lambda: not runs(server.process.pid) or server.process.poll() is not None,
               "the old one has left")
    os.kill(process, 15)
    eventually(lambda: not runs(process), "the new one has left")
