"""The examples, built outside the tree the three ways a user of libouro builds.

$OURO_BUILD is a finished build folder of this tree.
"""

import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
EXAMPLES = sorted((SOURCE / "examples").glob("*.cpp"))


def run(*command, **options):
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, **options
    )
    assert result.returncode == 0, f"{command}:\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    path = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", os.environ["OURO_BUILD"], "--prefix", path)
    return path


def library(prefix):
    return next(prefix.glob("lib*/**/libouro.a"))


def build_consumer(folder, *settings):
    settings = [f"-D{setting}" for setting in (f"EXAMPLES={SOURCE / 'examples'}", *settings)]
    run("cmake", "-G", "Ninja", "-S", HERE, "-B", folder, *settings)
    run("cmake", "--build", folder)
    for example in EXAMPLES:
        assert (folder / example.stem).exists()


def test_a_consumer_builds_with_find_package(prefix, tmp_path):
    build_consumer(tmp_path, "OURO_CONSUMED_AS=find_package", f"CMAKE_PREFIX_PATH={prefix}")


def test_a_consumer_builds_with_add_subdirectory(tmp_path):
    build_consumer(tmp_path, "OURO_CONSUMED_AS=add_subdirectory", f"OURO_SOURCE={SOURCE}")


def test_a_consumer_builds_with_pkg_config(prefix, tmp_path):
    pkgconfig = library(prefix).parent / "pkgconfig"
    environment = {**os.environ, "PKG_CONFIG_PATH": str(pkgconfig)}
    flags = run("pkg-config", "--cflags", "--libs", "ouro", env=environment).split()
    for example in EXAMPLES:
        run("c++", "-std=c++23", example, *flags, "-o", tmp_path / example.stem)


def test_each_public_header_compiles_alone(prefix):
    headers = sorted((prefix / "include" / "ouro").glob("*.h"))
    assert headers
    for header in headers:
        run("c++", "-std=c++23", "-fsyntax-only", "-I", prefix / "include", "-include", header,
            "-x", "c++", "/dev/null")


def test_the_library_needs_no_liburing(prefix):
    symbols = run("nm", "--no-sort", library(prefix)).splitlines()
    defined = {line.split()[-1] for line in symbols if re.search(r" [TtWV] ", line)}
    needed = {line.split()[-1] for line in symbols if re.search(r" U ", line)}
    assert not {name for name in needed - defined if "io_uring" in name and name[0] != "_"}
    for header in (prefix / "include").rglob("*"):
        assert header.is_dir() or "liburing" not in header.read_text()
