"""Probing, seen from the studio: a sandboxed process opens the file, and its findings come back."""

import logging
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from tchavi_studio.sandbox import Profile, SandboxedProcess, SandboxError

from .limits import RefusedFileError

logger = logging.getLogger(__name__)

CHILD_MODULE = "tchavi_studio.assets.probe_child"

PROBE = Profile(
    # Of which the libraries take 70 MB.
    max_memory_bytes=400_000_000,
    # Of all threads together, so twice the wall seconds.
    max_cpu_seconds=80,
    max_wall_seconds=40,
    # A photo is drawn into a file first: 6000 × 6000 pixels of 4 bytes.
    max_file_bytes=150_000_000,
    max_open_files=64,
    # Memory arenas for each thread would eat into the memory limit.
    environment={"MALLOC_ARENA_MAX": "2"},
)
# The stacks of the encoder's threads, which are hardly used, count too.
TRIM = replace(PROBE, max_memory_bytes=480_000_000, max_cpu_seconds=240, max_wall_seconds=120)
VERIFY = replace(PROBE, max_memory_bytes=2_000_000_000)
"""A finished clip may be larger than any file that a member may send, and refusing it would waste what was paid for."""


@dataclass(frozen=True, kw_only=True)
class ProbedFile:
    """What was found, and the paths of what was made. `width` and `height` are pixels as displayed.

    `file` is the file to keep, or None to keep the source itself, as with a finished clip.
    """

    kind: str
    content_type: str
    file: Path | None = None
    thumbnail: Path | None = None
    poster: Path | None = None
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    frame_rate: float | None = None
    has_audio: bool = False
    needs_trim: bool = False
    peaks: tuple[int, ...] = ()


def take_upload(source: Path, directory: Path) -> ProbedFile:
    """Check `source` as a reference, and write its clean version and pictures into `directory`.

    Raises `RefusedFileError`.
    """
    return _run({"name": "take_upload"}, source, directory)


class OutputVerifier:
    """A process that verifies a finished clip, started while the clip is being made: starting takes longest.

    Use as a context manager, and call it once, with the clip and the directory for its pictures.
    """

    def __init__(self, working_directory: Path) -> None:
        self._working_directory = working_directory
        self._stack = ExitStack()
        self._child: SandboxedProcess | None = None

    def __enter__(self) -> Self:
        # If the machine can't start it now, maybe it can when the clip is there.
        with suppress(OSError):
            self._child = self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, source: Path, directory: Path) -> ProbedFile:
        """Check that `source` is a complete, playable MP4, and write its pictures into `directory`.

        Raises `RefusedFileError`.
        """
        child = self._child if self._child is not None and self._child.is_alive else self._start()
        child.give({"name": "verify_output", "source": str(source), "directory": str(directory)})
        return _answer(child, source, directory)

    def _start(self) -> SandboxedProcess:
        process = SandboxedProcess(CHILD_MODULE, None, profile=VERIFY, directory=self._working_directory)
        return self._stack.enter_context(process)


def verify_output(source: Path, directory: Path) -> ProbedFile:
    """Check that `source` is a complete, playable MP4, and write its pictures into `directory`.

    Raises `RefusedFileError`.
    """
    with OutputVerifier(directory) as verify:
        return verify(source, directory)


def trim(source: Path, directory: Path, *, kind: str, start_seconds: float, duration_seconds: float) -> ProbedFile:
    """Cut a part out of a stored video or audio file (its `kind`).

    Raises `RefusedFileError`.
    """
    task = {"name": "trim", "kind": kind, "start_seconds": start_seconds, "duration_seconds": duration_seconds}
    return _run(task, source, directory, profile=TRIM)


def measure_sound(source: Path, directory: Path) -> tuple[int, ...]:
    """The peaks that draw a stored clip's sound; () if it has none. Raises `RefusedFileError`."""
    return _run({"name": "measure_sound"}, source, directory, profile=VERIFY).peaks


def take_frame(source: Path, directory: Path, *, at_seconds: float | None) -> ProbedFile:
    """Write the frame that a stored clip shows at `at_seconds` as a PNG; None means its last one.

    Raises `RefusedFileError`.
    """
    return _run({"name": "take_frame", "at_seconds": at_seconds}, source, directory, profile=VERIFY)


def take_reference(source: Path, directory: Path, *, at_seconds: float | None) -> ProbedFile:
    """`take_frame` as a reference, within the models' limits and with a thumbnail. Raises `RefusedFileError`."""
    return _run({"name": "take_reference", "at_seconds": at_seconds}, source, directory, profile=VERIFY)


def make_pictures(source: Path, directory: Path, *, at_seconds: float) -> ProbedFile:
    """A poster and a thumbnail from the frame that a stored clip shows at `at_seconds`. Raises `RefusedFileError`."""
    return _run({"name": "make_pictures", "at_seconds": at_seconds}, source, directory, profile=VERIFY)


def _run(task: dict[str, Any], source: Path, directory: Path, *, profile: Profile | None = None) -> ProbedFile:
    task |= {"source": str(source), "directory": str(directory)}
    with SandboxedProcess(CHILD_MODULE, task, profile=profile or PROBE, directory=directory) as child:
        return _answer(child, source, directory)


def _answer(child: SandboxedProcess, source: Path, directory: Path) -> ProbedFile:
    try:
        answer = child.answer()
    except SandboxError as error:
        if source.exists() and directory.exists():
            logger.warning("A file could not be probed. %s\n%s", error, child.stderr)
        else:
            # Whoever lost the claim on a clip deletes its files while they are being verified in another thread.
            logger.info("A file was deleted while it was being probed.")
        raise RefusedFileError("too_complex") from error
    if "refused" in answer:
        raise RefusedFileError(answer["refused"]["code"], **answer["refused"]["figures"])
    return _probed(answer["facts"], directory)


def _probed(facts: dict[str, Any], directory: Path) -> ProbedFile:
    paths = {role: directory / facts.pop(role) for role in ("file", "thumbnail", "poster") if role in facts}
    return ProbedFile(peaks=tuple(facts.pop("peaks", ())), **facts, **paths)
