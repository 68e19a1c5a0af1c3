"""One exchange with a user's server: fetch a file, or post a message."""

import hashlib
import math
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from tchavi_studio.outbound.addresses import OutboundPolicy
from tchavi_studio.outbound.transport import OutboundRefusedError, OutboundTooLargeError, guarded_client

MAX_REDIRECTS = 3
CHUNK_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 64 * 1024
"""How much of the answer to a POST is read."""


@dataclass(frozen=True, kw_only=True)
class FetchedFile:
    """What was fetched. `content_type` is only the server's claim; `final_url` is where the redirects ended."""

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
    """GET `url` into `destination`: an open binary file, or a path that doesn't exist yet.

    Reads at most `max_bytes`, whatever the server declares, and gives up after `timeout_seconds` in all or
    `idle_seconds` without a byte. A body shorter than its declared length is a failure. After a failure there is no
    file at a path; an open file may hold a part, and belongs to the caller.

    Raises `OutboundTooLargeError` for more than `max_bytes`, and `OutboundRefusedError` for everything else.
    """
    with ExitStack() as stack:
        file = stack.enter_context(_new_file(destination)) if isinstance(destination, Path) else destination
        client = stack.enter_context(
            guarded_client(policy, timeout_seconds=timeout_seconds, idle_seconds=idle_seconds, ssl_context=ssl_context)
        )
        response = stack.enter_context(_final_response(client, url))
        return _save(response, file, max_bytes)


def post_bytes(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    timeout_seconds: float,
    policy: OutboundPolicy,
    ssl_context: ssl.SSLContext | None = None,
) -> int:
    """POST `body` to `url` and return the status of the answer, whatever it is. Redirects aren't followed.

    Reads at most `MAX_ANSWER_BYTES` of the answer's body and keeps none of it. Gives up after `timeout_seconds` in all.
    Raises `OutboundRefusedError` when no complete answer comes.
    """
    with (
        guarded_client(policy, timeout_seconds=timeout_seconds, ssl_context=ssl_context) as client,
        client.stream("POST", url, content=body, headers=headers) as response,
    ):
        byte_count = 0
        for chunk in response.iter_raw(CHUNK_BYTES):
            byte_count += len(chunk)
            if byte_count >= MAX_ANSWER_BYTES:
                break
        return response.status_code


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file at `path`, deleted again if writing it fails."""
    with path.open("xb") as file:
        try:
            yield file
        except BaseException:
            path.unlink()
            raise


def _save(response: httpx.Response, file: BinaryIO, max_bytes: int) -> FetchedFile:
    if _declared_length(response) > max_bytes:
        raise OutboundTooLargeError
    digest = hashlib.sha256()
    byte_count = 0
    for chunk in response.iter_raw(CHUNK_BYTES):
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
    """The first answer that isn't a redirect, its body unread. Only a 200 will do."""
    # Compression would make the byte limit meaningless.
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
