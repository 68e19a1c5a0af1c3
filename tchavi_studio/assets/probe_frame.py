"""Single frames of a stored clip, in the sandboxed process: as a picture to keep, a reference, or the clip's poster."""

from pathlib import Path
from typing import Any

import av
from av.video.frame import VideoFrame
from PIL import Image

from .limits import RefusedFileError, check_frame
from .probe_image import keep_image, write_pictures
from .probe_video import as_displayed, open_video, video_stream

_END_SECONDS = 1.0
"""Where to look for the last frame: this long before the end, or from the keyframe before that."""


def take_frame(source: Path, directory: Path, at_seconds: float | None) -> dict[str, Any]:
    """Write one frame as a PNG at full resolution into `directory`: the last one if `at_seconds` is None."""
    image = frame_at(source, at_seconds)
    image.save(directory / "frame.png", compress_level=6)
    return {
        "kind": "image",
        "content_type": "image/png",
        "width": image.width,
        "height": image.height,
        "file": "frame.png",
    }


def take_reference(source: Path, directory: Path, at_seconds: float | None) -> dict[str, Any]:
    """The same as a reference: within the models' limits, with a thumbnail."""
    image = frame_at(source, at_seconds)
    check_frame("image", image.width, image.height)
    return keep_image(image, directory, lossless=True)


def make_pictures(source: Path, directory: Path, at_seconds: float) -> dict[str, Any]:
    """Make a poster and a thumbnail from the frame shown at `at_seconds`."""
    return {
        "kind": "video",
        "content_type": "video/mp4",
        **write_pictures(frame_at(source, at_seconds), directory),
    }


def frame_at(source: Path, at_seconds: float | None) -> Image.Image:
    """The frame that a player shows at `at_seconds`, as displayed: the last one if that is None or after the end."""
    with open_video(source) as container:
        stream = video_stream(container)
        begin = (container.start_time or 0) / av.time_base
        end = begin + (container.duration or 0) / av.time_base
        wanted = end if at_seconds is None else begin + at_seconds
        container.seek(int(max(begin, min(wanted, end - _END_SECONDS)) * av.time_base))
        chosen: VideoFrame | None = None
        for frame in container.decode(stream):
            if chosen is not None and frame.time is not None and frame.time > wanted:
                break
            chosen = frame
        if chosen is None:
            raise RefusedFileError("broken_file", kind="video")
        return as_displayed(chosen, stream)
