"""The one guarded way to reach a URL that a user gave.

A user's URL makes this machine open a connection for a stranger, so it may only ever reach the public internet. The
name is resolved once, every answer must be globally routable by the table below, and the connection goes to exactly
the address that was checked (so a second, different DNS answer has no chance), while `Host`, the TLS server name and
the certificate check keep the name of the URL. Redirects go through the same door again.

Every failure looks the same to whoever gave the URL: a refused address, a closed port, a broken certificate and a
404 share one message, so that the studio is no scanner of its own network.

Django is not needed here: callers hand in an `OutboundPolicy`.
"""

import hashlib
import ipaddress
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import httpcore
import httpx

MAX_REDIRECTS = 3
MAX_URL_LENGTH = 4096
PUBLIC_PORTS = frozenset({80, 443})
READ_SIZE_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 64 * 1024
"""How much is read of the answer to a POST."""

USER_AGENT = "tchavi-studio"

# IANA's special-purpose registry, plus what clouds hang on public addresses. Written out because the standard
# library's `is_global` differs between Python releases and lets multicast and 192.0.0.192 through.
_SPECIAL_IPV4_NETWORKS = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier NAT; one cloud's metadata service at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # one cloud's host service on a public address
        "169.254.0.0/16",  # link local; most clouds' metadata service
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; one cloud's metadata service at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_IPV6_NETWORK = ipaddress.IPv6Network("2000::/3")
_SPECIAL_IPV6_NETWORKS = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the 6bone, returned
        "3fff::/20",  # documentation
    )
)

Resolver = Callable[[str, int], Sequence[str]]
"""Answers all addresses of a host name, as text. Raises `OSError` when there are none."""


class OutboundRefusedError(Exception):
    """The URL was not fetched. The message is always the same; see the module's docstring.

    `status_code` is the answer of a server that the policy allowed, for callers who trust where the URL came from (an
    expired output URL is asked for again). It must not be shown to whoever gave the URL.
    """

    def __init__(self, *, status_code: int | None = None) -> None:
        super().__init__("The address could not be fetched.")
        self.status_code = status_code


class OutboundTooLargeError(OutboundRefusedError):
    """An allowed server answered, with more bytes than the caller takes."""


class _NotAllowedError(Exception):
    """The policy forbids this peer. Never leaves the module."""


def is_globally_routable(address: str) -> bool:
    """Whether `address` (IPv4 or IPv6 text, as a resolver answers it) is a unicast address of the public internet.

    Anything that is no plain address, such as one with a zone, is not.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _SPECIAL_IPV4_NETWORKS)
    if parsed.scope_id is not None or parsed not in _GLOBAL_IPV6_NETWORK:
        return False
    return not any(parsed in network for network in _SPECIAL_IPV6_NETWORKS)


def resolve_host(host: str, port: int) -> list[str]:
    """All addresses of `host` as this machine's resolver answers them, in its order of preference."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


@dataclass(frozen=True, kw_only=True)
class OutboundPolicy:
    """Whom this studio may reach for a user.

    `allowed_peers` are "host:port" as they stand in a URL (IPv6 in brackets): each exempts exactly that name and port
    from the address and port rules, and nothing that merely resolves to the same place.
    """

    allowed_peers: frozenset[str] = frozenset()
    resolve: Resolver = field(default=resolve_host)

    def exempts(self, host: str, port: int) -> bool:
        peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return peer.lower() in {allowed.strip().lower() for allowed in self.allowed_peers}

    def addresses_of(self, host: str, port: int) -> Sequence[str]:
        """Resolve `host` once and return the addresses that may be connected to.

        Raises `_NotAllowedError` if the port or one single answer is not allowed, and `OSError` if there is none.
        """
        exempt = self.exempts(host, port)
        if not exempt and port not in PUBLIC_PORTS:
            raise _NotAllowedError
        addresses = self.resolve(host, port)
        if not exempt and not all(is_globally_routable(address) for address in addresses):
            raise _NotAllowedError
        return addresses


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """A moment on the monotonic clock by which everything must be done, and how long any single wait may be."""

    at: float
    idle_seconds: float = math.inf

    @classmethod
    def after(cls, seconds: float, *, idle_seconds: float = math.inf) -> "Deadline":
        return cls(at=time.monotonic() + seconds, idle_seconds=idle_seconds)

    def remaining_seconds(self) -> float:
        """Seconds left for the next wait, always above zero. Raises `httpcore.ReadTimeout` when there are none."""
        remaining = self.at - time.monotonic()
        if remaining <= 0:
            raise httpcore.ReadTimeout("deadline")
        return min(remaining, self.idle_seconds)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline, so that a slow drip can't stretch it."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._deadline.remaining_seconds())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._deadline.remaining_seconds())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, timeout=self._deadline.remaining_seconds())
        except ValueError as error:  # a name that can't be a server name, such as one with a leading dot
            raise httpcore.ConnectError("server name") from error
        return _DeadlineStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _GuardedBackend(httpcore.NetworkBackend):
    """Opens connections to checked addresses only. The layers above keep speaking of the URL's host."""

    def __init__(self, policy: OutboundPolicy, deadline: Deadline) -> None:
        self._policy = policy
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._resolve(host, port)
        for position, address in enumerate(addresses, start=1):
            # An address that swallows packets leaves time for the ones after it.
            share = self._deadline.remaining_seconds() / (len(addresses) - position + 1)
            try:
                stream = self._backend.connect_tcp(address, port, timeout=share, socket_options=socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            return _DeadlineStream(stream, self._deadline)
        raise httpcore.ConnectError("no address answered")

    def _resolve(self, host: str, port: int) -> Sequence[str]:
        """Resolve within the deadline: the system's resolver knows no timeout, so it waits in a thread of its own."""
        answer: list[Sequence[str]] = []
        failure: list[Exception] = []

        def ask() -> None:
            try:
                answer.append(self._policy.addresses_of(host, port))
            except _NotAllowedError as error:
                failure.append(error)
            except (OSError, UnicodeError):
                failure.append(httpcore.ConnectError("no such name"))

        thread = threading.Thread(target=ask, name="outbound-resolve", daemon=True)
        thread.start()
        thread.join(self._deadline.remaining_seconds())
        if failure:
            raise failure[0]
        if not answer:
            raise httpcore.ConnectTimeout("resolver")
        return answer[0]


class _ResponseStream(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes], close: Callable[[], None]) -> None:
        self._stream = stream
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        self._close()


@cache
def _ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context(verify=True, trust_env=False)


class GuardedTransport(httpx.BaseTransport):
    """An httpx transport that reaches only what `policy` allows, and only until `deadline`.

    Made for one exchange. It raises httpcore's errors as they are: use it through `guarded_client`, which turns them
    all into `OutboundRefusedError`.
    """

    def __init__(self, policy: OutboundPolicy, deadline: Deadline, ssl_context: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or _ssl_context(),
            network_backend=_GuardedBackend(policy, deadline),
            max_keepalive_connections=0,
        )

    def __enter__(self) -> Self:
        self._pool.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._pool.__exit__(exc_type, exc_value, traceback)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        # A name and password in the URL would travel as a header to wherever the URL leads.
        if url.scheme not in ("http", "https") or not url.host or url.userinfo or len(str(url)) > MAX_URL_LENGTH:
            raise _NotAllowedError
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        assert isinstance(response.stream, Iterable)
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_ResponseStream(response.stream, response.close),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


@contextmanager
def guarded_client(
    policy: OutboundPolicy,
    *,
    timeout_seconds: float,
    idle_seconds: float = math.inf,
    ssl_context: ssl.SSLContext | None = None,
) -> Iterator[httpx.Client]:
    """An httpx client for one exchange of at most `timeout_seconds` in all. Any failure is `OutboundRefusedError`.

    `idle_seconds` without a byte end it too.

    It follows no redirect by itself, reads no proxy from the environment and keeps no cookie longer than the exchange.
    """
    deadline = Deadline.after(timeout_seconds, idle_seconds=idle_seconds)
    transport = GuardedTransport(policy, deadline, ssl_context)
    try:
        with httpx.Client(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": USER_AGENT},
        ) as client:
            yield client
    except OutboundRefusedError:
        raise
    except (
        _NotAllowedError,
        UnicodeError,  # a name that only looks like an international one, such as "xn--a"
        httpx.HTTPError,
        httpx.InvalidURL,
        httpcore.ConnectionNotAvailable,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.TimeoutException,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise OutboundRefusedError from error


@dataclass(frozen=True, kw_only=True)
class FetchedFile:
    """What was fetched. `content_type` is the server's claim and proves nothing; `final_url` is after redirects."""

    byte_count: int
    content_type: str
    final_url: str
    sha256: str


def fetch_to_file(
    url: str,
    destination: BinaryIO | Path,
    *,
    max_bytes: int,
    timeout_seconds: float,
    policy: OutboundPolicy,
    idle_seconds: float = math.inf,
    ssl_context: ssl.SSLContext | None = None,
) -> FetchedFile:
    """Fetch `url` with GET into `destination`: an open binary file, or a path, which must not exist yet.

    At most `max_bytes` are read, whatever the server declares, and everything ends within `timeout_seconds`, or after
    `idle_seconds` in which nothing came. A body shorter than its declared length is a failure. After a failure no file
    is left at a path; an open file may hold a part and belongs to the caller.

    Raises `OutboundTooLargeError` for more than `max_bytes`, and `OutboundRefusedError` for everything else.
    """
    if isinstance(destination, Path):
        with destination.open("xb") as file:
            try:
                return _fetch(url, file, max_bytes, timeout_seconds, idle_seconds, policy, ssl_context)
            except BaseException:
                destination.unlink()
                raise
    return _fetch(url, destination, max_bytes, timeout_seconds, idle_seconds, policy, ssl_context)


def post_bytes(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    timeout_seconds: float,
    policy: OutboundPolicy,
    ssl_context: ssl.SSLContext | None = None,
) -> int:
    """POST `body` to `url` and return the status of the answer, whichever it is. A redirect is not followed.

    Of the answer's body at most `MAX_ANSWER_BYTES` are read, and none is kept: the rest is nobody's business here.
    Everything ends within `timeout_seconds`. Raises `OutboundRefusedError` when there is no whole answer.
    """
    with (
        guarded_client(policy, timeout_seconds=timeout_seconds, ssl_context=ssl_context) as client,
        client.stream("POST", url, content=body, headers=headers) as response,
    ):
        byte_count = 0
        for chunk in response.iter_raw(READ_SIZE_BYTES):
            byte_count += len(chunk)
            if byte_count >= MAX_ANSWER_BYTES:
                break
        return response.status_code


def _fetch(
    url: str,
    file: BinaryIO,
    max_bytes: int,
    timeout_seconds: float,
    idle_seconds: float,
    policy: OutboundPolicy,
    ssl_context: ssl.SSLContext | None,
) -> FetchedFile:
    digest = hashlib.sha256()
    byte_count = 0
    with (
        guarded_client(
            policy, timeout_seconds=timeout_seconds, idle_seconds=idle_seconds, ssl_context=ssl_context
        ) as client,
        _final_response(client, url) as response,
    ):
        if _declared_length(response) > max_bytes:
            raise OutboundTooLargeError
        for chunk in response.iter_raw(READ_SIZE_BYTES):
            byte_count += len(chunk)
            if byte_count > max_bytes:
                raise OutboundTooLargeError
            digest.update(chunk)
            file.write(chunk)
        return FetchedFile(
            byte_count=byte_count,
            content_type=response.headers.get("Content-Type", ""),
            final_url=str(response.url),
            sha256=digest.hexdigest(),
        )


@contextmanager
def _final_response(client: httpx.Client, url: str) -> Iterator[httpx.Response]:
    """The first answer that is no redirect, its body unread. Only 200 will do."""
    # Compressed bytes would make the byte cap meaningless.
    request: httpx.Request = client.build_request("GET", url, headers={"Accept-Encoding": "identity"})
    for _ in range(MAX_REDIRECTS + 1):
        response = client.send(request, stream=True)
        try:
            if response.next_request is None:
                if response.status_code != httpx.codes.OK:
                    raise OutboundRefusedError(status_code=response.status_code)
                if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                    raise OutboundRefusedError
                yield response
                return
            request = response.next_request
        finally:
            response.close()
    raise OutboundRefusedError


def _declared_length(response: httpx.Response) -> int:
    declared = response.headers.get("Content-Length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0
