"""Each limit at its edge: just in, just out."""

import pytest

from tchavi_studio.assets.limits import (
    RefusedFileError,
    check_byte_count,
    check_duration,
    check_frame,
    check_frame_rate,
)


@pytest.mark.parametrize(
    ("kind", "width", "height"),
    [
        ("image", 300, 300),
        ("image", 300, 750),
        ("image", 750, 300),
        ("image", 12_000, 9_000),
        ("video", 640, 640),
        ("video", 405, 1012),
        ("video", 1012, 405),
        ("video", 1444, 1445),
        ("video", 1920, 1080),
        ("video", 864, 496),
    ],
)
def test_frames_just_inside_the_limits(kind: str, width: int, height: int) -> None:
    check_frame(kind, width, height)


@pytest.mark.parametrize(
    ("kind", "width", "height", "code"),
    [
        ("image", 299, 299, "side_too_short"),
        ("image", 299, 600, "side_too_short"),
        ("image", 600, 299, "side_too_short"),
        ("image", 300, 751, "ratio_out_of_range"),
        ("image", 751, 300, "ratio_out_of_range"),
        ("video", 299, 747, "side_too_short"),
        ("video", 404, 1013, "ratio_out_of_range"),
        ("video", 2400, 6001, "ratio_out_of_range"),
        ("video", 6001, 2401, "side_too_long"),
        ("video", 639, 640, "area_too_small"),
        ("video", 640, 480, "area_too_small"),
        ("video", 1445, 1445, "area_too_large"),
        ("video", 3840, 2160, "area_too_large"),
    ],
)
def test_frames_just_outside(kind: str, width: int, height: int, code: str) -> None:
    with pytest.raises(RefusedFileError) as refused:
        check_frame(kind, width, height)
    assert refused.value.code == code
    assert refused.value.figures == {"kind": kind, "width": width, "height": height}


@pytest.mark.parametrize("seconds", [2.0, 15.0, 15.001, 1800.0])
def test_durations_inside(seconds: float) -> None:
    check_duration("video", seconds)


@pytest.mark.parametrize(("seconds", "code"), [(1.999, "too_short"), (0.0, "too_short"), (1800.001, "too_long")])
def test_durations_outside(seconds: float, code: str) -> None:
    with pytest.raises(RefusedFileError) as refused:
        check_duration("audio", seconds)
    assert refused.value.code == code


@pytest.mark.parametrize("rate", [23.976, 24.0, 29.97, 59.94, 60.0, 60.05])
def test_frame_rates_inside(rate: float) -> None:
    check_frame_rate(rate)


@pytest.mark.parametrize("rate", [12.5, 23.97, 60.07, 120.0])
def test_frame_rates_outside(rate: float) -> None:
    with pytest.raises(RefusedFileError) as refused:
        check_frame_rate(rate)
    assert refused.value.code == "frame_rate_out_of_range"


@pytest.mark.parametrize(("kind", "max_bytes"), [("image", 29_999_999), ("video", 50_000_000), ("audio", 15_000_000)])
def test_byte_counts(kind: str, max_bytes: int) -> None:
    check_byte_count(kind, max_bytes)
    with pytest.raises(RefusedFileError) as refused:
        check_byte_count(kind, max_bytes + 1)
    assert (refused.value.code, refused.value.figures) == (
        "too_many_bytes",
        {"kind": kind, "byte_count": max_bytes + 1},
    )
