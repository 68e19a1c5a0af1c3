"""An httpx client that connects to allowed addresses only, and stops at a deadline."""

import math
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import httpcore
import httpx

from tchavi_studio.outbound.addresses import AddressNotAllowedError, OutboundPolicy

MAX_URL_LENGTH = 4096
USER_AGENT = "tchavi-studio"


class OutboundRefusedError(Exception):
    """The exchange failed. The message is always the same; the package's docstring says why.

    `status_code` is what a server that the policy allowed answered, for callers who trust the source of the URL: they
    can ask for a fresh one when it has expired. Never show it to whoever gave the URL.
    """

    def __init__(self, *, status_code: int | None = None) -> None:
        super().__init__("The address could not be fetched.")
        self.status_code = status_code


class OutboundTooLargeError(OutboundRefusedError):
    """An allowed server sent more bytes than the caller accepts."""


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """When everything must be done, on the monotonic clock, and how long any single wait may take."""

    at: float
    idle_seconds: float = math.inf

    @classmethod
    def after(cls, seconds: float, *, idle_seconds: float = math.inf) -> "Deadline":
        return cls(at=time.monotonic() + seconds, idle_seconds=idle_seconds)

    def remaining_seconds(self) -> float:
        """Seconds left for the next wait, always above 0. Raises `httpcore.ReadTimeout` when there are none."""
        remaining = self.at - time.monotonic()
        if remaining <= 0:
            raise httpcore.ReadTimeout("deadline")
        return min(remaining, self.idle_seconds)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection on which every wait ends at the deadline, so a slow trickle can't stretch it."""

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
        except ValueError as error:  # not a valid server name, for example one with a leading dot
            raise httpcore.ConnectError("server name") from error
        return _DeadlineStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses only, while the layers above keep using the host in the URL."""

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
            # An address that never replies must leave time for the ones after it.
            share = self._deadline.remaining_seconds() / (len(addresses) - position + 1)
            try:
                stream = self._backend.connect_tcp(address, port, timeout=share, socket_options=socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            return _DeadlineStream(stream, self._deadline)
        raise httpcore.ConnectError("no address answered")

    def _resolve(self, host: str, port: int) -> Sequence[str]:
        """Resolve within the deadline. The system's resolver has no timeout, so it waits in a thread of its own."""
        answer: list[Sequence[str]] = []
        failure: list[Exception] = []

        def ask() -> None:
            try:
                answer.append(self._policy.addresses_of(host, port))
            except AddressNotAllowedError as error:
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
    """An httpx transport for one exchange, which reaches only what `policy` allows and only until `deadline`.

    It raises httpcore's errors as they are. Use it through `guarded_client`, which turns them into
    `OutboundRefusedError`.
    """

    def __init__(self, policy: OutboundPolicy, deadline: Deadline, ssl_context: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or _ssl_context(),
            network_backend=_GuardedBackend(policy, deadline),
            max_keepalive_connections=0,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        # A user name and password in the URL would be sent as a header to wherever the URL leads.
        if url.scheme not in ("http", "https") or not url.host or url.userinfo or len(str(url)) > MAX_URL_LENGTH:
            raise AddressNotAllowedError
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
    """An httpx client for one exchange. Any failure is `OutboundRefusedError`.

    The exchange ends after `timeout_seconds` in all, or `idle_seconds` without a byte. The client follows no redirects
    by itself, ignores the environment's proxies and forgets all cookies afterwards.
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
        AddressNotAllowedError,
        UnicodeError,  # a name that only looks internationalised, such as "xn--a"
        httpx.HTTPError,
        httpx.InvalidURL,
        httpcore.ConnectionNotAvailable,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.TimeoutException,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise OutboundRefusedError from error
