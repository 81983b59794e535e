"""Clients that go on talking while something is done to their server, and check every byte."""

import random
import selectors
import threading
import time

from conftest import eventually

PIECE = 1 << 16
PERIOD = 1_000_003  # a prime: no buffer size divides it
PATTERN = random.Random(7).randbytes(PERIOD)
PATTERN += PATTERN[:PIECE]


class Talker:
    """One connection. What it says is its own part of the pattern, so the bytes of another are
    as wrong as a flipped bit."""

    def __init__(self, connection, number, ahead):
        self.connection = connection
        self.begin = number * 7919
        self.ahead = ahead  # bytes on their way at most
        self.sent = self.received = 0
        self.moved = time.monotonic()
        self.longest_silence_s = 0
        self.wrong = None  # where the first wrong byte came
        self.broken = None  # what ended the connection

    def expected(self, offset, count):
        begin = (self.begin + offset) % PERIOD
        return PATTERN[begin : begin + count]

    @property
    def exchanges(self):
        return self.received // self.ahead

    def say(self):
        """Whether all was taken that may be on its way."""
        while (room := self.ahead - (self.sent - self.received)) > 0:
            try:
                self.sent += self.connection.send(self.expected(self.sent, min(room, PIECE)))
            except BlockingIOError:
                return False
        return True

    def hear(self):
        piece = self.connection.recv(PIECE)
        if not piece:
            raise ConnectionResetError("ended by the server")
        if piece != self.expected(self.received, len(piece)):
            self.wrong = self.received
        self.received += len(piece)
        now = time.monotonic()
        self.longest_silence_s = max(self.longest_silence_s, now - self.moved)
        self.moved = now


class Talkers:
    """They talk on a thread of their own until the block ends; their connections end with it."""

    def __init__(self, connections, ahead=1000):
        self.all = [Talker(one, number, ahead) for number, one in enumerate(connections)]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._selector = selectors.DefaultSelector()
        for talker in self.all:
            talker.connection.setblocking(False)
            self._selector.register(talker.connection, selectors.EVENT_WRITE, talker)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()
        self._selector.close()
        for talker in self.all:
            talker.connection.close()

    def _run(self):
        while not self._ending.is_set():
            for key, events in self._selector.select(0.05):
                self._serve(key.data, key.events, events)

    def _serve(self, talker, wanted, events):
        try:
            if events & selectors.EVENT_READ:
                talker.hear()
            all_said = talker.say()
        except BlockingIOError:
            return
        except OSError as error:
            talker.broken = error
            self._selector.unregister(talker.connection)
            return
        wants = selectors.EVENT_READ | (0 if all_said else selectors.EVENT_WRITE)
        if wants != wanted:
            self._selector.modify(talker.connection, wants, talker)

    @property
    def broken(self):
        return [talker for talker in self.all if talker.broken]

    @property
    def longest_silence_s(self):
        now = time.monotonic()
        return max(max(talker.longest_silence_s, now - talker.moved) for talker in self.all)

    def check(self):
        assert not [talker.wrong for talker in self.all if talker.wrong is not None]

    def moving(self, exchanges, at_least=None):
        """Waits until all that live (or so many) have done so many exchanges more; gives how many
        have."""
        before = {talker: talker.exchanges for talker in self.all if not talker.broken}

        def moved():
            return sum(one.exchanges >= was + exchanges for one, was in before.items())

        def enough():
            living = sum(not one.broken for one in before)
            return moved() >= (living if at_least is None else at_least)

        eventually(enough, "they go on")
        self.check()
        return moved()

    def go_on(self, exchanges=20):
        """None may be lost, and each does so many exchanges more."""
        self.moving(exchanges)
        assert not self.broken, self.broken[0].broken
