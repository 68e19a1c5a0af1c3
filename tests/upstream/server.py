"""The upstream on real local sockets, with endpoints for tests in other processes.

Two listeners serve the same routes: the API's, which closes during an outage, and another that always answers, for
videos from another origin and for `/control/…`. Replies are delivered exactly as they say: late, cut, reset or stalled.
"""

import asyncio
import contextlib
import json
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Coroutine
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.upstream.parameters import BadRequestError
from tests.upstream.service import Event, ReferenceFetch, Upstream
from tests.upstream.wire import Fate, Reply, Request, json_reply

HOST = "127.0.0.1"
OUTAGE_LOOK_SECONDS = 0.01
FETCH_TIMEOUT_SECONDS = 10.0
REASONS = {200: "OK", 201: "Created", 202: "Accepted"}
CONTROLS = {
    "POST": (
        *("arm", "disarm", "set_odds", "set", "set_balance", "advance", "take_down"),
        *("add_job", "begin", "finish", "fail"),
    ),
    "GET": ("jobs", "requests", "audit", "files", "reference_fetches", "now"),
}
"""The attributes of `Upstream` served at `/control/<name>`: methods by POST with a JSON object, values by GET."""


class Journal:
    """Events, one line of JSON each. The kernel has a line before its reply is sent, so a SIGKILL loses none."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes() if path.exists() else b""
        # A partial last line was being written when the process died: it was never answered, so it didn't happen.
        whole = content[: content.rfind(b"\n") + 1]
        self.past: list[Event] = [json.loads(line) for line in whole.splitlines()]
        self._file = path.open("r+b" if path.exists() else "wb", buffering=0)
        self._file.truncate(len(whole))
        self._file.seek(len(whole))

    def write(self, event: Event) -> None:
        self._file.write(json.dumps(event).encode() + b"\n")

    def close(self) -> None:
        self._file.close()


class Server:
    """Serves an `Upstream` until it is stopped."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self._listener: asyncio.Server | None = None
        self._other_listener: asyncio.Server | None = None
        self._port = 0
        self._open: dict[StreamWriter, bool] = {}
        """Each connection, and whether an outage breaks it."""
        self._fetching: set[tuple[str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0, other_port: int = 0) -> tuple[int, int]:
        """Listen; returns the API's port and the other one."""
        self._port = port
        await self._listen()
        self._other_listener = await asyncio.start_server(self._serve_other, HOST, other_port)
        other_port = _port_of(self._other_listener)
        # Not an event, because another run may have other ports.
        self.upstream.settings = self.upstream.settings.changed(
            {"origin": f"http://{HOST}:{self._port}", "other_origin": f"http://{HOST}:{other_port}"}
        )
        self._look_around()
        return self._port, other_port

    async def stop(self) -> None:
        for listener in (self._listener, self._other_listener):
            if listener:
                listener.close()
        for writer in list(self._open):
            _abort(writer)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._serve_api, HOST, self._port, backlog=512)
        self._port = _port_of(self._listener)

    # --- Connections --------------------------------------------------------------------------------------------------

    async def _serve_api(self, reader: StreamReader, writer: StreamWriter) -> None:
        await self._serve(reader, writer, breaks=True)

    async def _serve_other(self, reader: StreamReader, writer: StreamWriter) -> None:
        await self._serve(reader, writer, breaks=False)

    async def _serve(self, reader: StreamReader, writer: StreamWriter, *, breaks: bool) -> None:
        self._open[writer] = breaks
        # So that `drain` waits until the kernel has everything, and a partial body is sent before what follows it.
        writer.transport.set_write_buffer_limits(0)
        try:
            while (request := await _read_request(reader)) is not None:
                reply = self._reply_to(request)
                self._look_around(but=writer)
                if not await _perform(reply, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The client is gone, or we are stopping.
        finally:
            del self._open[writer]
            writer.close()

    def _reply_to(self, request: Request) -> Reply:
        if not request.target.startswith("/control/"):
            return self.upstream.handle(request)
        try:
            return json_reply(self._controlled(request))
        except (KeyError, TypeError, ValueError, AssertionError, BadRequestError) as error:
            return json_reply({"error": f"{type(error).__name__}: {error}"}, status=400)

    def _controlled(self, request: Request) -> Any:
        address = urlsplit(request.target)
        name = address.path.removeprefix("/control/")
        if name not in CONTROLS.get(request.method, ()):
            raise KeyError(f"no {request.method} {address.path}")
        found = getattr(self.upstream, name)
        if not callable(found):
            return _plain(found)
        # Query values are strings: enough for `requests?route=` and `jobs?prompt=`.
        facts = {key: values[0] for key, values in parse_qs(address.query).items()}
        return _plain(found(**(json.loads(request.body) if request.body else facts)))

    # --- Outages and reference fetches --------------------------------------------------------------------------------

    def _look_around(self, but: StreamWriter | None = None) -> None:
        """Start an outage, and fetch references, if the last request caused it."""
        if self.upstream.is_down and self._listener:
            self._listener.close()
            self._listener = None
            for writer, breaks in list(self._open.items()):
                # The connection that caused the outage ends as its reply says.
                if breaks and writer is not but:
                    _abort(writer)
            self._go(self._listen_again())
        for job_id, url in self.upstream.unfetched_references:
            if (job_id, url) not in self._fetching:
                self._fetching.add((job_id, url))
                self._go(self._fetch(job_id, url))

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen_again(self) -> None:
        # Bound but deaf: connections are refused, and no other process gets the port meanwhile.
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            deaf.bind((HOST, self._port))
            while self.upstream.is_down:
                await asyncio.sleep(OUTAGE_LOOK_SECONDS)
            await self._listen()

    async def _fetch(self, job_id: str, url: str) -> None:
        """Fetch a reference as the real upstream would, but only from this machine."""
        fetch = ReferenceFetch(job_id=job_id, url=url, status=0, byte_count=0)
        if httpx.URL(url).host in (HOST, "localhost"):
            with contextlib.suppress(httpx.HTTPError):
                async with httpx.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS, trust_env=False, verify=False) as client:
                    answer = await client.get(url)
                fetch = ReferenceFetch(
                    job_id=job_id,
                    url=url,
                    status=answer.status_code,
                    byte_count=len(answer.content),
                    content_type=answer.headers.get("content-type", ""),
                )
        self.upstream.note_fetch(fetch)


async def _read_request(reader: StreamReader) -> Request | None:
    """The next request on a connection; None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method=method, target=target, headers=headers, body=body)


async def _perform(reply: Reply, reader: StreamReader, writer: StreamWriter) -> bool:
    """Deliver a reply as it says. Returns whether the connection stays usable."""
    if reply.latency_seconds:
        await asyncio.sleep(reply.latency_seconds)
    if reply.has_head:
        lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'No')}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if not reply.is_measured:
            lines.append("Connection: close")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for piece in reply.pieces():
            if reply.pause_seconds:
                await asyncio.sleep(reply.pause_seconds)
            writer.write(piece)
            await writer.drain()
        await writer.drain()
    if reply.fate is Fate.RESET:
        _abort(writer)
    elif reply.fate is Fate.STALL:
        while await reader.read(65_536):
            pass
    return reply.fate is Fate.WHOLE and reply.is_measured


def _abort(writer: StreamWriter) -> None:
    """End a connection by an RST."""
    linger_for_no_time = struct.pack("ii", 1, 0)
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)
    writer.transport.abort()


def _port_of(listener: asyncio.Server) -> int:
    port: int = listener.sockets[0].getsockname()[1]
    return port


def _plain(value: Any) -> Any:
    """Dataclasses, alone or in lists, as JSON has them."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return vars(value) if is_dataclass(value) else value
