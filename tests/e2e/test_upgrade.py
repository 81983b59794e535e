"""A server that is replaced by another run of its program, while it serves."""

import os
import re
import signal
import socket

import pytest
from conftest import PATIENCE_S, SANITIZED, echoes, eventually, runs
from proxy_support import all_served, comers, config_of, echo, toml
from talkers import Talkers


class Generations:
    """A server and its successors. They share its output and its log."""

    def __init__(self, first):
        self.first = first
        self.newest = first.process.pid
        self.all = [self.newest]

    def upgrade(self):
        """Ends when the successor has taken over."""
        os.kill(self.newest, signal.SIGUSR2)
        line = self.first.process.stdout.readline()
        assert line == self.first.line, f"{line!r}, log: {self.first.log()}"

        def told():
            found = re.findall(r"event=upgraded pid=(\d+)", self.first.log())
            return len(found) == len(self.all) and int(found[-1])

        self.newest = eventually(told, "the old one knows")
        self.all.append(self.newest)

    def end(self):
        """All of them; the newest last."""
        for process in self.all[:-1]:
            eventually(lambda p=process: not runs(p), "the old one has left")
        os.kill(self.newest, signal.SIGTERM)
        eventually(lambda: not runs(self.newest), "the last one has left")


@pytest.fixture
def generations():
    """What a failed test leaves is ended."""
    made = []

    def follow(server):
        made.append(Generations(server))
        return made[-1]

    yield follow
    for one in made:
        for process in one.all:
            if runs(process):
                os.kill(process, signal.SIGKILL)


def test_nobody_is_refused_and_nobody_is_cut(proxy, backend, generations):
    running = proxy([backend(echo), backend(echo)], workers=2,
                    timeouts={"drain": f"{PATIENCE_S}s"})
    follow = generations(running)
    churn = comers(running)
    with Talkers([running.connect() for _ in range(10)]) as talkers:
        for _ in range(2 if SANITIZED else 5):
            follow.upgrade()
            talkers.go_on()
        assert not talkers.broken
    all_served(churn)
    follow.end()


def test_who_came_before_stays_with_the_old_one_and_the_admin_is_the_new_one(server, generations):
    follow = generations(server)
    old = server.connect()
    assert echoes(old)
    follow.upgrade()
    eventually(lambda: server.get("/healthz")[0] == 200, "the new one answers")
    eventually(lambda: server.metric("server_connections") == 0, "with its own figures")
    new = server.connect()
    assert echoes(new)
    assert server.metric("server_connections") == 1
    old.close()
    new.close()
    follow.end()


def test_a_unix_socket_is_handed_on_with_its_file(start, generations, tmp_path):
    path = tmp_path / "door"
    follow = generations(start(listen=[f"unix:{path}"], admin=None))
    follow.upgrade()
    eventually(lambda: not runs(follow.all[0]), "the old one has left")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        assert echoes(connection)
    follow.end()
    assert not path.exists()


def test_a_successor_that_cannot_start_changes_nothing(proxy, backend, tmp_path):
    server = backend(echo)
    running = proxy([server], workers=2)
    config = tmp_path / "proxy0" / "proxy.toml"
    config.write_text("this is no config")
    running.signal(signal.SIGUSR2)
    eventually(lambda: "event=upgrade_failed" in running.log(), "it is told")
    assert echoes(running.connect())
    config.write_text(toml(config_of([server.place], workers=2)))
    assert echoes(running.connect())


def test_fewer_and_more_workers_may_follow(proxy, backend, generations, tmp_path):
    server = backend(echo)
    timeouts = {"drain": f"{PATIENCE_S}s"}
    running = proxy([server], workers=3, timeouts=timeouts)
    follow = generations(running)
    config = tmp_path / "proxy0" / "proxy.toml"
    churn = comers(running)
    for workers in (1, 4, 2):
        config.write_text(toml(config_of([server.place], workers=workers, timeouts=timeouts)))
        os.kill(follow.newest, signal.SIGUSR2)
        line = running.process.stdout.readline()
        assert f"{workers} worker" in line, line
        follow.all.append(0)
        follow.newest = eventually(
            lambda: (found := re.findall(r"event=upgraded pid=(\d+)", running.log()))
            and len(found) == len(follow.all) - 1 and int(found[-1]), "it is told")
        follow.all[-1] = follow.newest
        for _ in range(20):
            assert echoes(running.connect())
    all_served(churn)
    follow.end()
