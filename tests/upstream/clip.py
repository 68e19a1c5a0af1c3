"""The film that every finished job has: real, small, made once."""

import os
import tempfile
from functools import cache
from pathlib import Path

CLIP_SECONDS = 2
CLIP_PIXELS = (864, 496)


@cache
def make_clip() -> bytes:
    """Two seconds of H.264 with AAC, in the size of the default clip (480p, 16:9)."""
    # Encoders take a second to load; a simulation that brings its own film never needs them.
    from tests.assets.media import make_video

    with tempfile.TemporaryDirectory() as folder:
        width, height = CLIP_PIXELS
        path = Path(folder, "clip.mp4")
        return make_video(path, width=width, height=height, seconds=CLIP_SECONDS, audio="aac").read_bytes()


def kept_clip(path: Path) -> bytes:
    """The film, kept at `path` so that a server that is started again has it at once."""
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(make_clip())
        part.replace(path)
    return path.read_bytes()


def with_label(clip: bytes, label: str) -> bytes:
    """The film with a box behind it that players skip and that names it: no two jobs have the same bytes."""
    content = label.encode()
    return clip + (8 + len(content)).to_bytes(4, "big") + b"free" + content
