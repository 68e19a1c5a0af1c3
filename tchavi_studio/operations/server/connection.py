"""One connection: HTTP/1.1 in both directions, parsed by h11, with a bound and a deadline for each step."""

import asyncio
import logging
import socket
from contextlib import suppress
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

import h11
from django.conf import settings

from tchavi_studio.assets.queries import is_disk_low
from tchavi_studio.outages import is_outage

from . import admission, wsgi
from .wsgi import Environ, OpenFile, Response, Stream

if TYPE_CHECKING:
    from .process import Server

logger = logging.getLogger(__name__)

HEADER_SECONDS = 10.0
"""For a whole request header, from its first byte; and for that byte on a new connection."""
KEEP_ALIVE_SECONDS = 15.0
BODY_SECONDS = 20.0
MIN_BODY_BYTES = 20 * 1024
"""Of a body, so much must arrive in each such time, however much came before."""
PIECE_BYTES = 256 * 1024
"""Of a body in either direction. Whoever sends or takes one doesn't count as slow just now."""
PIECE_SECONDS = 120.0
"""For each piece of a response to leave. A paused video is cut off too; its player asks for the rest later."""
LINGER_SECONDS = 3.0
"""After a refusal, how long what is still being sent is thrown away. Closed at once, many senders never see why."""

READ_BYTES = 16 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_TARGET_BYTES = 8 * 1024
MAX_BODY_BYTES_IN_MEMORY = 64 * 1024
MAX_UNSENT_BYTES = 128 * 1024
"""In the kernel, of each connection, beyond what is already on its way: it would take megabytes."""


class RefusedError(Exception):
    """The request isn't read any further; `environ` is what the application is asked instead."""

    def __init__(self, environ: Environ) -> None:
        super().__init__()
        self.environ = environ


class Connection:
    """A connection, from when it is accepted until it is closed."""

    def __init__(self, server: "Server", connected: socket.socket, address: tuple[Any, ...]) -> None:
        self._server = server
        self._socket = connected
        self._peer = str(address[0])
        self.is_idle = True
        """Without a whole request header, so that nothing is lost if it is closed."""
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)

    async def run(self) -> None:
        """Answer its requests, one after the other."""
        loop = asyncio.get_running_loop()
        self._socket.setblocking(False)
        with suppress(OSError, AttributeError):  # Not every system has it.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)
        self._reader = asyncio.StreamReader(limit=READ_BYTES)
        protocol = asyncio.StreamReaderProtocol(self._reader)
        self._transport, _ = await loop.connect_accepted_socket(lambda: protocol, self._socket)
        # Nothing is left to the transport: `drain` waits until all of it is in the kernel.
        self._transport.set_write_buffer_limits(0)
        self._writer = asyncio.StreamWriter(self._transport, protocol, self._reader, loop)
        try:
            wait_seconds = HEADER_SECONDS
            while await self._exchange(wait_seconds):
                self._http.start_next_cycle()
                wait_seconds = KEEP_ALIVE_SECONDS
        except OSError:
            pass  # Gone, or too slow.
        except Exception:
            logger.exception("A connection failed.")
        finally:
            self._transport.abort()

    async def _exchange(self, wait_seconds: float) -> bool:
        """One request and its response. Whether another one may follow."""
        keep_alive = True
        try:
            arrived = await self._request(wait_seconds)
            if arrived is None:
                return False
            environ = arrived
        except RefusedError as refusal:
            environ, keep_alive = refusal.environ, False
        self._server.note_working(self)
        with environ["wsgi.input"]:
            response = await self._response(environ)
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        await self._send(response, is_head=is_head, keep_alive=keep_alive and not self._server.stopping)
        if not keep_alive:
            await self._linger()
        return self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}

    async def _response(self, environ: Environ) -> Response:
        try:
            return await self._server.in_thread(partial(wsgi.call, self._server.application, environ))
        except Exception:
            # Without the path: that of a signed link would open the file to readers of the log.
            logger.exception("A %s request failed.", environ["REQUEST_METHOD"])
            headers = [(b"Content-Type", b"text/plain"), (b"Content-Length", b"0")]
            return Response(status=500, reason=b"Internal Server Error", headers=headers, body=b"")

    # --- The request --------------------------------------------------------------------------------------------------

    async def _request(self, wait_seconds: float) -> Environ | None:
        """A request that has arrived whole. None if there will be none. Raises RefusedError."""
        self.is_idle = True
        self._server.note_waiting(self)
        request = await self._header(wait_seconds)
        self.is_idle = False
        if request is None:
            return None
        environ = wsgi.environ_for(request, server=self._address, peer=self._peer)
        if environ is None:
            raise self._unreadable(HTTPStatus.BAD_REQUEST, request.target)
        if len(request.target) > MAX_TARGET_BYTES:
            raise RefusedError(wsgi.refused(environ, HTTPStatus.REQUEST_URI_TOO_LONG))
        is_chunked = environ.pop("HTTP_TRANSFER_ENCODING", None) is not None
        if is_chunked and "CONTENT_LENGTH" in environ:
            # Two servers could disagree about where it ends.
            raise RefusedError(wsgi.refused(environ, HTTPStatus.BAD_REQUEST))
        length = None if is_chunked else int(environ.get("CONTENT_LENGTH") or 0)
        max_bytes = await self._max_bytes(environ, length)
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
        return await self._with_body(environ, max_bytes)

    async def _header(self, wait_seconds: float) -> h11.Request | None:
        start = self._http.trailing_data[0]
        try:
            async with asyncio.timeout(HEADER_SECONDS if start else wait_seconds) as deadline:
                while (event := self._http.next_event()) is h11.NEED_DATA:
                    data = await self._reader.read(READ_BYTES)
                    if not data:
                        return None
                    if not start:
                        start = data
                        deadline.reschedule(asyncio.get_running_loop().time() + HEADER_SECONDS)
                    self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            status = HTTPStatus(error.error_status_hint)
            if status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE and b"\n" not in start:
                status = HTTPStatus.REQUEST_URI_TOO_LONG
            raise self._unreadable(status, start) from error
        return event if isinstance(event, h11.Request) else None

    async def _max_bytes(self, environ: Environ, length: int | None) -> int:
        """How large this body may be. Raises RefusedError if its length says that it is larger."""
        max_bytes = admission.max_form_bytes()
        if length is not None and length <= max_bytes:
            return max_bytes
        if files := admission.files_at(environ):
            if length is not None and length > files.max_bytes:
                raise RefusedError(wsgi.refused(environ, HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            try:
                may_send = await self._server.in_thread(files.judge)
            except Exception as error:
                logger.exception("Can't tell who may send files.")
                raise RefusedError(wsgi.refused(environ, HTTPStatus.SERVICE_UNAVAILABLE)) from error
            if not may_send:
                # The view has its own words for those who may not.
                raise RefusedError(wsgi.without_body(environ))
            return files.max_bytes
        if length is not None:
            raise RefusedError(wsgi.refused(environ, HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
        return max_bytes

    async def _with_body(self, environ: Environ, max_bytes: int) -> Environ:
        """`environ` with its body, which may be in a temporary file. Raises RefusedError."""
        loop = asyncio.get_running_loop()
        received, timely, pieces = 0, 0, 0
        body = SpooledTemporaryFile(MAX_BODY_BYTES_IN_MEMORY, dir=str(settings.FILE_UPLOAD_TEMP_DIR))  # noqa: SIM115
        try:
            async with asyncio.timeout(BODY_SECONDS) as deadline:
                while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
                    if isinstance(event, h11.Data):
                        received += len(event.data)
                        if received > max_bytes:
                            raise RefusedError(wsgi.refused(environ, HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
                        body.write(event.data)
                        if received >= timely + MIN_BODY_BYTES:
                            timely = received
                            deadline.reschedule(loop.time() + BODY_SECONDS)
                        if received // PIECE_BYTES > pieces:
                            pieces = received // PIECE_BYTES
                            self._server.note_waiting(self)
                            if is_disk_low():
                                raise RefusedError(wsgi.refused(environ, HTTPStatus.SERVICE_UNAVAILABLE))
                        continue
                    data = await self._reader.read(READ_BYTES)
                    if not data:
                        raise ConnectionError("The body ended early.")
                    self._http.receive_data(data)
            body.seek(0)
        except BaseException as error:
            body.close()
            if is_outage(error):
                logger.exception("A body couldn't be stored.")
                raise RefusedError(wsgi.refused(environ, HTTPStatus.SERVICE_UNAVAILABLE)) from error
            if isinstance(error, TimeoutError):
                raise RefusedError(wsgi.refused(environ, HTTPStatus.REQUEST_TIMEOUT)) from error
            if isinstance(error, h11.RemoteProtocolError):
                raise RefusedError(wsgi.refused(environ, HTTPStatus.BAD_REQUEST)) from error
            raise
        return {**environ, "CONTENT_LENGTH": str(received), "wsgi.input": body}

    def _unreadable(self, status: HTTPStatus, start: bytes) -> RefusedError:
        environ = wsgi.environ_of_unreadable(start, server=self._address, peer=self._peer)
        return RefusedError(wsgi.refused(environ, status))

    @property
    def _address(self) -> tuple[str, int]:
        host, port, *_rest = self._socket.getsockname()
        return host, port

    # --- The response -------------------------------------------------------------------------------------------------

    async def _send(self, response: Response, *, is_head: bool, keep_alive: bool) -> None:
        headers = [*response.headers, (b"Date", formatdate(usegmt=True).encode())]
        if not keep_alive:
            headers.append((b"Connection", b"close"))
        head = h11.Response(status_code=response.status, reason=response.reason, headers=headers)
        data = self._http.send(head)
        # HEAD, 204 and 304 have the headers of a body, but no body.
        has_body = not (is_head or response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED))
        body = response.body
        if isinstance(body, OpenFile):
            with body.file:
                await self._write(data)
                if has_body:
                    await self._send_file(body)
        elif isinstance(body, Stream):
            try:
                await self._write(data)
                if has_body:
                    await self._send_stream(body)
            finally:
                await asyncio.shield(self._server.in_thread(body.close))
        else:
            if has_body:
                data += self._http.send(h11.Data(data=body))
            await self._write(data)
        # Only a body of unknown length has an end that is written.
        await self._write(self._http.send(h11.EndOfMessage()))

    async def _write(self, data: bytes) -> None:
        """Hand `data` to the kernel, as fast as the client takes it. Raises TimeoutError if that is too slow."""
        for start in range(0, len(data), PIECE_BYTES):
            self._writer.write(data[start : start + PIECE_BYTES])
            async with self._piece():
                await self._writer.drain()

    async def _send_file(self, part: OpenFile) -> None:
        """Like `_write`, without holding any of the file in memory."""
        loop = asyncio.get_running_loop()
        self._http.send_with_data_passthrough(h11.Data(data=_Placeholder(part.length)))  # type: ignore[arg-type]  # as h11 means it
        for start in range(0, part.length, PIECE_BYTES):
            count = min(PIECE_BYTES, part.length - start)
            if self._transport.is_closing():
                raise ConnectionError("The client has gone.")
            async with self._piece():
                sent = await loop.sendfile(self._transport, part.file, part.offset + start, count)
            if sent < count:
                raise ConnectionError("The file is shorter than it was.")

    async def _send_stream(self, body: Stream) -> None:
        """Send each part as soon as it is made, and have the next one made once it has left."""
        while True:
            self._server.note_working(self)
            part = await self._server.in_thread(body.next_part)
            if part is None:
                return
            await self._write(self._http.send(h11.Data(data=part)))

    def _piece(self) -> asyncio.Timeout:
        self._server.note_waiting(self)
        return asyncio.timeout(PIECE_SECONDS)

    async def _linger(self) -> None:
        """Read on for a moment, without keeping anything, so that the sender gets to read the response."""
        with suppress(OSError):
            self._writer.write_eof()
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._reader.read(READ_BYTES):
                    pass


class _Placeholder:
    """Stands for `length` bytes that are sent some other way."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length
