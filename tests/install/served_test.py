"""A program built against an installed libouro serves, and liburing had no part in building it.

$OURO_BUILD is a finished build folder of this tree.
"""

import os
import re
import socket
import subprocess

import pytest
from install_test import HERE, SOURCE, library, run

PATIENCE_S = 30
MESSAGE = os.urandom(100_000)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    path = tmp_path_factory.mktemp("installed")
    run("cmake", "--install", os.environ["OURO_BUILD"], "--prefix", path)
    return path


def by_find_package(installed, folder):
    """Gives the program, and all files that were read to compile and to link it."""
    run("cmake", "-G", "Ninja", "-S", HERE, "-B", folder, f"-DEXAMPLES={SOURCE / 'examples'}",
        "-DOURO_CONSUMED_AS=find_package", f"-DCMAKE_PREFIX_PATH={installed}",
        "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--trace")
    linked = run("cmake", "--build", folder, "--target", "echo", "--verbose")
    return folder / "echo", linked + run("ninja", "-C", folder, "-t", "deps")


def by_pkg_config(installed, folder):
    pkgconfig = library(installed).parent / "pkgconfig"
    environment = {**os.environ, "PKG_CONFIG_PATH": str(pkgconfig)}
    flags = run("pkg-config", "--cflags", "--libs", "ouro", env=environment).split()
    source = SOURCE / "examples" / "echo.cpp"
    compiled = run("c++", "-std=c++23", "-M", source, *flags)
    linked = run("c++", "-std=c++23", source, *flags, "-Wl,--trace", "-o", folder / "echo")
    return folder / "echo", compiled + linked


@pytest.mark.parametrize("build", [by_find_package, by_pkg_config])
def test_a_consumer_needs_no_liburing_and_serves(installed, tmp_path, build):
    program, files = build(installed, tmp_path)
    assert "libouro.a" in files and "ouro/worker.h" in files  # so it would show
    assert not re.findall(r"\S*(?:liburing|io_uring\.h)\S*", files)
    assert "uring" not in run("ldd", program)
    with subprocess.Popen([program, "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(re.search(r"127\.0\.0\.1:(\d+)", server.stdout.readline())[1])
            assert echo_of(MESSAGE, port) == MESSAGE
        finally:
            server.terminate()


def echo_of(message, port):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(message)
        client.shutdown(socket.SHUT_WR)
        received = bytearray()
        while piece := client.recv(65536):
            received += piece
        return bytes(received)
