"""The sizes and durations of clips: one table for the request rules, the price and the preview engine.

Source: the contract's table of pixels (Seedance 2.0's native output sizes).
"""

from tchavi_studio.engines.base import AUTO_DURATION_SECONDS

FRAMES_PER_SECOND = 24
"""Of every model in the contract, and so of the preview engine."""

AUTO_RENDERED_SECONDS = 10
"""What "let the model choose" is billed as, and how long such a preview is."""

ADAPTIVE = "adaptive"
"""The aspect ratio that follows the first visual input."""

FALLBACK_ASPECT_RATIO = "16:9"
"""What `adaptive` means when there is nothing to adapt to."""

PIXELS: dict[str, dict[str, tuple[int, int]]] = {
    "480p": {
        "16:9": (864, 496),
        "9:16": (496, 864),
        "1:1": (640, 640),
        "4:3": (752, 560),
        "3:4": (560, 752),
    },
    "720p": {
        "16:9": (1280, 720),
        "9:16": (720, 1280),
        "1:1": (960, 960),
        "4:3": (1112, 834),
        "3:4": (834, 1112),
    },
}
"""Width and height in pixels, by resolution and fixed aspect ratio."""

RESOLUTIONS = tuple(PIXELS)
FIXED_ASPECT_RATIOS = tuple(PIXELS[RESOLUTIONS[0]])
ASPECT_RATIOS = (*FIXED_ASPECT_RATIOS, ADAPTIVE)


def nearest_aspect_ratio(width: int, height: int) -> str:
    """The fixed aspect ratio closest to a picture of `width` by `height` pixels.

    Distance is a factor, so portrait mirrors landscape: 16:9 is as far from 4:3 as 9:16 is from 3:4. Of two ratios at
    the same distance, the earlier in the table wins.
    """
    if width <= 0 or height <= 0:
        raise ValueError(f"A picture can't be {width} by {height} pixels.")

    def mismatch(aspect_ratio: str) -> float:
        across, down = (int(part) for part in aspect_ratio.split(":"))
        return max(width * down, height * across) / min(width * down, height * across)

    return min(FIXED_ASPECT_RATIOS, key=mismatch)


def pixel_size(
    *, resolution: str, aspect_ratio: str, adapt_to_pixels: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Width and height of a clip in pixels.

    `adapt_to_pixels` is the size of the first visual input, or None if there is none. It matters only when
    `aspect_ratio` is `adaptive`. Raises KeyError for a resolution or ratio that isn't in the contract.
    """
    if aspect_ratio == ADAPTIVE:
        aspect_ratio = nearest_aspect_ratio(*adapt_to_pixels) if adapt_to_pixels else FALLBACK_ASPECT_RATIO
    return PIXELS[resolution][aspect_ratio]


def billed_seconds(duration_seconds: int) -> int:
    """What a requested duration is billed as, in seconds, which is also how long a preview lasts."""
    return AUTO_RENDERED_SECONDS if duration_seconds == AUTO_DURATION_SECONDS else duration_seconds
