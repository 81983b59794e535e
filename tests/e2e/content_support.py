"""What the content tests share: the native client that checks every byte, and plain tools."""

import os
import pathlib
import re
import subprocess

from conftest import PATIENCE, SANITIZED

CLIENT = os.environ.get("OURO_CONTENT_CLIENT", "")
# For a whole run of many clients; nothing is asserted about being faster.
PATIENCE_S = 100 * PATIENCE

KIB = 1 << 10
MIB = 1 << 20
# A large message; less of it where everything is slow.
LARGE = 64 * MIB // min(PATIENCE * (4 if SANITIZED else 1), 16)


def options_of(wishes):
    words = []
    for name, value in wishes.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def check(place, **wishes):
    """Runs clients against a server; gives how many bytes they checked. A wrong one is an error."""
    ended = subprocess.run(
        [CLIENT, place, *options_of(wishes)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
    )
    assert ended.returncode == 0, f"{wishes}: {ended.stderr}"
    return int(re.match(r"checked (\d+) bytes", ended.stdout)[1])


class NeverReaders:
    """Clients that write until nothing more is taken and never read. They stay while good clients
    do their work, in the same process."""

    def __init__(self, place, count, **wishes):
        self.process = subprocess.Popen(
            [CLIENT, place, *options_of({"never_readers": count, **wishes})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def __enter__(self):
        line = self.process.stdout.readline()
        assert line == "full\n", self.process.communicate()[1]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def let_the_good_ones_go(self):
        """Gives how many bytes the good ones checked, when the last of them has its own back."""
        output, error = self.process.communicate("go\n", timeout=PATIENCE_S)
        assert self.process.returncode == 0, error
        return int(re.search(r"checked (\d+) bytes", output)[1])


def memory_of(processes):
    """Bytes of memory of all these processes, what they share counted once."""
    total = 0
    for process in processes:
        text = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)[1]) * KIB
    return total


def talk(command, message, size):
    """Feeds `message` to a tool, and gives the first `size` bytes it prints. Its stdin stays open
    until then: some tools leave at the end of it without waiting for answers."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            process.stdin.write(message)
            process.stdin.flush()
            return process.stdout.read(size)
        finally:
            process.kill()


def pipe_through(command, message):
    """Feeds `message` to a tool up to its end; gives all that it prints."""
    ended = subprocess.run(command, input=message, capture_output=True, timeout=PATIENCE_S)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
