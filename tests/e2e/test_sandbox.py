"""What workers and the attendant have given up, as the kernel says it of the running processes."""

import os
import pathlib
import pwd
import subprocess

import pytest
from conftest import OURO, echoes, eventually, feature, kill, runs

REFUSE = os.environ["OURO_REFUSE_URING"]
only_root = pytest.mark.skipif(os.getuid() != 0, reason="only root has something to give up")

# A build with sanitizers has no system-call filter, and says so.
FILTERED = feature("seccomp")["in_force"]


def status_of(process):
    return {
        key: value.strip()
        for key, _, value in (
            line.partition(":")
            for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
        )
    }


def check_confined(process, user):
    status = status_of(process)
    assert set(status["Uid"].split()) == {str(user.pw_uid)}
    assert set(status["Gid"].split()) == {str(user.pw_gid)}
    assert status["Groups"] == ""
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[capabilities], 16) == 0, capabilities
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == ("2" if FILTERED else "0")


def nobody_or_ouro():
    try:
        return pwd.getpwnam("ouro")
    except KeyError:
        return pwd.getpwnam("nobody")


@only_root
def test_started_as_root_nobody_who_serves_is_root(server):
    assert len(server.children()) == 3
    for child in server.children().values():
        check_confined(child, nobody_or_ouro())
    if FILTERED:
        assert "sandbox" not in server.log()  # nothing is missing
    with server.connect() as connection:
        assert echoes(connection)


@only_root
def test_a_replaced_worker_is_confined_as_well(server):
    kill(server.worker(0))
    eventually(lambda: server.metric("worker_up") == [1, 1], "it is replaced")
    check_confined(server.worker(0), nobody_or_ouro())
    with server.connect() as connection:
        assert echoes(connection)


@only_root
def test_they_become_whom_the_user_names(start):
    server = start(options=["--user", "daemon"])
    for child in server.children().values():
        check_confined(child, pwd.getpwnam("daemon"))


@only_root
def test_root_that_stays_root_has_no_capability_left(start):
    server = start(options=["--user", "root"])
    status = status_of(server.worker(0))
    assert set(status["Uid"].split()) == {"0"}
    assert int(status["CapEff"], 16) == 0
    assert int(status["CapBnd"], 16) == 0
    with server.connect() as connection:
        assert echoes(connection)


@only_root
def test_without_the_right_to_become_another_it_serves_and_says_so(start):
    """Containers run as root without CAP_SETUID."""
    bounded = ["setpriv", "--bounding-set=-setuid,-setgid", "--inh-caps=-setuid,-setgid"]
    server = start(prefix=bounded)
    assert "event=sandbox_incomplete" in server.log()
    assert "unprivileged_user (cannot become another user" in server.log()
    with server.connect() as connection:
        assert echoes(connection)
    demanded = subprocess.run(
        [*bounded, OURO, "echo", "--listen", "127.0.0.1:0", "--user", "nobody"],
        capture_output=True, text=True, check=False)
    assert demanded.returncode == 1
    assert "cannot become another user" in demanded.stderr


@only_root
def test_without_the_right_to_end_others_nobody_becomes_another(start):
    """The master could neither end its workers at the limit nor replace one that hangs."""
    server = start(prefix=["setpriv", "--bounding-set=-kill", "--inh-caps=-kill"])
    assert "without CAP_KILL" in server.log()
    assert status_of(server.worker(0))["Uid"].split()[0] == "0"
    assert server.end() == 0


def test_the_sandbox_can_be_left_out(start):
    server = start(options=["--sandbox", "off"])
    assert status_of(server.worker(0))["Seccomp"] == "0"
    assert status_of(server.worker(0))["NoNewPrivs"] == "1"
    assert 'event=sandbox_off reason="asked for"' in server.log()
    with server.connect() as connection:
        assert echoes(connection)


@pytest.mark.skipif(not FILTERED, reason="a build with sanitizers has no Landlock in any case")
def test_a_kernel_without_landlock_is_named_and_the_rest_stands(start):
    server = start(prefix=[REFUSE, "--landlock"])
    assert "event=sandbox_incomplete missing=\"landlock (Landlock:" in server.log()
    # One filter is the test's own; this process and its children have both.
    assert status_of(server.worker(0))["Seccomp_filters"] == "2"
    with server.connect() as connection:
        assert echoes(connection)


@only_root
def test_the_end_of_the_master_is_noticed_from_inside(start):
    """The last resort is a signal and an alarm: both have to get through the filter."""
    server = start()
    children = server.children().values()
    kill(server.process.pid)
    server.process.wait()
    eventually(lambda: not any(map(runs, children)), "they go")
