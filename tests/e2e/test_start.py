"""Starting: what is refused is said in one line, and nothing is left behind."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import pytest
from conftest import OURO, PATIENCE_S, SANITIZED, echoes

REFUSE = os.environ.get("OURO_REFUSE_URING")
UNPRIVILEGED_PORTS = int(
    pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
)
only_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can start as somebody else")
needs_refusal = pytest.mark.skipif(REFUSE is None, reason="OURO_REFUSE names no refuse_uring")


def refused(*arguments, code=1, prefix=()):
    """`ouro echo` must not start; gives the one line it says on stderr."""
    ended = subprocess.run(
        [*prefix, OURO, "echo", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.startswith("ouro: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr.rstrip("\n")


def test_a_second_instance_is_refused_and_the_first_serves_on(server):
    said = refused("--listen", f"127.0.0.1:{server.port}")
    assert said == f"ouro: cannot listen on 127.0.0.1:{server.port}: Address already in use"
    connections = [server.connect() for _ in range(20)]
    assert all(echoes(connection) for connection in connections)


def test_a_live_unix_socket_is_refused_and_lives_on(start, tmp_path):
    path = tmp_path / "echo.sock"
    start(listen=[f"unix:{path}"])
    assert "Address already in use" in refused("--listen", f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(path))
        assert echoes(connection)


def test_the_file_of_a_dead_server_is_replaced(start, tmp_path):
    path = tmp_path / "echo.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    start(listen=[f"unix:{path}"])
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(path))
        assert echoes(connection)


def test_what_is_no_socket_is_not_replaced(tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    assert "the file is not a socket" in refused("--listen", f"unix:{path}")
    assert path.read_text() == "data"


def test_one_address_in_use_leaves_nothing_of_the_others(server, tmp_path):
    path = tmp_path / "echo.sock"
    refused("--listen", f"unix:{path}", "--listen", f"127.0.0.1:{server.port}")
    assert not path.exists()


def test_an_admin_address_in_use_leaves_nothing_either(server, tmp_path):
    path = tmp_path / "echo.sock"
    said = refused("--listen", f"unix:{path}", "--admin", server.admin)
    assert said == f"ouro: cannot listen on {server.admin}: Address already in use"
    assert not path.exists()


def test_a_user_that_does_not_exist_is_an_argument_error(tmp_path):
    path = tmp_path / "echo.sock"
    said = refused("--listen", f"unix:{path}", "--user", "nobody-at-all", code=2)
    assert said == "ouro: there is no user 'nobody-at-all' (--user)"
    assert not path.exists()


@pytest.fixture
def as_nobody():
    """A prefix that starts a program without rights; the program is where everybody may read it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(OURO, folder)
        instead = ["sh", "-c", 'shift; exec "$0" "$@"', program]
        yield ["setpriv", "--reuid=nobody", "--clear-groups", *instead]


@only_root
def test_who_is_not_root_cannot_become_another(as_nobody):
    said = refused("--listen", "127.0.0.1:0", "--user", "daemon", prefix=as_nobody)
    assert said == "ouro: cannot become another user (--user needs root): Operation not permitted"


@only_root
@pytest.mark.skipif(UNPRIVILEGED_PORTS <= 80, reason="here everybody may have port 80")
def test_a_port_that_needs_root_is_refused_to_others(as_nobody):
    said = refused("--listen", "127.0.0.1:80", prefix=as_nobody)
    assert said == "ouro: cannot listen on 127.0.0.1:80: Permission denied"


def test_no_socket_gets_the_number_of_a_closed_stderr(start):
    """Its peer would be sent the log."""
    server = start(workers=3, prefix=["sh", "-c", 'exec "$@" <&- 2>&-', "sh"])
    for process in (server.process.pid, *server.children().values()):
        for number in (0, 2):
            assert os.readlink(f"/proc/{process}/fd/{number}") == "/dev/null"
    assert server.end() == 0


@pytest.mark.skipif(SANITIZED, reason="a sanitizer does not start without memory either")
def test_without_memory_for_one_buffer_it_does_not_start():
    said = refused("--listen", "127.0.0.1:0", prefix=["prlimit", "--data=1000000"])
    assert "emory" in said


def test_too_few_descriptors_are_said(tmp_path):
    path = tmp_path / "echo.sock"
    said = refused("--listen", f"unix:{path}", "--workers", "8", prefix=["prlimit", "--nofile=12"])
    assert said.startswith("ouro: the limit on open files (12) leaves no room for connections")
    assert not path.exists()


@needs_refusal
@pytest.mark.parametrize("engine", ["epoll"])
def test_where_io_uring_is_refused_all_workers_take_epoll_and_say_why(start):
    server = start(engine="auto", prefix=[REFUSE])
    assert server.engine == "epoll"
    assert "warn master event=engine_fallback engine=epoll reason=" in server.log()
    with server.connect() as connection:
        assert echoes(connection)


@needs_refusal
def test_where_io_uring_is_refused_who_demands_it_gets_the_reason(tmp_path):
    path = tmp_path / "echo.sock"
    said = refused("--listen", f"unix:{path}", "--engine", "uring", prefix=[REFUSE])
    assert "io_uring" in said
    assert not path.exists()
