"""A relay in front of a service: it counts and records what passes, and spoils it when told to."""

import asyncio
import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_CHUNK_BYTES = 1 << 16
# Shorter than the patience of whoever asks.
_GATE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong on the wire.

    Attributes:
        answer: Sent in place of asking the service.
        delay: Seconds by which answers come late.
        loses: How many answers are lost when the service has given them, by a cut connection.
        hangs: Whether answers are lost and the caller is left waiting.
    """

    answer: bytes | None = None
    delay: float = 0
    loses: int = 0
    hangs: bool = False


class Gate:
    """Holds the first requests back until so many of them are there, and lets them go at once."""

    def __init__(self, size: int) -> None:
        self._missing = size
        self._is_open = asyncio.Event()

    async def go_through(self) -> None:
        """Wait for the others, though not for ever."""
        self._missing -= 1
        if self._missing <= 0:
            self._is_open.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_open.wait(), _GATE_SECONDS)


class Wire:
    """One listening port on loopback that relays HTTP/1.1 to another.

    Attributes:
        port: Where it listens.
        seen: All that passed, one entry for each connection and direction.
        lost: How many answers were lost since the wire was last spoiled.
        most_at_once: The most requests that were on their way at one time.
        gate: What every request goes through.
    """

    def __init__(self, target: int) -> None:
        """Listen; ``target`` is the port of the service."""
        self.seen: list[bytearray] = []
        self.lost = 0
        self.most_at_once = 0
        self.gate = Gate(0)
        self._target = target
        self._fault = Fault()
        self._at_once = 0
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512))
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Cut every connection and stop listening."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def spoiled(self, fault: Fault) -> Iterator[None]:
        """Let something go wrong for a while."""
        self.lost, self._fault = 0, fault
        try:
            yield
        finally:
            self._fault = Fault()

    @contextmanager
    def gathering(self, size: int) -> Iterator[None]:
        """Make a race: the next requests wait until there are ``size``; count them anew."""
        self.most_at_once = self._at_once
        self.gate = Gate(size)
        try:
            yield
        finally:
            self.gate = Gate(0)

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks) if tasks else None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            # The service is down: the caller finds its connection cut.
            writer.close()
            return
        connection = _Connection(self, reader, writer, inner_reader, inner_writer)
        ways = {asyncio.ensure_future(connection.ask()), asyncio.ensure_future(connection.tell())}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # The wire is closed; asyncio would call it an error if this went further.
            pass
        finally:
            for way in ways:
                way.cancel()
            connection.settle()
            writer.close()
            inner_writer.close()

    def begin(self) -> None:
        """Note that a request is on its way."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)

    def end(self) -> None:
        """Note that it has its answer, or never will."""
        self._at_once -= 1

    @property
    def fault(self) -> Fault:
        """What goes wrong just now."""
        return self._fault


class _Connection:
    """Both ways of one connection; a request is read whole, an answer passed on as it comes."""

    def __init__(
        self,
        wire: Wire,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        inner_reader: asyncio.StreamReader,
        inner_writer: asyncio.StreamWriter,
    ) -> None:
        self._wire = wire
        self._reader, self._writer = reader, writer
        self._inner_reader, self._inner_writer = inner_reader, inner_writer
        self._asked, self._told = bytearray(), bytearray()
        self._is_waiting = False
        wire.seen += [self._asked, self._told]

    async def ask(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                request = await self._reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(request)
                request += await self._reader.readexactly(int(length[1]) if length else 0)
                self._asked += request
                self._is_waiting = True
                self._wire.begin()
                spoiled = self._wire.fault.answer
                if spoiled is not None:
                    self._writer.write(spoiled)
                    await self._writer.drain()
                    return
                await self._wire.gate.go_through()
                self._inner_writer.write(request)

    async def tell(self) -> None:
        with suppress(OSError):
            while chunk := await self._inner_reader.read(_CHUNK_BYTES):
                self._told += chunk
                fault = self._wire.fault
                if self._wire.lost < fault.loses or fault.hangs:
                    self._wire.lost += 1
                    await asyncio.Event().wait() if fault.hangs else None
                    return
                await asyncio.sleep(fault.delay)
                self.settle()
                self._writer.write(chunk)
                await self._writer.drain()

    def settle(self) -> None:
        """Note that nobody waits on this connection any more."""
        if self._is_waiting:
            self._is_waiting = False
            self._wire.end()
