"""Trims of a video are exact to the frame."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from tchavi_studio.assets.probe_trim import trim_video
from tests.assets.media import make_video, streams


@pytest.mark.parametrize(
    ("start_seconds", "duration_seconds", "frame_count"), [(0, 2, 48), (3.5, 4.25, 102), (1, 15, 360), (14, 2, 48)]
)
def test_a_trim_is_exact_to_the_frame(
    long_video: Path, tmp_path: Path, start_seconds: float, duration_seconds: float, frame_count: int
) -> None:
    facts = trim_video(long_video, tmp_path, start_seconds, duration_seconds)
    assert (facts["duration_seconds"], facts["frame_rate"]) == (duration_seconds, 24.0)
    assert (facts["width"], facts["height"], facts["has_audio"]) == (640, 640, True)
    assert facts["needs_trim"] is False
    assert streams(tmp_path / "file.mp4") == [("video", "h264"), ("audio", "aac")]
    with av.open(str(tmp_path / "file.mp4")) as container:
        assert len(list(container.decode(video=0))) == frame_count
    with av.open(str(tmp_path / "file.mp4")) as container:
        seconds = sum(frame.samples / frame.rate for frame in container.decode(audio=0))
    assert abs(seconds - duration_seconds) < 0.05


def test_a_trim_shows_what_was_there_at_that_time(tmp_path: Path) -> None:
    """Each second of the source has a grey of its own."""
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "g": "48"})
        stream.width = stream.height = 640
        stream.pix_fmt = "yuv420p"
        for number in range(24 * 8):
            grey = 20 + 25 * (number // 24)
            frame = av.VideoFrame.from_image(Image.new("RGB", (640, 640), (grey,) * 3))  # type: ignore[no-untyped-call]
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    trim_video(tmp_path / "a.mp4", tmp_path, 3.0, 2.0)
    with av.open(str(tmp_path / "file.mp4")) as container:
        greys = [int(frame.to_ndarray(format="rgb24").mean()) for frame in container.decode(video=0)]
    assert [abs(grey - 95) <= 3 for grey in greys[:24]] == [True] * 24
    assert [abs(grey - 120) <= 3 for grey in greys[24:]] == [True] * 24


@pytest.mark.parametrize(
    ("frame_rate", "seconds", "kept_rate"),
    [(Fraction(30000, 1001), 2.0, 29.97), (Fraction(24000, 1001), 2.0, 24.0), (60, 2.5, 60.0)],
)
def test_a_trim_keeps_within_the_limits_at_any_rate(
    tmp_path: Path, frame_rate: Fraction | int, seconds: float, kept_rate: float
) -> None:
    path = make_video(tmp_path / "a.mp4", frame_rate=frame_rate, seconds=4)
    facts = trim_video(path, tmp_path, 0.5, seconds)
    assert facts["frame_rate"] == kept_rate
    assert 2.0 <= facts["duration_seconds"] < seconds + 1 / kept_rate


def test_a_trim_of_a_turned_video_stays_turned(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", width=480, height=960, rotation=-90, seconds=3)
    facts = trim_video(path, tmp_path, 0.5, 2)
    assert (facts["width"], facts["height"]) == (960, 480)


def test_a_trim_of_a_video_without_sound_has_none(tmp_path: Path) -> None:
    facts = trim_video(make_video(tmp_path / "a.mp4", seconds=3), tmp_path, 0, 2)
    assert facts["has_audio"] is False
