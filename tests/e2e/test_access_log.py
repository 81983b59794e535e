"""The access log: a line for each connection, whatever happens to it, to the log or processes."""

import datetime
import json
import os
import pathlib
import re
import signal
import socket
import threading
import time

import pytest
from conftest import eventually, kill, receive_exactly, stop
from proxy_support import (
    KIB,
    Proxy,
    config_of,
    connect_to,
    echo,
    how_it_ends,
    is_refused,
    reset,
    toml,
)

PLAIN = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


class Log:
    def __init__(self, path):
        self.path = pathlib.Path(path)

    def lines(self):
        """Whole lines, each parsed."""
        text = self.path.read_text() if self.path.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def wait(self, count):
        eventually(lambda: len(self.lines()) >= count, f"{count} lines")
        lines = self.lines()
        assert len(lines) == count
        return lines

    def only(self):
        return self.wait(1)[0]


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "access.log")


def to(log, form="json"):
    return {"access": str(getattr(log, "path", log)), "access_format": form}


@pytest.fixture
def logged(proxy, log):
    """Starts proxies that log to `log`."""
    return lambda servers, **wishes: proxy(servers, log=to(log), **wishes)


def session(place, message=b"hello"):
    """A whole one, ended by the client."""
    with connect_to(place) as connection:
        connection.sendall(message)
        assert receive_exactly(connection, len(message)) == message
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def sessions(running, count):
    for _ in range(count):
        session(running.places[0])


def ended(line):
    return line["by"], line["phase"], line["cause"]


def test_a_good_session(logged, backend, log):
    server = backend(echo)
    running = logged([server], listen={"name": "front door"})
    with running.connect() as client:
        name = "127.0.0.1:%d" % client.getsockname()[1]
        client.sendall(b"x" * 100 * KIB)
        receive_exactly(client, 100 * KIB)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    line = log.only()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert line["client"] == name
    assert line["listener"] == "front door"
    assert line["upstream"] == "u"
    assert line["server"] == server.place
    assert line["host"] is None
    assert line["to_server"] == line["to_client"] == 100 * KIB
    assert line["retries"] == 0
    assert ended(line) == ("client", "end", "done")
    assert line["error"] is None
    parts = line["header_ms"] + line["queue_ms"] + line["connect_ms"]
    assert 0 <= parts <= line["total_ms"] + 0.01
    assert running.metric("access_log_lines_total") == 1
    assert running.metric("access_log_dropped_total") == 0
    assert log.path.stat().st_mode & 0o777 == 0o640


def test_the_time_is_that_of_the_clock(logged, backend, log):
    running = logged([backend(echo)])
    before = time.time()
    sessions(running, 1)
    after = time.time()
    text = log.only()["time"].replace("Z", "+00:00")
    at = datetime.datetime.fromisoformat(text).timestamp()
    assert before - 0.1 <= at <= after + 0.1


def test_as_text(proxy, backend, log):
    server = backend(echo)
    running = proxy([server], log=to(log, "text"), listen={"name": 'say "hi"'})
    sessions(running, 1)
    text = eventually(lambda: log.path.read_text(), "a line")
    fields = dict(PLAIN.findall(text))
    assert fields["listener"] == r'"say \"hi\""'
    assert fields["server"] == server.place
    assert fields["to_server"] == fields["to_client"] == "5"
    assert fields["cause"] == "done" and fields["error"] == "-"


def test_names_of_any_letters_are_good_json(logged, backend, log):
    name = 'a "b" \\ c=d ü'
    running = logged([backend(echo)], listen={"name": name})
    sessions(running, 1)
    assert log.only()["listener"] == name


def test_the_client_resets(logged, backend, log):
    server = backend()
    running = logged([server])
    client = running.connect()
    client.sendall(b"12345")
    accepted = server.accept()
    receive_exactly(accepted, 5)
    reset(client)
    line = log.only()
    assert ended(line) == ("client", "data", "client_aborted")
    assert (line["to_server"], line["to_client"]) == (5, 0)
    assert "reset" in line["error"]


def test_the_server_resets(logged, backend, log):
    server = backend()
    running = logged([server])
    client = running.connect()
    accepted = server.accept()
    accepted.sendall(b"123")
    receive_exactly(client, 3)
    reset(accepted)
    assert how_it_ends(client) == "reset"
    line = log.only()
    assert ended(line) == ("server", "data", "server_aborted")
    assert (line["to_server"], line["to_client"]) == (0, 3)


def test_the_server_ends(logged, backend, log):
    server = backend()
    running = logged([server])
    client = running.connect()
    accepted = server.accept()
    accepted.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    client.close()
    assert how_it_ends(accepted) == "end"
    assert ended(log.only()) == ("server", "end", "done")


def test_a_reset_after_an_end(logged, backend, log):
    server = backend()
    running = logged([server])
    client = running.connect()
    accepted = server.accept()
    client.shutdown(socket.SHUT_WR)
    assert accepted.recv(1) == b""
    reset(accepted)
    assert how_it_ends(client) == "reset"
    assert ended(log.only()) == ("server", "end", "server_aborted")


def test_who_is_denied(logged, backend, log):
    running = logged([backend(echo)], listen={"deny": "127.0.0.0/8", "name": "a"})
    assert is_refused(running)
    line = log.only()
    assert ended(line) == ("proxy", "header", "denied")
    assert line["listener"] == "a"
    assert line["server"] is None and line["upstream"] is None


def test_who_may_not_say_where_it_comes_from(logged, backend, log):
    running = logged([backend(echo)], listen={"name": "a", "proxy_protocol": "required",
                                              "proxy_protocol_from": ["10.0.0.1"]})
    assert is_refused(running)
    line = log.only()
    assert ended(line) == ("proxy", "header", "untrusted")
    assert line["listener"] == "a"


def test_who_comes_when_the_listener_is_full(logged, backend, log):
    running = logged([backend(echo)], listen={"max_connections": 1})
    with running.connect() as held:
        held.sendall(b"x")
        receive_exactly(held, 1)
        assert is_refused(running)
        assert ended(log.only()) == ("proxy", "header", "listener_full")


def test_who_is_one_too_many_of_an_address(logged, backend, log):
    running = logged([backend(echo)], limits={"max_connections_per_client": 1})
    with running.connect() as held:
        held.sendall(b"x")
        receive_exactly(held, 1)
        assert is_refused(running)
        assert ended(log.only()) == ("proxy", "header", "too_many_of_client")


def test_the_address_is_that_of_the_header(logged, backend, log):
    running = logged([backend(echo)], listen={"proxy_protocol": "required",
                                              "proxy_protocol_from": ["127.0.0.0/8"]})
    with running.connect() as client:
        client.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\nhi")
        assert receive_exactly(client, 2) == b"hi"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    line = log.only()
    assert line["client"] == "192.0.2.7:1234"
    assert line["to_server"] == line["to_client"] == 2


def test_what_is_no_header(logged, backend, log):
    running = logged([backend(echo)], listen={"proxy_protocol": "required",
                                              "proxy_protocol_from": ["127.0.0.0/8"]})
    with running.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert how_it_ends(client) == "reset"
    assert ended(log.only()) == ("proxy", "header", "bad_proxy_header")


def test_a_header_that_does_not_come(logged, backend, log):
    running = logged([backend(echo)], timeouts={"header": "200ms"},
                     listen={"proxy_protocol": "required", "proxy_protocol_from": ["127.0.0.0/8"]})
    with running.connect() as client:
        assert how_it_ends(client) == "reset"
    line = log.only()
    assert ended(line) == ("proxy", "header", "header_timeout")
    assert line["header_ms"] >= 190


def test_no_server_takes_it(logged, backend, log):
    servers = [backend(listening=False), backend(listening=False)]
    running = logged(servers, upstream={"retries": 1})
    assert is_refused(running)
    line = log.only()
    assert ended(line) == ("server", "connect", "connect_failed")
    assert line["retries"] == 1
    assert line["server"] in {server.place for server in servers}
    assert line["error"] == "connection refused"


def test_a_second_server_takes_it(logged, backend, log):
    running = logged([backend(listening=False), backend(echo)], upstream={"retries": 1})
    sessions(running, 2)
    lines = log.wait(2)
    assert sorted(line["retries"] for line in lines) == [0, 1]
    assert {ended(line) for line in lines} == {("client", "end", "done")}
    assert {line["error"] for line in lines} == {None}


def test_nobody_says_anything(logged, backend, log):
    server = backend()
    running = logged([server], timeouts={"idle": "200ms"})
    with running.connect() as client:
        server.accept()
        how_it_ends(client)
    line = log.only()
    assert ended(line) == ("proxy", "data", "idle_timeout")
    assert line["total_ms"] >= 190


def test_it_lasts_too_long(logged, backend, log):
    server = backend()
    running = logged([server], timeouts={"total": "200ms"})
    with running.connect() as client:
        server.accept()
        assert how_it_ends(client) == "reset"
    assert ended(log.only()) == ("proxy", "data", "total_timeout")


def test_no_place_at_a_server(logged, backend, log):
    server = backend(echo)
    running = logged([{"address": server.place, "max_connections": 1}],
                     timeouts={"queue": "200ms"}, upstream={"queue": 1})
    with running.connect() as held:
        held.sendall(b"x")
        receive_exactly(held, 1)
        with running.connect() as waiting:
            eventually(lambda: is_refused(running), "the queue is full")
            assert how_it_ends(waiting) == "reset"
    lines = log.wait(3)
    by_cause = {line["cause"]: line for line in lines}
    assert ended(by_cause["queue_full"])[:2] == ("proxy", "queue")
    assert ended(by_cause["queue_timeout"])[:2] == ("proxy", "queue")
    assert by_cause["queue_timeout"]["queue_ms"] >= 190
    assert ended(by_cause["done"])[0] == "client"


def test_what_is_cut_when_the_proxy_leaves(logged, backend, log):
    server = backend()
    running = logged([server], timeouts={"drain": "500ms"})
    client = running.connect()
    server.accept()
    stop_sending = threading.Event()

    def keep_busy():
        while not stop_sending.is_set():
            try:
                client.send(b"x" * 100)
            except OSError:
                return
            time.sleep(0.01)

    busy = threading.Thread(target=keep_busy)
    busy.start()
    assert running.end() == 0
    stop_sending.set()
    busy.join()
    line = log.only()
    assert (line["by"], line["cause"]) == ("proxy", "drained")


def test_what_has_ended_is_written_before_the_server_ends(logged, backend, log):
    running = logged([backend(echo)], workers=2)
    sessions(running, 100)
    assert running.end() == 0
    log.wait(100)


def reload(running, config, count):
    (running.log_path.parent / "proxy.toml").write_text(toml(config))
    running.signal(signal.SIGHUP)
    eventually(lambda: f"event=reloaded reload={count}" in running.log(), "it is told")


def test_a_reload_turns_it_on_and_elsewhere_and_off(proxy, backend, log, tmp_path):
    server = backend(echo)
    listen = {"address": "127.0.0.1:0"}
    running = proxy([server])
    early = running.connect()
    early.sendall(b"x")
    receive_exactly(early, 1)
    sessions(running, 3)

    def now(count, **log_section):
        sections = {"log": log_section} if log_section else {}
        reload(running, config_of([server.place], listen=listen, **sections), count)

    now(1, **to(log))
    sessions(running, 4)
    early.close()  # it came before there was a log, and has all its names
    lines = log.wait(5)
    assert {line["server"] for line in lines} == {server.place}
    other = tmp_path / "other.log"
    now(2, **to(other, "text"))
    sessions(running, 5)
    eventually(lambda: other.exists() and other.read_text().count("\n") == 5, "5 lines")
    assert all(line.startswith("time=") for line in other.read_text().splitlines())
    log.wait(5)
    now(3)
    sessions(running, 6)
    time.sleep(0.2)
    assert other.read_text().count("\n") == 5
    log.wait(5)


def test_a_file_that_cannot_be_opened_is_a_refused_reload(logged, backend, log, tmp_path):
    server = backend(echo)
    running = logged([server])
    (running.log_path.parent / "proxy.toml").write_text(
        toml(config_of([server.place], log=to(tmp_path / "none" / "log"))))
    running.signal(signal.SIGHUP)
    eventually(lambda: "event=reload_refused" in running.log(), "it is refused")
    assert f"{tmp_path}/none/log: No such file or directory" in running.log()
    sessions(running, 2)
    log.wait(2)


def test_a_file_that_cannot_be_opened_is_a_failed_start(engine, tmp_path):
    config = config_of(["127.0.0.1:1"], log=to(tmp_path / "none" / "log"))
    with pytest.raises(AssertionError, match="cannot open .*none/log"):
        Proxy(engine, tmp_path, config)


def in_the_background(running, count, threads=4):
    """Sessions, while the test goes on; gives a function that waits for their end."""
    failed = []

    def run():
        try:
            sessions(running, count // threads)
        except (OSError, AssertionError) as error:
            failed.append(error)

    started = [threading.Thread(target=run) for _ in range(threads)]
    for thread in started:
        thread.start()

    def wait():
        for thread in started:
            thread.join()
        assert not failed

    wait.alive = lambda: any(thread.is_alive() for thread in started)
    return wait


def test_rotation_under_load_loses_no_line(logged, backend, log, tmp_path):
    running = logged([backend(echo)], workers=2)
    wait = in_the_background(running, 1200)
    files = []
    while wait.alive():
        files.append(tmp_path / f"access.log.{len(files)}")
        log.path.rename(files[-1])
        running.signal(signal.SIGUSR1)
        eventually(log.path.exists, "it is opened again")
        time.sleep(0.02)
    wait()
    assert len(files) > 2
    all_files = [Log(path) for path in files] + [log]
    eventually(lambda: sum(len(one.lines()) for one in all_files) >= 1200, "all lines")
    lines = [line for one in all_files for line in one.lines()]
    assert len(lines) == 1200
    assert {line["cause"] for line in lines} == {"done"}
    assert running.metric("access_log_dropped_total") == 0


def test_a_stdout_that_nobody_reads_holds_nobody_up(proxy, backend):
    listen = {"deny": "127.0.0.2"}
    running = proxy([backend(echo)], listen=listen, log=to("stdout"))

    def dropped():
        for _ in range(500):
            try:
                running.connect(source="127.0.0.2").close()
            except ConnectionResetError:
                pass
        return running.metric("access_log_dropped_total")

    eventually(dropped, "there is no more room")
    sessions(running, 5)
    eventually(lambda: "event=access_log_dropped" in running.log(), "the log says so")
    # Read again, it goes on, and no line is torn.
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(running.process.stdout), daemon=True)
    reader.start()

    def all_is_well():
        sessions(running, 1)
        return any(json.loads(line)["cause"] == "done" for line in list(seen))

    eventually(all_is_well, "lines come again")
    assert running.end() == 0
    reader.join()
    for line in seen:
        json.loads(line)


def test_stdout(proxy, backend):
    running = proxy([backend(echo)], log=to("stdout"))
    sessions(running, 3)
    for _ in range(3):
        assert json.loads(running.process.stdout.readline())["cause"] == "done"


def test_a_full_disk_is_told_and_counted(proxy, backend):
    running = proxy([backend(echo)], log=to("/dev/full"))
    sessions(running, 10)
    eventually(lambda: running.metric("access_log_dropped_total") == 10, "all are counted")
    assert running.metric("access_log_lines_total") == 0
    assert running.log().count("event=access_log_dropped") == 1
    assert "No space left on device" in running.log()


def attendant(running):
    return eventually(lambda: running.children().get("ouro-attendant"), "there is an attendant")


def test_a_killed_attendant_is_replaced_and_goes_on(logged, backend, log):
    running = logged([backend(echo)])
    sessions(running, 5)
    log.wait(5)
    before = attendant(running)
    kill(before)
    sessions(running, 20)
    lines = log.wait(25)
    assert {line["cause"] for line in lines} == {"done"}
    assert attendant(running) != before
    eventually(lambda: running.metric("access_log_lines_total") == 25, "it is still counted")


def test_a_killed_worker_leaves_what_has_ended(logged, backend, log):
    running = logged([backend(echo)])
    stop(attendant(running))
    sessions(running, 50)
    before = running.worker(0)
    time.sleep(0.1)  # the last one is over for the client before it is for the proxy
    kill(before)
    os.kill(attendant(running), signal.SIGCONT)
    log.wait(50)
    eventually(lambda: running.children().get("ouro-worker-0", before) != before, "it is replaced")
    sessions(running, 10)
    log.wait(60)


@pytest.mark.skipif(os.getuid() != 0 or os.path.exists("/dev/log"),
                    reason="needs a system log of its own")
def test_syslog(proxy, backend):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind("/dev/log")
        try:
            daemon.settimeout(30)
            running = proxy([backend(echo)], log=to("syslog"))
            sessions(running, 3)
            for _ in range(3):
                message = daemon.recv(65536).decode()
                head, _, line = message.partition(": ")
                assert re.fullmatch(r"<134>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ouro\[\d+\]", head)
                assert json.loads(line)["cause"] == "done"
            assert running.end() == 0
        finally:
            os.unlink("/dev/log")


def test_without_it_there_is_none(proxy, backend):
    running = proxy([backend(echo)])
    sessions(running, 3)
    assert running.metric("access_log_lines_total") == 0
    assert running.end() == 0
    assert running.process.stdout.read() == ""
