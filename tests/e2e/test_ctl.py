"""`ouro ctl`: how a server is, and what it is told to do."""

import contextlib
import json
import os
import signal
import socket
import stat
import threading
import time

import pytest
from cli_support import ouro
from conftest import PATIENCE_S, echoes, eventually, kill, receive_all, stop
from ctl_support import (
    connected,
    ctl,
    ctl_begun,
    done,
    end_successor,
    refused,
    request,
    say,
    servers,
    status,
)
from proxy_support import all_served, ask_name, comers, config_of, echo, named, toml
from talkers import Talkers


@pytest.fixture
def echo_server(start, tmp_path):
    return start(admin=f"unix:{tmp_path}/admin")


@pytest.fixture
def steered(proxy, tmp_path):
    """A proxy that can be steered, by its config."""

    def start_one(places, **wishes):
        return proxy(places, admin={"address": f"unix:{tmp_path}/admin"}, **wishes)

    return start_one


def config_file(tmp_path):
    return tmp_path / "proxy0" / "proxy.toml"


def write_config(tmp_path, places, **wishes):
    config = config_of(places, admin={"address": f"unix:{tmp_path}/admin"}, **wishes)
    config_file(tmp_path).write_text(toml(config))


def test_status_says_what_the_server_is(echo_server):
    with echo_server.connect() as client:
        assert echoes(client)
        told = status(echo_server)
        assert told["schema"] == 1
        assert (told["program"], told["state"]) == ("echo", "ready")
        assert told["pid"] == echo_server.process.pid
        assert told["engine"] == echo_server.engine
        assert told["listeners"] == echo_server.places
        assert told["admin"] == echo_server.admin
        assert told["started"] <= told["since"]
        assert (told["reloads"], told["last_reload"]) == (0, None)
        assert [worker["state"] for worker in told["workers"]] == ["live", "live"]
        assert [worker["pid"] for worker in told["workers"]] == [
            echo_server.worker(0), echo_server.worker(1)]
        assert sum(worker["connections"] for worker in told["workers"]) == 1
        assert told["attendant"]["pid"] == echo_server.children()["ouro-attendant"]
    text = done(echo_server, "status")
    for words in (f"pid          {echo_server.process.pid}\n", "state        ready since 2",
                  f"listens on   {echo_server.places[0]}\n", "worker 1     live, pid "):
        assert words in text


def test_status_of_a_proxy_names_its_config(steered, backend, tmp_path):
    running = steered([backend(echo)])
    assert status(running)["config"] == str(config_file(tmp_path))
    assert f"config       {config_file(tmp_path)}\n" in done(running, "status")


def test_status_sees_a_worker_that_was_replaced(echo_server):
    kill(echo_server.worker(1))
    eventually(lambda: status(echo_server)["workers"][1]["respawns"] == 1, "it is counted")


def test_an_echo_server_has_nothing_to_reload_and_no_servers(echo_server):
    assert refused(echo_server, "reload") == ["there is nothing to reload"]
    for words in (["servers"], ["servers", "drain", "a"], ["servers", "ready", "a"]):
        assert refused(echo_server, *words) == ["echo passes connections on to no servers"]


def test_a_drain_lets_those_finish_who_are_there(echo_server):
    path = echo_server.admin.removeprefix("unix:")
    client = echo_server.connect()
    assert echoes(client)
    client.settimeout(PATIENCE_S)
    with Talkers([client]) as talkers:
        assert done(echo_server, "drain") == "draining\n"
        assert status(echo_server)["state"] == "leaving"
        assert done(echo_server, "drain") == "draining\n"  # again is not at once
        assert refused(echo_server, "upgrade") == ["the server is starting or leaving"]
        talkers.go_on()
        assert not talkers.broken
    assert echo_server.wait() == 0
    assert not os.path.exists(path)


def test_a_server_with_nobody_there_still_answers_before_it_ends(start, tmp_path):
    for i in range(5):
        server = start(admin=f"unix:{tmp_path}/{i}")
        assert done(server, "drain") == "draining\n"
        assert server.wait() == 0


def test_a_reload_is_in_force_when_it_is_answered(steered, backend, tmp_path):
    one, other = backend(echo), backend(echo)
    running = steered([one], workers=2)
    for number in range(1, 6):
        place = (other if number % 2 else one).place
        write_config(tmp_path, [place], workers=2)
        assert done(running, "reload") == "reloaded\n"
        assert list(servers(running)) == [f"u/{place}"]
        with running.connect() as client:
            assert echoes(client)
        told = status(running)
        assert told["reloads"] == number
        assert (told["last_reload"]["outcome"], told["last_reload"]["reasons"]) == ("done", [])


def test_a_bad_config_is_refused_with_each_reason(steered, backend, tmp_path):
    running = steered([backend(echo)])
    good = config_file(tmp_path).read_text()
    config_file(tmp_path).write_text(good + "[limits]\nwindwo = 1\nretry_budget_percent = 101\n")
    reasons = refused(running, "reload")
    assert len(reasons) == 2
    assert "windwo" in reasons[0] and "retry_budget_percent" in reasons[1]
    assert all(reason.startswith(str(config_file(tmp_path)) + ":") for reason in reasons)
    told = status(running)
    assert told["last_reload"]["outcome"] == "refused"
    assert told["last_reload"]["reasons"] == reasons
    assert all(reason in done(running, "status") for reason in reasons)
    ended = ctl(running, "reload", "--json")
    assert (ended.returncode, json.loads(ended.stdout)) == (
        1, {"outcome": "refused", "reasons": reasons})
    config_file(tmp_path).write_text(good)
    assert json.loads(done(running, "reload", "--json")) == {"outcome": "done"}
    assert status(running)["last_reload"]["outcome"] == "done"


def test_an_address_that_is_taken_refuses_a_reload(steered, backend, tmp_path):
    running = steered([backend(echo)])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = "127.0.0.1:%d" % taken.getsockname()[1]
        write_config(tmp_path, ["127.0.0.1:1"], listen={"address": place})
        assert place in refused(running, "reload")[0]


def test_reloads_disturb_nobody(steered, backend, tmp_path):
    places = [backend(echo).place for _ in range(2)]
    running = steered(places, workers=2)
    churn = comers(running, 3)
    with Talkers([running.connect() for _ in range(10)]) as talkers:
        for i in range(10):
            write_config(tmp_path, places[i % 2:], workers=2)
            done(running, "reload")
        talkers.go_on()
        assert not talkers.broken
    all_served(churn)


def test_several_may_ask_at_once(steered, backend):
    running = steered([backend(echo)], workers=2)
    begun = [ctl_begun(running, "reload") for _ in range(10)]
    for one in begun:
        output, errors = one.communicate(timeout=PATIENCE_S)
        assert (one.returncode, output) == (0, "reloaded\n"), errors
    assert status(running)["reloads"] == 10


def test_a_reload_waits_for_every_process(steered, backend):
    running = steered([backend(echo)], workers=2)
    stop(running.worker(1))
    assert refused(running, "reload", "--timeout", "300ms") == [
        f"{running.admin} gives no answer within 300ms"]
    assert status(running)["last_reload"]["outcome"] == "under way"
    waiting = ctl_begun(running, "reload")
    time.sleep(0.3)
    assert waiting.poll() is None
    os.kill(running.worker(1), signal.SIGCONT)
    assert waiting.communicate(timeout=PATIENCE_S)[0] == "reloaded\n"
    assert status(running)["reloads"] == 2


def test_a_reload_is_over_when_who_was_late_is_replaced(steered, backend):
    running = steered([backend(echo)], workers=2)
    late = running.worker(1)
    stop(late)
    waiting = ctl_begun(running, "reload")
    eventually(lambda: status(running)["last_reload"], "it is under way")
    kill(late)
    assert waiting.communicate(timeout=PATIENCE_S)[0] == "reloaded\n"


def test_a_reload_is_refused_when_the_server_is_told_to_end(steered, backend):
    running = steered([backend(echo)], workers=2, timeouts={"drain": "1s"})
    stop(running.worker(1))
    waiting = ctl_begun(running, "reload")
    eventually(lambda: status(running)["last_reload"], "it is under way")
    assert done(running, "drain") == "draining\n"
    assert waiting.communicate(timeout=PATIENCE_S)[1] == "ouro ctl: the server is leaving\n"
    running.wait()


def test_who_asks_and_goes_away_troubles_nobody(steered, backend):
    running = steered([backend(echo)], workers=2)
    stop(running.worker(1))
    gone = [connected(running.admin) for _ in range(5)]
    for one in gone:
        one.sendall(request("POST", "/reload"))
    eventually(lambda: status(running)["last_reload"], "they were heard")
    for one in gone[:4]:
        one.close()
    os.kill(running.worker(1), signal.SIGCONT)
    gone[4].shutdown(socket.SHUT_WR)  # who only has no more to say is answered
    assert b"200 OK" in receive_all(gone[4])
    gone[4].close()
    assert done(running, "reload") == "reloaded\n"


def test_whoever_waits_is_told_when_the_attendant_dies(steered, backend):
    running = steered([backend(echo)], workers=2)
    stop(running.worker(1))
    waiting = ctl_begun(running, "reload")
    eventually(lambda: status(running)["last_reload"], "it is under way")
    kill(running.children()["ouro-attendant"])
    assert "without an answer" in waiting.communicate(timeout=PATIENCE_S)[1]
    assert waiting.returncode == 1
    os.kill(running.worker(1), signal.SIGCONT)
    assert done(running, "reload") == "reloaded\n"
    assert status(running)["attendant"]["respawns"] == 1


def test_an_upgrade_is_answered_when_the_new_one_serves(echo_server):
    path = echo_server.admin.removeprefix("unix:")
    old = echo_server.process.pid
    churn = comers(echo_server, 3)
    held = echo_server.connect()
    assert echoes(held)
    newest = old
    try:
        for _ in range(3):
            assert done(echo_server, "upgrade") == "upgraded\n"
            told = status(echo_server)
            assert told["pid"] not in (old, newest) and told["state"] == "ready"
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            newest = told["pid"]
            echo_server.seen.update({newest, *(one["pid"] for one in told["workers"])})
        assert echoes(held)
        held.close()
        all_served(churn)
    finally:
        end_successor(echo_server, newest)
    assert not os.path.exists(path)


def test_an_upgrade_with_nobody_connected_is_answered_too(echo_server):
    assert done(echo_server, "upgrade") == "upgraded\n"
    end_successor(echo_server, status(echo_server)["pid"])


@pytest.mark.parametrize("wait_s", [0, 0.005, 0.02])
def test_a_reload_that_is_done_is_not_lost_to_an_upgrade(steered, backend, tmp_path, wait_s):
    first, second = (backend(named(name)) for name in "12")
    running = steered([first])
    upgrading = ctl_begun(running, "upgrade")
    time.sleep(wait_s)
    write_config(tmp_path, [second.place])
    reloaded = ctl(running, "reload")
    assert upgrading.wait(PATIENCE_S) == 0, upgrading.communicate()
    try:
        if reloaded.returncode == 0:
            assert ask_name(running) == "2"
        else:
            words = ("an upgrade is under way", "the server is starting or leaving", "has died")
            assert any(one in reloaded.stderr for one in words), reloaded.stderr
    finally:
        end_successor(running, status(running)["pid"])


def test_an_upgrade_that_fails_changes_nothing(steered, backend, tmp_path):
    running = steered([backend(echo)])
    config_file(tmp_path).write_text("this is no config")
    assert refused(running, "upgrade") == ["the new server did not become ready: it ended"]
    assert status(running)["pid"] == running.process.pid
    with running.connect() as client:
        assert echoes(client)


def test_over_tcp_it_answers_and_changes_nothing(proxy, backend):
    running = proxy([backend(echo)])
    name = next(iter(servers(running)))
    assert status(running)["state"] == "ready"
    for words in (["reload"], ["upgrade"], ["drain"], ["servers", "drain", name],
                  ["servers", "ready", name]):
        (reason,) = refused(running, *words)
        assert reason.startswith("over TCP the admin address only answers questions; "), reason
    assert "403 Forbidden" in say(running.admin, request("POST", "/drain"))
    assert status(running)["state"] == "ready"
    assert status(running)["reloads"] == 0


def test_the_admin_socket_is_its_owners_alone_whatever_the_umask(start, tmp_path):
    path = tmp_path / "admin"
    for mask in ("000", "777"):
        server = start(admin=f"unix:{path}", prefix=["sh", "-c", f'umask {mask}; exec "$@"', "sh"])
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert status(server)["state"] == "ready"
        assert server.end() == 0


@pytest.mark.parametrize("how, code", [
    (("GET", "/status"), 200),
    (("HEAD", "/status"), 200),
    (("GET", "/servers"), 200),
    (("POST", "/reload", "Content-Length: 0"), 200),
    (("POST", "/reload?now"), 400),
    (("POST", "/reload", "Content-Length: 1"), 400),
    (("POST", "/reload", "Transfer-Encoding: chunked"), 400),
    (("GET", "/reload"), 405),
    (("HEAD", "/upgrade"), 405),
    (("PUT", "/drain"), 405),
    (("POST", "/status"), 405),
    (("DELETE", "/servers"), 405),
    (("POST", "/servers/drain"), 400),
    (("POST", "/servers/drain?name="), 400),
    (("POST", "/servers/drain?name=%zz"), 400),
    (("POST", "/servers/drain?name=a&name=b"), 400),
    (("POST", "/servers/drain?name=nobody"), 409),
    (("POST", "/servers/drain/"), 404),
    (("POST", "/Reload"), 404),
])
def test_what_curl_would_be_told(steered, backend, how, code):
    answer = say(steered([backend(echo)]).admin, request(*how))
    assert answer.startswith(f"HTTP/1.1 {code} "), answer
    if code == 405:
        assert "\r\nAllow: " in answer
    if code == 409:
        assert json.loads(answer.partition("\r\n\r\n")[2]) == {
            "outcome": "refused", "reasons": ["there is no server 'nobody'"]}


def test_where_nobody_listens_it_says_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = "127.0.0.1:%d" % listener.getsockname()[1]
    assert refused(free, "status") == [f"cannot reach {free}: connection refused"]
    place = f"unix:{tmp_path}/none"
    assert refused(place, "reload") == [f"cannot reach {place}: not found"]
    assert refused(place, "servers", "drain", "a", "--wait") == [
        f"cannot reach {place}: not found"]
    ended = ctl(place, "drain", "--json")
    assert json.loads(ended.stdout)["reasons"] == [f"cannot reach {place}: not found"]
    assert ended.returncode == 1


def test_who_never_answers_is_not_waited_for(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "mute"))
        listener.listen()
        place = f"unix:{tmp_path}/mute"
        for command in ("status", "upgrade"):
            assert refused(place, command, "--timeout", "200ms") == [
                f"{place} gives no answer within 200ms"]


GARBAGE = [
    (b"220 mail.example ESMTP\r\n", "what answers there is no admin address of ouro"),
    (b"HTTP/1.1 200 OK\r\n\r\n", "what answers there is no admin address of ouro"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
     "what answers there is no admin address of ouro"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "ended the connection without an answer"),
    (b"", "ended the connection without an answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "answer (200) is not understood"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "answer (200) is not understood"),
    (b"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nNot Found\n",
     "answer (404) is not understood"),
]


@pytest.mark.parametrize("said, told", GARBAGE, ids=[str(said[:30]) for said, _ in GARBAGE])
@pytest.mark.parametrize("words", [["status"], ["reload"], ["servers"], ["servers", "drain", "a"]])
def test_what_is_no_answer_is_said_to_be_none(said, told, words):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(said)
                    connection.shutdown(socket.SHUT_WR)
                    receive_all(connection)

        threading.Thread(target=serve, daemon=True).start()
        (line,) = refused("127.0.0.1:%d" % listener.getsockname()[1], *words)
        assert told in line


WRONG = [
    ("", "a command is needed; see ouro ctl --help"),
    ("A", "a command is needed; see ouro ctl --help"),
    ("A relod", "'relod' is not a command; did you mean reload?"),
    ("A fly", "'fly' is not a command; see ouro ctl --help"),
    ("A servers lits", "'lits' is not a command; did you mean list?"),
    ("A status now", "'now' is one word too many; see ouro ctl --help"),
    ("A servers list a", "'a' is one word too many; see ouro ctl --help"),
    ("A servers drain a b", "'b' is one word too many; see ouro ctl --help"),
    ("A servers drain", "servers drain needs the NAME of a server, as servers list has it"),
    ("status", "--admin: is needed; try --admin unix:/run/ouro.sock"),
    ("--admin 7 status", "--admin: '7' is not an address; *"),
    ("A status --admin unix:b", "--admin: is given more than once"),
    ("A status --timeout 0", "--timeout: '0' is too small; the least is 1ms"),
    ("A status --timeout soon", "--timeout: 'soon' is not a time; try 2s or 500ms"),
    ("A status --wait", "--wait: goes with servers drain alone"),
    ("A servers ready a --wait 1s", "--wait: goes with servers drain alone"),
    ("A servers drain a --wait soon", "--wait: 'soon' is not a time; try 2s or 500ms"),
    ("A status --jsno", "--jsno: there is no such option; did you mean --json?"),
]


@pytest.mark.parametrize("typed, told", WRONG, ids=[typed or "nothing" for typed, _ in WRONG])
def test_wrong_usage_is_refused_in_one_line(typed, told):
    ended = ouro("ctl", *typed.replace("A", "--admin unix:/a").split())
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("ouro ctl: " + told.rstrip("*")), line
    assert told.endswith("*") or line == "ouro ctl: " + told


def test_help_names_every_command_and_option():
    text = ouro("ctl", "--help").stdout
    for word in """status reload upgrade drain servers list ready --admin --timeout --wait
                   --json""".split():
        assert word in text
    assert "Example" in text
