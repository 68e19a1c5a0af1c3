"""The video of every finished job: real, small, encoded once."""

import os
import tempfile
from functools import cache
from pathlib import Path

CLIP_SECONDS = 2
CLIP_PIXELS = (864, 496)


@cache
def make_clip() -> bytes:
    """Two seconds of H.264 with AAC, the size of the default clip (480p, 16:9)."""
    # Encoders take a second to load, and a simulation with its own video doesn't need them.
    from tests.assets.media import make_video

    with tempfile.TemporaryDirectory() as folder:
        width, height = CLIP_PIXELS
        path = Path(folder, "clip.mp4")
        return make_video(path, width=width, height=height, seconds=CLIP_SECONDS, audio="aac").read_bytes()


def kept_clip(path: Path) -> bytes:
    """The video, kept at `path` so that a restarted server needn't encode it again."""
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(make_clip())
        part.replace(path)
    return path.read_bytes()


def with_label(clip: bytes, label: str) -> bytes:
    """The video plus an MP4 box with `label`, which players skip: so no two jobs have the same bytes."""
    content = label.encode()
    return clip + (8 + len(content)).to_bytes(4, "big") + b"free" + content
