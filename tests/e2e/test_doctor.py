"""`ouro doctor`: text, JSON, and what both say where io_uring is refused."""

import json
import os
import subprocess

import pytest
from cli_support import OURO, PATIENCE_S, ouro

REFUSE = os.environ.get("OURO_REFUSE_URING")

FIELDS = {
    "schema": int,
    "ouro": str,
    "kernel": str,
    "cpus": dict,
    "engine": str,
    "refusal": str,
    "verdict": str,
    "features": list,
}
LINE_FIELDS = {
    "key": str,
    "name": str,
    "use": str,
    "in_force": bool,
    "why": str,
    "advice": str,
}
THREE_CALLS = ["io_uring_setup", "io_uring_enter", "io_uring_register"]

needs_refusal = pytest.mark.skipif(REFUSE is None, reason="OURO_REFUSE names no refuse_uring")


def refused(error, *arguments):
    """`ouro` where io_uring_setup fails with `error`."""
    return subprocess.run(
        [REFUSE, "--errno", error, OURO, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def report_of(run):
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return json.loads(run.stdout)


def check_types(value, fields):
    assert list(value) == list(fields)
    for name, kind in fields.items():
        assert type(value[name]) is kind, name


def feature(report, key):
    (line,) = [line for line in report["features"] if line["key"] == key]
    return line


def test_json_has_every_documented_field():
    report = report_of(ouro("doctor", "--json"))
    check_types(report, FIELDS)
    assert report["schema"] == 1
    assert report["kernel"] == os.uname().release
    assert report["engine"] in ("uring", "epoll")
    assert 1 <= report["cpus"]["usable"] <= report["cpus"]["allowed"]
    for line in report["features"]:
        check_types(line, LINE_FIELDS)
        assert line["use"] in ("essential", "used", "reported")
        assert line["why"]


def test_the_engine_is_io_uring_exactly_when_all_that_is_essential_is_in_force():
    report = report_of(ouro("doctor", "--json"))
    essential = [line["in_force"] for line in report["features"] if line["use"] == "essential"]
    assert (report["engine"] == "uring") == all(essential)
    assert (report["engine"] == "uring") == (report["refusal"] == "")


def test_text_shows_every_line_of_the_json_and_ends_with_the_verdict():
    text = ouro("doctor")
    report = report_of(ouro("doctor", "--json"))
    assert text.returncode == 0
    assert text.stderr == ""
    assert text.stdout.splitlines()[-1] == report["verdict"]
    for line in report["features"]:
        if line["why"] != "not tried":
            assert line["name"] in text.stdout


def test_the_manual_explains_every_line():
    manual = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "doctor.md")
    with open(manual, encoding="utf-8") as file:
        text = file.read()
    for line in report_of(ouro("doctor", "--json"))["features"]:
        assert f"`{line['key']}`" in text, line["key"]


def test_an_option_it_does_not_know_is_refused():
    run = ouro("doctor", "--jsno")
    assert run.returncode == 2
    assert "--json" in run.stderr


@needs_refusal
def test_under_a_containers_filter_it_says_what_to_allow():
    run = refused("EPERM", "doctor")
    assert run.returncode == 0
    last = run.stdout.splitlines()[-1]
    assert "epoll" in last
    assert "seccomp" in last
    for call in THREE_CALLS:
        assert call in last


@needs_refusal
@pytest.mark.parametrize("error", ["EPERM", "ENOSYS"])
def test_under_refusal_the_json_names_the_errno_and_still_reports_the_rest(error):
    report = report_of(refused(error, "doctor", "--json"))
    assert report["engine"] == "epoll"
    assert error in report["refusal"]
    assert not feature(report, "uring")["in_force"]
    assert feature(report, "uring")["advice"]
    assert feature(report, "multishot_receive")["why"] == "not tried"
    assert feature(report, "epoll_wait_ns")["why"] != "not tried"
