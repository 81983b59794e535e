"""Running programs as a user does: the command lines of `ouro`, and the examples."""

import pathlib
import re
import select
import signal
import socket
import subprocess

from conftest import OURO, PATIENCE_S, receive_all

EXAMPLES = pathlib.Path(OURO).parent / "examples"


def ouro(*arguments):
    """Runs `ouro` with these arguments to its end."""
    return subprocess.run(
        [OURO, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


class Program:
    """A program that says in one line on stdout where it listens; ended when the block ends."""

    def __init__(self, *command, **options):
        self.command = [str(word) for word in command]
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, text=True, **self.options
        )
        try:
            self.ready = self._first_line()
        except BaseException:
            self._clear_away()
            raise
        return self

    def __exit__(self, *_):
        self._clear_away()

    def _first_line(self):
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        assert readable, f"{self.command} did not get ready"
        line = self.process.stdout.readline()
        assert line.endswith("\n"), f"{self.command} ended with {self.process.wait()}"
        return line.rstrip("\n")

    @property
    def port(self):
        """Of the first TCP address in the ready line."""
        return int(re.search(r"[\d\]]:(\d+)", self.ready)[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def end(self, how=signal.SIGTERM):
        """Asks it to end; gives the exit code."""
        self.process.send_signal(how)
        return self.process.wait(timeout=PATIENCE_S)

    def _clear_away(self):
        try:
            if self.process.poll() is None:
                self.end()
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def echo_server(*arguments):
    return Program(OURO, "echo", "--listen", "127.0.0.1:0", "--workers", "1", *arguments,
                   stderr=subprocess.DEVNULL)


def exchange(connection, message):
    """Sends it all, says that this is the end, and gives everything that comes back."""
    connection.sendall(message)
    connection.shutdown(socket.SHUT_WR)
    return receive_all(connection)
