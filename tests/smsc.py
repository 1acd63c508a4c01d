"""An SMS centre on loopback: SMPP 3.4 as far as we speak it, written from its specification."""

import itertools
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue
from threading import Thread

USER, PASSWORD = "countersign", "s3cr3t!"
_BINDS = {0x1: 0x80000001, 0x2: 0x80000002, 0x9: 0x80000009}
_SUBMIT, _DELIVER, _UNBIND, _ENQUIRE = 0x4, 0x5, 0x6, 0x15
_RESPONSE = 0x80000000
_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Submitted:
    """One part that was submitted."""

    source: bytes
    number: bytes
    flags: int
    coding: int
    body: bytes


@dataclass
class Centre:
    """The centre; it answers in threads of its own.

    Attributes:
        submitted: All that it took.
        statuses: What it says to the next submissions instead of 0; ``None``: it hangs up.
        answers: The statuses that its deliveries got.
        links: How often somebody bound.
    """

    submitted: list[Submitted] = field(default_factory=list)
    statuses: list[int | None] = field(default_factory=list)
    answers: "Queue[int]" = field(default_factory=Queue)
    links: int = 0
    asks_first: bool = False
    _deliveries: list[bytes] = field(default_factory=list)
    _sequence: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        """What SMS_URL says to reach it."""
        host, port = self._server.getsockname()
        return f"smpp://{USER}:{PASSWORD}@{host}:{port}?from=Bank"

    def deliver(
        self,
        *bodies: bytes,
        sender: str = "46701740605",
        coding: int = 0,
        flags: int | None = None,
        ton: int = 1,
        more: bytes = b"",
    ) -> None:
        """Have it deliver parts to whoever binds next, and hang up then.

        ``more`` are optional parameters, as octets.
        """
        if flags is None:
            flags = 0x40 if len(bodies) > 1 else 0
        for body in bodies:
            self._deliveries.append(
                b"\0"
                + bytes([ton, 1])
                + sender.encode()
                + b"\0"
                + bytes([1, 1])
                + b"4670000000\0"
                + bytes([flags, 0, 0])
                + b"\0\0"
                + bytes([0, 0, coding, 0, len(body)])
                + body
                + more
            )

    def serve(self) -> None:
        """Take one link after the other."""
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection:
                    connection.settimeout(_TIMEOUT_SECONDS)
                    with suppress(OSError, EOFError):
                        self._talk(connection)

    def close(self) -> None:
        """End."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _talk(self, connection: socket.socket) -> None:
        while True:
            command, sequence, body = _read(connection)
            if command in _BINDS:
                user, password = body.split(b"\0")[:2]
                is_right = (user, password) == (USER.encode(), PASSWORD.encode())
                self.links += is_right
                _write(connection, _BINDS[command], 0 if is_right else 0xE, sequence, b"centre\0")
                if command == 0x1 and self._deliveries:
                    return self._deliver_all(connection)
            elif command == _SUBMIT:
                if not self._submit(connection, sequence, body):
                    return None
            elif command == _ENQUIRE:
                _write(connection, _ENQUIRE | _RESPONSE, 0, sequence, b"")
            elif command == _UNBIND:
                _write(connection, _UNBIND | _RESPONSE, 0, sequence, b"")

    def _submit(self, connection: socket.socket, sequence: int, body: bytes) -> bool:
        status = self.statuses.pop(0) if self.statuses else 0
        if status is None:
            return False
        if status == 0:
            self.submitted.append(_submitted(body))
        if self.asks_first:
            _write(connection, _ENQUIRE, 0, 9, b"")
            assert _read(connection)[0] == _ENQUIRE | _RESPONSE
        answer = b"" if status else f"id-{len(self.submitted)}\0".encode()
        _write(connection, _SUBMIT | _RESPONSE, status, sequence, answer)
        return True

    def _deliver_all(self, connection: socket.socket) -> None:
        while self._deliveries:
            _write(connection, _DELIVER, 0, next(self._sequence), self._deliveries.pop(0))
            command, _, _, status = _read_whole(connection)
            assert command == _DELIVER | _RESPONSE
            self.answers.put(status)


@contextmanager
def running() -> Iterator[Centre]:
    """Have a centre run for a while."""
    centre = Centre()
    thread = Thread(target=centre.serve)
    thread.start()
    try:
        yield centre
    finally:
        centre.close()
        thread.join()


def _submitted(body: bytes) -> Submitted:
    """Read submit_sm: SMPP 3.4, 4.4.1."""
    _, body = body.split(b"\0", 1)
    source, body = body[2:].split(b"\0", 1)
    number, body = body[2:].split(b"\0", 1)
    flags, body = body[0], body[3:]
    # Two times, both empty; then registered delivery, replacing, coding, canned text, length.
    coding, length, body = body[4], body[6], body[7:]
    assert len(body) == length
    return Submitted(source, number, flags, coding, body)


def _read(connection: socket.socket) -> tuple[int, int, bytes]:
    command, sequence, body, _ = _read_whole(connection)
    return command, sequence, body


def _read_whole(connection: socket.socket) -> tuple[int, int, bytes, int]:
    length, command, status, sequence = struct.unpack(">4I", _exactly(connection, 16))
    return command, sequence, _exactly(connection, length - 16), status


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _write(
    connection: socket.socket, command: int, status: int, sequence: int, body: bytes
) -> None:
    connection.sendall(struct.pack(">4I", 16 + len(body), command, status, sequence) + body)
