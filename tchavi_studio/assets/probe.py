"""Sends a file to the child process that opens it, and brings back what was found and made."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .limits import RefusedFileError

logger = logging.getLogger(__name__)

TAKE_SECONDS = 40
TRIM_SECONDS = 120
MAX_ANSWER_BYTES = 64 * 1024
_SOURCE_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class ProbedFile:
    """What the child found, and the paths of what it made. `width` and `height` are pixels as displayed.

    `file` is the file to keep; None when the source itself is kept, as a finished clip is.
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
    """Check the file at `source` as a reference and write its clean version and pictures into `directory`.

    Raises `RefusedFileError`.
    """
    return _run({"name": "take_upload"}, source, directory, seconds=TAKE_SECONDS)


def verify_output(source: Path, directory: Path) -> ProbedFile:
    """Check that `source` is a whole, playable MP4 and write its pictures into `directory`.

    Raises `RefusedFileError`.
    """
    return _run({"name": "verify_output"}, source, directory, seconds=TAKE_SECONDS)


def trim(source: Path, directory: Path, *, kind: str, start_seconds: float, duration_seconds: float) -> ProbedFile:
    """Cut a part out of a video or audio (`kind`) that was taken before.

    Raises `RefusedFileError`.
    """
    task = {"name": "trim", "kind": kind, "start_seconds": start_seconds, "duration_seconds": duration_seconds}
    return _run(task, source, directory, seconds=TRIM_SECONDS)


def _run(task: dict[str, Any], source: Path, directory: Path, *, seconds: int) -> ProbedFile:
    # Processor seconds are of all threads together, wall seconds also end a child that only waits.
    task |= {"source": str(source), "directory": str(directory), "cpu_seconds": 2 * seconds}
    answer_path, errors_path = directory / "answer.json", directory / "errors.txt"
    with answer_path.open("wb") as answer_file, errors_path.open("wb") as errors_file:
        try:
            child = subprocess.run(  # fixed arguments, data on stdin
                [sys.executable, "-P", "-m", "tchavi_studio.assets.probe_child"],
                input=json.dumps(task).encode(),
                stdout=answer_file,
                stderr=errors_file,
                cwd=directory,
                env=_environment(),
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RefusedFileError("too_complex") from None
    if child.returncode != 0:
        logger.warning("probe ended with %s: %s", child.returncode, _last_line(errors_path))
        raise RefusedFileError("too_complex")
    with answer_path.open("rb") as file:
        answer = json.loads(file.read(MAX_ANSWER_BYTES))
    if "refused" in answer:
        raise RefusedFileError(answer["refused"]["code"], **answer["refused"]["figures"])
    return _probed(answer["facts"], directory)


def _environment() -> dict[str, str]:
    """Nothing of ours but what Python needs: a decoder has no business with keys and passwords."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(_SOURCE_ROOT),
        "LANG": "C.UTF-8",
        # Threads of a library that is not used for computing, and memory arenas for each thread, would eat the limit.
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 500, 0))
        return file.read().decode(errors="replace").strip().rpartition("\n")[2]


def _probed(facts: dict[str, Any], directory: Path) -> ProbedFile:
    paths = {role: directory / facts.pop(role) for role in ("file", "thumbnail", "poster") if role in facts}
    return ProbedFile(peaks=tuple(facts.pop("peaks", ())), **facts, **paths)
