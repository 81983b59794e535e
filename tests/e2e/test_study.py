"""`ouro study`: a plan becomes a report, whatever its servers do."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from cli_support import ouro
from conftest import OURO, PATIENCE_S, eventually

ECHO = "ouro echo --engine epoll --workers 1 --listen 127.0.0.1:{port}"

# An echo server of somebody else, who may leave after so many bytes.
FOREIGN = """
import os, selectors, socket, sys
left = int(sys.argv[2])
watched = selectors.DefaultSelector()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
watched.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in watched.select():
        if key.fileobj is listener:
            watched.register(listener.accept()[0], selectors.EVENT_READ)
            continue
        try:
            data = key.fileobj.recv(65536)
            key.fileobj.sendall(data)
        except OSError:
            data = b""
        if not data:
            watched.unregister(key.fileobj)
            key.fileobj.close()
            continue
        left -= len(data)
        if left < 0:
            print("no strength <left>", file=sys.stderr, flush=True)
            os.abort()
"""


@pytest.fixture
def foreign(tmp_path):
    """The command of a server on Python."""
    script = tmp_path / "foreign.py"
    script.write_text(FOREIGN)
    return lambda limit=1 << 40: f"{sys.executable} {script} {{port}} {limit}"


def write_plan(folder, servers, workload="size = 1024\nconnections = 4", head="repetitions = 2"):
    text = head + '\nduration = "300ms"\nwarmup = "50ms"\n'
    for name, command in servers.items():
        text += f"[[server]]\nname = '{name}'\ncommand = '''{command}'''\n"
    plan = folder / "plan.toml"
    plan.write_text(text + f"[[workload]]\n{workload}\n")
    return plan


def study(tmp_path, plan, *more, expect=0):
    """Runs it to its end; gives what it wrote."""
    out = tmp_path / "out"
    ended = ouro("study", "--plan", str(plan), "--out", str(out), *more)
    assert ended.returncode == expect, ended.stdout + ended.stderr
    found = json.loads((out / "summary.json").read_text())
    found["stdout"], found["stderr"] = ended.stdout, ended.stderr
    found["markdown"] = (out / "report.md").read_text()
    found["html"] = (out / "report.html").read_text()
    return found


def raw_times(tmp_path):
    return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out/raw").iterdir()}


TWO = {"one": ECHO, "two": ECHO.replace("epoll", "uring")}


def test_a_plan_becomes_a_report(tmp_path):
    found = study(tmp_path, write_plan(tmp_path, TWO))
    (workload,) = found["workloads"]
    assert workload["name"] == "request 1KiB x 4"
    assert [row["server"] for row in workload["rows"]] == ["one", "two"]
    for row in workload["rows"]:
        assert row["runs"] == 2
        assert row["rate"]["median"] > 0
        assert row["server_cpu_per_request_ns"]["median"] > 0
        assert row["p99_ns"] >= row["p50_ns"] > 0
        assert 0 < row["jain"] <= 1
    assert workload["rows"][1]["rate_ratio"]["pairs"] == 2
    assert found["runs_measured"] == found["runs_planned"] == 4
    assert found["findings"] == []
    assert "### request 1KiB x 4" in found["markdown"]
    assert "<svg" in found["html"] and "two against one" in found["html"]
    assert found["stdout"].startswith("request 1KiB x 4: one ")
    assert "4 of 4 runs measured" in found["stdout"]
    assert found["stderr"] == ""


def test_every_run_is_kept_as_the_load_told_it(tmp_path):
    study(tmp_path, write_plan(tmp_path, TWO))
    files = sorted(path.name for path in (tmp_path / "out/raw").iterdir())
    assert files == [f"request-1kib-x-4.{name}.{run}.json" for name in TWO for run in (1, 2)]
    raw = json.loads((tmp_path / "out/raw" / files[0]).read_text())
    assert raw["study"]["outcome"] == "measured"
    assert raw["study"]["server"] == "one"
    assert raw["requests"] > 0 and raw["latency"]["cells"] and raw["server"]["process"]
    assert sorted(os.listdir(tmp_path / "out")) == [
        "charts", "raw", "report.html", "report.md", "summary.json"]


def test_what_is_there_is_not_measured_again(tmp_path):
    plan = write_plan(tmp_path, TWO)
    study(tmp_path, plan)
    before = raw_times(tmp_path)
    (tmp_path / "out/raw/request-1kib-x-4.two.1.json").unlink()
    again = study(tmp_path, plan)
    after = raw_times(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {
        "request-1kib-x-4.two.1.json"}
    assert "3 of 4 runs were there already" in again["stdout"]
    more = study(tmp_path, plan, "--repetitions", "3")
    assert more["workloads"][0]["rows"][0]["runs"] == 3
    assert {name: raw_times(tmp_path)[name] for name in after} == after


def test_another_command_is_measured_again(tmp_path):
    study(tmp_path, write_plan(tmp_path, TWO))
    before = raw_times(tmp_path)
    study(tmp_path, write_plan(tmp_path, {**TWO, "two": ECHO + " --window 64KiB"}))
    changed = {name for name, time_ns in raw_times(tmp_path).items() if before[name] != time_ns}
    assert {name.split(".")[1] for name in changed} == {"two"}


def test_a_server_that_is_missing_crashes_or_does_not_start_is_a_finding(tmp_path, foreign):
    servers = {
        "good": ECHO, "missing": "/nowhere/at-all {port}", "crashing": foreign(limit=50_000),
        "wrong": ECHO + " --no-such-option", "leaving": "sh -c 'echo bye >&2; exit 3' {port}",
    }
    found = study(tmp_path, write_plan(tmp_path, servers))
    findings = {one["server"]: one for one in found["findings"]}
    assert findings.keys() == servers.keys() - {"good"}
    assert findings["missing"]["outcome"] == "missing"
    assert findings["crashing"]["outcome"] == "crashed"
    assert findings["crashing"]["what"] == "was killed by SIGABRT under load"
    assert findings["crashing"]["said"][-1] == "no strength <left>"
    assert findings["wrong"]["outcome"] == "not started"
    assert "--no-such-option" in findings["wrong"]["said"][-1]
    assert findings["leaving"]["what"] == "ended with code 3 before it answered"
    assert [row["server"] for row in found["workloads"][0]["rows"]] == ["good"]
    assert "no strength <left>" in found["markdown"]
    assert "no strength &lt;left&gt;" in found["html"]


def test_no_server_at_all_is_a_failure(tmp_path):
    found = study(tmp_path, write_plan(tmp_path, {"x": "/nowhere/at-all {port}"}), expect=1)
    assert "no server could be measured" in found["stderr"]
    assert found["findings"][0]["times"] == 1


def test_a_peer_of_ones_own_is_compared(tmp_path, foreign):
    found = study(tmp_path, write_plan(tmp_path, {"one": ECHO}), "--peer", f"mine={foreign()}")
    rows = found["workloads"][0]["rows"]
    assert [row["server"] for row in rows] == ["one", "mine"]
    assert rows[1]["rate"]["median"] > 0


@pytest.mark.parametrize("name", ["asio_echo", "libuv_echo"])
def test_servers_of_the_bench_folder_are_found(tmp_path, name):
    if not (pathlib.Path(OURO).parent / "bench" / name).exists():
        pytest.skip("the benchmarks are not built here")
    plan = write_plan(tmp_path, {"one": ECHO, "peer": f"{{bench}}/{name} {{port}}"})
    assert study(tmp_path, plan)["findings"] == []


def proxy_plan(folder):
    text = 'repetitions = 1\nduration = "300ms"\nwarmup = "50ms"\n'
    for mode in ("copy", "splice", "sockmap"):
        text += f"""[[server]]
name = "{mode}"
command = "ouro proxy --config {{config}}"
backend = "ouro echo --workers 1 --listen 127.0.0.1:{{port}}"
config = '''
workers = {{ count = 1 }}
listen = [{{ address = "127.0.0.1:{{port}}", upstream = "echo" }}]
upstream = [{{ name = "echo", servers = ["127.0.0.1:{{backend}}"], forward = "{mode}" }}]
'''
"""
    plan = folder / "plan.toml"
    plan.write_text(text + "[[workload]]\nsize = 1024\nconnections = 4\n")
    return plan


def test_a_proxy_is_measured_before_a_server_of_its_own(tmp_path):
    plan = proxy_plan(tmp_path)
    found = study(tmp_path, plan)
    assert [row["server"] for row in found["workloads"][0]["rows"]] == ["copy", "splice"]
    assert "sockmap" in json.dumps(found["findings"])
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert not left & {"server.config", "server.err", "backend.err"}
    before = raw_times(tmp_path)
    study(tmp_path, plan)
    after = raw_times(tmp_path)
    assert all(after[name] == made for name, made in before.items() if "sockmap" not in name)


def test_only_and_duration_make_a_study_smaller(tmp_path):
    plan = write_plan(tmp_path, TWO, 'size = ["1KiB", "2KiB"]\nconnections = 4')
    found = study(tmp_path, plan, "--only", "two", "--duration", "200ms", "--repetitions", "1")
    assert [one["name"] for one in found["servers"]] == ["two"]
    assert found["runs_measured"] == 2
    found = study(tmp_path, plan, "--only", "2KiB")
    assert [one["name"] for one in found["workloads"]] == ["request 2KiB x 4"]


def test_every_mode_has_its_table(tmp_path):
    plan = write_plan(tmp_path, {"one": ECHO}, head="repetitions = 1")
    text = plan.read_text()
    for mode in ("stream", "churn", "idle", "rate"):
        text += f"[[workload]]\nmode = '{mode}'\n" + ("rate = 500\n" if mode == "rate" else "")
    plan.write_text(text)
    found = study(tmp_path, plan)
    assert [one["rate_unit"] for one in found["workloads"]] == [
        "requests/s", "bits/s", "requests/s", "requests/s", "requests/s"]


def processes_with(word):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and word.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_study_leaves_no_server_and_goes_on_later(tmp_path, foreign, how):
    servers = {"one": ECHO, "two": foreign()}
    plan = write_plan(tmp_path, servers, head="repetitions = 3")
    command = [OURO, "study", "--plan", str(plan), "--out", str(tmp_path / "out")]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = tmp_path / "out/raw/request-1kib-x-4.one.1.json"
    eventually(first.exists, "the first run ends")
    eventually(lambda: processes_with(str(tmp_path / "foreign.py")), "the second server runs")
    running.send_signal(how)
    said, errors = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 1
    assert "interrupted; the same command again goes on from here" in errors
    assert not processes_with(str(tmp_path / "foreign.py"))
    before = first.stat().st_mtime_ns
    assert "was interrupted" in (tmp_path / "out/report.md").read_text()
    found = study(tmp_path, plan)
    assert found["runs_measured"] == 6 and not found["interrupted"]
    assert first.stat().st_mtime_ns == before


def test_a_study_that_is_killed_takes_its_server_along(tmp_path, foreign):
    plan = write_plan(tmp_path, {"one": foreign()}, head="repetitions = 9")
    command = [OURO, "study", "--plan", str(plan), "--out", str(tmp_path / "out")]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    eventually(lambda: len(processes_with(str(tmp_path / "foreign.py"))) > 0, "it serves")
    running.kill()
    running.wait()
    eventually(lambda: not processes_with(str(tmp_path / "foreign.py")), "its server is gone")


def test_what_a_server_leaves_behind_is_ended(tmp_path):
    """A child in a session of its own, which no signal to the group reaches."""
    script = tmp_path / "leaver.py"
    script.write_text(
        "import os, subprocess, sys\n"
        "subprocess.Popen(['sleep', '4711'], start_new_session=True)\n"
        f"os.execv({OURO!r}, ['ouro', 'echo', '--workers', '1', '--listen', sys.argv[1]])\n")
    server = f"{sys.executable} {script} 127.0.0.1:{{port}}"
    found = study(tmp_path, write_plan(tmp_path, {"one": server}))
    assert found["runs_measured"] == 2
    assert not processes_with("4711")


def test_a_server_that_sends_something_else_is_no_echo(tmp_path):
    script = tmp_path / "talker.py"
    script.write_text(
        "import socket, sys\n"
        "listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "while True:\n"
        "    listener.accept()[0].sendall(b'welcome to this server')\n")
    server = f"{sys.executable} {script} {{port}}"
    found = study(tmp_path, write_plan(tmp_path, {"one": server, "two": ECHO}))
    (finding,) = found["findings"]
    assert finding["server"] == "one" and "does not echo" in finding["what"]


def test_two_studies_in_one_folder_are_one_too_many(tmp_path, foreign):
    plan = write_plan(tmp_path, {"one": foreign()}, head="repetitions = 9")
    command = [OURO, "study", "--plan", str(plan), "--out", str(tmp_path / "out")]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: processes_with(str(tmp_path / "foreign.py")), "the first one runs")
    second = ouro("study", "--plan", str(plan), "--out", str(tmp_path / "out"))
    assert second.returncode == 1
    assert "is in use by another process" in second.stderr
    first.terminate()
    assert first.wait(timeout=PATIENCE_S) == 1


def test_a_pipe_in_place_of_a_record_is_no_record(tmp_path):
    plan = write_plan(tmp_path, {"one": ECHO})
    (tmp_path / "out/raw").mkdir(parents=True)
    os.mkfifo(tmp_path / "out/raw/request-1kib-x-4.one.1.json")
    assert study(tmp_path, plan)["runs_measured"] == 2


@pytest.mark.parametrize("text,place", [
    ("[[server]]\nname = 3\n", "2:8: 'name' is text in quotes"),
    ("x = \n", "1:5: "),
    ("[[server]]\nname = 'a'\ncommand = 'a {port}'\n[[workload]]\nsise = 3\n",
     "5:1: there is no key 'sise' in [[workload]]; there are name, "),
    ("[[server]]\nname = 'a'\ncommand = 'a {port}'\n[[workload]]\nsize = 'big'\n",
     "5:8: size: 'big' is not a size up to 64MiB"),
])
def test_a_wrong_plan_is_pointed_at(tmp_path, text, place):
    plan = tmp_path / "wrong.toml"
    plan.write_text(text)
    ended = ouro("study", "--plan", str(plan), "--out", str(tmp_path / "out"))
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"ouro study: --plan: {plan}:{place}")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments,said", [
    ([], "--plan: is needed; try --plan quick"),
    (["--plan", "quick"], "--out: is needed"),
    (["--plan", "quik", "--out", "x"], "--plan: 'quik' is neither a file that can be read nor"),
    (["--plan", "/", "--out", "x"], "--plan: '/' is neither a file that can be read nor"),
    (["--plan", "quick", "--out", "x", "--peer", "y"], "--peer: 'y' is not NAME='command"),
    (["--plan", "quick", "--out", "x", "--peer", "y=z"], "--peer: the command has no {port}"),
    (["--plan", "quick", "--out", "x", "--peer", "epoll=z {port}"],
     "--peer: 'epoll' is called like"),
    (["--plan", "quick", "--out", "x", "--only", "zzz"], "--only: no server or workload"),
    (["--plan", "quick", "--out", "x", "--repetitions", "0"], "--repetitions: '0' is not"),
    (["--plan", "quick", "--out", "x", "--duration", "5"], "--duration: "),
])
def test_wrong_arguments_are_refused(arguments, said):
    ended = ouro("study", *arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"ouro study: {said}")


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    plan = write_plan(tmp_path, {"one": ECHO})
    ended = ouro("study", "--plan", str(plan), "--out", str(tmp_path / "file/out"))
    assert ended.returncode == 1
    assert "cannot make" in ended.stderr


def test_help_lists_the_options():
    said = ouro("study", "--help").stdout
    for option in ("--plan", "--out", "--peer", "--only", "--repetitions", "--duration"):
        assert option in said
    assert "Example:" in said
