"""Single frames of a finished clip."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tchavi_studio.assets import probe_frame
from tchavi_studio.assets.limits import RefusedFileError

STEP = 10


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty frames in two seconds, each a step brighter than the one before; only the first is a keyframe."""
    path = tmp_path_factory.mktemp("frames") / "steps.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10, options={"g": "100", "bf": "2", "crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 320, 480, "yuv420p"
        for number in range(20):
            pixels = np.full((480, 320, 3), 20 + STEP * number, dtype=np.uint8)
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = number, 1 / Fraction(10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def number_of(image: Image.Image) -> int:
    return round((float(np.asarray(image.convert("L"))[240, 160]) - 20) / STEP)


@pytest.mark.parametrize(
    ("at_seconds", "number"),
    [(0, 0), (0.05, 0), (0.15, 1), (1.04, 10), (1.05, 10), (1.15, 11), (1.95, 19), (None, 19), (99, 19), (-1, 0)],
)
def test_the_frame_that_a_player_shows(steps: Path, at_seconds: float | None, number: int) -> None:
    assert number_of(probe_frame.frame_at(steps, at_seconds)) == number


def test_a_frame_is_a_png_at_full_resolution(steps: Path, tmp_path: Path) -> None:
    assert probe_frame.take_frame(steps, tmp_path, 0.55) == {
        "kind": "image",
        "content_type": "image/png",
        "width": 320,
        "height": 480,
        "file": "frame.png",
    }
    with Image.open(tmp_path / "frame.png") as image:
        assert (image.format, image.size, number_of(image)) == ("PNG", (320, 480), 5)


def test_a_frame_becomes_a_reference_without_loss(steps: Path, tmp_path: Path) -> None:
    facts = probe_frame.take_reference(steps, tmp_path, None)
    assert (facts["content_type"], facts["width"], facts["height"]) == ("image/png", 320, 480)
    with Image.open(tmp_path / facts["file"]) as image, Image.open(tmp_path / facts["thumbnail"]) as thumbnail:
        assert (number_of(image), thumbnail.size) == (19, (213, 320))


def test_a_frame_becomes_the_poster(steps: Path, tmp_path: Path) -> None:
    facts = probe_frame.make_pictures(steps, tmp_path, 0.75)
    with Image.open(tmp_path / facts["poster"]) as poster, Image.open(tmp_path / facts["thumbnail"]) as thumbnail:
        assert (poster.size, number_of(poster), thumbnail.size) == ((320, 480), 7, (213, 320))


def test_what_is_no_video_has_no_frames(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    with pytest.raises(RefusedFileError):
        probe_frame.frame_at(tmp_path / "clip.mp4", 0)
