"""What a flow asks to be done for it: send a request, sleep, call the caller back."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import httpx

from tchavi_studio.client.results import Job

OnUpdate = Callable[[Job], object]
"""Called with the job on each change of its status; with the async client it may be a coroutine function."""


@dataclass(frozen=True)
class Send:
    """Send `request`, hand the body to `on_chunk` piece by piece, and answer with the closed `httpx.Response`."""

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
