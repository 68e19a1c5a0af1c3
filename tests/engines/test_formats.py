"""The pixel table and how a ratio is chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tchavi_studio.engines.formats import (
    ASPECT_RATIOS,
    FIXED_ASPECT_RATIOS,
    PIXELS,
    RESOLUTIONS,
    billed_seconds,
    nearest_aspect_ratio,
    pixel_size,
)

SIDES = st.integers(min_value=1, max_value=6000)


@pytest.mark.parametrize(
    ("resolution", "aspect_ratio", "pixels"),
    [
        ("480p", "16:9", (864, 496)),
        ("480p", "9:16", (496, 864)),
        ("480p", "1:1", (640, 640)),
        ("480p", "4:3", (752, 560)),
        ("480p", "3:4", (560, 752)),
        ("720p", "16:9", (1280, 720)),
        ("720p", "9:16", (720, 1280)),
        ("720p", "1:1", (960, 960)),
        ("720p", "4:3", (1112, 834)),
        ("720p", "3:4", (834, 1112)),
    ],
)
def test_each_resolution_and_ratio_has_its_pixels(resolution: str, aspect_ratio: str, pixels: tuple[int, int]) -> None:
    assert pixel_size(resolution=resolution, aspect_ratio=aspect_ratio, adapt_to_pixels=(300, 6000)) == pixels


def test_the_contract_has_two_resolutions_and_six_ratios() -> None:
    assert RESOLUTIONS == ("480p", "720p")
    assert ASPECT_RATIOS == ("16:9", "9:16", "1:1", "4:3", "3:4", "adaptive")


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        ((1920, 1080), "16:9"),
        ((1080, 1920), "9:16"),
        ((500, 500), "1:1"),
        ((4032, 3024), "4:3"),
        ((3024, 4032), "3:4"),
        ((640, 427), "4:3"),
        ((2500, 1000), "16:9"),
        ((400, 1000), "9:16"),
        ((1155, 1000), "4:3"),
        ((1154, 1000), "1:1"),
    ],
)
def test_a_picture_takes_the_nearest_ratio(size: tuple[int, int], nearest: str) -> None:
    assert nearest_aspect_ratio(*size) == nearest


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@given(width=SIDES, height=SIDES)
def test_adaptive_is_what_the_nearest_ratio_is(resolution: str, width: int, height: int) -> None:
    size = pixel_size(resolution=resolution, aspect_ratio="adaptive", adapt_to_pixels=(width, height))
    assert size == PIXELS[resolution][nearest_aspect_ratio(width, height)]


@given(width=SIDES, height=SIDES)
def test_turning_a_picture_turns_its_ratio(width: int, height: int) -> None:
    across, down = nearest_aspect_ratio(width, height).split(":")
    turned = nearest_aspect_ratio(height, width)
    assert turned == f"{down}:{across}"


@given(ratio=st.sampled_from(FIXED_ASPECT_RATIOS), factor=st.integers(min_value=20, max_value=300))
def test_a_picture_that_has_a_ratio_keeps_it(ratio: str, factor: int) -> None:
    across, down = (int(part) for part in ratio.split(":"))
    assert nearest_aspect_ratio(across * factor, down * factor) == ratio


def test_adaptive_without_a_picture_is_wide() -> None:
    assert pixel_size(resolution="720p", aspect_ratio="adaptive") == (1280, 720)


@pytest.mark.parametrize("size", [(0, 100), (100, 0), (-1, -1)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="can't be"):
        nearest_aspect_ratio(*size)


@pytest.mark.parametrize(("asked", "billed"), [(-1, 10), (1, 1), (5, 5), (15, 15)])
def test_auto_is_billed_as_ten_seconds(asked: int, billed: int) -> None:
    assert billed_seconds(asked) == billed
