"""Echo servers that are wrong in one way each, for a load generator to notice."""

import asyncio
import contextlib
import threading
import time


class EchoServer:
    """A right one. It runs on a thread of this process until the block ends."""

    def __init__(self):
        self.accepted = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096, limit=1 << 20)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        server.close()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader, writer):
        number = self.accepted
        self.accepted += 1
        with contextlib.suppress(ConnectionError):
            await self.begin(number)
            while received := await reader.read(65536):
                answer = await self.answer(number, received)
                if answer is None:
                    writer.transport.abort()
                    return
                writer.write(answer)
                await writer.drain()
            await self.end()
        writer.close()

    async def begin(self, number):
        """Before a connection is read from."""

    async def answer(self, number, received):
        """What goes back; None cuts the connection."""
        return received

    async def end(self):
        """When the other side has said everything."""


class LateServer(EchoServer):
    """Every fourth connection is not served for a while."""

    LATE_S = 0.7

    async def begin(self, number):
        if number % 4 == 3:
            await asyncio.sleep(self.LATE_S)


class StarvingServer(EchoServer):
    """One connection gets an answer now and then."""

    async def answer(self, number, received):
        if number == 2:
            await asyncio.sleep(0.4)
        return received


class CorruptingServer(EchoServer):
    """One byte of one connection comes back wrong."""

    OFFSET = 12345

    def __init__(self):
        super().__init__()
        self.passed = 0

    async def answer(self, number, received):
        if number != 1:
            return received
        begin, self.passed = self.passed, self.passed + len(received)
        if not begin <= self.OFFSET < self.passed:
            return received
        wrong = bytearray(received)
        wrong[self.OFFSET - begin] ^= 0x40
        return bytes(wrong)


class StallingServer(EchoServer):
    """Nobody is served for half a second, once."""

    STALL_S = 0.5

    def __init__(self, after_s):
        super().__init__()
        self.at = time.monotonic() + after_s
        self.stalled = False

    async def answer(self, number, received):
        if not self.stalled and time.monotonic() >= self.at:
            self.stalled = True
            time.sleep(self.STALL_S)  # the whole loop stands still
        return received


class StoppingServer(StallingServer):
    """From some time on nobody is served any more."""

    STALL_S = 3.0


class LingeringServer(EchoServer):
    """Does not close when the other side has."""

    async def end(self):
        await asyncio.sleep(3)


class ClosingServer(EchoServer):
    """Cuts a connection now and then, instead of an answer."""

    def __init__(self):
        super().__init__()
        self.answers = 0

    async def answer(self, number, received):
        self.answers += 1
        return None if self.answers % 100 == 0 else received


class GarbageServer(EchoServer):
    """Says something, but not what was asked for."""

    async def answer(self, number, received):
        return b"220 welcome to something else\r\n"


class DeafServer(EchoServer):
    """Takes everything and says nothing."""

    async def answer(self, number, received):
        return b""
