"""Probing, in the sandboxed process: opens a stranger's file, without Django.

It gives one answer: `{"facts": {…}}` or `{"refused": {"code": …, "figures": {…}}}`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tchavi_studio.sandbox import Answer, ran_short

from . import probe_audio, probe_frame, probe_image, probe_trim, probe_video, sniff
from .limits import RefusedFileError

_OF_FRAMES: dict[str, Callable[..., dict[str, Any]]] = {
    "take_frame": probe_frame.take_frame,
    "take_reference": probe_frame.take_reference,
    "make_pictures": probe_frame.make_pictures,
}


def work(task: dict[str, Any], answer: Answer) -> None:
    """Carry out one task of `probe.py`. Raises whatever goes wrong that isn't the file's fault."""
    try:
        answer({"facts": find_facts(task)})
    except RefusedFileError as refusal:
        if refusal.code == "broken_file" and ran_short(refusal):
            raise
        answer({"refused": {"code": refusal.code, "figures": refusal.figures}})


def find_facts(task: dict[str, Any]) -> dict[str, Any]:
    """What the file of `task` is, and the names of what was made from it. Raises `RefusedFileError`."""
    source, directory = Path(task["source"]), Path(task["directory"])
    if task["name"] == "verify_output":
        return probe_video.verify_output(source, directory)
    if task["name"] == "measure_sound":
        return probe_video.measure_sound(source)
    if task["name"] in _OF_FRAMES:
        return _OF_FRAMES[task["name"]](source, directory, task["at_seconds"])
    if task["name"] == "trim":
        trim = probe_trim.trim_video if task["kind"] == "video" else probe_audio.trim_audio
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
