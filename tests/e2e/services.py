"""The proxy before services that people really run, each used by its own client and its content
compared, while the services stop and start. Not part of the usual run, for it needs them:

    tools/services
"""

import collections
import contextlib
import getpass
import glob
import hashlib
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest
from conftest import PATIENCE_S, eventually

MIB = 1 << 20
NOBODY = pwd.getpwnam("nobody")
PATIENCE_S *= 4


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def run(*command, check=True, **how):
    ended = subprocess.run(
        [str(part) for part in command], capture_output=True, timeout=PATIENCE_S, check=False,
        **how)
    assert not check or ended.returncode == 0, (command, ended.stdout, ended.stderr)
    return ended


class Service:
    """A server program on a port of its own; it runs as somebody who may do nothing."""

    def __init__(self, folder, *command, user=NOBODY):
        self.folder = folder
        self.port = free_port()
        self.user = user
        self.command = [str(part).format(port=self.port, folder=folder) for part in command]
        self.process = None

    @property
    def place(self):
        return f"127.0.0.1:{self.port}"

    def come_up(self):
        log = open(self.folder / "log", "ab")
        root = os.getuid() == 0 and self.user
        self.process = subprocess.Popen(
            self.command, stdout=log, stderr=log, cwd=self.folder,
            **({"user": root.pw_uid, "group": root.pw_gid, "extra_groups": []} if root else {}))
        eventually(lambda: answers(self.port), f"{self.command[0]} serves: {self.log()}")

    def log(self):
        return (self.folder / "log").read_text()

    def go_down(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            self.process.wait(timeout=PATIENCE_S)
        self.process = None


@pytest.fixture
def service(tmp_path):
    """Makes services, each with a folder of its own that it may write to."""
    made = []

    def make(*command, **how):
        folder = pathlib.Path("/tmp") / f"ouro-service-{os.getpid()}-{len(made)}"
        folder.mkdir(mode=0o755)
        made.append(Service(folder, *command, **how))
        if os.getuid() == 0:
            os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
        return made[-1]

    yield make
    for one in made:
        one.go_down(signal.SIGKILL)
        shutil.rmtree(one.folder, ignore_errors=True)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def through(running):
    return running.places[0].rpartition(":")[2]


# ---- PostgreSQL.


@pytest.fixture
def postgres(service):
    programs = pathlib.Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])
    server = service(programs / "postgres", "-D", "{folder}/data", "-p", "{port}",
                     "-c", "listen_addresses=127.0.0.1", "-k", "{folder}", "-c", "fsync=off")
    how = {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid} if os.getuid() == 0 else {}
    run(programs / "initdb", "-D", server.folder / "data", "-U", "ouro", "-A", "trust",
        "-E", "UTF8", "--locale=C", **how)
    server.come_up()
    return server


def psql(port, command, check=True, **how):
    return run("psql", "-h", "127.0.0.1", "-p", port, "-U", "ouro", "-d", "postgres", "-qAt",
               "-v", "ON_ERROR_STOP=1", "-c", command, check=check, **how)


def test_postgresql_copies_100_mb_both_ways(proxy, postgres):
    running = proxy([postgres.place], workers=2)
    port = through(running)
    eventually(lambda: psql(port, "select 1", check=False).stdout == b"1\n", "it is ready")
    dice = random.Random(1)
    rows = b"".join(b"%d\t%s\n" % (i, dice.randbytes(500).hex().encode()) for i in range(105_000))
    assert len(rows) > 100 * MIB
    psql(port, "create table t (id int, text text)")
    psql(port, "copy t from stdin", input=rows)
    back = psql(port, "copy (select * from t order by id) to stdout").stdout
    assert digest(back) == digest(rows)
    # Its clients are told when it goes, and the next are served when it is back.
    waiting = subprocess.Popen(
        ["psql", "-h", "127.0.0.1", "-p", port, "-U", "ouro", "-d", "postgres", "-c",
         "select pg_sleep(600)"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually(lambda: b"1" in psql(
        postgres.port, "select count(*) from pg_stat_activity where query like '%sleep(600)' "
        "and state = 'active'").stdout, "it waits")
    postgres.go_down(signal.SIGINT)
    assert waiting.wait(timeout=PATIENCE_S) != 0
    assert b"terminating connection" in waiting.stderr.read()
    assert psql(port, "select 1", check=False).returncode == 2
    postgres.come_up()
    eventually(lambda: psql(port, "select count(*) from t", check=False).stdout == b"105000\n",
               "it is back")
    assert digest(psql(port, "copy (select * from t order by id) to stdout").stdout) == digest(rows)


def test_postgresql_clients_all_at_once(proxy, postgres):
    running = proxy([postgres.place], workers=2)
    port = through(running)
    eventually(lambda: psql(port, "select 1", check=False).stdout == b"1\n", "it is ready")
    bench = ["pgbench", "-h", "127.0.0.1", "-p", port, "-U", "ouro", "postgres"]
    run(*bench, "-i", "-s", "2", "-q")
    ended = run(*bench, "-c", "20", "-j", "2", "-T", "5", "-C")
    assert re.search(rb"number of failed transactions: 0 ", ended.stdout), ended.stdout
    done = int(re.search(rb"actually processed: (\d+)", ended.stdout)[1])
    assert done > 0
    assert psql(port, "select count(*) from pgbench_history").stdout == b"%d\n" % done


# ---- Redis.


@pytest.fixture
def redis(service):
    def make():
        server = service("redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "",
                         "--appendonly", "yes", "--dir", "{folder}")
        server.come_up()
        return server

    return make


def redis_cli(port, *command, check=True, **how):
    return run("redis-cli", "-h", "127.0.0.1", "-p", port, *command, check=check, **how)


def test_redis_keeps_what_it_was_given(proxy, redis):
    server = redis()
    running = proxy([server.place], workers=2)
    port = through(running)
    dice = random.Random(2)
    blobs = {f"blob:{size}:{i}": dice.randbytes(size)
             for i, size in enumerate([1, 100, 16_384, 65_536, 1_000_000, 20_000_000])}
    for key, blob in blobs.items():
        assert redis_cli(port, "-x", "set", key, input=blob).stdout == b"OK\n"
    commands = b"".join(b"set key:%d value:%d\r\n" % (i, i * i) for i in range(100_000))
    assert b"errors: 0, replies: 100000" in redis_cli(port, "--pipe", input=commands).stdout
    server.go_down()
    assert redis_cli(port, "ping", check=False).stdout != b"PONG\n"
    server.come_up()
    eventually(lambda: redis_cli(port, "ping", check=False).stdout == b"PONG\n", "it is back")
    for key, blob in blobs.items():
        assert digest(redis_cli(port, "get", key).stdout[:-1]) == digest(blob), key
    asked = b"".join(b"get key:%d\n" % i for i in range(100_000))
    assert redis_cli(port, input=asked).stdout == b"".join(
        b"value:%d\n" % (i * i) for i in range(100_000))


def test_redis_benchmark_hits_no_error(proxy, redis):
    server = redis()
    running = proxy([server.place], workers=2)
    for pipeline in ("1", "16"):
        ended = run("redis-benchmark", "-h", "127.0.0.1", "-p", through(running), "-c", "50",
                    "-n", "50000", "-P", pipeline, "-d", "1024", "-t", "set,get,lpush,lrange_100",
                    "--csv")
        assert ended.stdout.count(b"\n") >= 5, ended.stdout
        assert b"rror" not in ended.stdout + ended.stderr


# ---- SSH and rsync.


@pytest.fixture
def sshd(service):
    server = service("/usr/sbin/sshd", "-D", "-e", "-f", "{folder}/config", user=None)
    folder = server.folder
    if os.getuid() == 0:
        os.chown(folder, 0, 0)
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "own"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    shutil.copy(folder / "own.pub", folder / "authorized")
    (folder / "config").write_text(
        f"Port {server.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/authorized\nPidFile {folder}/pid\nStrictModes no\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
        "Subsystem sftp internal-sftp\n")
    server.come_up()
    return server


def ssh_to(port, folder):
    return ["ssh", "-p", port, "-i", f"{folder}/own", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes",
            "-o", "IPQoS=none"]


def tree_digest(folder):
    return {str(path.relative_to(folder)): digest(path.read_bytes())
            for path in sorted(folder.rglob("*")) if path.is_file()}


def test_rsync_over_ssh_while_the_server_is_replaced(proxy, sshd, tmp_path):
    running = proxy([sshd.place], workers=2)
    ssh = ssh_to(through(running), sshd.folder)
    me = f"{getpass.getuser()}@127.0.0.1"
    assert run(*ssh, me, "echo through").stdout == b"through\n"
    dice = random.Random(3)
    here, there, back = (tmp_path / name for name in ("here", "there", "back"))
    for i in range(300):
        folder = here / f"folder{i % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{i}").write_bytes(dice.randbytes(dice.choice([0, 10, 5_000, 300_000])))
    (here / "large").write_bytes(dice.randbytes(100 * MIB))
    shell = " ".join(ssh)
    sending = subprocess.Popen(["rsync", "-a", "-e", shell, f"{here}/", f"{me}:{there}/"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # Sessions are processes of their own: they outlive the one that listens.
    eventually(there.exists, "it has begun")
    sshd.go_down()
    assert run(*ssh, me, "true", check=False).returncode == 255
    sshd.come_up()
    assert sending.wait(timeout=PATIENCE_S) == 0, sending.stdout.read()
    run("rsync", "-a", "-e", shell, f"{me}:{there}/", f"{back}/")
    assert tree_digest(back) == tree_digest(here)
    copied = run(*ssh, me, f"cat {there}/large").stdout
    assert digest(copied) == digest((here / "large").read_bytes())


# ---- nginx and wrk.


@pytest.fixture
def nginx(service):
    def make():
        server = service("nginx", "-c", "{folder}/nginx.conf", "-e", "{folder}/error",
                         "-g", "daemon off;")
        folder = server.folder
        (folder / "nginx.conf").write_text(f"""
            worker_processes 1; pid {folder}/pid; error_log {folder}/error;
            events {{ worker_connections 4096; }}
            http {{
              access_log off; keepalive_requests 1000000;
              client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
              fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
              scgi_temp_path {folder}/scgi;
              server {{ listen 127.0.0.1:{server.port} backlog=4096; root {folder}/www; }}
            }}""")
        (folder / "www").mkdir()
        dice = random.Random(4)
        for name, size in (("small", 1000), ("large", 64 * MIB)):
            (folder / "www" / name).write_bytes(dice.randbytes(size))
        server.come_up()
        return server

    return make


def wrk(port, path, *more):
    ended = run("wrk", "-t", "1", "-c", "64", "-d", "6", *more, f"http://127.0.0.1:{port}/{path}")
    assert int(re.search(rb"(\d+) requests in", ended.stdout)[1]) > 1000, ended.stdout
    return ended.stdout


def test_nginx_under_wrk(proxy, nginx):
    servers = [nginx(), nginx()]
    running = proxy([one.place for one in servers], workers=2)
    said = wrk(through(running), "small")
    assert b"Non-2xx" not in said and b"Socket errors" not in said, said
    large = run("curl", "-sS", "--fail", f"http://127.0.0.1:{through(running)}/large").stdout
    assert digest(large) == digest((servers[0].folder / "www" / "large").read_bytes())


def test_nginx_stops_and_starts_under_wrk(proxy, nginx, tmp_path):
    servers = [nginx(), nginx()]
    log = tmp_path / "access"
    running = proxy([one.place for one in servers], workers=2,
                    log={"access": str(log), "access_format": "json"})
    ended = threading.Event()

    def trouble():
        while not ended.wait(0.5):
            for one in servers:
                one.go_down(signal.SIGQUIT)  # it finishes what it has begun
                one.come_up()

    troubled = threading.Thread(target=trouble)
    troubled.start()
    try:
        # A connection for each request, so that each meets whichever is up.
        said = wrk(through(running), "small", "-H", "Connection: close")
    finally:
        ended.set()
        troubled.join()
    assert b"Non-2xx" not in said, said
    assert running.end() == 0
    # An nginx that leaves resets who still waits in the queue of its listening socket. Nothing but
    # that happened to anybody.
    ends = collections.Counter(
        (line["by"], line["cause"]) for line in map(json.loads, log.read_text().splitlines()))
    cut = ends[("server", "server_aborted")]
    assert set(ends) <= {("server", "server_aborted"), ("client", "client_aborted"),
                         ("server", "done"), ("client", "done")}, ends
    errors = re.search(rb"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)",
                       said)
    connect, read, write, timeout = map(int, errors.groups()) if errors else (0, 0, 0, 0)
    assert (connect, timeout) == (0, 0), said
    assert read + write <= 2 * cut, (said, ends)
