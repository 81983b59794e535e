"""`ouro ctl servers`: who is behind a proxy, and who is to be left alone."""

import contextlib
import json
import time

import pytest
from conftest import PATIENCE_S, echoes, eventually, kill
from ctl_support import (
    becomes,
    ctl,
    ctl_begun,
    done,
    end_successor,
    refused,
    servers,
    state,
    status,
)
from proxy_support import (
    ask_name,
    config_of,
    echo,
    how_it_ends,
    is_refused,
    name_of_server,
    named,
    toml,
)
from test_proxy_dns import Dns


@pytest.fixture
def steered(proxy, tmp_path):
    def start_one(places, **wishes):
        return proxy(places, admin={"address": f"unix:{tmp_path}/admin"}, **wishes)

    return start_one


@pytest.fixture
def two(backend):
    return [backend(named(name)) for name in "ab"]


def name(server, upstream="u"):
    return f"{upstream}/{server.place}"


def drain(running, server):
    assert done(running, "servers", "drain", name(server)) == f"{name(server)} is draining\n"


def ready(running, server):
    assert done(running, "servers", "ready", name(server)) == f"{name(server)} is ready\n"


def reload(running, tmp_path, places, **wishes):
    config = config_of(places, admin={"address": running.admin}, **wishes)
    (tmp_path / "proxy0" / "proxy.toml").write_text(toml(config))
    assert done(running, "reload") == "reloaded\n"


def served_by(running, count=8, **how):
    return {ask_name(running, **how) for _ in range(count)}


def test_the_list_says_how_each_server_is(steered, backend):
    up, down, spare = backend(named("a")), backend(named("b")), backend(named("c"))
    down.go_down()
    running = steered([{"address": up.place, "weight": 3}, down.place,
                       {"address": spare.place, "backup": True}],
                      upstream={"health": {"connect": True, "interval": "100ms", "fall": 1}})
    becomes(running, name(down), "down")
    with running.connect() as client:
        assert name_of_server(client) == "a"
        listed = servers(running)
        assert list(listed) == [name(up), name(down), name(spare)]
        assert listed[name(up)] == {
            "name": name(up), "upstream": "u", "address": up.place, "state": "up", "backup": False,
            "weight": 3, "connections": 1, "since": None}
        assert listed[name(down)]["since"].startswith("20")
        assert listed[name(spare)]["backup"] is True
        text = done(running, "servers", "list")
        assert text == done(running, "servers")
    assert text.splitlines()[0].split() == [
        "NAME", "ADDRESS", "STATE", "BACKUP", "WEIGHT", "CONNECTIONS", "SINCE"]
    assert text.splitlines()[1].split() == [name(up), up.place, "up", "no", "3", "1", "-"]


def test_an_ejected_server_is_listed_as_such(steered, backend, two):
    dead = backend(listening=False)
    running = steered([dead, *two], upstream={"ejection": {"failures": 1, "time": "1m"}})
    served_by(running)
    assert state(running, name(dead)) == "ejected"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_draining_server_keeps_its_connections_and_gets_no_new_ones(steered, two, workers):
    a, b = two
    running = steered(two, workers=workers)
    held = [running.connect() for _ in range(8)]
    names = [name_of_server(one) for one in held]
    assert set(names) == {"a", "b"}
    drain(running, a)
    assert state(running, name(a)) == "draining"
    assert served_by(running) == {"b"}
    assert all(echoes(one) for one in held)
    for one in held:
        one.close()
    becomes(running, name(a), "drained")
    assert served_by(running) == {"b"}
    ready(running, a)
    assert state(running, name(a)) == "up"
    assert served_by(running) == {"a", "b"}
    log = running.log()
    assert f"event=server_draining upstream=u address={a.place}\n" in log
    assert f"event=server_ready upstream=u address={a.place}\n" in log


def test_to_say_it_twice_changes_nothing(steered, two):
    running = steered(two)
    ready(running, two[0])
    drain(running, two[0])
    since = servers(running)[name(two[0])]["since"]
    drain(running, two[0])
    assert servers(running)[name(two[0])]["since"] == since
    assert running.log().count("event=server_") == 1


def test_a_server_may_be_named_by_its_address_if_only_it_has_that(proxy, backend, tmp_path):
    both, local, far = (backend(named(one), place=place) for one, place in (
        ("a", "127.0.0.1:0"), ("b", f"unix:{tmp_path}/server"), ("c", "127.0.0.1:0")))
    config = config_of([both.place, local.place], admin={"address": f"unix:{tmp_path}/admin"})
    config["upstream"].append({"name": "v", "servers": [both.place, far.place]})
    running = proxy(config=config)
    assert done(running, "servers", "drain", local.place) == f"u/{local.place} is draining\n"
    assert done(running, "servers", "drain", far.place) == f"v/{far.place} is draining\n"
    assert refused(running, "servers", "drain", both.place) == [
        f"'{both.place}' may be u/{both.place}, v/{both.place}"]
    assert done(running, "servers", "drain", f"v/{both.place}") == f"v/{both.place} is draining\n"
    assert served_by(running) == {"a"}
    assert state(running, f"u/{local.place}") == "drained"
    assert json.loads(done(running, "servers", "ready", local.place, "--json")) == {
        "outcome": "done", "server": f"u/{local.place}"}
    assert state(running, f"u/{local.place}") == "up"


def test_of_an_unknown_server_the_nearest_is_named(steered, two):
    running = steered(two)
    almost = name(two[0])[:-1]
    (line,) = refused(running, "servers", "drain", almost)
    assert line.startswith(f"there is no server '{almost}'; did you mean u/127.0.0.1:")
    assert refused(running, "servers", "ready", "%?&#") == ["there is no server '%?&#'"]


def test_wait_returns_when_no_connection_is_left(steered, two):
    a, _ = two
    running = steered([a])
    held = running.connect()
    assert name_of_server(held) == "a"
    assert refused(running, "servers", "drain", name(a), "--wait", "300ms") == [
        f"{name(a)} has 1 connection after 300ms"]
    waiting = ctl_begun(running, "servers", "drain", name(a), "--wait")
    time.sleep(0.5)
    assert waiting.poll() is None
    assert echoes(held)
    held.close()
    output, errors = waiting.communicate(timeout=PATIENCE_S)
    assert (waiting.returncode, output) == (0, f"{name(a)} is drained\n"), errors
    assert done(running, "servers", "drain", name(a), "--wait=1s") == f"{name(a)} is drained\n"


def test_who_waits_does_not_mind_that_the_attendant_is_replaced(steered, two):
    running = steered(two[:1])
    held = running.connect()
    assert name_of_server(held) == "a"
    waiting = ctl_begun(running, "servers", "drain", name(two[0]), "--wait", "1m")
    becomes(running, name(two[0]), "draining")
    kill(running.children()["ouro-attendant"])
    eventually(lambda: ctl(running, "status").returncode == 0, "another answers")
    assert state(running, name(two[0])) == "draining"
    held.close()
    assert waiting.communicate(timeout=PATIENCE_S)[0] == f"{name(two[0])} is drained\n"
    assert is_refused(running)


def test_who_waits_is_told_when_the_server_leaves_the_config(steered, two, tmp_path):
    running = steered(two)
    held = [running.connect() for _ in range(2)]
    assert {name_of_server(one) for one in held} == {"a", "b"}
    waiting = ctl_begun(running, "servers", "drain", name(two[0]), "--wait")
    becomes(running, name(two[0]), "draining")
    reload(running, tmp_path, [two[1].place])
    assert waiting.communicate(timeout=PATIENCE_S)[1] == (
        f"ouro ctl: {name(two[0])} is in the config no more\n")
    assert all(echoes(one) for one in held)


def test_a_server_goes_on_draining_through_reloads(steered, two, backend, tmp_path):
    a, b = two
    running = steered(two, workers=2)
    drain(running, a)
    c = backend(named("c"))
    reload(running, tmp_path, [c.place, b.place, a.place], workers=2)
    assert served_by(running) == {"b", "c"}
    assert state(running, name(a)) == "drained"
    reload(running, tmp_path, [b.place, c.place], workers=2)
    reload(running, tmp_path, [a.place, b.place, c.place], workers=2)
    assert state(running, name(a)) == "up"  # it has come as one that nobody knows
    assert served_by(running) == {"a", "b", "c"}


def test_a_server_goes_on_draining_through_an_upgrade(steered, two):
    a, _ = two
    running = steered(two)
    drain(running, a)
    newest = running.process.pid
    try:
        for _ in range(2):
            assert done(running, "upgrade") == "upgraded\n"
            newest = status(running)["pid"]
            assert served_by(running) == {"b"}
            assert state(running, name(a)) == "drained"
        ready(running, a)
        assert served_by(running) == {"a", "b"}
    finally:
        end_successor(running, newest)


def test_when_all_drain_backups_serve_and_then_nobody(steered, backend, two):
    spare = backend(named("c"))
    running = steered([*(one.place for one in two), {"address": spare.place, "backup": True}])
    for server in two:
        drain(running, server)
    assert served_by(running) == {"c"}
    drain(running, spare)
    assert is_refused(running)
    ready(running, two[1])
    assert served_by(running) == {"b"}


def test_nobody_waits_for_a_server_that_drains(steered, backend):
    server = backend(named("a"))
    running = steered([{"address": server.place, "max_connections": 1}], timeouts={"queue": "1h"})
    held, waiting = running.connect(), None
    assert name_of_server(held) == "a"
    waiting = running.connect()
    time.sleep(0.3)
    drain(running, server)
    assert how_it_ends(waiting) == "reset"
    assert echoes(held)


@pytest.mark.parametrize("workers", [1, 2])
def test_who_waits_is_served_by_one_that_is_ready_again(steered, two, workers):
    a, b = two
    full = [{"address": one.place, "max_connections": 2} for one in two]
    running = steered(full, timeouts={"queue": "1h"}, workers=workers)
    drain(running, b)
    held = [running.connect() for _ in range(2)]
    assert [name_of_server(one) for one in held] == ["a", "a"]
    waiting = [running.connect() for _ in range(2)]
    time.sleep(0.3)
    assert servers(running)[name(b)]["connections"] == 0
    ready(running, b)
    assert [name_of_server(one) for one in waiting] == ["b", "b"]


def test_with_a_hash_only_the_clients_of_the_server_that_drains_move(steered, backend):
    three = [backend(named(one)) for one in "abc"]
    running = steered(three, upstream={"balance": "hash"}, workers=2)
    clients = [f"127.0.1.{last}" for last in range(1, 31)]

    def homes():
        return {client: ask_name(running, source=client) for client in clients}

    before = homes()
    assert set(before.values()) == {"a", "b", "c"}
    drain(running, three[0])
    during = homes()
    assert set(during.values()) == {"b", "c"}
    assert all(during[one] == before[one] for one in clients if before[one] != "a")
    ready(running, three[0])
    assert homes() == before


def test_a_server_is_checked_while_it_drains(steered, two):
    a, _ = two
    running = steered(two, upstream={
        "health": {"connect": True, "interval": "100ms", "fall": 1, "rise": 1}})
    drain(running, a)
    a.go_down()
    eventually(lambda: "event=server_down" in running.log(), "it is seen")
    assert state(running, name(a)) == "drained"
    ready(running, a)
    assert state(running, name(a)) == "down"
    a.come_up()
    becomes(running, name(a), "up")


def test_who_is_ready_again_starts_slowly(steered, two):
    running = steered(two, upstream={"slow_start": "10m"})
    drain(running, two[0])
    ready(running, two[0])
    assert servers(running)[name(two[0])]["since"].startswith("20")
    assert [ask_name(running) for _ in range(20)].count("a") <= 2


def test_draining_under_load_loses_nobody(steered, backend):
    three = [backend(echo) for _ in range(3)]
    running = steered(three, workers=2)
    for _ in range(5):
        clients = [running.connect() for _ in range(20)]
        drain(running, three[0])
        assert all(echoes(one) for one in clients)
        for one in clients:
            one.close()
        done(running, "servers", "drain", name(three[0]), "--wait", "10s")
        count = len(three[0].connections)
        with contextlib.ExitStack() as stack:
            newer = [stack.enter_context(running.connect()) for _ in range(20)]
            assert all(echoes(one) for one in newer)
            assert len(three[0].connections) == count
        ready(running, three[0])


def test_a_name_drains_with_all_its_addresses_now_and_later(steered, backend):
    first = backend(named("a"), place="127.0.0.2:0")
    port = first.place.rpartition(":")[2]
    backend(named("b"), place=f"127.0.0.3:{port}")
    other = backend(named("z"))
    with Dns() as dns:
        dns.set("db.test", "127.0.0.2")
        running = steered([f"db.test:{port}", other.place], names={"resolvers": [dns.place]})
        eventually(lambda: served_by(running) == {"a", "z"}, "both serve")
        whole = f"u/db.test:{port}"
        assert done(running, "servers", "drain", f"db.test:{port}") == f"{whole} is draining\n"
        assert served_by(running) == {"z"}
        dns.set("db.test", "127.0.0.2", "127.0.0.3")
        eventually(lambda: servers(running)[whole]["address"] == f"127.0.0.3:{port}", "it is found")
        rows = [line.split() for line in done(running, "servers").splitlines()]
        assert [row[1:3] for row in rows if row[0] == whole] == [
            [f"127.0.0.2:{port}", "drained"], [f"127.0.0.3:{port}", "drained"]]
        assert served_by(running) == {"z"}
        assert done(running, "servers", "ready", whole) == f"{whole} is ready\n"
        assert served_by(running, 12) == {"a", "b", "z"}


def test_a_name_that_is_not_found_yet_is_listed(steered):
    with Dns() as dns:
        running = steered(["db.test:1"], names={"resolvers": [dns.place]})
        row = servers(running)["u/db.test:1"]
        assert (row["address"], row["state"]) == ("", "none")
