"""How many connections a process keeps, which make room for others, and how it stops."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from pytest_django import Settings

from tchavi_studio.operations.server import process
from tchavi_studio.operations.server.connection import PIECE_BYTES, Connection
from tchavi_studio.operations.server.process import Pulse, Server, listen

GET = b"GET / HTTP/1.1\r\nHost: studio.test\r\n\r\n"


def hello(environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


@asynccontextmanager
async def serving(application: Callable[..., Iterable[bytes]] = hello) -> AsyncIterator[int]:
    """The port of a server in this event loop, which may have stopped by itself at the end."""
    with listen("127.0.0.1", 0) as listener:
        task = asyncio.create_task(Server(application, listener).run(Pulse()))
        yield listener.getsockname()[1]
        task.cancel()
        asyncio.get_running_loop().remove_reader(listener)
        with suppress(asyncio.CancelledError):
            await task


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connected(port: int, data: bytes = b"") -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


async def is_answered(streams: Streams) -> bool:
    """Whether a request on this connection is answered, and not that the connection is closed."""
    with suppress(ConnectionError):
        streams[1].write(GET)
        return await streams[0].readline() == b"HTTP/1.1 200 OK\r\n"
    return False


def test_a_full_server_closes_who_keeps_it_waiting_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_CONNECTIONS", 3)

    async def scenario() -> None:
        async with serving() as port:
            slow = [await connected(port, GET[:10]) for _ in range(2)]
            active = await connected(port)
            assert await is_answered(active)
            newest = await connected(port)
            assert await is_answered(newest)
            assert await slow[0][0].read() == b""
            for _reader, writer in (*slow, active, newest):
                writer.close()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_whoever_sends_or_takes_a_piece_has_not_kept_it_waiting(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(process, "MAX_CONNECTIONS", 2)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * PIECE_BYTES
    received = threading.Event()

    class Noting(Server):
        def note_waiting(self, connection: Connection) -> None:
            super().note_waiting(connection)
            if list(self._waiting)[-1:] == [connection] and len(self._waiting) == 2:
                received.set()

    async def scenario() -> None:
        with listen("127.0.0.1", 0) as listener:
            server = asyncio.create_task(Noting(hello, listener).run(Pulse()))
            port = listener.getsockname()[1]
            head = b"POST / HTTP/1.1\r\nHost: studio.test\r\nContent-Length: %d\r\n\r\n" % (2 * PIECE_BYTES)
            upload = await connected(port, head)
            slow = await connected(port, GET[:10])
            while not received.is_set():
                await asyncio.sleep(0.01)
            received.clear()
            upload[1].write(bytes(PIECE_BYTES + 1))
            while not received.is_set():
                await asyncio.sleep(0.01)
            newest = await connected(port)
            assert await is_answered(newest)
            assert await slow[0].read() == b""
            upload[1].write(bytes(PIECE_BYTES - 1))
            assert await upload[0].readline() == b"HTTP/1.1 200 OK\r\n"
            for _reader, writer in (upload, slow, newest):
                writer.close()
            server.cancel()
            asyncio.get_running_loop().remove_reader(listener)

    asyncio.run(asyncio.wait_for(scenario(), 10))


@pytest.mark.parametrize(("proxy_count", "is_bounded"), [(0, True), (1, False)])
def test_an_address_has_a_bound_without_proxies(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, proxy_count: int, is_bounded: bool
) -> None:
    monkeypatch.setattr(process, "MAX_CONNECTIONS_PER_ADDRESS", 2)
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxy_count
    assert not process._is_one_client("127.0.0.1")
    assert not process._is_one_client("::1")
    assert process._is_one_client("9.9.9.9") == is_bounded
    assert process._is_one_client("fe80::1%eth0") == is_bounded
    monkeypatch.setattr(process, "_is_one_client", lambda peer: is_bounded)

    async def scenario() -> None:
        async with serving() as port:
            connections = [await connected(port) for _ in range(3)]
            assert [await is_answered(each) for each in connections] == [True, True, not is_bounded]
            for _reader, writer in connections:
                writer.close()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_what_is_in_progress_ends_before_it_stops() -> None:
    entered, may_end = threading.Event(), threading.Event()

    def application(environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
        entered.set()
        may_end.wait(10)
        return hello(environ, start_response)

    async def scenario() -> None:
        with listen("127.0.0.1", 0) as listener:
            server = asyncio.create_task(Server(application, listener).run(Pulse()))
            port = listener.getsockname()[1]
            idle, active, half = await connected(port), await connected(port, GET), await connected(port, GET[:10])
            await asyncio.to_thread(entered.wait, 10)
            os.kill(os.getpid(), signal.SIGTERM)
            assert await idle[0].read() == b""
            assert await half[0].read() == b""
            assert not server.done()
            may_end.set()
            answer = await active[0].read()
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nConnection: close\r\n" in answer
            await server
            for _reader, writer in (idle, active, half):
                writer.close()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_what_takes_too_long_does_not_keep_it_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACEFUL_STOP_SECONDS", 0.1)

    async def scenario() -> None:
        with listen("127.0.0.1", 0) as listener:
            server = asyncio.create_task(Server(hello, listener).run(Pulse()))
            head = b"POST / HTTP/1.1\r\nHost: studio.test\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
            reader, writer = await connected(listener.getsockname()[1], head)
            assert await reader.readline() == b"HTTP/1.1 100 \r\n"
            os.kill(os.getpid(), signal.SIGTERM)
            await server
            writer.close()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_full_file_table_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        with listen("127.0.0.1", 0) as listener:
            accept = iter([OSError(24, "Too many open files")])

            class Listener:
                def accept(self) -> tuple[socket.socket, Any]:
                    for error in accept:
                        raise error
                    return listener.accept()

                def fileno(self) -> int:
                    return listener.fileno()

            server = asyncio.create_task(Server(hello, Listener()).run(Pulse()))  # type: ignore[arg-type]
            streams = await connected(listener.getsockname()[1])
            assert await is_answered(streams)
            streams[1].close()
            server.cancel()
            asyncio.get_running_loop().remove_reader(listener)

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_pulse_is_silent_after_the_last_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pulse = Pulse()
    assert pulse.silent_seconds() == 0.0
    pulse.beat()
    monkeypatch.setattr(time, "monotonic", lambda: now + 7)
    assert pulse.silent_seconds() == pytest.approx(7.0)
    pulse.clear()
    assert pulse.silent_seconds() == 0.0
