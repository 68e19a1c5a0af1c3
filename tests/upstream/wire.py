"""What goes over the wire, as values: requests, and replies that include how they are delivered."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

HTML_PAGE = b"<!doctype html><html><head><title>Error</title></head><body><h1>Something is wrong</h1></body></html>\n"
PIECE_BYTE_COUNT = 65_536
PIECES_WHEN_SLOW = 8


class Fate(StrEnum):
    """What happens to the connection."""

    WHOLE = "whole"
    """The reply is delivered, and the connection stays open."""
    RESET = "reset"
    """The connection is torn down with an RST; httpx raises ReadError."""
    CLOSE = "close"
    """The connection is closed normally; httpx raises RemoteProtocolError if the reply isn't complete."""
    STALL = "stall"
    """The connection stays open, but nothing more arrives; httpx raises ReadTimeout."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A received request: `target` is the path with its query, header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A reply, and how it is delivered.

    After `latency_seconds` the head is sent, then `sent_byte_count` bytes of the body (None: not even the head), and
    then `fate` happens. With `WHOLE` everything is sent. `pause_seconds` is the pause before each piece of the body.
    `headers` are complete; without Content-Length, the body ends with the connection.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    latency_seconds: float = 0.0
    fate: Fate = Fate.WHOLE
    sent_byte_count: int | None = None
    pause_seconds: float = 0.0

    @property
    def has_head(self) -> bool:
        return self.fate is Fate.WHOLE or self.sent_byte_count is not None

    @property
    def is_measured(self) -> bool:
        return "Content-Length" in self.headers

    def pieces(self) -> Iterator[bytes]:
        """The part of the body that is sent, piece by piece."""
        content = self.body if self.fate is Fate.WHOLE else self.body[: self.sent_byte_count or 0]
        size = max(1, len(content) // PIECES_WHEN_SLOW) if self.pause_seconds else PIECE_BYTE_COUNT
        for start in range(0, len(content), size):
            yield content[start : start + size]


def reply_with(
    content: bytes, *, content_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Reply:
    described = {"Content-Type": content_type, "Content-Length": str(len(content)), **(headers or {})}
    return Reply(status=status, headers=described, body=content)


def json_reply(payload: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return reply_with(json.dumps(payload).encode(), content_type="application/json", status=status, headers=headers)


def error_reply(
    status: int, code: str, message: str, *, param: str = "", headers: Mapping[str, str] | None = None
) -> Reply:
    """An error in the contract's format."""
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if param:
        error["param"] = param
    return json_reply({"error": error}, status=status, headers=headers)


def html_reply(status: int) -> Reply:
    """The page that a proxy returns when it can't reach the upstream."""
    return reply_with(HTML_PAGE, content_type="text/html; charset=utf-8", status=status)
