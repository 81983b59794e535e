"""What `ouro proxy` says of a config before it does anything, and of one it cannot use."""

import os
import pathlib
import re

import pytest
from cli_support import ouro
from proxy_support import config_of, toml

GOOD = config_of(["127.0.0.1:9"])


def check(tmp_path, text, *more):
    path = tmp_path / "proxy.toml"
    path.write_text(text)
    return ouro("proxy", "--config", str(path), *more)


def test_a_good_config_is_said_to_be_good(tmp_path):
    ended = check(tmp_path, toml(GOOD), "--check")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"{tmp_path}/proxy.toml: good\n"


def test_the_config_that_make_run_starts_is_good():
    path = pathlib.Path(__file__).parents[2] / "packaging/proxy.toml"
    assert ouro("proxy", "--config", str(path), "--check").returncode == 0


WRONG = {
    "lisen": (5, 3, "lisen", "[workers]\ncount = 1\n\n\n[[lisen]]\n"),
    "a word for a number": (2, 9, "count", "[workers]\ncount = \"many\"\n"),
    "no TOML": (2, 8, "", "[workers]\ncount == 1\n"),
    "too much": (2, 9, "count", "[workers]\ncount = 5000\n"),
    "no unit": (2, 8, "idle", "[timeouts]\nidle = 5\n"),
    "upstream": (4, 12, "there is no [[upstream]] named 'v'", "\n".join([
        "[[listen]]", "address = \"127.0.0.1:80\"", "", "upstream = \"v\"",
        "[[upstream]]", "name = \"u\"", "servers = [\"127.0.0.1:9\"]", ""])),
    "server": (6, 12, "has no port", "\n".join([
        "[[listen]]", "address = \"127.0.0.1:80\"", "upstream = \"u\"",
        "[[upstream]]", "name = \"u\"", "servers = [\"127.0.0.1\"]", ""])),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("option", [["--check"], []], ids=["check", "start"])
def test_what_is_wrong_is_shown_with_its_place(tmp_path, case, option):
    line, column, about, text = WRONG[case]
    ended = check(tmp_path, text, *option)
    assert (ended.returncode, ended.stdout) == (2, "")
    places = re.findall(r"^ouro proxy: \S+/proxy\.toml:(\d+):(\d+): (.+)$", ended.stderr,
                        re.MULTILINE)
    assert len(places) == ended.stderr.count("\n"), ended.stderr
    found = [what for at, to, what in places if (int(at), int(to)) == (line, column)]
    assert any(about in what for what in found), ended.stderr


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    ended = check(tmp_path, "[workers]\ncount = 0\nuser = 3\n[timeouts]\nidle = \"x\"\n", "--check")
    assert {2, 3, 5} <= {int(line) for line in re.findall(r"toml:(\d+):", ended.stderr)}


def test_a_config_has_to_be_named():
    ended = ouro("proxy")
    assert ended.returncode == 2
    assert "--config: is needed" in ended.stderr


@pytest.mark.parametrize("name", ["nowhere.toml", ""])
def test_a_config_that_cannot_be_read_is_named(tmp_path, name):
    ended = ouro("proxy", "--check", "--config", str(tmp_path / name))
    assert ended.returncode == 2
    assert str(tmp_path / name) in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_config_without_the_right_to_read_it_is_named(tmp_path):
    import subprocess

    from conftest import OURO

    path = tmp_path / "proxy.toml"
    path.write_text(toml(GOOD))
    path.chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    ended = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", OURO, "proxy", "--check", "--config", path],
        capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert f"{path}" in ended.stderr


def test_a_name_that_nobody_knows_today_is_no_mistake_of_the_config(tmp_path):
    ended = check(tmp_path, toml(config_of(["nobody.invalid:80"])), "--check")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_address_in_use_is_named(tmp_path, proxy):
    running = proxy(["127.0.0.1:9"])
    ended = check(tmp_path, toml(config_of(["127.0.0.1:9"],
                                           listen={"address": running.places[0]})))
    assert ended.returncode == 1
    assert running.places[0] in ended.stderr


def test_the_configs_in_the_docs_are_good(tmp_path):
    page = pathlib.Path(__file__).parents[2] / "docs" / "proxy.md"
    configs = re.findall(r"^```toml\n(.+?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert len(configs) == 3
    for config in configs:
        ended = check(tmp_path, config, "--check")
        assert (ended.returncode, ended.stderr) == (0, ""), config
