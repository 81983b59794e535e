#!/usr/bin/python3
"""Sets the clock of the machine years ahead and back under a running server: no timer may notice.

    tools/vm SUITE tests/vm/clock_jumps.py --set-the-clock

For a machine of its own alone, which is what the option confirms. Exit code 1 and a line for what
was wrong.
"""

import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
YEAR_S = 365 * 86400
IDLE_S = 6


def echoes(connection):
    connection.sendall(b"hello")
    return connection.recv(5) == b"hello"


def jump(years):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + years * YEAR_S)


def closed_after(connection):
    """How long an idle connection lives from now on."""
    began = time.monotonic()
    connection.settimeout(20 * IDLE_S)
    assert connection.recv(1) == b"", "something came"
    return time.monotonic() - began


def check(engine):
    server = subprocess.Popen(
        [ROOT / "build/release/ouro", "echo", "--engine", engine, "--workers", "1",
         "--listen", "127.0.0.1:0", "--idle-timeout", f"{IDLE_S}s"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = int(re.search(r":(\d+) ", server.stdout.readline())[1])
    for years in (10, -25, 15):
        idle, busy = (socket.create_connection(("127.0.0.1", port)) for _ in range(2))
        assert echoes(idle) and echoes(busy)
        jump(years)
        for _ in range(3):
            assert echoes(busy), f"a busy connection ended when the clock jumped {years} years"
            time.sleep(0.2)
        lived = closed_after(idle)
        assert lived > IDLE_S / 2, f"an idle one was closed after {lived:.1f} s by {years} years"
        print(f"{engine}: {years:+} years, the idle connection was closed {lived:.1f} s later")
    jump(5)
    server.send_signal(signal.SIGTERM)
    log = server.communicate(timeout=60)[1]
    assert server.returncode == 0, f"it ended with {server.returncode}"
    years_logged = {line[:4] for line in log.splitlines()}
    assert len(years_logged) > 1, "the log does not show the clock as it is"


if __name__ == "__main__":
    if sys.argv[1:] != ["--set-the-clock"]:
        sys.exit(__doc__)
    for one in ("uring", "epoll"):
        check(one)
