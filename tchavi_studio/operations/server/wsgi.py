"""Django as the server calls it: a WSGI environment in, and a response out: finished, a file, or still being made."""

import contextvars
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Lock
from typing import IO, Any
from urllib.parse import unquote_to_bytes, urlsplit

import h11

from tchavi_studio.site.unread_requests import REFUSAL

Application = Callable[..., Any]
Environ = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class OpenFile:
    """The part of a file that is to be sent. Whoever has it closes it."""

    file: IO[bytes]
    offset: int
    length: int


class Stream:
    """A body that is still being made, piece by piece. Whoever has it closes it."""

    def __init__(self, chunks: Any) -> None:
        self._chunks, self._parts = chunks, iter(chunks)
        # Pieces may be made in different threads, in the language of the request, and one after the other.
        self._context, self._lock = contextvars.copy_context(), Lock()

    def next_part(self) -> bytes | None:
        """The next piece. None after the last one."""
        with self._lock:
            part: bytes | None = self._context.run(next, filter(None, self._parts), None)
            return part

    def close(self) -> None:
        with self._lock:
            self._context.run(self._chunks.close)


@dataclass(frozen=True, kw_only=True)
class Response:
    """A response. Only a stream needs more from Django."""

    status: int
    reason: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes | OpenFile | Stream


class FileWrapper:
    """WSGI's `wsgi.file_wrapper`: marks a file that is sent as it is, up to the response's Content-Length."""

    def __init__(self, file: Any, block_size: int = 65536) -> None:
        self.file, self.block_size = file, block_size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.file.read(self.block_size):
            yield chunk

    def close(self) -> None:
        self.file.close()

    def opened(self, length: int) -> OpenFile:
        """The same open file, which stays open when this one is closed."""
        # Whitenoise wraps the file of a range.
        file = getattr(self.file, "fileobj", self.file)
        return OpenFile(file=os.fdopen(os.dup(file.fileno()), "rb"), offset=file.tell(), length=length)


def call(application: Application, environ: Environ) -> Response:
    """The application's response to one request. Raises what the application raises."""
    status, headers = "", list[tuple[str, str]]()

    def start_response(given_status: str, given_headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        nonlocal status, headers
        status, headers = given_status, given_headers

    chunks = application(environ, start_response)
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
    body: bytes | OpenFile | Stream
    if getattr(chunks, "streaming", False):
        body = Stream(chunks)
    else:
        try:
            is_file = isinstance(chunks, FileWrapper) and length is not None
            body = chunks.opened(length) if is_file else b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
    code, _space, reason = status.partition(" ")
    # Django begins the value of Set-Cookie with a space.
    encoded = [(name.encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]
    if length is None and isinstance(body, bytes):
        encoded.append((b"Content-Length", str(len(body)).encode()))
    return Response(status=int(code), reason=reason.encode("latin-1"), headers=encoded, body=body)


# --- The environment --------------------------------------------------------------------------------------------------


def environ_for(request: h11.Request, *, server: tuple[str, int], peer: str) -> Environ | None:
    """The environment of a request without its body. None if its target isn't one that a site has.

    A name with an underscore is left out: in the environment it couldn't be told from one with a hyphen, such as
    X_Forwarded_For, which no proxy removes. A proxy on this machine is believed that it was asked over https.
    """
    target = request.target.decode("latin-1")
    if not target.startswith("/"):
        try:
            url = urlsplit(target)
        except ValueError:
            return None
        if url.scheme not in ("http", "https"):
            return None
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    path, _mark, query = target.partition("?")
    environ = _bare_environ(server, peer) | {
        "REQUEST_METHOD": request.method.decode("latin-1"),
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": f"HTTP/{request.http_version.decode('ascii')}",
    }
    for raw_name, raw_value in request.headers:
        name, value = raw_name.decode("latin-1").upper(), raw_value.decode("latin-1")
        if "_" in name:
            continue
        key = name.replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
    if is_this_machine(peer) and environ.get("HTTP_X_FORWARDED_PROTO") == "https":
        environ["wsgi.url_scheme"] = "https"
    return environ


def is_this_machine(peer: str) -> bool:
    """Whether an address is this machine's own, such as that of a proxy on it."""
    return ip_address(peer.partition("%")[0]).is_loopback


def environ_of_unreadable(start: bytes, *, server: tuple[str, int], peer: str) -> Environ:
    """The environment for a refusal of what couldn't be parsed; its path only serves to find the right form for it."""
    words = start.split(b" ", 2)
    path = words[1].partition(b"?")[0] if len(words) > 1 else b""
    return _bare_environ(server, peer) | {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path.decode("latin-1") if path.startswith(b"/") else "/",
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        # Django must not redirect it to https.
        "wsgi.url_scheme": "https",
    }


def refused(environ: Mapping[str, Any], status: int) -> Environ:
    """The environment of the same request without its body, for Django to say why it is refused."""
    return {**without_body(environ), REFUSAL: status}


def without_body(environ: Mapping[str, Any]) -> Environ:
    return {**environ, "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO()}


def _bare_environ(server: tuple[str, int], peer: str) -> Environ:
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": peer,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
