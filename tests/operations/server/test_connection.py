"""What a connection makes of requests good and bad, over real sockets, with an application that isn't Django."""

import asyncio
import errno
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import h11
import pytest
from pytest_django import Settings
from whitenoise.responders import SlicedFile

from tchavi_studio.operations.server import connection
from tchavi_studio.operations.server.connection import MAX_HEADER_BYTES, MAX_TARGET_BYTES
from tchavi_studio.operations.server.process import Pulse, Server, listen
from tchavi_studio.operations.server.wsgi import Application, environ_for

HOST = b"Host: studio.test\r\n"
MEGABYTE = 1024 * 1024
FILE = bytes(range(256)) * 4096


def echo(environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
    """Answers with what it got; `/quiet` without a body."""
    body = environ["wsgi.input"].read()
    plain = {name: value for name, value in environ.items() if isinstance(value, str)}
    answer = json.dumps(plain | {"body": body.decode("latin-1"), "refusal": environ.get("studio.refusal")}).encode()
    start_response("204 No Content" if environ["PATH_INFO"] == "/quiet" else "200 OK", [("X-Echo", " yes")])
    return [] if environ["PATH_INFO"] == "/quiet" else [answer]


def files(path: Path) -> Application:
    """Answers with a file, or the part of it that the query names."""

    def application(environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
        file: Any = path.open("rb")
        length = path.stat().st_size
        if environ["QUERY_STRING"]:
            start, end = map(int, environ["QUERY_STRING"].split("-"))
            file, length = SlicedFile(file, start, end), end - start + 1
        start_response("200 OK", [("Content-Length", str(length))])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped

    return application


@asynccontextmanager
async def serving(application: Application = echo) -> AsyncIterator[int]:
    """The port of a server in this event loop."""
    with listen("127.0.0.1", 0) as listener:
        task = asyncio.create_task(Server(application, listener).run(Pulse()))
        yield listener.getsockname()[1]
        task.cancel()
        asyncio.get_running_loop().remove_reader(listener)
        with suppress(asyncio.CancelledError):
            await task


async def sent(port: int, data: bytes) -> bytes:
    """Everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    with suppress(OSError):
        await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


def answer_to(data: bytes, application: Application = echo) -> tuple[bytes, bytes]:
    """Header and body of the last response to `data`, after which the server must close the connection."""

    async def scenario() -> bytes:
        async with serving(application) as port:
            return await sent(port, data)

    header, _gap, body = asyncio.run(scenario()).rpartition(b"\r\n\r\n")
    return header, body


def environ_of(data: bytes) -> dict[str, Any]:
    """What the application got of the request `data`."""
    _header, body = answer_to(data)
    environ: dict[str, Any] = json.loads(body)
    return environ


def refusal_of(data: bytes) -> tuple[int, str]:
    """The status with which `data` is refused, and the path that the application is told."""
    environ = environ_of(data)
    assert environ["body"] == ""
    return environ["refusal"], environ["PATH_INFO"]


# --- Requests ---------------------------------------------------------------------------------------------------------


def test_a_request_arrives_as_it_was_sent() -> None:
    environ = environ_of(
        b"POST /a%20path?x=%20y HTTP/1.1\r\nHost: studio.test:80\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
        b"X-Two: a\r\nX-Two: b\r\nCookie: a=1\r\nCookie: b=2\r\nConnection: close\r\n\r\nhello"
    )
    assert environ["REQUEST_METHOD"] == "POST"
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("", "/a path", "x=%20y")
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"], environ["body"]) == ("text/plain", "5", "hello")
    assert (environ["HTTP_HOST"], environ["HTTP_X_TWO"], environ["HTTP_COOKIE"]) == (
        "studio.test:80",
        "a,b",
        "a=1; b=2",
    )
    assert (environ["REMOTE_ADDR"], environ["SERVER_PROTOCOL"], environ["wsgi.url_scheme"]) == (
        "127.0.0.1",
        "HTTP/1.1",
        "http",
    )
    assert environ["refusal"] is None


def test_no_header_passes_for_another() -> None:
    environ = environ_of(b"GET / HTTP/1.1\r\n" + HOST + b"X_Forwarded_For: 9.9.9.9\r\nConnection: close\r\n\r\n")
    assert "HTTP_X_FORWARDED_FOR" not in environ


@pytest.mark.parametrize(("peer", "scheme"), [("127.0.0.1", "https"), ("::1", "https"), ("9.9.9.9", "http")])
def test_only_a_proxy_on_this_machine_says_that_it_was_asked_over_https(peer: str, scheme: str) -> None:
    headers = [("Host", "studio.test"), ("X-Forwarded-Proto", "https")]
    environ = environ_for(h11.Request(method="GET", target="/", headers=headers), server=("localhost", 80), peer=peer)
    assert environ is not None
    assert environ["wsgi.url_scheme"] == scheme


def test_an_absolute_target() -> None:
    environ = environ_of(b"GET http://studio.test/path?q HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/path", "q")


def test_a_chunked_body_arrives_whole() -> None:
    environ = environ_of(
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
    )
    assert (environ["body"], environ["CONTENT_LENGTH"]) == ("hello world", "11")
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_a_body_is_asked_for_when_the_client_waits_to_send_it() -> None:
    async def scenario() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"PUT / HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 \r\n\r\n"
            writer.write(b"ok")
            assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
            writer.close()

    asyncio.run(scenario())


def test_requests_on_one_connection_are_answered_in_order() -> None:
    async def scenario() -> bytes:
        async with serving() as port:
            one = b"POST /%d HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n"
            return await sent(port, one % 1 + b"\r\n1" + one % 2 + b"\r\n2" + one % 3 + b"Connection: close\r\n\r\n3")

    answer = asyncio.run(scenario())
    assert [answer.find(f'"PATH_INFO": "/{number}"'.encode()) > 0 for number in (1, 2, 3)] == [True] * 3
    assert answer.find(b'"/1"') < answer.find(b'"/2"') < answer.find(b'"/3"')


def test_http_1_0_is_answered_and_closed() -> None:
    header, body = answer_to(b"GET /old HTTP/1.0\r\n\r\n")
    assert header.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body)["PATH_INFO"] == "/old"


# --- Responses --------------------------------------------------------------------------------------------------------


def test_a_response_has_length_and_date() -> None:
    header, body = answer_to(b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    lines = header.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert b"X-Echo: yes" in lines
    assert b"Content-Length: %d" % len(body) in lines
    assert b"Connection: close" in lines
    assert any(line.startswith(b"Date: ") and line.endswith(b" GMT") for line in lines)


@pytest.mark.parametrize("request_line", [b"HEAD / HTTP/1.1", b"GET /quiet HTTP/1.1"])
def test_a_response_without_a_body(request_line: bytes) -> None:
    _header, body = answer_to(request_line + b"\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert body == b""


@pytest.mark.parametrize(("query", "start", "end"), [(b"", 0, len(FILE)), (b"?1000-700999", 1000, 701_000)])
def test_a_file_is_sent_from_where_it_stands(tmp_path: Path, query: bytes, start: int, end: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(FILE)

    async def scenario() -> bytes:
        async with serving(files(path)) as port:
            return await sent(port, b"GET /" + query + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")

    header, _gap, body = asyncio.run(scenario()).partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % (end - start) in header
    assert body == FILE[start:end]


def test_an_application_that_fails_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    def broken(environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
        raise RuntimeError("broken")

    header, body = answer_to(b"GET /secret HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", broken)
    assert header.startswith(b"HTTP/1.1 500 ")
    assert body == b""
    assert "A GET request failed." in caplog.text
    assert "secret" not in caplog.text


# --- Refusals ---------------------------------------------------------------------------------------------------------

POST = b"POST /v1/jobs HTTP/1.1\r\n" + HOST


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (POST + b"Content-Length: many\r\n\r\n", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (POST + b"no colon\r\n\r\n", 400),
        (POST + b"X: " + b"x" * 2 * MAX_HEADER_BYTES, 431),
        (b"GET /v1/jobs?" + b"x" * MAX_TARGET_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET /v1/jobs?" + b"x" * 2 * MAX_HEADER_BYTES, 414),
        (POST + b"Content-Length: %d\r\n\r\n" % (MEGABYTE + 1), 413),
        (POST + b"Content-Length: 99999999999999999\r\nExpect: 100-continue\r\n\r\n", 413),
    ],
)
def test_what_is_refused(data: bytes, status: int) -> None:
    assert refusal_of(data) == (status, "/v1/jobs")


@pytest.mark.parametrize(
    "data", [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n"]
)
def test_what_is_no_request(data: bytes) -> None:
    assert refusal_of(data) == (400, "/")


def test_a_chunked_body_has_a_bound() -> None:
    chunk = b"%x\r\n" % MEGABYTE + b"x" * MEGABYTE + b"\r\n"
    assert refusal_of(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3) == (413, "/v1/jobs")


def test_a_sender_that_is_refused_gets_to_read_why() -> None:
    """Although it sends on: the connection isn't reset under the answer."""
    assert refusal_of(POST + b"Content-Length: %d\r\n\r\n" % (20 * MEGABYTE) + b"x" * 20 * MEGABYTE)[0] == 413


# --- Bodies that are still being made ---------------------------------------------------------------------------------


class Endless:
    """A streaming response: each part is made when the one before has left."""

    streaming = True

    def __init__(self, count: int) -> None:
        self.count, self.made, self.is_closed = count, 0, False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., None]) -> "Endless":
        start_response("200 OK", [])
        return self

    def __iter__(self) -> Iterator[bytes]:
        while self.made < self.count:
            self.made += 1
            yield b"x" * MEGABYTE

    def close(self) -> None:
        self.is_closed = True


def test_a_stream_is_sent_whole_and_closed() -> None:
    stream = Endless(3)

    async def scenario() -> bytes:
        async with serving(stream) as port:
            return await sent(port, b"GET / HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")

    header, _gap, body = asyncio.run(scenario()).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in header.lower()
    assert body == (b"100000\r\n" + b"x" * MEGABYTE + b"\r\n") * 3 + b"0\r\n\r\n"
    assert stream.is_closed


def test_a_stream_is_made_only_as_fast_as_it_is_read() -> None:
    stream = Endless(1_000)

    async def scenario() -> None:
        async with serving(stream) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            assert (await reader.read(15)).startswith(b"HTTP/1.1 200")
            writer.close()
            while not stream.is_closed:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scenario(), 10))
    assert 0 < stream.made < 100


# --- Deadlines --------------------------------------------------------------------------------------------------------


def trickled(head: bytes, step: bytes = b"x") -> bytes:
    """What comes back when `step` is sent over and over."""

    async def scenario() -> bytes:
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            answer = asyncio.create_task(reader.read())
            while not answer.done():
                writer.write(step)
                await asyncio.wait([answer], timeout=0.01)
            writer.close()
            return await answer

    return asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_header_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.1)
    with suppress(ConnectionError):
        assert trickled(b"GET / HTTP/1.1\r\nX: ") == b""


def test_a_body_has_a_minimum_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.1)
    monkeypatch.setattr(connection, "LINGER_SECONDS", 0.05)
    answer = trickled(POST + b"Content-Length: 100000\r\n\r\n")
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["refusal"] == 408


def test_a_body_that_stalls_is_not_kept_for_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.1)
    monkeypatch.setattr(connection, "LINGER_SECONDS", 0.05)

    async def scenario() -> bytes:
        async with serving() as port:
            return await sent(port, POST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 900_000)

    answer = asyncio.run(asyncio.wait_for(scenario(), 10))
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["refusal"] == 408


def test_a_body_that_cannot_be_stored_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", full)
    assert refusal_of(POST + b"Content-Length: 900000\r\n\r\n" + b"x" * 900_000) == (503, "/v1/jobs")


def test_a_low_disk_takes_no_large_body(settings: Settings) -> None:
    settings.STUDIO_MIN_FREE_BYTES = 2**62
    assert refusal_of(POST + b"Content-Length: 900000\r\n\r\n" + b"x" * 900_000) == (503, "/v1/jobs")
    assert environ_of(POST + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello")["body"] == "hello"


@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"])
def test_silence_is_closed(monkeypatch: pytest.MonkeyPatch, before: bytes) -> None:
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.1)
    monkeypatch.setattr(connection, "KEEP_ALIVE_SECONDS", 0.1)

    async def scenario() -> None:
        async with serving() as port:
            assert (await asyncio.wait_for(sent(port, before), 10)).startswith(b"HTTP/1.1 200" if before else b"")

    asyncio.run(scenario())


def test_a_reader_that_stands_still_is_cut_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connection, "PIECE_SECONDS", 0.1)
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(64 * MEGABYTE)

    async def scenario() -> int:
        async with serving(files(path)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            await reader.read(1)
            (served,) = (task for task in asyncio.all_tasks() if "Connection.run" in repr(task))
            await served
            count = 0
            with suppress(ConnectionError):
                while data := await reader.read(MEGABYTE):
                    count += len(data)
            writer.close()
            return count

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) < 64 * MEGABYTE
