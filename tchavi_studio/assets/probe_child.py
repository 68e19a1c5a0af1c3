"""The process in which strangers' files are opened: `python -m tchavi_studio.assets.probe_child`.

It reads one task as JSON on stdin and writes one JSON answer on stdout: `{"facts": {…}}`, or `{"refused": {"code": …,
"figures": {…}}}`. A decoder that goes astray meets limits of processor time, memory and file size here, and takes
nothing with it when it dies. Django is not loaded, and no secret of the environment is passed in.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

from .limits import RefusedFileError

MAX_MEMORY_BYTES = 2_000_000_000
MAX_FILE_BYTES = 100_000_000
MAX_OPEN_FILES = 64


def main() -> None:
    task = json.load(sys.stdin)
    _limit_resources(cpu_seconds=task["cpu_seconds"])
    try:
        answer = {"facts": _facts(task)}
    except RefusedFileError as refusal:
        answer = {"refused": {"code": refusal.code, "figures": refusal.figures}}
    except MemoryError:
        answer = {"refused": {"code": "too_complex", "figures": {}}}
    json.dump(answer, sys.stdout)


def _limit_resources(*, cpu_seconds: int) -> None:
    for kind, limit in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, MAX_FILE_BYTES),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def _facts(task: dict[str, Any]) -> dict[str, Any]:
    # The decoders' libraries are loaded under the limits too.
    from . import probe_audio, probe_image, probe_video, sniff

    source, directory = Path(task["source"]), Path(task["directory"])
    if task["name"] == "verify_output":
        return probe_video.verify_output(source, directory)
    if task["name"] == "trim":
        trim = probe_video.trim_video if task["kind"] == "video" else probe_audio.trim_audio
        return trim(source, directory, task["start_seconds"], task["duration_seconds"])
    with source.open("rb") as file:
        file_type = sniff.sniff_type(file.read(sniff.SNIFF_BYTE_COUNT))
    if file_type is None:
        raise RefusedFileError("unsupported_type")
    if file_type.kind == "image":
        return probe_image.take_image(source, directory, file_type)
    if file_type.kind == "video":
        return probe_video.take_video(source, directory)
    return probe_audio.take_audio(source, directory, file_type)


if __name__ == "__main__":
    main()
