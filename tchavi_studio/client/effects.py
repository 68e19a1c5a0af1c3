"""What a flow asks to be done for it: send a request, sleep, call the caller back."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import httpx

from tchavi_studio.client.results import Job

OnUpdate = Callable[[Job], object]
"""Called with the job whenever its status changes. With the async client it may be a coroutine function."""


@dataclass(frozen=True)
class Send:
    """Send `request`, pass the body to `on_chunk` piece by piece, and return the closed `httpx.Response`."""

    request: httpx.Request
    on_chunk: Callable[[bytes], None]
    follow_redirects: bool = False


@dataclass(frozen=True)
class Sleep:
    seconds: float


@dataclass(frozen=True)
class Tell:
    on_update: OnUpdate
    job: Job


Effect = Send | Sleep | Tell
T = TypeVar("T")
Flow: TypeAlias = Generator[Effect, Any, T]
