"""Rendering, seen from the studio: a sandboxed process does it, and its progress and result come back.

Nothing here decodes media, so a hostile or broken file can hurt only the child.
"""

import logging
import uuid
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tchavi_studio.engines.base import (
    EngineRequest,
    OnProgress,
    RenderCancelledError,
    RenderedClip,
    RenderFailedError,
)
from tchavi_studio.engines.preview.wire import (
    RENDER_NOT_STARTED,
    RENDER_STOPPED,
    RENDER_TIMED_OUT,
    Failure,
    Order,
    Progress,
    decode_answer,
    encode_order,
)
from tchavi_studio.sandbox import Profile, SandboxedProcess, SandboxError, SandboxTimeoutError

logger = logging.getLogger(__name__)

CHILD_MODULE = "tchavi_studio.engines.preview.child"

RENDER = Profile(
    max_memory_bytes=4 * 1024**3,
    max_cpu_seconds=600,
    max_wall_seconds=180,
    max_file_bytes=512 * 1024**2,
    max_open_files=256,
    # glibc: keep freed pictures for the next frame. Fetching fresh pages from the kernel costs a tenth of a render.
    environment={"MALLOC_MMAP_THRESHOLD_": str(1024**3), "MALLOC_TRIM_THRESHOLD_": str(1024**3)},
)

ASK_INTERVAL_SECONDS = 0.25
"""How often `on_progress` is called at least, also while there is nothing new to report."""


class PreviewEngine:
    """Renders previews on this machine. Safe to use from several threads at once; it keeps no state."""

    name = "preview"

    def __init__(self, *, profile: Profile = RENDER) -> None:
        self._profile = profile

    def render(self, request: EngineRequest, *, output_path: Path, on_progress: OnProgress) -> RenderedClip:
        """Render `request` into `output_path`, replacing what is there.

        `on_progress` is called in the calling thread, at least every quarter of a second, with fractions that never
        fall. 1 comes once, when the clip is complete but not yet in place.

        Raises `RenderFailedError` with one of the wire's `CODES`, and `RenderCancelledError` when `on_progress`
        answered False. The clip appears at `output_path` complete, or not at all.
        """
        output_path = output_path.absolute()
        unfinished = output_path.with_name(f".{output_path.name}.{uuid.uuid4().hex}.part")
        order = encode_order(Order(request=request, output_path=unfinished))
        process = SandboxedProcess(
            CHILD_MODULE, order, profile=self._profile, directory=output_path.parent, unfinished=unfinished
        )
        try:
            _ask(on_progress, 0.0)
            clip = _follow(process, on_progress)
            _ask(on_progress, 1.0)
            unfinished.replace(output_path)
            return replace(clip, path=output_path)
        finally:
            unfinished.unlink(missing_ok=True)


def _follow(process: SandboxedProcess, on_progress: OnProgress) -> RenderedClip:
    """Run `process` and pass on its progress until it has made the clip."""
    with ExitStack() as stack:
        try:
            stack.enter_context(process)
        except OSError as error:
            raise RenderFailedError(code=RENDER_NOT_STARTED) from error
        try:
            return _clip_from(process, on_progress)
        except SandboxTimeoutError as error:
            logger.warning("%s\n%s", error, process.stderr)
            raise RenderFailedError(code=RENDER_TIMED_OUT) from error
        except (SandboxError, ValueError) as error:
            logger.warning("The preview's child process is of no more use: %s\n%s", error, process.stderr)
            raise RenderFailedError(code=RENDER_STOPPED) from error


def _clip_from(process: SandboxedProcess, on_progress: OnProgress) -> RenderedClip:
    done = 0.0
    for message in process.messages(interval_seconds=ASK_INTERVAL_SECONDS):
        match None if message is None else decode_answer(message):
            case RenderedClip() as clip:
                return clip
            case Failure() as failure:
                logger.warning("The preview could not be rendered (%s).\n%s", failure.code, process.stderr)
                raise RenderFailedError(code=failure.code, figures=failure.figures)
            case Progress() as progress:
                done = max(done, progress.done)
        _ask(on_progress, done)
    raise AssertionError("messages never end by themselves")


def _ask(on_progress: OnProgress, done: float) -> None:
    if not on_progress(done):
        raise RenderCancelledError("The preview was stopped before it was done.", code="render_cancelled")
