"""The server and our key for it. Calls become `httpx.Request`s here, and responses become answers or errors."""

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO

import httpx

from tchavi_studio.client.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    MissingKeyError,
    TchaviError,
    UnreadableAnswerError,
    UsageError,
    api_error,
)
from tchavi_studio.client.pacing import retry_after_seconds
from tchavi_studio.client.results import ResponseInfo

DEFAULT_BASE_URL = "https://tchavi.com/api/v1"
DEFAULT_TIMEOUT_SECONDS = 60.0
DEFAULT_MAX_RETRIES = 2
MAX_REDIRECTS = 3
# httpx's pool is slow when wide: 50 connections of one client did 217 requests a second where 10 clients of 10 did 890.
POOL_LIMITS = httpx.Limits(max_connections=10, max_keepalive_connections=10)
_USER_AGENT = "tchavi-studio-client"
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_CANNOT_WORK = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time and chance as the client sees them, so that tests can bring their own."""

    monotonic_seconds: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, kw_only=True)
class Call:
    """One API call, before it is bound to a server.

    `is_safe` means that carrying it out twice costs nothing.
    """

    method: str
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    file: tuple[str, BinaryIO, str] | None = None
    idempotency_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_safe: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A 2xx answer: its JSON object, and what its headers say."""

    body: Mapping[str, object]
    response: ResponseInfo


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A server, a key, and the rules for talking to it. The key is in no repr and no error."""

    api_key: str = field(repr=False)
    base_url: str
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    max_retries: int = DEFAULT_MAX_RETRIES
    idempotent_server: bool = False
    clock: Clock = field(default_factory=Clock, repr=False)

    @classmethod
    def from_environment(
        cls,
        *,
        api_key: str | None,
        base_url: str | None,
        timeout_seconds: float,
        max_retries: int,
        idempotent_server: bool,
        clock: Clock | None,
    ) -> "Connection":
        """Fill in what is None from `TCHAVI_API_KEY` and `TCHAVI_BASE_URL`, and refuse what can't work."""
        key = (api_key if api_key is not None else os.environ.get("TCHAVI_API_KEY", "")).strip()
        if not key:
            raise MissingKeyError("There is no API key. Set TCHAVI_API_KEY, or pass api_key=…")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError(
                "The API key contains characters that no key has (a line break or a space?). Copy it again."
            )
        if timeout_seconds <= 0 or max_retries < 0:
            raise UsageError("timeout_seconds must be above 0 and max_retries at least 0.")
        return cls(
            api_key=key,
            base_url=_checked_base_url(base_url or os.environ.get("TCHAVI_BASE_URL") or DEFAULT_BASE_URL),
            timeout_seconds=timeout_seconds,
            max_retries=max_retries,
            idempotent_server=idempotent_server,
            clock=clock or Clock(),
        )

    def request(self, call: Call) -> httpx.Request:
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "Accept": "application/json",
            "User-Agent": _USER_AGENT,
            **call.headers,
        }
        if call.idempotency_key:
            headers["Idempotency-Key"] = call.idempotency_key
        try:
            return httpx.Request(
                call.method,
                self.base_url + call.path,
                params=dict(call.query) or None,
                headers=headers,
                json=call.body,
                files={"file": call.file} if call.file else None,
                extensions=self._timeouts(),
            )
        except (TypeError, ValueError) as error:
            raise UsageError(f"{call}: the parameters can't be written as JSON: {error}") from error

    def media_request(self, url: str) -> httpx.Request:
        """A GET for a finished clip, without the key: the URL may be on another host, and is signed itself."""
        target = httpx.URL(self.base_url + "/").join(url)
        if target.scheme not in ("http", "https") or not target.host:
            raise httpx.UnsupportedProtocol(f"{target.scheme or 'no'} scheme")
        return httpx.Request("GET", target, headers={"User-Agent": _USER_AGENT}, extensions=self._timeouts())

    def read(self, call: Call, response: httpx.Response, content: bytes) -> Answer:
        """The answer to `call`, or the error it stands for."""
        info = ResponseInfo.from_headers(response.headers)
        body = _decode(content if response.is_success else self._without_key(content))
        error: APIError
        if response.is_success and isinstance(body, dict):
            return Answer(body=body, response=info)
        if response.is_success or response.is_redirect:
            what = "a redirect" if response.is_redirect else "something other than a JSON object"
            error = UnreadableAnswerError(
                f"{call}: the server answered with {what}. Is {self.base_url} the right base URL?",
                status=response.status_code,
                response=info,
            )
        else:
            now = self.clock.now()
            error = api_error(
                status=response.status_code,
                body=body,
                retry_after_seconds=retry_after_seconds(response.headers.get("retry-after"), now=now),
                response=info,
            )
        # A 4xx is a decision against the request. A 5xx, or a 2xx that can't be read, may have followed the charge.
        error.outcome_unknown = not call.is_safe and (response.is_success or response.is_server_error)
        raise error

    def connection_error(self, call: Call, cause: httpx.HTTPError) -> APIConnectionError:
        what = f"{call}: no answer from {self.base_url}"
        reason = str(cause).replace(self.api_key, "sk-tch_…") or type(cause).__name__
        if isinstance(cause, _CANNOT_WORK):
            return APIConnectionError(f"{what}: {reason}", is_transient=False)
        error: APIConnectionError
        if isinstance(cause, httpx.TimeoutException):
            error = APITimeoutError(f"{what} within {self.timeout_seconds:g} s.")
        else:
            error = APIConnectionError(f"{what}: {reason}")
        error.outcome_unknown = not call.is_safe and not isinstance(cause, _NOT_SENT)
        return error

    def may_repeat(self, call: Call, error: TchaviError) -> bool:
        """Whether `call` may be sent again after `error`, and whether that may help.

        A refusal (429) and a connection that was never made are always safe to repeat. After a 502, a 503 or a
        connection that broke or went silent, the request may have been carried out. Tchavi doesn't document idempotency
        keys, so repeating a paid POST there could bill it twice: it is repeated only with a key, at a server known to
        honour it.
        """
        if not is_transient(error):
            return False
        return not error.outcome_unknown or bool(call.idempotency_key and self.idempotent_server)

    def _timeouts(self) -> dict[str, object]:
        return {"timeout": httpx.Timeout(self.timeout_seconds).as_dict()}

    def _without_key(self, content: bytes) -> bytes:
        """Servers like to quote a wrong key back, and errors end up in logs."""
        return content.replace(self.api_key.encode(), b"sk-tch_...")


def is_transient(error: TchaviError) -> bool:
    """Whether the same call may work a moment later: after 429, 502, 503 and failed connections."""
    if isinstance(error, APIConnectionError):
        return error.is_transient
    return isinstance(error, APIError) and error.status in (429, 502, 503)


def _checked_base_url(text: str) -> str:
    problem = UsageError(
        f"The base URL must look like {DEFAULT_BASE_URL}: http or https, without a user name or a query."
    )
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as error:
        raise problem from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise problem
    return str(url).rstrip("/")


def _decode(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
