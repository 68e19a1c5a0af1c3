"""The parent's side: starts a child for one render, listens to it, and answers for the file.

Nothing here decodes media, so a hostile or broken file can hurt only the child.
"""

import logging
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, cast

import tchavi_studio
from tchavi_studio.engines.base import (
    EngineRequest,
    OnProgress,
    RenderCancelledError,
    RenderedClip,
    RenderFailedError,
)
from tchavi_studio.engines.preview.wire import (
    LINE_BYTES_AT_MOST,
    RENDER_NOT_STARTED,
    RENDER_STOPPED,
    RENDER_TIMED_OUT,
    Answer,
    Failure,
    Order,
    Progress,
    decode_answer,
    encode_order,
)

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 180.0
ASK_EVERY_SECONDS = 0.25
"""How often `on_progress` is asked at least, also while the child has nothing new to tell."""

STDERR_BYTES_KEPT = 16 * 1024

INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")
"""All that the child gets of the environment: keys and passwords are none of a decoder's business."""

CHILD_VARIABLES = {
    # One BLAS thread: nothing here multiplies large matrices, and idle threads would count against the memory cap.
    "OPENBLAS_NUM_THREADS": "1",
    # glibc: keep freed pictures for the next frame. Fetching fresh pages from the kernel costs a tenth of a render.
    "MALLOC_MMAP_THRESHOLD_": str(1024**3),
    "MALLOC_TRIM_THRESHOLD_": str(1024**3),
}


class PreviewEngine:
    """Renders previews on this machine. Safe to use from several threads at once; it keeps no state."""

    name = "preview"

    def __init__(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds

    def render(self, request: EngineRequest, *, output_path: Path, on_progress: OnProgress) -> RenderedClip:
        """Render `request` into `output_path`, replacing what is there.

        `on_progress` is called in the calling thread, at least every quarter of a second, with fractions that never
        fall; 1 is said once, when the clip is whole but not yet in place.

        Raises `RenderFailedError` with one of the wire's `CODES`, and `RenderCancelledError` when `on_progress`
        answered False. The clip appears at `output_path` at once and whole, or not at all.
        """
        output_path = output_path.absolute()
        unfinished = output_path.with_name(f".{output_path.name}.{uuid.uuid4().hex}.part")
        try:
            _ask(on_progress, 0.0)
            with _Child(Order(request=request, output_path=unfinished)) as child:
                clip = self._follow(child, on_progress)
            _ask(on_progress, 1.0)
            unfinished.replace(output_path)
            return replace(clip, path=output_path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _follow(self, child: "_Child", on_progress: OnProgress) -> RenderedClip:
        """Pass on the child's progress until it says how it ended."""
        deadline = time.monotonic() + self._timeout_seconds
        done = 0.0
        while True:
            match child.next_answer(timeout_seconds=ASK_EVERY_SECONDS):
                case RenderedClip() as clip:
                    return clip
                case Failure() as failure:
                    logger.warning("The preview could not be rendered (%s).\n%s", failure.code, child.stderr())
                    raise RenderFailedError(code=failure.code, figures=failure.figures)
                case Progress() as progress:
                    done = max(done, progress.done)
            _ask(on_progress, done)
            if time.monotonic() > deadline:
                logger.warning("The preview took longer than %s s.\n%s", self._timeout_seconds, child.stderr())
                raise RenderFailedError(code=RENDER_TIMED_OUT)


class _Child:
    """One child process. Leaving the context ends it, whatever state it is in."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def __enter__(self) -> "_Child":
        try:
            self._process = subprocess.Popen(
                # -P keeps the working directory off the module path.
                [sys.executable, "-P", "-m", "tchavi_studio.engines.preview"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_child_environment(os.environ),
                bufsize=0,
            )
        except OSError as error:
            raise RenderFailedError(code=RENDER_NOT_STARTED) from error
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._stderr = bytearray()
        self._pipes = cast(tuple[IO[bytes], ...], (self._process.stdin, self._process.stdout, self._process.stderr))
        self._threads = [
            threading.Thread(target=work, args=(pipe,), daemon=True)
            for work, pipe in zip(
                (self._send_order, self._collect_answers, self._collect_stderr), self._pipes, strict=True
            )
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for pipe in self._pipes:
            pipe.close()

    def next_answer(self, *, timeout_seconds: float) -> Answer | None:
        """The child's next answer; None when nothing came in time. A child that died without a word is a failure."""
        try:
            return self._answers.get(timeout=timeout_seconds)
        except Empty:
            return None

    def stderr(self) -> str:
        """The end of what the child wrote to stderr, for the log."""
        return self._stderr.decode("utf-8", "replace").strip()

    def _send_order(self, stdin: IO[bytes]) -> None:
        # The pipe stays open afterwards: its end is how the child learns that this process is gone.
        try:
            rest = memoryview(encode_order(self._order))
            while rest:
                rest = rest[stdin.write(rest) :]
        except BrokenPipeError:
            logger.warning("The preview's child process ended before it had read its order.")

    def _collect_answers(self, stdout: IO[bytes]) -> None:
        pending = b""
        try:
            while (chunk := stdout.read(LINE_BYTES_AT_MOST)) and len(pending) < LINE_BYTES_AT_MOST:
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    self._answers.put(decode_answer(line))
        except ValueError:
            logger.exception("The preview's child process gave an answer that cannot be read.")
        # Follows the real answer when there was one, and is then never read.
        self._answers.put(Failure(code=RENDER_STOPPED))

    def _collect_stderr(self, stderr: IO[bytes]) -> None:
        while chunk := stderr.read(65536):
            self._stderr += chunk
            del self._stderr[:-STDERR_BYTES_KEPT]


def _ask(on_progress: OnProgress, done: float) -> None:
    if not on_progress(done):
        raise RenderCancelledError("The preview was stopped before it was done.", code="render_cancelled")


def _child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {name: environment[name] for name in INHERITED_VARIABLES if name in environment}
    package_root = str(Path(tchavi_studio.__file__).resolve().parent.parent)
    return {**kept, **CHILD_VARIABLES, "PYTHONPATH": package_root}
